"""The places of closed load: each connection of the plan is one, taken or free."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Slots(Protocol):
    """Since when each free slot has been free (CLOCK_MONOTONIC ns), the longest first."""

    def __len__(self) -> int:
        """Return how many slots are free."""

    def append(self, mono_ns: int, /) -> None:
        """Note that a slot is free since ``mono_ns``."""

    def extend(self, times_ns: Iterable[int], /) -> None:
        """Note several."""

    def popleft(self) -> int:
        """Take the slot that has been free for longest; return since when.

        Raises:
            IndexError: if none is free.
        """
