"""How many arrivals are due before each second, worked out once: spaced at random it is work."""

from __future__ import annotations

from spate.schedule import Schedule

_NS_PER_S = 1_000_000_000
_MOST = 30_000
"""More than there are bounds of windows at a time."""


class DueCounts:
    """The due counts of an open load by second; of closed load nothing is due at any time."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._known: dict[int, int] = {}

    def before(self, second: int) -> int:
        """Return how many arrivals are due before a second.

        Raises:
            TypeError: in closed load.
        """
        known = self._known.get(second)
        if known is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            known = self._known[second] = self._schedule.due_before(second * _NS_PER_S)
        return known
