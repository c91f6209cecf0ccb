"""The arrivals that were submitted and have not ended, by when their time runs out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driver.arrival import Arrival
from driver.http1 import Connection

if TYPE_CHECKING:
    from driver._lane import Lane


class Outstanding:
    """Knows where each arrival is: it waits, is on a connection, or is the lane's.

    All have the same timeout, so the order of ``decided_ns`` is that of their deadlines. They are
    placed in that order; only what the lane could not carry to its end joins later, apart.
    """

    __slots__ = ("_adopted", "_lane", "_placed")

    def __init__(self, lane: Lane | None) -> None:
        self._lane = lane
        self._placed: dict[Arrival, Connection | None] = {}
        self._adopted: dict[Arrival, Connection] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        carried = 0 if self._lane is None else self._lane.busy + self._lane.waiting
        return len(self._placed) + len(self._adopted) + carried

    def place(self, arrival: Arrival, connection: Connection | None) -> None:
        """Note a new arrival, or that one which waited (None) is on a connection now."""
        self._placed[arrival] = connection

    def adopt(self, arrival: Arrival, connection: Connection) -> None:
        """Note an arrival that was the lane's until now."""
        self._adopted[arrival] = connection

    def remove(self, arrival: Arrival) -> None:
        """Forget one that ended; one that left the lane without being sent was never here."""
        if arrival in self._placed:
            del self._placed[arrival]
        else:
            self._adopted.pop(arrival, None)

    def clear(self) -> None:
        """Forget all but what the lane has, which goes with its connections and its queue."""
        self._placed.clear()
        self._adopted.clear()

    def oldest_ns(self) -> int | None:
        """Return the earliest ``decided_ns``, None without any."""
        known = [arrival.decided_ns for arrival in self._adopted]
        for arrival in self._placed:
            known.append(arrival.decided_ns)
            break
        carried_ns = None if self._lane is None else self._lane.oldest_ns()
        if carried_ns is not None:
            known.append(carried_ns)
        return min(known, default=None)

    def take_expired(self, until_ns: int) -> list[tuple[Arrival, Connection | None]]:
        """Remove and return those decided at ``until_ns`` or before, what never left the lane last.

        A connection is None for one that waits.
        """
        expired: list[tuple[Arrival, Connection | None]] = [
            (arrival, connection)
            for arrival, connection in self._adopted.items()
            if arrival.decided_ns <= until_ns
        ]
        for arrival, connection in self._placed.items():
            if arrival.decided_ns > until_ns:
                break
            expired.append((arrival, connection))
        for arrival, _ in expired:
            self.remove(arrival)
        if self._lane is not None:
            expired += [
                (Arrival.of_exchange(*exchange), None if conn is None else conn.protocol)
                for conn, exchange in self._lane.expired(until_ns)
            ]
        return expired
