"""The rows of a run's windows: one per second, all drivers merged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from spate.aggregator import Aggregator, WindowFigures
from spate.buckets import IntArray
from spate.durations import QUANTILES
from spate.figures import FAILED_KINDS
from spate.grant import Range
from spate.report_facts import LedgerFacts
from spate.schedule import Schedule

_NS_PER_S = 1_000_000_000


def window_row(aggregator: Aggregator, ledger: LedgerFacts, second: int) -> dict[str, Any]:
    """Return the row of one second, as in ``window_rows``."""
    return window_rows(aggregator, ledger, second, second + 1)[0]


def window_rows(
    aggregator: Aggregator, ledger: LedgerFacts, first: int, end: int
) -> list[dict[str, Any]]:
    """Return a row for each second in ``[first, end)``, also where nothing was heard.

    ``planned``, and what the ledger gave up, count where they were due; in closed load nothing
    is due at any time, so ``planned`` is what was decided and the ledger's part is in no window.
    ``failed_kinds`` holds only the kinds that occurred, their sum is ``failed``. ``in_flight`` is
    the sum of the levels at the end; ``drivers`` is how many were heard.
    """
    schedule = aggregator.schedule
    planned = missed = np.zeros(max(0, end - first), dtype=np.int64)
    if schedule.is_open:
        bounds = due_bounds(schedule, first, end)
        planned = due_between(bounds, (Range(0, 0, 1, ledger.planned),))
        missed = due_between(bounds, (granted for _, granted in ledger.missed_by_ledger))
    return [
        _row(
            aggregator.window(first + place),
            int(planned[place]) if schedule.is_open else None,
            int(missed[place]),
        )
        for place in range(end - first)
    ]


def last_second(aggregator: Aggregator, ledger: LedgerFacts, elapsed_ns: int | None) -> int | None:
    """Return the last second that has a row, None if there is none.

    It is the last one of which anything was heard or, in a run that began, in which anything was
    due, but not beyond its end: what a stopped run had planned for later has no row.
    """
    heard = aggregator.last_window
    if elapsed_ns is None or not aggregator.schedule.is_open or not ledger.planned:
        return heard
    due_ns = aggregator.schedule.offset_ns(ledger.planned - 1)
    due = min(due_ns, max(0, elapsed_ns - 1)) // _NS_PER_S
    return due if heard is None else max(due, heard)


def due_bounds(schedule: Schedule, first: int, end: int) -> IntArray:
    """Return the first index due in each second of ``[first, end]`` (one more than seconds)."""
    return np.array(
        [schedule.due_before(second * _NS_PER_S) for second in range(first, end + 1)],
        dtype=np.int64,
    )


def due_between(bounds: IntArray, ranges: Iterable[Range]) -> IntArray:
    """Return how many indices of the ranges lie between each bound and the next.

    The positions of a range below a bound b are ⌈(b - start) / step⌉, within its size.
    """
    total = np.zeros(len(bounds) - 1, dtype=np.int64)
    for granted in ranges:
        below = -((granted.start - bounds) // granted.step)
        inside: IntArray = np.clip(below, 0, granted.size)
        total += inside[1:] - inside[:-1]
    return total


def _row(window: WindowFigures, planned: int | None, missed: int) -> dict[str, Any]:
    figures = window.figures
    response = figures.response_time
    return {
        "offset_s": window.second,
        "planned": figures.decided if planned is None else planned,
        "sent": figures.sent,
        "succeeded": figures.succeeded,
        "failed": figures.failed_total,
        "failed_kinds": {kind: n for kind in FAILED_KINDS if (n := figures.failed.get(kind, 0))},
        "dropped": figures.dropped_total,
        "missed": figures.missed_total + missed,
        "in_flight": sum(window.in_flight.values()),
        "p50_ns": response.quantile_ns(QUANTILES["p50"]),
        "p90_ns": response.quantile_ns(QUANTILES["p90"]),
        "p99_ns": response.quantile_ns(QUANTILES["p99"]),
        "max_ns": response.max_ns,
        "lag_p99_ns": figures.lag.quantile_ns(QUANTILES["p99"]),
        "bytes_received": figures.bytes_received,
        "drivers": len(window.drivers),
    }
