"""What the log is told of a run: that it was accepted, what happened to it, and its account.

Pure but for the log. Lines of one run have its id as their ``run_id``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from orchestrator.run import Run, RunEvent

_LOG = logging.getLogger("orchestrator")

_GRAVE_KINDS: Final = frozenset({"lost", "fenced", "problem", "pod_failed"})
_GRAVE_STATES: Final = frozenset({"FAILED", "ABORTED"})


def log_accepted(run: Run) -> None:
    """Say that a run was accepted, and what it is."""
    plan = run.plan
    about = f"{plan.load.test_type} on {plan.target}"
    _LOG.info("run %s is accepted: %s", run.id, about, extra={"run_id": run.id})


def log_events(run: Run, since: int) -> int:
    """Say what happened to a run after its first ``since`` events; return how many there are."""
    events = run.events
    for event in events[since:]:
        extra = {"run_id": run.id}
        if event.driver_id is not None:
            extra["driver_id"] = event.driver_id
        if event.kind == "state":
            extra["state"] = event.text.partition(":")[0]
        _LOG.log(_level(event), "run %s: %s", run.id, event.text, extra=extra)
    return len(events)


def log_account(report: Mapping[str, Any]) -> None:
    """Say how a run ended, and that its numbers add up, in one line; ``report`` is the run's."""
    run, verdict, sums = report["run"], report["verdict"], sum_up(report["accounting"])
    _LOG.info(
        "run %s ended %s and %s: planned %d = %s",
        run["id"],
        run["state"],
        "passed" if verdict["passed"] else "did not pass",
        sums["planned"],
        " + ".join(f"{name} {n}" for name, n in sums.items() if name not in ("planned", "sent")),
        extra={
            "run_id": run["id"],
            "state": run["state"],
            "passed": verdict["passed"],
            "accounting": sums,
        },
    )


def sum_up(accounting: Mapping[str, Any]) -> dict[str, int]:
    """Return a report's accounting without its kinds and causes."""
    names = ("planned", "sent", "succeeded", "failed", "dropped", "missed", "unconfirmed")
    found = {name: accounting[name] for name in names}
    return {name: sum(n.values()) if isinstance(n, dict) else n for name, n in found.items()}


def _level(event: RunEvent) -> int:
    if event.kind == "state":
        grave = event.text.partition(":")[0] in _GRAVE_STATES
    else:
        grave = event.kind in _GRAVE_KINDS
    return logging.WARNING if grave else logging.INFO
