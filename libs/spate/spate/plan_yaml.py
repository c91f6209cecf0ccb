"""Reads YAML as a stricter JSON: no anchors, tags or second document, no guessing of types.

Plain scalars are what YAML 1.2 says for JSON's types; the surprises of YAML 1.1 (``no`` is
false, ``010`` is 8, ``12:30:00`` is 45000, dates) are text here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST: Final = 20
_MOST_DIGITS: Final = 40
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WHOLE: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_DECIMAL: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_LEADING_ZERO: Final = re.compile(r"[-+]?0[0-9]")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


class YamlRefusedError(ValueError):
    """YAML that is more than we take."""


class YamlSyntaxError(ValueError):
    """A text that is no YAML."""


def read_yaml(text: str) -> Any:
    """Return the mappings, lists, texts and numbers of a YAML text.

    Raises:
        YamlSyntaxError: if it is none.
        YamlRefusedError: if it holds more than JSON could say, or a key twice.
    """
    try:
        events = yaml.parse(text, Loader=_LOADER)
        return _document(_Events(events))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise YamlSyntaxError(f"is not YAML: {where}{error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise YamlSyntaxError(f"is not YAML: {' '.join(str(error).split())}") from None


class _Events:
    """The events of the parser, with one look ahead."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events

    def next(self) -> Any:
        """Return the next event, refused if YAML has it and JSON has not."""
        event = next(self._events)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _refused(event, "has an anchor or alias (& or *); write the value out")
        if getattr(event, "tag", None) is not None:
            raise _refused(event, f"has the tag {event.tag!r}; remove it")
        return event


def _document(events: _Events) -> Any:
    """Return the only document.

    Raises:
        YamlRefusedError: if there is none or another one.
    """
    events.next()  # the stream's start
    if isinstance(events.next(), yaml.StreamEndEvent):
        raise YamlRefusedError("is empty; write a plan")
    value = _value(events, events.next(), 0)
    events.next()  # the document's end
    another = events.next()
    if not isinstance(another, yaml.StreamEndEvent):
        raise _refused(another, "begins a second document; a file holds one plan")
    return value


def _value(events: _Events, event: Any, depth: int) -> Any:
    """Return the value that begins with ``event``."""
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event) if event.implicit[0] else event.value
    if depth == _DEEPEST:
        raise _refused(event, "is nested too deeply")
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Any] = []
        while not isinstance(event := events.next(), yaml.SequenceEndEvent):
            items.append(_value(events, event, depth + 1))
        return items
    mapping: dict[str, Any] = {}
    while not isinstance(event := events.next(), yaml.MappingEndEvent):
        # A key is its text, also where it looks like a number or true: as in JSON.
        if not isinstance(event, yaml.ScalarEvent):
            raise _refused(event, "has a list or mapping as a key; a key is text")
        key = event.value
        if key in mapping:
            raise _refused(event, f"has the key {key[:_MOST_DIGITS]!r} twice; remove one")
        mapping[key] = _value(events, events.next(), depth + 1)
    return mapping


def _scalar(event: Any) -> str | int | float | bool | None:
    """Return what a plain scalar means.

    Raises:
        YamlRefusedError: if it is infinite, no number or endless.
    """
    text: str = event.value
    if text in _WORDS:
        return _WORDS[text]
    if _NOT_FINITE.fullmatch(text):
        raise _refused(event, f"has {text}; write a finite number")
    if _LEADING_ZERO.match(text) or not _DECIMAL.fullmatch(text):
        return text
    if len(text) > _MOST_DIGITS:
        raise _refused(event, f"has a number of more than {_MOST_DIGITS} digits")
    return int(text) if _WHOLE.fullmatch(text) else float(text)


def _refused(event: Any, message: str) -> YamlRefusedError:
    """Return the error with the line."""
    return YamlRefusedError(f"line {event.start_mark.line + 1} {message}")
