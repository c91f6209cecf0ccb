"""When a run begins: ordered ahead of time, or found again by a process that took it over; pure."""

from __future__ import annotations

from collections.abc import Collection

from orchestrator.orders import Orders
from orchestrator.pace import Pace
from orchestrator.run import Run
from orchestrator.start_finder import StartFinder
from orchestrator.terms import BootKey, Now
from spate.timing import SECOND, Timing

_AHEAD_NS = 600 * SECOND
"""Clocks that count from the start are not so far apart after a day."""


class Beginning:
    """Knows the start of one run on our clocks."""

    def __init__(self, run: Run, orders: Orders, *, pace: Pace, timing: Timing) -> None:
        self._run = run
        self._orders = orders
        self._pace = pace
        self._timing = timing
        self._finder: StartFinder | None = None

    @property
    def ordered(self) -> bool:
        """Whether the start was ordered: from then on something may have been sent."""
        return self._run.started_at_ns is not None

    def elapsed_ns(self, now: Now) -> int | None:
        """Return the run time, negative before the start, None while no start is known."""
        start_ns = self._orders.start_mono_ns
        return None if start_ns is None else now.mono_ns - start_ns

    def check_reached(self, second: int, now: Now) -> None:
        """Check that a second of the run may have been by now, whoever's clock it is by.

        Where the start is not known, or by a wall clock that no driver confirms, it may have been.

        Raises:
            ValueError: if it lies more than ten minutes ahead.
        """
        elapsed_ns = self._run.lasted_ns
        if not self._run.ended and (self._finder is None or self._finder.told):
            elapsed_ns = self.elapsed_ns(now)
        if elapsed_ns is not None and second * SECOND - elapsed_ns > _AHEAD_NS:
            raise ValueError(
                f"its window, {second}, lies ahead: the run has lasted {elapsed_ns // SECOND:,} s"
            )

    def order(self, revision: int, now: Now) -> None:
        """Order the start, a moment ahead, for all at one instant."""
        lead_ns = self._pace.start_lead_ns()
        self._run.started_at_ns = now.wall_ns + lead_ns
        self._run.move("RUNNING", now.wall_ns)
        self._orders.start(revision, self._run.started_at_ns, now.mono_ns + lead_ns)

    def seek(self) -> None:
        """Begin to look for the start that another process may have ordered (R30)."""
        if self._orders.starts_at_ns is not None:
            self._finder = StartFinder(self._timing, self._orders.starts_at_ns)

    def hear(self, boot: BootKey, elapsed_ns: int | None, now: Now) -> None:
        """Take a driver's run time as just heard."""
        if self._finder is not None:
            self._finder.hear(boot, elapsed_ns, now)

    def find(self, expected: Collection[BootKey], now: Now) -> None:
        """Find out when the run began that another process started, by those who work for it."""
        assert self._finder is not None
        found = self._finder.find(expected, now)
        if found is None:
            return
        self._orders.move_start(found.wall_ns, found.mono_ns)
        if found.by_drivers:
            self._run.started_at_ns = found.wall_ns
            text = "the wall clock is not the one by which the run began: the drivers' hold"
            self._run.note(now.wall_ns, "problem", None, text)
