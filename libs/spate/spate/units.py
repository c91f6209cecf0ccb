"""Durations as people write them, and exact decimals."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final

NS_PER_US: Final = 1_000
NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000
NS_PER_MINUTE: Final = 60 * NS_PER_S
NS_PER_HOUR: Final = 60 * NS_PER_MINUTE

_UNITS: Final = {
    "ns": 1,
    "us": NS_PER_US,
    "µs": NS_PER_US,
    "μs": NS_PER_US,
    "ms": NS_PER_MS,
    "s": NS_PER_S,
    "m": NS_PER_MINUTE,
    "h": NS_PER_HOUR,
}
# At most 18 digits: more is no duration anybody means, and bounds the work.
_DURATION: Final = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?) ?([a-zµμ]+)", re.ASCII)
_FORM: Final = "write a number and a unit (ns, us, ms, s, m or h), such as 300ms or 1.5s"


def parse_duration_ns(text: str) -> int:
    """Return the nanoseconds of ``1.5s``, ``300ms``, ``250us``, ``5m`` or ``1h``.

    The arithmetic is exact.

    Raises:
        ValueError: if it is no such text, or finer than 1 ns; the message says what to write.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"is not a duration: {_FORM}")
    unit = _UNITS.get(match[2])
    if unit is None:
        raise ValueError(f"has the unknown unit {match[2]!r}: {_FORM}")
    exact = Fraction(match[1]) * unit
    if exact.denominator != 1:
        raise ValueError("is finer than 1 ns, the smallest step")
    return exact.numerator


def format_duration(duration_ns: int) -> str:
    """Return the shortest usual form; ``parse_duration_ns`` gives back exactly ``duration_ns``.

    Whole hours and minutes are written as such; else the unit is the largest of s, ms, us and ns
    that is not above the duration.

    Raises:
        ValueError: if the duration is negative.
    """
    if duration_ns < 0:
        raise ValueError(f"a duration is not negative: {duration_ns} ns")
    if duration_ns == 0:
        return "0s"
    for unit, size_ns in (("h", NS_PER_HOUR), ("m", NS_PER_MINUTE)):
        if duration_ns % size_ns == 0:
            return f"{duration_ns // size_ns}{unit}"
    for unit, size_ns in (("s", NS_PER_S), ("ms", NS_PER_MS), ("us", NS_PER_US)):
        if duration_ns >= size_ns:
            return f"{format_decimal(Fraction(duration_ns, size_ns))}{unit}"
    return f"{duration_ns}ns"


def exact(number: float) -> Fraction:
    """Return the number as it is written: 0.1 is one tenth, not the nearest binary fraction.

    Raises:
        ValueError: if it is infinite or not a number.
        OverflowError: likewise.
    """
    return Fraction(number) if isinstance(number, int) else Fraction(Decimal(repr(number)))


def format_decimal(value: Fraction) -> str:
    """Return the decimal digits of a fraction whose denominator divides a power of ten.

    Raises:
        ValueError: if the fraction has no finite decimal form.
    """
    places = 0
    scaled = value
    while scaled.denominator != 1:
        if places == _MOST_PLACES:
            raise ValueError(f"{value} has no short decimal form")
        scaled *= 10
        places += 1
    digits = str(abs(scaled.numerator)).rjust(places + 1, "0")
    whole, part = (digits[:-places], "." + digits[-places:]) if places else (digits, "")
    return f"{'-' if value < 0 else ''}{whole}{part}"


_MOST_PLACES: Final = 18
