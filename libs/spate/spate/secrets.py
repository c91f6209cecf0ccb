"""Placeholders for secrets: ``${secret:NAME}`` stands for ``SPATE_SECRET_NAME`` of a driver."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

ENVIRONMENT_PREFIX: Final = "SPATE_SECRET_"

# "$${" first: it is a literal "${", and what follows it is no template.
_TOKEN: Final = re.compile(r"\$\$\{|\$\{secret:([A-Za-z0-9_]{1,64})\}|\$\{")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_SHOWN: Final = 24


class SecretError(ValueError):
    """A placeholder that cannot be filled; the message never holds a secret's value."""


def check_templates(text: str) -> str | None:
    """Return what is wrong with the placeholders of a text, or None."""
    for match in _TOKEN.finditer(text):
        if match[0] == "${":
            shown = text[match.start() : match.start() + _SHOWN]
            return (
                f"has {shown!r}, but only ${{secret:NAME}} (letters, digits and _) is offered; "
                "write $${ for a literal ${"
            )
    return None


def secret_names(text: str) -> tuple[str, ...]:
    """Return the names of the secrets in a text, in order, each once."""
    return tuple(dict.fromkeys(match[1] for match in _TOKEN.finditer(text) if match[1]))


def fill(text: str, environ: Mapping[str, str]) -> str:
    """Return the text with each secret in its place and ``$${`` as ``${``.

    Filled values are not looked at again, so a secret may hold ``${``.

    Raises:
        SecretError: if a variable is missing, or a placeholder is not one (``check_templates``).
    """
    if "${" not in text:
        return text
    problem = check_templates(text)
    if problem is not None:
        raise SecretError(problem)

    def value(match: re.Match[str]) -> str:
        if match[1] is None:
            return "${"
        variable = ENVIRONMENT_PREFIX + match[1]
        if variable not in environ:
            raise SecretError(
                f"the secret {match[1]} is not there: set {variable} in the driver's environment"
            )
        return environ[variable]

    return _TOKEN.sub(value, text)


def fill_header(text: str, environ: Mapping[str, str]) -> str:
    """Return ``fill(text, environ)`` as a header value.

    Raises:
        SecretError: as ``fill``; also if a secret puts a line break, another control character
            or something beyond ASCII into the header (a file's last line break is the usual one).
    """
    filled = fill(text, environ)
    if filled is not text and (_CONTROL.search(filled) or not filled.isascii()):
        names = ", ".join(ENVIRONMENT_PREFIX + name for name in secret_names(text))
        raise SecretError(
            f"a header cannot hold the value of {names}: it has a line break, another control "
            "character or a character beyond ASCII; take it out of the variable"
        )
    return filled
