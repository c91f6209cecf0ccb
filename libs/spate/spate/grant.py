"""A range is an arithmetic progression of arrival indices; a grant is a list of ranges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Range:
    """The indices ``start + p * step`` for the positions ``0 <= p < size``.

    ``id`` is unique within a run and never reused. All that ever happens to a granted range is
    that its ``size`` shrinks.
    """

    id: int
    start: int
    step: int
    size: int

    def __post_init__(self) -> None:
        """Refuse what is not a range.

        Raises:
            ValueError: if ``start`` or ``size`` is negative or ``step`` is not positive.
        """
        if self.start < 0 or self.step < 1 or self.size < 0:
            raise ValueError(f"not a range: {self}")

    def index(self, position: int) -> int:
        """Return the arrival index at ``position`` (which may lie beyond ``size``)."""
        return self.start + position * self.step

    def position_from(self, index: int) -> int:
        """Return the first position whose index is at least ``index``, within ``[0, size]``."""
        return min(self.size, max(0, -((self.start - index) // self.step)))

    def indices(self) -> Iterator[int]:
        """Iterate over the indices in order."""
        return iter(range(self.start, self.start + self.size * self.step, self.step))

    def tail(self, position: int, new_id: int) -> Range:
        """Return the positions from ``position`` on as a range of their own."""
        return Range(new_id, self.index(position), self.step, max(0, self.size - position))

    def head(self, position: int) -> Range:
        """Return the same range, ended before ``position``."""
        return Range(self.id, self.start, self.step, min(self.size, position))


def stride(range_id: int, start: int, stop: int, step: int) -> Range:
    """Return the range of ``start, start + step, …`` below ``stop``: size ⌈(stop − start)/step⌉."""
    return Range(range_id, start, step, max(0, -((start - stop) // step)))
