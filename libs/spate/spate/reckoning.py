"""Holds what drivers reported against what they owned: the accounting of a run that has ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from spate.accounting import Accounting
from spate.aggregator import Aggregator, CellKey, TermId
from spate.figures import Figures
from spate.grant import Range
from spate.report_facts import LedgerFacts, TermFacts
from spate.tally import Tally

Wanted = Callable[[CellKey], bool]


class Reckoning:
    """The accounting of all, of each request, stage and driver, from ledger and snapshots.

    What a term owns and did not report is unconfirmed, whether it is live or not: after the end
    nobody will report it. ``problems`` are sentences about what does not add up; a driver that
    left in good order owes nothing, except when the run was ``aborted``.
    """

    def __init__(self, aggregator: Aggregator, ledger: LedgerFacts, *, aborted: bool) -> None:
        self.problems: list[str] = []
        self._aggregator = aggregator
        self._by_request = aggregator.by_request()
        self._by_stage = aggregator.by_stage()
        self._tally = Tally(aggregator.plan, aggregator.schedule)
        self._planned = self._tally.count((Range(0, 0, 1, ledger.planned),))
        self._missed = {
            cause: self._tally.count(r for name, r in ledger.missed_by_ledger if name == cause)
            for cause in sorted({name for name, _ in ledger.missed_by_ledger})
        }
        self._owned: Counter[str] = Counter()
        self._unconfirmed: Counter[tuple[str, int, int]] = Counter()
        self._settle_terms(ledger, aborted=aborted)
        given_up = sum(granted.size for _, granted in ledger.missed_by_ledger)
        covered = given_up + self._owned.total()
        if covered != ledger.planned:
            self.problems.append(
                f"{covered} arrivals have an owner or were given up, not all "
                f"{ledger.planned} that were planned"
            )
        self._check("the run", self.overall())
        for place, request in enumerate(aggregator.plan.requests):
            self._check(f"request {request.name}", self.of_request(place))
        for place, span in enumerate(aggregator.schedule.stages):
            self._check(f"stage {span.name}", self.of_stage(place))
        for driver_id in self.driver_ids():
            self._check(driver_id, self.of_driver(driver_id))

    def overall(self) -> Accounting:
        """Return the accounting of the whole run."""
        return self._of(lambda _: True, self._aggregator.totals())

    def measured(self) -> Accounting:
        """Return the accounting of the measured stages."""
        stages = self._aggregator.schedule.stages
        return self._of(lambda key: stages[key[1]].measured, self._aggregator.measured())

    def of_request(self, request: int) -> Accounting:
        """Return the accounting of one request of the plan."""
        return self._of(lambda key: key[0] == request, self._by_request[request])

    def of_stage(self, stage: int) -> Accounting:
        """Return the accounting of one stage."""
        return self._of(lambda key: key[1] == stage, self._by_stage[stage])

    def of_driver(self, driver_id: str) -> Accounting:
        """Return the accounting of one driver over all its lives; planned is what it owned."""
        return Accounting.of(
            self._owned[driver_id],
            self._aggregator.driver_figures(driver_id),
            missed={},
            unconfirmed=sum(n for key, n in self._unconfirmed.items() if key[0] == driver_id),
        )

    def driver_ids(self) -> list[str]:
        """Return who owned or reported anything, in order."""
        return sorted({*self._owned, *(term.driver_id for term in self._aggregator.terms())})

    def _of(self, wanted: Wanted, figures: Figures) -> Accounting:
        return Accounting.of(
            sum(n for key, n in self._planned.items() if wanted(key)),
            figures,
            missed={
                cause: sum(n for key, n in cells.items() if wanted(key))
                for cause, cells in self._missed.items()
            },
            unconfirmed=sum(n for key, n in self._unconfirmed.items() if wanted(key[1:])),
        )

    def _settle_terms(self, ledger: LedgerFacts, *, aborted: bool) -> None:
        reported = self._aggregator.terms()
        for term in ledger.terms:
            self._owned[term.driver_id] += term.owned
            counts = reported.get(TermId(term.driver_id, term.boot_id, term.term))
            pending = term.owned - (counts.reported if counts else 0)
            if pending > 0 and term.left_cleanly and not aborted:
                self.problems.append(f"{_name(term)} left in good order and owes {pending}")
            # What a term reported in full needs no look at each of its arrivals.
            if pending:
                self._owe(term, counts.by_cell if counts else {})
        known = {TermId(t.driver_id, t.boot_id, t.term) for t in ledger.terms}
        for strange, counts in reported.items():
            if strange not in known and counts.reported:
                self.problems.append(
                    f"{strange.driver_id} (term {strange.term}) reported {counts.reported} "
                    "arrivals and owned none"
                )

    def _owe(self, term: TermFacts, reported: dict[CellKey, int]) -> None:
        owned = self._tally.count(term.ranges)
        for key in owned.keys() | reported.keys():
            pending = owned.get(key, 0) - reported.get(key, 0)
            if pending < 0:
                self.problems.append(f"{_name(term)} reported {-pending} more than it owned")
            elif pending:
                self._unconfirmed[term.driver_id, *key] += pending

    def _check(self, what: str, accounting: Accounting) -> None:
        if accounting.rest:
            self.problems.append(
                f"{what}: planned {accounting.planned} is not the sum of its outcomes, "
                f"{accounting.planned - accounting.rest}"
            )


def _name(term: TermFacts) -> str:
    return f"{term.driver_id} (term {term.term})"
