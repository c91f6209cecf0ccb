"""A driver's ``/metrics``, ``/healthz`` and ``/readyz``, on a thread of their own.

They answer however busy the load is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric

from driver.closure import FENCE_CAUSES, CloseCause
from driver.metric_table import DRIVER_METRICS
from driver.tally import Totals
from spate.scrape import Scrape
from spate.timing import SECOND

_NOT_FOUND: Final = 404
_UNAVAILABLE: Final = 503
_TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Readings:
    """What the driver says of itself at a scrape.

    ``fences`` counts the terms that closed, by cause. ``ack_age_ns`` is for how long the oldest of
    the unacknowledged snapshots has been waiting, 0 without one. ``kafka_down_ns`` is for how long
    no broker has answered, None while one does.
    """

    totals: Totals
    driver_id: str
    version: str
    in_flight: int
    connections: int
    cpu: float
    licensed: bool
    clock_offset_ns: int | None
    start_skew_ns: int | None
    term: int
    fences: Mapping[CloseCause, int]
    unacknowledged: int
    unacknowledged_bytes: int
    ack_age_ns: int
    resent: int
    kafka_errors: int
    kafka_error: str | None
    kafka_down_ns: int | None
    bad_messages: int


class Collector:
    """Renders the readings at scrape time; the hot path knows nothing of Prometheus."""

    def __init__(self, read: Callable[[], Readings]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Yield all metric families that are in ``DRIVER_METRICS`` and known now."""
        now = self._read()
        totals, scrape = now.totals, Scrape(DRIVER_METRICS)
        scrape.tell("spate_driver_build_info", 1, now.version, now.driver_id)
        for (outcome, kind), n in totals.arrivals.items():
            scrape.tell("spate_driver_arrivals_total", n, outcome, kind)
        scrape.tell("spate_driver_requests_sent_total", totals.sent)
        scrape.tell("spate_driver_sent_bytes_total", totals.bytes_sent)
        scrape.tell("spate_driver_received_bytes_total", totals.bytes_received)
        scrape.tell_durations("spate_driver_response_time_seconds", totals.response_time)
        scrape.tell_durations("spate_driver_service_time_seconds", totals.service_time)
        scrape.tell_durations("spate_driver_lag_seconds", totals.lag)
        scrape.tell("spate_driver_in_flight", now.in_flight)
        scrape.tell("spate_driver_connections", now.connections)
        scrape.tell("spate_driver_cpu_ratio", now.cpu)
        scrape.tell("spate_driver_licensed", now.licensed)
        scrape.tell_some("spate_driver_clock_offset_seconds", _seconds(now.clock_offset_ns))
        scrape.tell_some("spate_driver_start_skew_seconds", _seconds(now.start_skew_ns))
        scrape.tell("spate_driver_snapshots_unacknowledged", now.unacknowledged)
        scrape.tell("spate_driver_snapshots_unacknowledged_bytes", now.unacknowledged_bytes)
        scrape.tell("spate_driver_kafka_ack_age_seconds", now.ack_age_ns / SECOND)
        scrape.tell("spate_driver_kafka_up", now.kafka_down_ns is None)
        for cause in FENCE_CAUSES:
            scrape.tell("spate_driver_fences_total", now.fences.get(cause, 0), cause)
        scrape.tell("spate_driver_terms_closed_total", now.term - 1)
        scrape.tell("spate_driver_snapshots_resent_total", now.resent)
        scrape.tell("spate_driver_kafka_errors_total", now.kafka_errors)
        scrape.tell("spate_driver_bad_messages_total", now.bad_messages)
        return scrape.collect()


def _seconds(duration_ns: int | None) -> float | None:
    return None if duration_ns is None else duration_ns / SECOND


class MetricsServer:
    """Serves ``/metrics``, ``/healthz`` and ``/readyz`` until closed.

    Raises:
        OSError: if the address cannot be bound.
    """

    def __init__(self, host: str, port: int, read: Callable[[], Readings]) -> None:
        registry = CollectorRegistry()
        registry.register(Collector(read))
        ProcessCollector(registry=registry)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._answer(200, CONTENT_TYPE_LATEST, generate_latest(registry))
                elif self.path == "/healthz":
                    self._answer(200, _TEXT, b"ok\n")
                elif self.path == "/readyz":
                    self._answer(*_readiness(read()))
                else:
                    self._answer(_NOT_FOUND, _TEXT, b"see /metrics\n")

            def log_message(self, *_: object) -> None:
                """Say nothing: scrapes are no events."""

            def _answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="driver-metrics", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


def _readiness(now: Readings) -> tuple[int, str, bytes]:
    """Return status, type and text: ready is who reaches Kafka, for all work comes from there."""
    if now.kafka_down_ns is None:
        return 200, _TEXT, b"ok\n"
    away_s = now.kafka_down_ns / SECOND
    text = f"Kafka has not answered for {away_s:.0f} s: {now.kafka_error}\n"
    return _UNAVAILABLE, _TEXT, text.encode()
