"""A run and its books in the form from which reports and live views are made."""

from __future__ import annotations

from orchestrator.ledger import Ledger
from orchestrator.run import Run
from spate.report_facts import LedgerFacts, RunFacts, TermFacts


def run_facts(run: Run, waiting_for: str | None = None) -> RunFacts:
    """Return what a report says of the run itself, and what keeps it from going on."""
    return RunFacts(
        run_id=run.id,
        plan=run.plan,
        state=run.state,
        stopped=run.stopped,
        reason=run.reason,
        created_at_ns=run.created_at_ns,
        started_at_ns=run.started_at_ns,
        ended_at_ns=run.ended_at_ns,
        drivers=run.drivers,
        events=tuple(run.event_rows()),
        waiting_for=waiting_for,
    )


def ledger_facts(ledger: Ledger | None) -> LedgerFacts:
    """Return how the plan is divided; before the count is fixed nothing is planned."""
    if ledger is None:
        return LedgerFacts(planned=0)
    return LedgerFacts(
        planned=ledger.count,
        missed_by_ledger=tuple((missed.cause, missed.range) for missed in ledger.missed),
        terms=tuple(
            TermFacts(
                driver_id=term.key.driver_id,
                boot_id=term.key.boot_id,
                term=term.key.term,
                live=term.status == "live",
                left_cleanly=term.left,
                ranges=tuple(account.range for account in term.ranges.values()),
            )
            for term in ledger.terms.values()
        ),
    )
