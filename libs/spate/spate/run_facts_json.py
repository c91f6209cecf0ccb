"""The ``run`` of a report."""

from __future__ import annotations

from typing import Any

from spate.instants import rfc3339
from spate.report_facts import RunFacts


def run_json(facts: RunFacts) -> dict[str, Any]:
    """Return the run as JSON values; instants are RFC 3339 UTC."""
    return {
        "id": facts.run_id,
        "name": facts.plan.name,
        "labels": dict(facts.plan.labels),
        "plan": facts.plan.to_document(),
        "state": facts.state,
        "stopped": facts.stopped,
        "reason": facts.reason,
        "created_at": rfc3339(facts.created_at_ns),
        "started_at": _instant(facts.started_at_ns),
        "ended_at": _instant(facts.ended_at_ns),
        "drivers": facts.drivers,
    }


def _instant(at_ns: int | None) -> str | None:
    return None if at_ns is None else rfc3339(at_ns)
