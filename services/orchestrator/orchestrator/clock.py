"""The one place where the orchestrator reads the time."""

from __future__ import annotations

import time

from orchestrator.terms import Now


class Clock:
    """CLOCK_BOOTTIME for waiting (it counts sleep, as losing a driver must), and the wall."""

    def now(self) -> Now:
        """Return both clocks."""
        return Now(time.clock_gettime_ns(time.CLOCK_BOOTTIME), time.time_ns())
