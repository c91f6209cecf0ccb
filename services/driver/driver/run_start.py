"""When the run begins in this driver's own time, and how well that is known (R10).

The orchestrator names the start by its wall clock, or says how long ago it was::

    start = now + (starts_at − (wall + offset))          from an order
    start = now − elapsed − age of the beat              from a beat

where ``offset`` is the orchestrator's wall clock minus ours. Each beat brings a sample of the
clocks, so the start is worked out again with every one that comes before it; from 0.1 s before the
start on it is fixed, and nothing that is learned or set afterwards moves the arrivals. A driver
that joins a run under way knows the clocks least at its first beat; for it the start is fixed with
the first work that it is given.
"""

from __future__ import annotations

from driver.moment import Moment
from spate.clocksync import ClockSync
from spate.messages import Beat, Order
from spate.timing import MS

_FIXED_BEFORE_NS = 100 * MS


class RunStart:
    """The start of the present run, and the orchestrator's clock.

    ``has_work`` says that this driver was given work of the run, now or before.
    """

    def __init__(self) -> None:
        self.clock = ClockSync()
        self.mono_ns: int | None = None
        self.has_work = False
        self._joined: bool | None = None
        self._offset_ns = 0
        self._correction_ns: int | None = None

    def elapsed_ns(self, now: Moment) -> int | None:
        """Return the run time (negative before the start), None while it is not known."""
        return None if self.mono_ns is None else now.mono_ns - self.mono_ns

    def from_order(self, message: Order, now: Moment) -> int | None:
        """Return the start that an order names, None if it names none or the clock is unknown."""
        clock = self.clock.estimate()
        if message.starts_at_ns is None or clock is None:
            return None
        return now.mono_ns + message.starts_at_ns - (now.wall_ns + clock.offset_ns)

    def from_beat(self, message: Beat, now: Moment) -> int | None:
        """Return the start that a beat tells; without a known clock it counts as just sent."""
        if message.elapsed_ns is None:
            return None
        clock = self.clock.estimate()
        age_ns = 0
        if clock is not None:
            age_ns = max(0, now.wall_ns + clock.offset_ns - message.sent_at_ns)
        return now.mono_ns - message.elapsed_ns - age_ns

    def fixed(self, now: Moment) -> bool:
        """Tell whether the start is known, is too near, or past, to be moved, and matters here."""
        if self.mono_ns is None or not self.has_work:
            return False
        return now.mono_ns >= self.mono_ns - _FIXED_BEFORE_NS

    def set(self, mono_ns: int) -> None:
        """Say when this run starts, as well as is known now."""
        clock = self.clock.estimate()
        self.mono_ns = mono_ns
        self._offset_ns = clock.offset_ns if clock else 0

    def clear(self) -> None:
        """Forget the start: another run begins."""
        self.mono_ns = None
        self.has_work = False
        self._joined = None
        self._correction_ns = None

    def usable(self, elapsed_ns: int) -> None:
        """Note that work may be done from this run time on; the first time tells a joiner."""
        if self._joined is None:
            self._joined = elapsed_ns > 0

    def change_clock(self) -> None:
        """Begin to learn another clock; what the old one taught of the skew stays."""
        if self.mono_ns is not None and self._correction_ns is None:
            self._correction_ns = self._learned_ns()
        self.clock = ClockSync()

    def skew_ns(self, first_lag_ns: int | None) -> int | None:
        """Return how late the first arrival was decided, by the orchestrator's clock.

        ``first_lag_ns`` is what the driver itself saw; it is corrected by what the driver has
        learned of the clocks since it turned the start into its own time. Of a driver that joined
        after the start the first arrival says nothing about the start: None.
        """
        if first_lag_ns is None or self._joined:
            return None
        learned_ns = self._correction_ns
        return first_lag_ns + (self._learned_ns() if learned_ns is None else learned_ns)

    def _learned_ns(self) -> int:
        clock = self.clock.estimate()
        return 0 if clock is None else clock.offset_ns - self._offset_ns
