"""Command-line flags, each of which can be set in the environment as well; the flag wins."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any, Final, NoReturn

_WIDTH: Final = 88
_BAD_USAGE: Final = 2
_TRUE: Final = ("true", "1", "yes", "on")
_FALSE: Final = ("false", "0", "no", "off")


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag ``--name`` whose value may also stand in the environment variable ``env``.

    ``default`` is the value without either (shown by ``--help``); a text default is read by
    ``parse`` like the user's, anything else is taken as it is; ``REQUIRED`` means that there is
    none. ``parse`` turns the text into the value and raises ValueError with the fix.
    A flag parsed by ``on_off`` needs no value: ``--name`` alone is ``--name=true``.
    What is given to a ``secret`` flag is not quoted where it is wrong. The value's key
    in the result is the name with ``_`` for ``-``.
    """

    name: str
    env: str
    default: Any
    parse: Callable[[str], Any]
    help: str
    secret: bool = False

    @property
    def key(self) -> str:
        """The key of the value: ``driver_id`` for ``driver-id`` or ``--driver-id``."""
        return self.option.removeprefix("--").replace("-", "_")

    @property
    def option(self) -> str:
        """The name as written on the command line."""
        return "--" + self.name.removeprefix("--")

    @property
    def names(self) -> str:
        """Both names, as a problem quotes them."""
        return f"{self.option} (or {self.env})"


class _Required:
    """The type of ``REQUIRED``."""

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Final = _Required()
"""A flag's default that says: there is none, the user must give the value."""


class _Given:
    """The type of ``GIVEN``."""

    def __repr__(self) -> str:
        return "GIVEN"


GIVEN: Final = _Given()
"""What a check over several flags sees of a value that was given and is not right."""


def no_problems(_: Mapping[str, Any]) -> Iterable[str]:
    """Return nothing: the check of flags that do not depend on each other."""
    return ()


def parse_flags(
    prog: str,
    description: str,
    flags: Sequence[Flag],
    argv: Sequence[str],
    environ: Mapping[str, str],
    *,
    check: Callable[[Mapping[str, Any]], Iterable[str]] = no_problems,
) -> dict[str, Any]:
    """Return the value of every flag by its key.

    ``argv`` is without the program's name. ``--help`` is printed to stdout and ends the process
    with 0; every problem with the flags or the environment is printed to stderr, all at once,
    and ends it with 2. A variable that is set to nothing counts as not set. ``check`` says what
    is wrong with the values together: one that is missing is None there, one that is wrong by
    itself is ``GIVEN``.

    Raises:
        SystemExit: as said.
    """
    by_option = {flag.option: flag for flag in flags}
    if "--help" in argv or "-h" in argv:
        sys.stdout.write(_help(prog, description, flags))
        raise SystemExit(0)
    given, problems = _split(by_option, argv)
    values: dict[str, Any] = {}
    for flag in flags:
        if flag.option in given:
            source, text = flag.option, given[flag.option]
        elif environ.get(flag.env):
            source, text = flag.env, environ[flag.env]
        elif isinstance(flag.default, str):
            source, text = "the default", flag.default
        elif flag.default is REQUIRED:
            problems.append(f"{flag.names} is missing: {flag.help}")
            values[flag.key] = None
            continue
        else:
            values[flag.key] = flag.default
            continue
        try:
            values[flag.key] = flag.parse(text)
        except ValueError as error:
            shown = f"the value from {source}" if flag.secret else f"{text!r}, from {source},"
            problems.append(f"{flag.names}: {shown} is not right: {error}")
            values[flag.key] = GIVEN
    problems += check(values)
    if problems:
        _fail(prog, problems)
    return values


def _split(flags: Mapping[str, Flag], argv: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the text of each flag on the command line, and what is wrong there."""
    given: dict[str, str] = {}
    problems: list[str] = []
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        option, equals, text = word.partition("=")
        flag = flags.get(option)
        if flag is None:
            problems.append(f"there is no {option!r}; --help lists what there is")
            if option.startswith("--") and not equals and rest and not rest[0].startswith("--"):
                rest.pop(0)  # most likely its value, which would only be a second problem
            continue
        if not equals:
            if flag.parse is on_off:
                text = "true"
            elif rest and not rest[0].startswith("--"):
                text = rest.pop(0)
            else:
                problems.append(f"{option} needs a value; write {option} VALUE")
                continue
        if option in given:
            problems.append(f"{option} is given twice; remove one")
        given[option] = text
    return given, problems


def _fail(prog: str, problems: Sequence[str]) -> NoReturn:
    """Print the problems and end with 2."""
    for problem in problems:
        sys.stderr.write(f"{prog}: {problem}\n")
    raise SystemExit(_BAD_USAGE)


def _help(prog: str, description: str, flags: Sequence[Flag]) -> str:
    """Return the text of ``--help``: both names and the default of every flag."""
    lines = [f"usage: {prog} [FLAG VALUE]...", "", fill(description, _WIDTH), ""]
    for flag in flags:
        value = "" if flag.parse is on_off else " VALUE"
        if flag.default is REQUIRED:
            default = "required"
        elif flag.default is None or flag.default == "":
            default = "no default"
        elif isinstance(flag.default, bool):
            default = f"default: {str(flag.default).lower()}"
        else:
            default = f"default: {flag.default}"
        lines.append(f"  {flag.option}{value}   or {flag.env} in the environment ({default})")
        lines.append(fill(flag.help, _WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6))
    return "\n".join([*lines, "  --help", "      Show this and end.", ""])


def on_off(text: str) -> bool:
    """Return True or False of ``true``, ``false`` and the usual other words.

    Raises:
        ValueError: if it is none of them.
    """
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("write true or false")


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return a parser of whole numbers of ``[low, high]``."""

    def parse(text: str) -> int:
        digits = text.strip()
        if (
            digits.removeprefix("-").isdecimal()
            and digits.isascii()
            and len(digits) <= len(str(high)) + 1
        ):
            number = int(digits)
            if low <= number <= high:
                return number
        raise ValueError(f"write a whole number of {low} to {high}")

    return parse


def one_of(*options: str) -> Callable[[str], str]:
    """Return a parser of one of the words."""

    def parse(text: str) -> str:
        if text in options:
            return text
        raise ValueError(f"write one of {', '.join(options)}")

    return parse


def words(text: str) -> str:
    """Return the text as it is, if it is not blank.

    Raises:
        ValueError: if it is.
    """
    if not text.strip():
        raise ValueError("write something")
    return text.strip()
