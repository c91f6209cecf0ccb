"""The only place of a driver that reads the time; everywhere else time is an argument or a port."""

from __future__ import annotations

import time

from driver.moment import Moment


class Clock:
    """The clocks of Linux, each in integer nanoseconds. Fakes override the methods."""

    __slots__ = ()

    def boot_ns(self) -> int:
        """Return CLOCK_BOOTTIME: it counts while the machine sleeps, so licences run on it."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def mono_ns(self) -> int:
        """Return CLOCK_MONOTONIC: never set, the clock of all measured times."""
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        """Return the time since 1970 (UTC), for comparison with other machines only."""
        return time.time_ns()

    def cpu_ns(self) -> int:
        """Return the CPU time that this process has used, in user and kernel together."""
        return time.process_time_ns()

    def now(self) -> Moment:
        """Return one reading of the three clocks."""
        return Moment(self.boot_ns(), self.mono_ns(), self.wall_ns())
