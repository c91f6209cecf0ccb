"""Builds the final document of a run: a pure function of run, ledger and merged snapshots."""

from __future__ import annotations

from typing import Any

from spate.aggregator import Aggregator
from spate.durations import full_duration, full_durations, status_codes
from spate.figures import Figures
from spate.instants import rfc3339
from spate.live import live_view
from spate.reckoning import Reckoning
from spate.report_facts import LedgerFacts, RunFacts, TermFacts
from spate.report_windows import last_second, rows_at, window_row, window_rows
from spate.run_facts_json import run_json
from spate.slow_traces import traces_json
from spate.thresholds import Measured, evaluate
from spate.trust import doubts

__all__ = [
    "VERSION",
    "LedgerFacts",
    "RunFacts",
    "TermFacts",
    "build_report",
    "live_view",
    "rfc3339",
    "rows_at",
    "window_row",
    "window_rows",
]

VERSION = 1


def build_report(facts: RunFacts, aggregator: Aggregator, ledger: LedgerFacts) -> dict[str, Any]:
    """Return the report as JSON values (version 1).

    Durations are integer ns except means; what was not measured is None. ``cpu`` of a driver is
    the highest share of one core over a second. Rows: stages and requests in the order of the
    plan, windows by second, drivers by driver_id; the drivers' rows and what the ledger gave up
    add up to ``planned``.
    """
    reckoning = Reckoning(aggregator, ledger, aborted=facts.state == "ABORTED")
    totals = aggregator.totals()
    accounting = reckoning.overall()
    return {
        "version": VERSION,
        "run": run_json(facts),
        "accounting": accounting.to_json(),
        "status_codes": status_codes(totals),
        **full_durations(totals),
        "stages": _stages(aggregator, reckoning),
        "requests": _requests(aggregator, reckoning),
        "windows": _windows(facts, aggregator, ledger),
        "drivers": _drivers(aggregator, reckoning),
        "traces": traces_json(aggregator.state.traces, facts.plan, facts.run_id),
        "events": [dict(event) for event in facts.events],
        "verdict": {
            **_verdict(facts, aggregator, reckoning),
            "degraded": [
                doubt.to_json()
                for doubt in doubts(facts, aggregator, accounting, reckoning.problems)
            ],
        },
    }


def _stages(aggregator: Aggregator, reckoning: Reckoning) -> list[dict[str, Any]]:
    by_stage = aggregator.by_stage()
    return [
        {
            "name": span.name,
            "measured": span.measured,
            "accounting": reckoning.of_stage(place).to_json(),
            "status_codes": status_codes(by_stage[place]),
            **full_durations(by_stage[place]),
        }
        for place, span in enumerate(aggregator.schedule.stages)
    ]


def _requests(aggregator: Aggregator, reckoning: Reckoning) -> list[dict[str, Any]]:
    by_request = aggregator.by_request()
    return [
        {
            "name": request.name,
            "accounting": reckoning.of_request(place).to_json(),
            "status_codes": status_codes(by_request[place]),
            "response_time": full_duration(by_request[place].response_time),
            "service_time": full_duration(by_request[place].service_time),
        }
        for place, request in enumerate(aggregator.plan.requests)
    ]


def _windows(facts: RunFacts, aggregator: Aggregator, ledger: LedgerFacts) -> list[dict[str, Any]]:
    elapsed_ns = None
    if facts.started_at_ns is not None and facts.ended_at_ns is not None:
        elapsed_ns = facts.ended_at_ns - facts.started_at_ns
    last = last_second(aggregator, ledger, elapsed_ns)
    return [] if last is None else window_rows(aggregator, ledger, last)


def _drivers(aggregator: Aggregator, reckoning: Reckoning) -> list[dict[str, Any]]:
    totals = aggregator.by_driver()
    peaks = aggregator.cpu_peaks()
    rows = []
    for driver_id in reckoning.driver_ids():
        driver = totals.get(driver_id)
        figures = driver.figures if driver else Figures.zero()
        rows.append(
            {
                "driver_id": driver_id,
                "accounting": reckoning.of_driver(driver_id).to_json(),
                "response_time": full_duration(figures.response_time),
                "service_time": full_duration(figures.service_time),
                "lag": full_duration(figures.lag),
                "clock_offset_ns": driver.clock_offset_ns if driver else None,
                "start_skew_ns": driver.start_skew_ns if driver else None,
                "cpu": peaks.get(driver_id),
            }
        )
    return rows


def _verdict(facts: RunFacts, aggregator: Aggregator, reckoning: Reckoning) -> dict[str, Any]:
    """Return the thresholds' results; passed: it FINISHED, something was sent, all of them hold."""
    names = [request.name for request in aggregator.plan.requests]
    measured = Measured(
        accounting=reckoning.measured(),
        figures=aggregator.measured(),
        by_request={name: aggregator.measured(place) for place, name in enumerate(names)},
    )
    results = evaluate(facts.plan.thresholds, measured)
    return {
        "passed": (
            facts.state == "FINISHED"
            and reckoning.overall().sent > 0
            and all(result.passed for result in results)
        ),
        "thresholds": [result.to_json() for result in results],
    }
