"""Which drivers' clock samples are told with the next beat; pure.

Every driver reads every beat: with a sample for each of 1,000 drivers in each, four times a second,
the log would hand out 260 MB/s, and four times that with twice the drivers. A driver needs a
sample soon after it came, and then one now and then.
"""

from __future__ import annotations

from typing import Final

from orchestrator.terms import BootKey
from spate.messages import ClockEcho, Heartbeat

MOST_ECHOES: Final = 100
"""In one beat: of up to so many drivers every sample is told at once, 1,000 have one each 2.5 s."""


class ClockEchoes:
    """Keeps each driver's newest sample until its turn; who knows nothing yet comes first."""

    def __init__(self, most: int = MOST_ECHOES) -> None:
        self._most = most
        self._first: dict[BootKey, ClockEcho] = {}
        self._others: dict[BootKey, ClockEcho] = {}

    def note(self, key: BootKey, message: Heartbeat, read_wall_ns: int) -> None:
        """Take the sample that a heartbeat makes; one that waits is replaced, and keeps its place.

        ``read_wall_ns`` is when the heartbeat was read.
        """
        waiting, other = self._others, self._first
        if message.clock is None:
            waiting, other = other, waiting
        other.pop(key, None)
        waiting[key] = ClockEcho(
            driver_id=message.driver_id,
            boot_id=message.boot_id,
            driver_sent_at_ns=message.sent_at_ns,
            orchestrator_read_at_ns=read_wall_ns,
        )

    def take(self) -> tuple[ClockEcho, ...]:
        """Return the samples whose turn it is; they wait no longer."""
        told: list[ClockEcho] = []
        for waiting in (self._first, self._others):
            turn = list(waiting)[: self._most - len(told)]
            told += [waiting.pop(key) for key in turn]
        return tuple(told)
