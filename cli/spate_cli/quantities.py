"""Quantities as people read them: three significant digits, the unit beside them; pure."""

from __future__ import annotations

_NS_PER_US, _NS_PER_MS, _NS_PER_S = 1_000, 1_000_000, 1_000_000_000
_MOST_MS = 10_000
_TENS, _HUNDREDS = 10, 100
_S_PER_MIN, _S_PER_H = 60, 3600
_THOUSANDS_FROM = 10_000
NOTHING = "–"  # noqa: RUF001 - the page's sign for "no data"


def digits(value: float) -> str:
    """Return three significant digits, or all of those before the point."""
    if value >= _HUNDREDS:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= _TENS else f"{value:.2f}"


def duration(value_ns: float | None) -> str:
    """Return nanoseconds as µs below 1 ms, as ms below 10 s, else as s; None is a dash."""
    if value_ns is None:
        return NOTHING
    if value_ns < _NS_PER_MS:
        return f"{digits(value_ns / _NS_PER_US)} µs"
    if value_ns < _MOST_MS * _NS_PER_MS:
        return f"{digits(value_ns / _NS_PER_MS)} ms"
    return f"{digits(value_ns / _NS_PER_S)} s"


def rate(value_per_s: float | None) -> str:
    """Return a rate, in thousands from 10,000/s on; None is a dash."""
    if value_per_s is None:
        return NOTHING
    if value_per_s >= _THOUSANDS_FROM:
        return f"{digits(value_per_s / 1000)} k/s"
    whole = value_per_s == int(value_per_s)
    return f"{value_per_s:,.0f}/s" if whole else f"{digits(value_per_s)}/s"


def clock(seconds: float) -> str:
    """Return a span as mm:ss, or h:mm:ss from one hour on."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, _S_PER_H)
    minutes, secs = divmod(rest, _S_PER_MIN)
    return f"{hours}:{minutes:02}:{secs:02}" if hours else f"{minutes:02}:{secs:02}"
