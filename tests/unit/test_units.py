"""Durations and decimals are exact."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spate.units import exact, format_decimal, format_duration, parse_duration_ns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.5s", 1_500_000_000),
        ("300ms", 300_000_000),
        ("250us", 250_000),
        ("250µs", 250_000),
        ("250\u03bcs", 250_000),
        ("5m", 300_000_000_000),
        ("1h", 3_600_000_000_000),
        ("7ns", 7),
        ("0s", 0),
        ("0.000000001s", 1),
        ("10 s", 10_000_000_000),
        ("0.1h", 360_000_000_000),
    ],
)
def test_durations_are_read(text: str, expected: int) -> None:
    """A number and a unit make nanoseconds, exactly."""
    assert parse_duration_ns(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "5", "s", "-1s", "+1s", "1e3s", "1 2s", "1m30s", ".5s", "5.s", "1s ", "nan", "٣s",
     "1" * 30 + "s", "1S", "1\ns", "1_0s"],
)  # fmt: skip
def test_other_texts_are_no_durations(text: str) -> None:
    """What is not a number and a unit is refused with what to write."""
    with pytest.raises(ValueError, match="is not a duration: write a number and a unit"):
        parse_duration_ns(text)


def test_unknown_unit_is_named() -> None:
    """A unit that does not exist is named."""
    with pytest.raises(ValueError, match="has the unknown unit 'sec'"):
        parse_duration_ns("5sec")


def test_finer_than_a_nanosecond_is_refused() -> None:
    """Nothing is rounded."""
    with pytest.raises(ValueError, match="finer than 1 ns"):
        parse_duration_ns("0.5ns")


@pytest.mark.parametrize(
    ("duration_ns", "expected"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5us"),
        (2_500_000, "2.5ms"),
        (1_500_000_000, "1.5s"),
        (90_000_000_000, "90s"),
        (300_000_000_000, "5m"),
        (7_200_000_000_000, "2h"),
    ],
)
def test_durations_are_written(duration_ns: int, expected: str) -> None:
    """The form is the one people use."""
    assert format_duration(duration_ns) == expected


@given(st.integers(min_value=0, max_value=10**17))
def test_written_durations_read_back(duration_ns: int) -> None:
    """No nanosecond is lost in writing."""
    assert parse_duration_ns(format_duration(duration_ns)) == duration_ns


def test_negative_durations_are_not_written() -> None:
    """There is no form for a negative duration."""
    with pytest.raises(ValueError, match="not negative"):
        format_duration(-1)


@given(st.integers(min_value=-(10**15), max_value=10**15), st.integers(min_value=0, max_value=9))
def test_decimals_read_back(number: int, places: int) -> None:
    """A decimal fraction is written with exactly its digits."""
    value = Fraction(number, 10**places)
    assert Fraction(format_decimal(value)) == value


def test_decimal_forms() -> None:
    """There is a digit before the point and none too many behind it."""
    values = [Fraction(-1, 20), Fraction(3), Fraction(5, 2)]
    assert [format_decimal(value) for value in values] == ["-0.05", "3", "2.5"]


def test_thirds_have_no_decimal_form() -> None:
    """A fraction without a finite decimal form is refused, not rounded."""
    with pytest.raises(ValueError, match="no short decimal form"):
        format_decimal(Fraction(1, 3))


def test_numbers_are_what_is_written() -> None:
    """0.1 is one tenth."""
    assert exact(0.1) == Fraction(1, 10)
    assert exact(10**20) == 10**20
