"""``--set PATH=VALUE``: changes to a plan's document before it is checked; pure."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from spate_cli.exits import CommandError, Exit

_INDEX = re.compile(r"\[(\d{1,6})\]")
_NUMBER = re.compile(r"\d{1,6}")


@dataclass(frozen=True, slots=True)
class Override:
    """One change: the keys on the way, and the value at their end."""

    keys: tuple[str, ...]
    value: Any

    @property
    def path(self) -> str:
        """The keys as they can be written."""
        return ".".join(self.keys)


def parse_override(text: str) -> Override:
    """Return the change that ``load.message_delay_ms=5`` asks for.

    Positions in lists are numbers, ``requests.0.path`` or ``requests[0].path``; the value is YAML.

    Raises:
        CommandError: if it is not of this form.
    """
    path, equals, value = text.partition("=")
    keys = tuple(_INDEX.sub(r".\1", path.strip()).split("."))
    if not equals or not all(keys):
        raise CommandError(
            Exit.USAGE, f"--set {text}: write PATH=VALUE, for example load.message_delay_ms=5"
        )
    return Override(keys, _value(text, value))


def _value(text: str, value: str) -> Any:
    # Here, because PyYAML is slow to import and most commands change nothing.
    from spate.plan_yaml import YamlRefusedError, YamlSyntaxError, read_yaml

    if not value.strip():
        return None
    try:
        return read_yaml(value)
    except (YamlRefusedError, YamlSyntaxError) as error:
        raise CommandError(Exit.USAGE, f"--set {text}: the value {error}") from None


def apply(document: Any, overrides: Iterable[Override]) -> Any:
    """Return the document with all changes made, in their order; the one given is left alone.

    Missing mappings on the way are made; a list grows by one where its length is the position.

    Raises:
        CommandError: if a path leads through something that is neither a mapping nor a list.
    """
    changed = copy.deepcopy(document)
    for override in overrides:
        changed = _put(changed, override.keys, override)
    return changed


def _put(place: Any, keys: tuple[str, ...], override: Override) -> Any:
    """Return ``place`` with the value put at the end of ``keys``."""
    if not keys:
        return override.value
    key, rest = keys[0], keys[1:]
    if place is None:
        place = [] if key == "0" else {}
    if isinstance(place, dict):
        place[key] = _put(place.get(key), rest, override)
        return place
    if isinstance(place, list) and _NUMBER.fullmatch(key) and int(key) <= len(place):
        position = int(key)
        if position == len(place):
            place.append(None)
        place[position] = _put(place[position], rest, override)
        return place
    raise CommandError(Exit.USAGE, f"--set {override.path}: {_wrong(place, key)}")


def _wrong(place: Any, key: str) -> str:
    if isinstance(place, list):
        return f"{key!r} is no position in a list of {len(place)}"
    return f"{key!r} cannot be set in {place!r}"
