"""The piece of a schedule that belongs to one stage of the load."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StageSpan:
    """A stage in numbers: it holds the indices ``[first_index, end_index)``.

    It lasts from ``from_ns`` to ``to_ns`` after the start (both 0 in closed load).
    """

    name: str
    measured: bool
    first_index: int
    end_index: int
    from_ns: int
    to_ns: int
