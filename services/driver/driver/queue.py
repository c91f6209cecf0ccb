"""The arrivals that wait for a connection, the oldest first."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from driver.arrival import Arrival

if TYPE_CHECKING:
    from driver._lane import Lane


class Queue:
    """One queue in two places: what was submitted waits here, what the lane took waits there.

    An engine uses one of them throughout a run. What is in the lane becomes an ``Arrival`` only
    when it leaves without having been sent.
    """

    __slots__ = ("_here", "_lane")

    def __init__(self, lane: Lane | None) -> None:
        self._here: deque[Arrival] = deque()
        self._lane = lane

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._here) if self._lane is None else len(self._here) + self._lane.waiting

    @property
    def here(self) -> bool:
        """Whether any wait for Python to send them."""
        return bool(self._here)

    def first(self) -> Arrival | None:
        """Return the one that waits longest, which stays; None without any."""
        if self._here:
            return self._here[0]
        exchange = None if self._lane is None else self._lane.first_waiting()
        return None if exchange is None else Arrival.of_exchange(*exchange)

    def append(self, arrival: Arrival) -> None:
        """Let an arrival wait that was decided after all others."""
        self._here.append(arrival)

    def popleft(self) -> Arrival:
        """Remove and return the one that waits longest.

        Raises:
            IndexError: if none does.
        """
        if self._here or self._lane is None:
            return self._here.popleft()
        return Arrival.of_exchange(*self._lane.pop_waiting())

    def discard(self, arrival: Arrival) -> None:
        """Remove an arrival if it waits here."""
        if arrival in self._here:
            self._here.remove(arrival)

    def take_back(self, term: int) -> list[Arrival]:
        """Remove and return, oldest first, what belongs to terms up to ``term``."""
        taken = [arrival for arrival in self._here if arrival.term <= term]
        if taken:
            self._here = deque(arrival for arrival in self._here if arrival.term > term)
        if self._lane is not None:
            taken += [Arrival.of_exchange(*each) for _, each in self._lane.take_back(term)]
        return taken

    def clear(self) -> None:
        """Forget all."""
        self._here.clear()
        if self._lane is not None:
            self._lane.take_back(_EVERY_TERM)


_EVERY_TERM = (1 << 63) - 1
