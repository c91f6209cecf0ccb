"""Reads a mapping field by field, notes every problem and goes on with something harmless."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final, Literal, TypeVar

from spate.plan_problem import Problems
from spate.units import exact, format_decimal, format_duration, parse_duration_ns

T = TypeVar("T", bound=str)

Characters = Literal["line", "lines", "any"]
"""Which control characters a text may hold: none, tab and line breaks, or all of them."""

_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_IN_LINES: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_REFUSED: Final = {"line": _CONTROL, "lines": _CONTROL_IN_LINES, "any": None}
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_SHOWN: Final = 40
_MOST_GUESSES: Final = 20


class Fields:
    """The mapping at ``path`` of a document. Every reader takes the key and a default.

    A reader that meets a wrong value notes a problem and returns its fallback, so that the rest
    of the document is read as well.
    """

    def __init__(self, problems: Problems, path: str, value: object, keys: Sequence[str]) -> None:
        self.path = path
        self._problems = problems
        self._values: Mapping[Any, object] = {}
        if not isinstance(value, Mapping):
            problems.add(path, f"must be a mapping of {', '.join(keys)}, not {shown(value)}")
            return
        self._values = value
        guesses = 0
        for key in value:
            if key not in keys:
                guesses += 1
                guess = closest(key, keys) if guesses <= _MOST_GUESSES else None
                hint = f"did you mean {guess}?" if guess else f"the keys here are {', '.join(keys)}"
                problems.add(self.at(key), f"is not a key of a plan; {hint}")

    def at(self, key: object) -> str:
        """Return the path of a key."""
        return join(self.path, key)

    def add(self, key: str, message: str) -> None:
        """Note a problem of a key."""
        self._problems.add(self.at(key), message)

    def note(self, path: str, message: str) -> None:
        """Note a problem of something deeper down."""
        self._problems.add(path, message)

    def has(self, key: str) -> bool:
        """Return whether the key is given."""
        return key in self._values

    def given(self, key: str) -> object:
        """Return the value as it is given, None without one."""
        return self._values.get(key)

    def required(self, key: str, what: str) -> bool:
        """Return whether the key is given; note a problem if not."""
        if key in self._values:
            return True
        self.add(key, f"is missing; {what}")
        return False

    def part(self, key: str, keys: Sequence[str]) -> Fields:
        """Return the mapping at a key, an empty one by default."""
        return Fields(self._problems, self.at(key), self._values.get(key, {}), keys)

    def items(
        self, key: str, low: int, high: int, default: Sequence[object]
    ) -> list[tuple[str, object]]:
        """Return path and value of each item of a list with ``low`` to ``high`` items."""
        value = self._values.get(key, default)
        if not isinstance(value, list | tuple):
            self.add(key, f"must be a list, not {shown(value)}; write it as [ … ]")
            return []
        if not low <= len(value) <= high:
            self.add(key, f"must have {low} to {high} items, not {len(value)}")
        return [(f"{self.at(key)}[{i}]", item) for i, item in enumerate(value[:high])]

    def text(
        self, key: str, low: int, high: int, default: str, *, allowed: Characters = "line"
    ) -> str:
        """Return a text of ``low`` to ``high`` characters; see ``Characters``."""
        value = self._values.get(key, default)
        problem = check_text(value, low, high, allowed=allowed)
        if problem is not None or not isinstance(value, str):
            self.add(key, str(problem))
            return default
        return value

    def text_or_none(self, key: str, high: int, *, allowed: Characters = "line") -> str | None:
        """Return a text that is not empty, or None, the default."""
        if self._values.get(key) is None:
            return None
        return self.text(key, 1, high, "", allowed=allowed) or None

    def choice(self, key: str, options: Sequence[T], default: T) -> T:
        """Return one of the options."""
        value = self._values.get(key, default)
        for option in options:
            if type(value) is str and option == value:
                return option
        guess = closest(value, options)
        hint = f"; did you mean {guess}?" if guess else ""
        self.add(key, f"must be {' or '.join(options)}, not {shown(value)}{hint}")
        return default

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self._values.get(key, default)
        if isinstance(value, bool):
            return value
        self.add(key, f"must be true or false, not {shown(value)}")
        return default

    def whole(self, key: str, low: int, high: int, default: int) -> int:
        """Return a whole number of ``[low, high]``."""
        value = self._values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int):
            self.add(key, f"must be a whole number of {low} to {high}, not {shown(value)}")
            return default
        if not low <= value <= high:
            self.add(key, f"must be {low} to {high}, not {shown(value)}")
            return default
        return value

    def number(
        self, key: str, low: Fraction, high: Fraction, places: int, default: Fraction
    ) -> Fraction:
        """Return a number of ``[low, high]`` with at most ``places`` decimals, exactly."""
        if key not in self._values:
            return default
        value = self._values[key]
        span = f"{format_decimal(low)} to {format_decimal(high)}"
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.add(key, f"must be a number of {span}, not {shown(value)}")
            return default
        # The decimal is compared, not the float: 1e-6 as a float is a little below a millionth.
        endless = isinstance(value, float) and not math.isfinite(value)
        number = default if endless else exact(value)
        if endless or not low <= number <= high:
            self.add(key, f"must be {span}, not {shown(value)}")
            return default
        if (number * 10**places).denominator != 1:
            self.add(key, f"must have at most {places} decimals, not {shown(value)}")
            return default
        return number

    def duration(self, key: str, low_ns: int, high_ns: int, default_ns: int) -> int:
        """Return a duration of ``[low_ns, high_ns]`` in nanoseconds."""
        if key not in self._values:
            return default_ns
        value = self._values[key]
        if not isinstance(value, str):
            example = format_duration(default_ns)
            self.add(key, f"must be a duration such as {example}, not {shown(value)}")
            return default_ns
        try:
            duration_ns = parse_duration_ns(value)
        except ValueError as error:
            self.add(key, f"{shown(value)} {error}")
            return default_ns
        if not low_ns <= duration_ns <= high_ns:
            span = f"{format_duration(low_ns)} to {format_duration(high_ns)}"
            self.add(key, f"must be {span}, not {value}")
            return default_ns
        return duration_ns

    def pairs(self, key: str, most: int) -> dict[str, object]:
        """Return the mapping at a key whose keys the user chooses; {} by default."""
        value = self._values.get(key, {})
        if not isinstance(value, Mapping):
            self.add(key, f"must be a mapping of texts, not {shown(value)}")
            return {}
        if len(value) > most:
            self.add(key, f"must have at most {most} entries, not {len(value)}")
        pairs = {}
        for name in list(value)[:most]:
            if isinstance(name, str):
                pairs[name] = value[name]
            else:
                self._problems.add(join(self.at(key), name), "has a key that is no text; quote it")
        return pairs


def join(path: str, key: object) -> str:
    """Return the path of a key below a path: ``load.stages``, ``labels["a b"]``."""
    text = str(key)
    if isinstance(key, str) and _PLAIN_KEY.fullmatch(text):
        return f"{path}.{text}" if path else text
    return f"{path}[{json.dumps(text[:_SHOWN])}]"


def shown(value: object) -> str:
    """Return a value as a short piece of a message, in JSON's words."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**_SHOWN:
        return "a number of more than 40 digits"
    if value is None or isinstance(value, bool | int | float | str):
        text = json.dumps(value, ensure_ascii=True)
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return f"a {type(value).__name__}"


def check_text(value: object, low: int, high: int, *, allowed: Characters = "line") -> str | None:
    """Return what is wrong with a text, or None."""
    if not isinstance(value, str):
        hint = "; put it into quotes" if isinstance(value, bool | int | float) else ""
        return f"must be text, not {shown(value)}{hint}"
    if len(value) < low:
        return "must not be empty"
    if len(value) > high:
        return f"must have at most {high} characters, not {len(value)}"
    if _SURROGATE.search(value):
        return "holds half of a surrogate pair, which is no character; take it out"
    refused = _REFUSED[allowed]
    if refused is not None and refused.search(value):
        return "holds a control character or line break; take it out"
    return None


def closest(word: object, words: Sequence[str]) -> str | None:
    """Return the word that was probably meant, or None."""
    if not isinstance(word, str) or len(word) > _SHOWN:
        return None
    from difflib import get_close_matches  # only when something is wrong: start-up stays short

    matches = get_close_matches(word.lower().replace("-", "_"), words, 1, 0.6)
    return matches[0] if matches else None
