"""Turns what the journal holds back into runs, when an orchestrator starts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from orchestrator.director import Director
from orchestrator.journal import Memory, Remembered
from orchestrator.ledger import ProtocolError
from orchestrator.ledger_state import load_ledger
from orchestrator.run import Run, RunEvent
from orchestrator.terms import Now
from spate.plan import parse_plan

_LOG = logging.getLogger("orchestrator")
_REASON = "the orchestrator was restarted while the run was under way"


def recall(
    memory: Memory, make_director: Callable[[Run], Director], now: Now
) -> Iterable[Director]:
    """Return the runs that were not archived, oldest first.

    A run that waited waits again. One that was under way ends: what its drivers were granted is
    in the journal, but what they reported to the last orchestrator is not, so it is unconfirmed.
    """
    runs = []
    for run_id, remembered in memory.runs.items():
        run = _run(run_id, remembered)
        if run is not None:
            runs.append((run, remembered))
    for run, remembered in sorted(runs, key=lambda item: item[0].created_at_ns):
        director = make_director(run)
        if remembered.parts:
            _end(director, remembered, now)
        yield director


def _run(run_id: str, remembered: Remembered) -> Run | None:
    entry = remembered.plan
    if entry is None:
        return None
    try:
        return Run(
            id=run_id,
            plan=parse_plan(entry["plan"]),
            digest=str(entry["digest"]),
            created_at_ns=int(entry["created_at_ns"]),
            idempotency_key=entry["idempotency_key"],
            body_digest=str(entry["body_digest"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        _LOG.error("run %s is forgotten, its plan is not understood: %s", run_id, error)
        return None


def _end(director: Director, remembered: Remembered, now: Now) -> None:
    """End a run that was under way, unless the journal only says that it waited."""
    director.journal_parts = max(remembered.parts) + 1
    state = remembered.ledger() or {}
    ledger = None
    try:
        if state["run"]["state"] == "PENDING":
            return
        _restore(director.run, state["run"])
        if state["ledger"] is not None:
            ledger = load_ledger(state["ledger"], now.mono_ns)
    except (KeyError, TypeError, ValueError, ProtocolError) as error:
        _LOG.error("the books of run %s are not understood: %s", director.run.id, error)
    director.give_up(now, ledger, _REASON)


def _restore(run: Run, saved: dict[str, Any]) -> None:
    run.started_at_ns = saved["started_at_ns"]
    run.drivers = saved["drivers"]
    run.stopped = saved["stopped"]
    run.events = [RunEvent(*row) for row in saved["events"]]
    # What a run reported is lost until it is archived, so it can no longer be said to have passed.
    run.state = "DRAINING" if saved["state"] == "FINISHED" else saved["state"]
    run.reason = saved["reason"]
