"""A run's figures as metric families; pure."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final, get_args

from prometheus_client.metrics_core import Metric

from orchestrator.metric_table import RUN_METRICS
from orchestrator.run import EventKind
from orchestrator.run_figures import RunFigures
from spate.figures import DROPPED_CAUSES, FAILED_KINDS, MISSED_CAUSES
from spate.histogram import Histogram
from spate.le_counts import LeCounts
from spate.messages import STATE_ORDER
from spate.scrape import Scrape
from spate.timing import SECOND

QUANTILES: Final = ("0.5", "0.9", "0.99", "1")


def run_families(run: RunFigures) -> Iterator[Metric]:
    """Yield all families of a run that are in ``RUN_METRICS`` and known now."""
    scrape = Scrape(RUN_METRICS)
    _tell_state(scrape, run)
    _tell_arrivals(scrape, run)
    _tell_totals(scrape, run)
    _tell_window(scrape, run)
    _tell_fleet(scrape, run)
    return scrape.collect()


def _tell_state(scrape: Scrape, run: RunFigures) -> None:
    scrape.tell("spate_run_info", 1, run.run_id, run.name, run.test_type)
    for state in STATE_ORDER:
        scrape.tell("spate_run_state", state == run.state, state)
    scrape.tell("spate_run_state_entered_timestamp_seconds", run.entered_at_ns / SECOND)
    scrape.tell_some("spate_run_passed", run.trust.passed)
    for reason in run.trust.degraded:
        scrape.tell("spate_run_degraded", 1, reason)


def _tell_arrivals(scrape: Scrape, run: RunFigures) -> None:
    """Tell outcomes, those that did not occur too: a rate needs the 0 before the first."""
    totals, name = run.totals, "spate_run_arrivals_total"
    scrape.tell_some("spate_run_planned_arrivals", run.planned)
    scrape.tell_some("spate_run_due_arrivals_total", run.due)
    scrape.tell_some("spate_run_planned_rate", run.planned_rate)
    scrape.tell(name, totals.succeeded, "succeeded", "")
    for kind in FAILED_KINDS:
        scrape.tell(name, totals.failed.get(kind, 0), "failed", kind)
    for cause in DROPPED_CAUSES:
        scrape.tell(name, totals.dropped.get(cause, 0), "dropped", cause)
    for cause in MISSED_CAUSES:
        missed = totals.missed.get(cause, 0) + run.missed.get(cause, 0)
        scrape.tell(name, missed, "missed", cause)
    scrape.tell("spate_run_unconfirmed_arrivals", run.unconfirmed)
    for (request, outcome), n in run.by_request.items():
        scrape.tell("spate_run_request_arrivals_total", n, request, outcome)


def _tell_totals(scrape: Scrape, run: RunFigures) -> None:
    totals = run.totals
    for code, n in sorted(totals.status_codes.items()):
        scrape.tell("spate_run_responses_total", n, code)
    scrape.tell("spate_run_requests_sent_total", totals.sent)
    scrape.tell("spate_run_sent_bytes_total", totals.bytes_sent)
    scrape.tell("spate_run_received_bytes_total", totals.bytes_received)
    for name, histogram in (
        ("spate_run_response_time_seconds", totals.response_time),
        ("spate_run_service_time_seconds", totals.service_time),
        ("spate_run_lag_seconds", totals.lag),
    ):
        scrape.tell_durations(name, LeCounts.of(histogram))


def _tell_window(scrape: Scrape, run: RunFigures) -> None:
    window = run.window
    scrape.tell("spate_run_in_flight", sum(window.in_flight.values()) if window else 0)
    scrape.tell("spate_run_drivers", len(window.drivers) if window else 0)
    if window is None:
        return
    figures = window.figures
    _tell_quantiles(scrape, "spate_run_window_response_time_seconds", figures.response_time)
    _tell_quantiles(scrape, "spate_run_window_service_time_seconds", figures.service_time)
    _tell_quantiles(scrape, "spate_run_window_lag_seconds", figures.lag)


def _tell_quantiles(scrape: Scrape, name: str, histogram: Histogram) -> None:
    for quantile in QUANTILES:
        share = Fraction(quantile)
        # The maximum is known exactly, the others to a bucket.
        value_ns = histogram.max_ns if share == 1 else histogram.quantile_ns(share)
        if value_ns is not None:
            scrape.tell(name, value_ns / SECOND, quantile)


def _tell_fleet(scrape: Scrape, run: RunFigures) -> None:
    for driver_id, worker in run.workers.items():
        scrape.tell("spate_run_snapshot_age_seconds", worker.snapshot_age_ns / SECOND, driver_id)
        scrape.tell("spate_run_driver_cpu_ratio", worker.cpu, driver_id)
        if worker.lag_p99_ns is not None:
            lag_s = worker.lag_p99_ns / SECOND
            scrape.tell("spate_run_driver_lag_p99_seconds", lag_s, driver_id)
    for kind in get_args(EventKind):
        scrape.tell("spate_run_events_total", run.events.get(kind, 0), kind)
    scrape.tell("spate_run_fences_total", run.fences)
    scrape.tell("spate_run_takeovers_total", run.takeovers)
