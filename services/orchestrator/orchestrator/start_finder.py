"""When a run began, by our clocks, after another process had started it (R30); pure.

The journal says it in wall time. Where that differs from what the drivers say by more than a
second, the wall clock is another one: the drivers are right, for they go by their own.
"""

from __future__ import annotations

from collections.abc import Collection
from statistics import median_low
from typing import NamedTuple

from orchestrator.terms import BootKey, Now
from spate.timing import SECOND, Timing


class FoundStart(NamedTuple):
    """The start on our clocks; ``by_drivers``: our wall clock is not the one it was set by."""

    mono_ns: int
    wall_ns: int
    by_drivers: bool


class StartFinder:
    """Asks the drivers that are heard first."""

    def __init__(self, timing: Timing, starts_at_ns: int) -> None:
        self._timing = timing
        self._starts_at_ns = starts_at_ns
        self._since_ns: int | None = None
        self._starts: dict[BootKey, int] = {}

    @property
    def told(self) -> bool:
        """Whether a driver said when it began."""
        return bool(self._starts)

    def hear(self, boot: BootKey, elapsed_ns: int | None, now: Now) -> None:
        """Take a driver's run time as just heard."""
        if elapsed_ns is not None:
            self._starts.setdefault(boot, now.mono_ns - elapsed_ns)

    def find(self, expected: Collection[BootKey], now: Now) -> FoundStart | None:
        """Return the start once all that are expected spoke, or have had time to."""
        if self._since_ns is None:
            self._since_ns = now.mono_ns
        waited_ns = now.mono_ns - self._since_ns
        silent = not self._starts or any(boot not in self._starts for boot in expected)
        if silent and waited_ns < self._timing.eligible_within_ns:
            return None
        by_journal_ns = now.mono_ns - (now.wall_ns - self._starts_at_ns)
        if self._starts:
            by_drivers_ns = median_low(self._starts.values())
            if abs(by_drivers_ns - by_journal_ns) > SECOND:
                wall_ns = now.wall_ns - (now.mono_ns - by_drivers_ns)
                return FoundStart(by_drivers_ns, wall_ns, by_drivers=True)
        return FoundStart(by_journal_ns, self._starts_at_ns, by_drivers=False)
