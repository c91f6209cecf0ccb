"""The terms of this process that closed, for all who must hear of it.

The orchestrator is told where each ended until it has that in its books (R5), the engine once that
it closed (R4), and ``/metrics`` how many did, and why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from driver.closure import CloseCause, Closure
from spate.messages import ClosedTerm, RangeEnd


class Endings:
    """What is still to be said of terms that closed.

    ``told`` are the terms of the present run that held work, the oldest first. ``by_cause`` counts
    over the life of the process; it is replaced, not changed, so that another thread may read it.
    """

    def __init__(self) -> None:
        self.told: tuple[ClosedTerm, ...] = ()
        self.by_cause: Mapping[CloseCause, int] = {}
        self._closures: list[Closure] = []

    def add(self, closure: Closure, run_id: str | None, ends: tuple[RangeEnd, ...]) -> None:
        """Note that a term closed; what held nothing is not worth telling the orchestrator."""
        if run_id is not None and ends:
            self.told += (ClosedTerm(run_id=run_id, term=closure.term, ranges=ends),)
        self.by_cause = Counter(self.by_cause) + Counter([closure.cause])
        self._closures.append(closure)

    def take(self) -> list[Closure]:
        """Return the terms that closed since the last call."""
        closures, self._closures = self._closures, []
        return closures

    def booked(self, closed_through: int) -> None:
        """Stop telling of the terms that the orchestrator has in its books."""
        self.told = tuple(term for term in self.told if term.term > closed_through)

    def forget_run(self) -> None:
        """Stop telling: the run is over, and its terms are nobody's concern any more."""
        self.told = ()
