"""Turns what the journal holds back into runs, when an orchestrator starts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from orchestrator.director import Director
from orchestrator.journal import Memory, Remembered
from orchestrator.run import Run
from orchestrator.terms import Now
from spate.plan import PlanError, parse_plan

_LOG = logging.getLogger("orchestrator")


def recall(
    memory: Memory, make_director: Callable[[Run], Director], now: Now
) -> Iterable[Director]:
    """Return the runs that were not archived, oldest first.

    A run that waited waits again. A run that was under way ends FAILED: what its drivers sent
    under the last orchestrator is in their snapshots, but not in the books of this one.
    """
    runs = []
    for run_id, remembered in memory.runs.items():
        run = _run(run_id, remembered)
        if run is not None:
            runs.append((run, remembered.ledger() is not None))
    for run, begun in sorted(runs, key=lambda item: item[0].created_at_ns):
        director = make_director(run)
        if begun:
            director.fail(now, "the orchestrator was restarted while the run was under way")
        yield director


def _run(run_id: str, remembered: Remembered) -> Run | None:
    entry = remembered.plan
    if entry is None:
        return None
    try:
        plan = parse_plan(entry["plan"])
    except PlanError as error:
        _LOG.error("run %s is forgotten, its plan is not understood: %s", run_id, error)
        return None
    return Run(
        id=run_id,
        plan=plan,
        digest=entry["digest"],
        created_at_ns=entry["created_at_ns"],
        idempotency_key=entry["idempotency_key"],
        body_digest=entry["body_digest"],
    )
