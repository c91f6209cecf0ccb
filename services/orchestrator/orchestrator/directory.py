"""The runs that are not archived yet, in the order in which they came."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.director import Director

_MOST_UNFILED = 10


class Directory:
    """Knows every run's director; ``limit`` of them may be under way at a time."""

    def __init__(self, limit: int = 1) -> None:
        self._limit = limit
        self._directors: dict[str, Director] = {}

    def __iter__(self) -> Iterator[Director]:
        """Iterate in order of submission."""
        return iter(tuple(self._directors.values()))

    def add(self, director: Director) -> None:
        """Append a run to the queue."""
        self._directors[director.run.id] = director

    def find(self, run_id: str) -> Director | None:
        """Return a run's director, None if there is no such run here."""
        return self._directors.get(run_id)

    def find_key(self, idempotency_key: str) -> Director | None:
        """Return the director of the run that was submitted under this key."""
        return next((d for d in self if d.run.idempotency_key == idempotency_key), None)

    def drop(self, run_id: str) -> None:
        """Forget a run that the archive holds."""
        self._directors.pop(run_id, None)

    @property
    def waiting(self) -> int:
        """How many runs are PENDING."""
        return sum(director.run.state == "PENDING" for director in self)

    def under_way(self) -> list[Director]:
        """Return the runs that may go on now: those begun, then the oldest waiting ones."""
        open_ = [director for director in self if not director.run.ended]
        begun = [director for director in open_ if director.run.state != "PENDING"]
        waiting = [director for director in open_ if director.run.state == "PENDING"]
        return begun + waiting[: max(0, self._limit - len(begun))]

    def has_room(self, max_waiting: int) -> bool:
        """Tell whether one more run may come, where so many may wait for those under way.

        While the archive is down those that have ended wait for it, with all their figures.
        """
        most = self._limit + max_waiting
        open_ = sum(not director.run.ended for director in self)
        return open_ < most and len(self._directors) < most + _MOST_UNFILED
