"""A driver's ``/metrics``, ``/healthz`` and ``/readyz``, on a thread of their own.

They answer however busy the load is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from driver.closure import FENCE_CAUSES, CloseCause
from driver.tally import Tally
from spate.timing import SECOND

_NOT_FOUND: Final = 404
_UNAVAILABLE: Final = 503
_TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Readings:
    """What the driver says of itself at a scrape.

    ``fences`` counts the terms that closed, by cause. ``kafka_down_ns`` is for how long no broker
    has answered, None while one does.
    """

    tally: Tally
    driver_id: str
    version: str
    in_flight: int
    connections: int
    cpu: float
    licensed: bool
    term: int
    fences: Mapping[CloseCause, int]
    unacknowledged: int
    unacknowledged_bytes: int
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
        """Yield all metric families."""
        now = self._read()
        info = GaugeMetricFamily(
            "spate_driver_build_info", "Version of this driver.", labels=["version", "driver_id"]
        )
        info.add_metric([now.version, now.driver_id], 1)
        yield info
        arrivals = CounterMetricFamily(
            "spate_driver_arrivals",
            "Arrivals by what became of them.",
            labels=["outcome", "kind"],
        )
        for (outcome, kind), n in sorted(now.tally.arrivals.items()):
            arrivals.add_metric([outcome, kind], n)
        yield arrivals
        fences = CounterMetricFamily(
            "spate_driver_fences",
            "Terms that closed because the right or the ability to send was gone.",
            labels=["cause"],
        )
        for cause in FENCE_CAUSES:
            fences.add_metric([cause], now.fences.get(cause, 0))
        yield fences
        counters = {
            "spate_driver_requests_sent": ("Requests put on a socket.", now.tally.sent),
            "spate_driver_sent_bytes": ("Bytes sent to targets.", now.tally.bytes_sent),
            "spate_driver_received_bytes": ("Bytes from targets.", now.tally.bytes_received),
            "spate_driver_snapshots_resent": ("Snapshots that Kafka refused once.", now.resent),
            "spate_driver_kafka_errors": ("Errors of the Kafka clients.", now.kafka_errors),
            "spate_driver_bad_messages": ("Control messages not understood.", now.bad_messages),
            "spate_driver_terms_closed": ("Terms closed since the start.", now.term - 1),
        }
        for name, (text, value) in counters.items():
            yield CounterMetricFamily(name, text, value=value)
        gauges = {
            "spate_driver_in_flight": ("Arrivals decided and not done.", now.in_flight),
            "spate_driver_connections": ("Open connections to the target.", now.connections),
            "spate_driver_cpu_ratio": ("CPU used, as a share of one core.", now.cpu),
            "spate_driver_licensed": ("1 while this driver may send.", int(now.licensed)),
            "spate_driver_snapshots_unacknowledged": (
                "Snapshots that Kafka has not acknowledged.",
                now.unacknowledged,
            ),
            "spate_driver_snapshots_unacknowledged_bytes": (
                "Their size.",
                now.unacknowledged_bytes,
            ),
            "spate_driver_kafka_up": (
                "1 while a Kafka broker answers.",
                int(now.kafka_down_ns is None),
            ),
        }
        for name, (text, level) in gauges.items():
            yield GaugeMetricFamily(name, text, value=level)


class MetricsServer:
    """Serves ``/metrics``, ``/healthz`` and ``/readyz`` until closed.

    Raises:
        OSError: if the address cannot be bound.
    """

    def __init__(self, host: str, port: int, read: Callable[[], Readings]) -> None:
        registry = CollectorRegistry()
        registry.register(Collector(read))

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
