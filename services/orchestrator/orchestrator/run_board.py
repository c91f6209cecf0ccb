"""Which run ``/metrics`` speaks of: the one under way, or for a while the last; pure.

Its series are not labelled by run, so there is one at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from orchestrator.directory import Directory
from orchestrator.fleet import Fleet
from orchestrator.freshness import Freshness
from orchestrator.run_figures import RunFigures, Trust, run_figures
from orchestrator.terms import Now
from spate.timing import SECOND

KEPT_NS: Final = 300 * SECOND
"""Five minutes, so that no scrape misses how a run ended."""


class RunBoard:
    """Holds the figures of the run that was archived last, until another begins.

    ``caught_up`` tells whether all snapshots are merged that were in the log when this process
    began. Before that a counter could be lower than what an earlier process told of it.
    """

    def __init__(
        self, directory: Directory, fleet: Fleet, caught_up: Callable[[], bool] = lambda: True
    ) -> None:
        self.freshness = Freshness()
        self._directory = directory
        self._fleet = fleet
        self._caught_up = caught_up
        self._kept: tuple[RunFigures, int] | None = None

    def keep(self, run_id: str, trust: Trust, now: Now) -> None:
        """Keep the figures of a run that has ended and is about to be forgotten."""
        director = self._directory.find(run_id)
        assert director is not None
        figures = run_figures(director, self._fleet, self.freshness, trust, now)
        self._kept = (figures, now.mono_ns)

    def figures(self, trust_of: Callable[[str], Trust], now: Now) -> RunFigures | None:
        """Return the figures of the run of which to speak, None if there is none (yet)."""
        begun = [each for each in self._directory if each.run.state != "PENDING"]
        shown = next((each for each in begun if not each.run.ended), None)
        if shown is None and begun:
            shown = begun[-1]  # it has ended, and waits for the archive
        if shown is not None and not self._caught_up():
            return None
        if shown is not None:
            trust = trust_of(shown.run.id)
            return run_figures(shown, self._fleet, self.freshness, trust, now)
        if self._kept is not None and now.mono_ns - self._kept[1] >= KEPT_NS:
            self._kept = None
        return None if self._kept is None else self._kept[0]
