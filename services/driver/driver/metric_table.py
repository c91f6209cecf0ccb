"""The metrics of a driver, each declared once."""

from __future__ import annotations

from typing import Final

from spate.declared_metric import DeclaredMetric as Metric

DRIVER_METRICS: Final = (
    Metric(
        "spate_driver_build_info",
        "gauge",
        "Always 1; says which driver this is, and its version.",
        ("version", "driver_id"),
    ),
    Metric(
        "spate_driver_arrivals_total",
        "counter",
        "Arrivals that have an outcome: succeeded, failed, dropped or missed, and the kind or "
        "cause (empty for a success).",
        ("outcome", "kind"),
    ),
    Metric(
        "spate_driver_requests_sent_total",
        "counter",
        "Requests of which the first byte was put on a socket.",
    ),
    Metric("spate_driver_sent_bytes_total", "counter", "Bytes of requests sent to targets."),
    Metric("spate_driver_received_bytes_total", "counter", "Bytes of responses from targets."),
    Metric(
        "spate_driver_response_time_seconds",
        "histogram",
        "From when an arrival was due until it was done, of all that were sent, failures and "
        "time-outs too.",
    ),
    Metric(
        "spate_driver_service_time_seconds",
        "histogram",
        "From the first byte sent until the arrival was done, of all that were sent.",
    ),
    Metric(
        "spate_driver_lag_seconds",
        "histogram",
        "How late this driver itself took arrivals in hand.",
    ),
    Metric("spate_driver_in_flight", "gauge", "Arrivals taken in hand and not done."),
    Metric("spate_driver_connections", "gauge", "Open connections to the target."),
    Metric(
        "spate_driver_cpu_ratio",
        "gauge",
        "CPU used between the last two measurements, half a second apart, as a share of one core.",
    ),
    Metric("spate_driver_licensed", "gauge", "1 while this driver may send, else 0."),
    Metric(
        "spate_driver_clock_offset_seconds",
        "gauge",
        "The orchestrator's wall clock minus this driver's; absent before both have met.",
    ),
    Metric(
        "spate_driver_start_skew_seconds",
        "gauge",
        "How late the first arrival of its newest run was taken in hand, by the orchestrator's "
        "clock; absent before, and for a driver that joined later.",
    ),
    Metric(
        "spate_driver_snapshots_unacknowledged",
        "gauge",
        "Snapshots of measurements that Kafka has not acknowledged.",
    ),
    Metric(
        "spate_driver_snapshots_unacknowledged_bytes",
        "gauge",
        "The size of the snapshots that Kafka has not acknowledged.",
    ),
    Metric(
        "spate_driver_kafka_ack_age_seconds",
        "gauge",
        "For how long the oldest of these snapshots has been waiting for Kafka; 0 without one.",
    ),
    Metric("spate_driver_kafka_up", "gauge", "1 while a Kafka broker answers, else 0."),
    Metric(
        "spate_driver_fences_total",
        "counter",
        "Terms in which this driver stopped by itself, because the right or the ability to send "
        "was gone, by cause.",
        ("cause",),
    ),
    Metric("spate_driver_terms_closed_total", "counter", "Terms that closed, for whatever cause."),
    Metric(
        "spate_driver_snapshots_resent_total",
        "counter",
        "How often a snapshot was refused by Kafka, to be sent again.",
    ),
    Metric("spate_driver_kafka_errors_total", "counter", "Errors of the Kafka clients."),
    Metric(
        "spate_driver_bad_messages_total", "counter", "Control messages that were not understood."
    ),
)
