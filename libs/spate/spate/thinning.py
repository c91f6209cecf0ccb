"""How wide the windows of a run are: a second each at first, and wider the longer ago they are.

A run may last a day. So that what is kept of it stays bounded, windows that are long past are
merged with their neighbours::

    age of its end     up to 1 h   1 h to 4 h   4 h to 12 h   more
    width of a window        1 s          5 s          15 s   60 s

Each width divides the next, and all of them a minute. How wide a window is follows from where it
lies and from the newest second of the run alone, so whoever knows these two knows all windows. A
run of a day has 8,400 of them, and no run is longer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

HOUR_S: Final = 3_600
MINUTE_S: Final = 60

_STEPS: Final = ((5, HOUR_S, 1), (15, 4 * HOUR_S, 5), (60, 12 * HOUR_S, 15))
"""From which age on windows are how wide, and how wide they were before; narrow ones first."""


class Span(NamedTuple):
    """The seconds ``[start_s, start_s + width_s)`` of a run."""

    start_s: int
    width_s: int

    @property
    def end_s(self) -> int:
        """The second after the last."""
        return self.start_s + self.width_s


def span_at(second: int, newest: int) -> Span:
    """Return the window that holds a second, in a run whose newest second is ``newest``."""
    for width, age, _ in reversed(_STEPS):
        if second < _edge(width, age, newest):
            return Span(second - second % width, width)
    return Span(second, 1)


def spans(newest: int) -> Iterator[Span]:
    """Yield the windows that together are the seconds ``[0, newest]``, in order."""
    start = 0
    while start <= newest:
        span = span_at(start, newest)
        yield span
        start = span.end_s


def tail_spans(first: int, last: int) -> Iterator[Span]:
    """Yield windows that together are ``[first, last]``, of which nothing was heard; few of them.

    They are a second wide, and whole minutes if there is more than an hour of them.
    """
    minutes = last - first >= HOUR_S
    start = first
    while start <= last:
        whole = minutes and start % MINUTE_S == 0 and start + MINUTE_S <= last + 1
        span = Span(start, MINUTE_S if whole else 1)
        yield span
        start = span.end_s


def merges(before: int, newest: int) -> Iterator[tuple[Span, int]]:
    """Yield what is to be merged when the newest second was ``before`` and is ``newest`` now.

    That is each new window and how wide those were that it is made of, in an order in which these
    are there by then. ``before`` is -1 if nothing was merged yet.
    """
    for width, age, narrower in _STEPS:
        for start in range(_edge(width, age, before), _edge(width, age, newest), width):
            yield Span(start, width), narrower


def _edge(width: int, age: int, newest: int) -> int:
    """Return before which second windows are at least so wide: where one of them may end."""
    return max(0, newest + 1 - age) // width * width
