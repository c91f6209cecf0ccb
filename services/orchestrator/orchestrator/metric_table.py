"""The metrics of the orchestrator, each declared once: its own, and those of a run."""

from __future__ import annotations

from typing import Final

from spate.declared_metric import DeclaredMetric as Metric

ORCHESTRATOR_METRICS: Final = (
    Metric("spate_orchestrator_build_info", "gauge", "Always 1; says the version.", ("version",)),
    Metric(
        "spate_orchestrator_drivers",
        "gauge",
        "Drivers heard, by state: idle, working, deaf, leaving or lost.",
        ("state",),
    ),
    Metric(
        "spate_orchestrator_fleet_desired",
        "gauge",
        "Driver pods that are wanted; absent where the drivers are no pods.",
    ),
    Metric(
        "spate_orchestrator_fleet_ready",
        "gauge",
        "Driver pods that are ready; absent where the drivers are no pods.",
    ),
    Metric("spate_orchestrator_runs_queued", "gauge", "Runs that wait for their turn."),
    Metric("spate_orchestrator_streams", "gauge", "Live streams that are open."),
    Metric(
        "spate_orchestrator_snapshots_total",
        "counter",
        "Snapshots read, by what became of them: merged, duplicate, late (of no run under way) or "
        "foreign.",
        ("result",),
    ),
    Metric(
        "spate_orchestrator_snapshot_gaps",
        "gauge",
        "Snapshots that are missing between others now; a gap may still be filled.",
    ),
    Metric("spate_orchestrator_kafka_errors_total", "counter", "Errors of the Kafka clients."),
    Metric("spate_orchestrator_kafka_up", "gauge", "1 while a Kafka broker answers, else 0."),
    Metric(
        "spate_orchestrator_kafka_ack_age_seconds",
        "gauge",
        "For how long its transaction has been waiting for Kafka; 0 without one.",
    ),
    Metric(
        "spate_orchestrator_bad_messages_total",
        "counter",
        "Records that were no messages of ours, by topic (without the prefix).",
        ("topic",),
    ),
    Metric(
        "spate_orchestrator_driver_losses_total",
        "counter",
        "Drivers that were taken for lost, with work or without, by this process.",
    ),
)

RUN_METRICS: Final = (
    Metric(
        "spate_run_info",
        "gauge",
        "Always 1; says which run all spate_run_ series are of.",
        ("run_id", "name", "test_type"),
    ),
    Metric("spate_run_state", "gauge", "1 for the state of the run, 0 for the others.", ("state",)),
    Metric(
        "spate_run_state_entered_timestamp_seconds",
        "gauge",
        "When the run came into its state, in seconds since 1970.",
    ),
    Metric(
        "spate_run_planned_arrivals",
        "gauge",
        "Arrivals that are planned, from the first to the last; absent before the drivers are "
        "known.",
    ),
    Metric(
        "spate_run_due_arrivals_total",
        "counter",
        "Planned arrivals that were due by now, whatever became of them; open load only.",
    ),
    Metric(
        "spate_run_planned_rate",
        "gauge",
        "Arrivals that were due in the newest full second; open load only.",
    ),
    Metric(
        "spate_run_arrivals_total",
        "counter",
        "Arrivals that have an outcome: succeeded, failed, dropped or missed, and the kind or "
        "cause (empty for a success).",
        ("outcome", "kind"),
    ),
    Metric(
        "spate_run_unconfirmed_arrivals",
        "gauge",
        "Arrivals of which it is not known whether they were sent: terms that are not live owe "
        "them. Late snapshots make them fewer.",
    ),
    Metric(
        "spate_run_request_arrivals_total",
        "counter",
        "Arrivals that drivers reported, by request of the plan and outcome; what was given up "
        "without a driver is in spate_run_arrivals_total only.",
        ("request", "outcome"),
    ),
    Metric("spate_run_responses_total", "counter", "Responses by status code.", ("code",)),
    Metric(
        "spate_run_requests_sent_total",
        "counter",
        "Requests of which the first byte was put on a socket.",
    ),
    Metric("spate_run_sent_bytes_total", "counter", "Bytes of requests sent."),
    Metric("spate_run_received_bytes_total", "counter", "Bytes of responses received."),
    Metric(
        "spate_run_response_time_seconds",
        "histogram",
        "From when an arrival was due until it was done, of all that were sent, failures and "
        "time-outs too.",
    ),
    Metric(
        "spate_run_service_time_seconds",
        "histogram",
        "From the first byte sent until the arrival was done, of all that were sent.",
    ),
    Metric("spate_run_lag_seconds", "histogram", "How late the drivers took arrivals in hand."),
    Metric(
        "spate_run_window_response_time_seconds",
        "summary",
        "Quantiles of the response time in the newest full second, to 0.1 %; 1 is the "
        "exact maximum.",
        ("quantile",),
    ),
    Metric(
        "spate_run_window_service_time_seconds",
        "summary",
        "Quantiles of the service time in the newest full second, to 0.1 %; 1 is the "
        "exact maximum.",
        ("quantile",),
    ),
    Metric(
        "spate_run_window_lag_seconds",
        "summary",
        "Quantiles of the lag in the newest full second, to 0.1 %; 1 is the exact maximum.",
        ("quantile",),
    ),
    Metric(
        "spate_run_in_flight",
        "gauge",
        "Arrivals taken in hand and not done, at the end of the newest full second.",
    ),
    Metric("spate_run_drivers", "gauge", "Drivers of which the newest full second holds figures."),
    Metric(
        "spate_run_snapshot_age_seconds",
        "gauge",
        "Of each driver with work of the run: since when nothing new of it was merged. Before its "
        "first snapshot: since it was first asked for.",
        ("driver_id",),
    ),
    Metric(
        "spate_run_driver_cpu_ratio",
        "gauge",
        "CPU of each driver with work of the run, as a share of one core, by its last heartbeat.",
        ("driver_id",),
    ),
    Metric(
        "spate_run_driver_lag_p99_seconds",
        "gauge",
        "The lag's p99 over half a second of each driver with work of the run, by its last "
        "heartbeat.",
        ("driver_id",),
    ),
    Metric(
        "spate_run_events_total",
        "counter",
        "What happened to the run and its drivers, by kind, as in the report's events.",
        ("kind",),
    ),
    Metric(
        "spate_run_fences_total",
        "counter",
        "Terms that drivers closed by themselves, because they could not be sure to be heard.",
    ),
    Metric(
        "spate_run_takeovers_total",
        "counter",
        "Pieces of work that were nobody's and were given to drivers anew: of drivers that were "
        "lost, fenced or left, or cut off for one that joined.",
    ),
    Metric("spate_run_passed", "gauge", "1 if the run passed, 0 if not; absent before its end."),
    Metric(
        "spate_run_degraded",
        "gauge",
        "1 for each reason not to trust the run's figures, as in the report's verdict.",
        ("reason",),
    ),
)
