"""A run while it is under way: the same accounting, with what is still to come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from spate.accounting import Accounting
from spate.aggregator import Aggregator
from spate.durations import duration, status_codes
from spate.figures import HISTOGRAMS
from spate.report_facts import LedgerFacts, RunFacts
from spate.report_windows import window_row
from spate.run_facts_json import run_json
from spate.trust import doubts_so_far


def live_view(
    facts: RunFacts,
    aggregator: Aggregator,
    ledger: LedgerFacts,
    drivers: Iterable[str] | None = None,
) -> dict[str, Any]:
    """Return what ``GET /runs/{id}`` answers before the end, as JSON values.

    With ``drivers`` the rows are those of these alone.

    ::

        run            as in the report, and waiting_for; ended_at is None
        accounting     as in the report, and to_come: planned = the sum of all; only what terms
                       that are not live owe is unconfirmed
        status_codes   as in the report, so far
        response_time  … connect_time: as in the report, so far, without the histogram
        window         the row of the second before the latest of which anything was heard (by
                       then all drivers have reported it, as a rule); None before the first
        drivers        [{driver_id, reported, sent, in_flight, cpu, clock_offset_ns,
                       start_skew_ns, last_window, response_time, service_time, lag}],
                       so far, durations without histograms; cpu is that of the latest snapshot
        events         as in the report, so far
        degraded       as in the report's verdict, so far: reasons not to trust the figures
        verdict        None
    """
    totals = aggregator.totals()
    accounting = Accounting.of(
        ledger.planned, totals, missed=_given_up(ledger), unconfirmed=_owed(aggregator, ledger)
    )
    last = aggregator.last_window
    return {
        "run": {**run_json(facts), "waiting_for": facts.waiting_for},
        "accounting": {**accounting.to_json(), "to_come": accounting.rest},
        "status_codes": status_codes(totals),
        **{name: duration(getattr(totals, name)) for name in HISTOGRAMS},
        "window": None if last is None else window_row(aggregator, ledger, max(0, last - 1)),
        "drivers": _drivers(aggregator, drivers),
        "events": [dict(event) for event in facts.events],
        "degraded": [doubt.to_json() for doubt in doubts_so_far(facts, aggregator, accounting)],
        "verdict": None,
    }


def _given_up(ledger: LedgerFacts) -> Counter[str]:
    missed: Counter[str] = Counter()
    for cause, granted in ledger.missed_by_ledger:
        missed[cause] += granted.size
    return missed


def _owed(aggregator: Aggregator, ledger: LedgerFacts) -> int:
    """Return what terms that are not live own and have not reported (yet)."""
    return sum(
        term.owned - aggregator.reported(term.driver_id, term.boot_id, term.term)
        for term in ledger.terms
        if not term.live
    )


def _drivers(aggregator: Aggregator, wanted: Iterable[str] | None) -> list[dict[str, Any]]:
    return [
        {
            "driver_id": driver_id,
            "reported": driver.figures.reported,
            "sent": driver.figures.sent,
            "in_flight": driver.in_flight,
            "cpu": driver.cpu,
            "clock_offset_ns": driver.clock_offset_ns,
            "start_skew_ns": driver.start_skew_ns,
            "last_window": driver.last_window,
            "response_time": duration(driver.figures.response_time),
            "service_time": duration(driver.figures.service_time),
            "lag": duration(driver.figures.lag),
        }
        for driver_id, driver in aggregator.by_driver(wanted).items()
    ]
