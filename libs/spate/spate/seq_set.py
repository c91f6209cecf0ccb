"""A set of sequence numbers that stays small while they come nearly in order."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable


class SeqSet:
    """Disjoint intervals ``[low, high]`` in order; neighbours are joined.

    Snapshots may be repeated and may overtake each other, so the highest number seen says
    nothing about the ones below it.
    """

    __slots__ = ("_highs", "_lows")

    def __init__(self) -> None:
        self._lows: list[int] = []
        self._highs: list[int] = []

    @staticmethod
    def of(intervals: Iterable[tuple[int, int]]) -> SeqSet:
        """Return the set of all numbers in these intervals, as ``intervals`` gives them.

        Raises:
            ValueError: if one is empty, or two are out of order, overlap or touch.
        """
        numbers = SeqSet()
        for low, high in intervals:
            if high < low or (numbers._highs and low <= numbers._highs[-1] + 1):
                raise ValueError(f"not an interval of its own: {low} to {high}")
            numbers._lows.append(low)
            numbers._highs.append(high)
        return numbers

    def intervals(self) -> list[tuple[int, int]]:
        """Return the intervals ``(low, high)``, both ends included, in order."""
        return list(zip(self._lows, self._highs, strict=True))

    def add(self, seq: int) -> bool:
        """Add a number; tell whether it is new."""
        lows, highs = self._lows, self._highs
        place = bisect_right(lows, seq)
        if place and highs[place - 1] >= seq:
            return False
        joins_left = place > 0 and highs[place - 1] == seq - 1
        joins_right = place < len(lows) and lows[place] == seq + 1
        if joins_left and joins_right:
            highs[place - 1] = highs.pop(place)
            del lows[place]
        elif joins_left:
            highs[place - 1] = seq
        elif joins_right:
            lows[place] = seq
        else:
            lows.insert(place, seq)
            highs.insert(place, seq)
        return True

    def __contains__(self, seq: int) -> bool:
        """Tell whether the number is in the set."""
        place = bisect_right(self._lows, seq)
        return place > 0 and self._highs[place - 1] >= seq

    def covers(self, low: int, high: int) -> bool:
        """Tell whether all numbers from ``low`` to ``high`` are in the set."""
        place = bisect_right(self._lows, low)
        return place > 0 and self._highs[place - 1] >= high

    @property
    def missing(self) -> int:
        """How many numbers between the lowest and the highest are not in the set."""
        return sum(
            low - high - 1 for low, high in zip(self._lows[1:], self._highs[:-1], strict=True)
        )
