"""The slowest traced requests of a run: rows whose merge is exact, whatever its order.

A driver reports those that are among its own slowest so far, so what is left out could not be
among the slowest of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from spate.choice import RequestChoice
from spate.messages import SlowTrace
from spate.plan import Plan
from spate.traceparent import trace_id

MOST: Final = 20
"""How many are kept, by each driver and of all."""

_NS_PER_S: Final = 1_000_000_000


class TraceRow(NamedTuple):
    """A traced request: ``place`` is its index in the plan, ``offset_ns`` when it was due.

    ``status`` is 0 without a response.
    """

    response_ns: int
    place: int
    driver_id: str
    offset_ns: int
    outcome: str
    status: int


def trace_row(driver_id: str, trace: SlowTrace) -> TraceRow:
    """Return what a driver reported as a row."""
    return TraceRow(
        trace.response_ns, trace.index, driver_id, trace.offset_ns, trace.outcome, trace.status
    )


def slowest(rows: Iterable[TraceRow]) -> tuple[TraceRow, ...]:
    """Return the slowest, each once, the slowest first; of equally slow ones the lower indices.

    It is associative, commutative and idempotent: the first of a set in a total order.
    """
    return tuple(sorted(set(rows), key=lambda row: (-row.response_ns, row[1:]))[:MOST])


def traces_json(rows: Sequence[TraceRow], plan: Plan, run_id: str) -> list[dict[str, Any]]:
    """Return the rows as the report shows them."""
    choice = RequestChoice(plan.seed, [request.weight for request in plan.requests])
    return [
        {
            "trace_id": trace_id(run_id, row.place),
            "index": row.place,
            "request": plan.requests[choice.request(row.place)].name,
            "driver_id": row.driver_id,
            "offset_s": round(row.offset_ns / _NS_PER_S, 3),
            "response_ns": row.response_ns,
            "outcome": row.outcome,
            "status": row.status or None,
        }
        for row in rows
    ]
