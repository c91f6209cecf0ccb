"""How fast the log takes what is written to it; pure."""

from __future__ import annotations

from collections import deque
from typing import Final

from spate.timing import SECOND, Timing

_REMEMBERED: Final = 20
"""Transactions: about the last five seconds."""

_LONGEST_NS: Final = 5 * SECOND
"""What took longer than this was an outage, and says nothing of the next transaction."""


class Pace:
    """Remembers how long the latest transactions took."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._took: deque[int] = deque(maxlen=_REMEMBERED)

    def note(self, took_ns: int) -> None:
        """Take in that a transaction took so long."""
        self._took.append(min(took_ns, _LONGEST_NS))

    def start_lead_ns(self) -> int:
        """Return how long before its start a run must be told to start.

        The order is a transaction, and a driver that has read it must have a heartbeat
        acknowledged before it may send: another one's time is more than enough for both ways.
        """
        return self._timing.start_lead_ns + 2 * max(self._took, default=0)
