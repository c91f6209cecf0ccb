"""Since when nothing new came of each driver; pure."""

from __future__ import annotations

from collections.abc import Iterable


class Freshness:
    """Knows when each driver's newest snapshot of the run under way was merged."""

    def __init__(self) -> None:
        self._run_id: str | None = None
        self._merged_ns: dict[str, int] = {}

    def merged(self, run_id: str, driver_id: str, now_ns: int) -> None:
        """Note that a snapshot was merged; those of another run do not count any more."""
        if run_id != self._run_id:
            self._run_id, self._merged_ns = run_id, {}
        self._merged_ns[driver_id] = now_ns

    def ages_ns(self, driver_ids: Iterable[str], now_ns: int) -> dict[str, int]:
        """Return since when nothing was merged of these drivers.

        Of one that has sent nothing yet it counts from the first time that it was asked for.
        """
        return {
            driver_id: now_ns - self._merged_ns.setdefault(driver_id, now_ns)
            for driver_id in driver_ids
        }
