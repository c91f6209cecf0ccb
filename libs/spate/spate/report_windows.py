"""The rows of a run's windows, all drivers merged: one per second, wider where that is long ago."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from spate.aggregator import Aggregator
from spate.buckets import IntArray
from spate.grant import Range
from spate.report_facts import LedgerFacts
from spate.thinning import Span, span_at, spans, tail_spans
from spate.window_state import Digest, Peaks, nothing

_NS_PER_S = 1_000_000_000


def window_row(aggregator: Aggregator, ledger: LedgerFacts, second: int) -> dict[str, Any]:
    """Return the row of the window that holds a second, as in ``window_rows``."""
    return rows_at(aggregator, ledger, (second,))[0]


def rows_at(
    aggregator: Aggregator, ledger: LedgerFacts, seconds: Iterable[int]
) -> list[dict[str, Any]]:
    """Return the rows of the windows that hold these seconds, as in ``window_rows``."""
    newest = aggregator.state.newest
    return _rows(aggregator, ledger, [span_at(second, newest) for second in seconds])


def window_rows(aggregator: Aggregator, ledger: LedgerFacts, last: int) -> list[dict[str, Any]]:
    """Return rows that together are all seconds up to ``last``, also where nothing was heard.

    ``planned``, and what the ledger gave up, count where they were due; in closed load nothing
    is due at any time, so ``planned`` is what was decided and the ledger's part is in no window.
    ``failed_kinds`` holds only the kinds that occurred, their sum is ``failed``. ``in_flight`` is
    the sum of the levels at the end; ``drivers`` is how many were heard.

    Where ``width_s`` is more than 1, counts are sums over all seconds of the window, and quantiles
    are of everything in it; ``in_flight`` and ``drivers`` are the highest of its seconds, and
    ``peak``, elsewhere None, says for some of the others what they were in the highest second.
    """
    newest = aggregator.state.newest
    return _rows(aggregator, ledger, [*spans(newest), *tail_spans(newest + 1, last)])


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


def _rows(
    aggregator: Aggregator, ledger: LedgerFacts, found: Sequence[Span]
) -> list[dict[str, Any]]:
    planned: list[int | None] = [None] * len(found)
    missed = [0] * len(found)
    if aggregator.schedule.is_open:
        due = aggregator.due
        firsts = np.array([due.before(span.start_s) for span in found], dtype=np.int64)
        ends = np.array([due.before(span.end_s) for span in found], dtype=np.int64)
        planned = due_between(firsts, ends, (Range(0, 0, 1, ledger.planned),)).tolist()
        given_up = (granted for _, granted in ledger.missed_by_ledger)
        missed = due_between(firsts, ends, given_up).tolist()
    return [
        _row(span, *_shown(aggregator, span), planned[place], missed[place])
        for place, span in enumerate(found)
    ]


def _shown(aggregator: Aggregator, span: Span) -> tuple[Digest, Peaks | None]:
    window = aggregator.state.windows.get(span.start_s)
    if window is None:
        return nothing(wide=span.width_s > 1)
    return window.digest(aggregator.state.boots), window.peaks


def due_between(firsts: IntArray, ends: IntArray, ranges: Iterable[Range]) -> IntArray:
    """Return how many indices of the ranges lie in each ``[first, end)``.

    The positions of a range below a bound b are ⌈(b - start) / step⌉, within its size.
    """
    total = np.zeros(len(firsts), dtype=np.int64)
    for granted in ranges:
        below_end, below_first = (
            np.clip(-((granted.start - bounds) // granted.step), 0, granted.size)
            for bounds in (ends, firsts)
        )
        total += below_end - below_first
    return total


def _row(
    span: Span, digest: Digest, peaks: Peaks | None, planned: int | None, missed: int
) -> dict[str, Any]:
    return {
        "offset_s": span.start_s,
        "width_s": span.width_s,
        "planned": digest.decided if planned is None else planned,
        "sent": digest.sent,
        "succeeded": digest.succeeded,
        "failed": sum(digest.failed.values()),
        "failed_kinds": dict(digest.failed),
        "dropped": digest.dropped,
        "missed": digest.missed + missed,
        "in_flight": digest.in_flight,
        "p50_ns": digest.p50_ns,
        "p90_ns": digest.p90_ns,
        "p99_ns": digest.p99_ns,
        "max_ns": digest.max_ns,
        "lag_p99_ns": digest.lag_p99_ns,
        "bytes_received": digest.bytes_received,
        "drivers": digest.drivers,
        "peak": None if peaks is None else _peak(peaks),
    }


def _peak(peaks: Peaks) -> dict[str, Any]:
    return {
        "sent": peaks.sent,
        "failed": sum(peaks.failed.values()),
        "failed_kinds": dict(peaks.failed),
        "dropped": peaks.dropped,
        "p99_ns": peaks.p99_ns,
        "lag_p99_ns": peaks.lag_p99_ns,
    }
