"""A driver's own ``/metrics``, ``/healthz`` and ``/readyz``, and the counts behind them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection

import pytest
from prometheus_client.parser import text_string_to_metric_families

from driver.metrics import Collector, MetricsServer, Readings
from driver.tally import Tally
from spate.histogram import Histogram
from spate.messages import Cell, WireHistogram
from spate.timing import SECOND


def wire(*values_ns: int) -> WireHistogram:
    """Return a cell's histogram of these durations."""
    return Histogram.of(values_ns).to_wire()


def tally() -> Tally:
    """Two cuts of which the second brings more of the same."""
    found = Tally()
    found.add(
        [
            Cell(
                request=0,
                stage=0,
                sent=3,
                succeeded=2,
                failed={"timeout": 1},
                bytes_sent=30,
                response_time=wire(90_000, 2_000_000, 70 * SECOND),
                service_time=wire(80_000, 1_000_000, 60 * SECOND),
                lag=wire(10_000, 1_000_000, 9 * SECOND),
            ),
            Cell(request=1, stage=0, dropped={"in_flight_limit": 4}, missed={"fenced": 5}),
        ]
    )
    found.add(
        [
            Cell(
                request=0,
                stage=0,
                sent=1,
                succeeded=1,
                bytes_sent=10,
                bytes_received=7,
                response_time=wire(3_000_000),
            )
        ]
    )
    return found


def readings() -> Readings:
    """What a driver may say of itself."""
    return Readings(
        totals=tally().totals,
        driver_id="d",
        version="1.2.3",
        in_flight=6,
        connections=8,
        cpu=0.25,
        licensed=True,
        clock_offset_ns=-2_500_000,
        start_skew_ns=750_000,
        term=3,
        fences={"licence": 1, "state": 1},
        unacknowledged=2,
        unacknowledged_bytes=512,
        ack_age_ns=1_500_000_000,
        resent=1,
        kafka_errors=9,
        kafka_error="timed out",
        kafka_down_ns=None,
        bad_messages=4,
    )


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    """A server on a free port."""
    found = MetricsServer("127.0.0.1", 0, readings)
    try:
        yield found
    finally:
        found.close()


def get(server: MetricsServer, path: str) -> tuple[int, str, str]:
    """Return status, type and body of an answer."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type", ""), answer.read().decode()
    finally:
        connection.close()


def test_the_tally_adds_up_what_cuts_told() -> None:
    """By outcome and by kind or cause; nothing is lost between runs."""
    found = tally().totals
    assert {key: n for key, n in found.arrivals.items() if n} == {
        ("succeeded", ""): 3,
        ("failed", "timeout"): 1,
        ("dropped", "in_flight_limit"): 4,
        ("missed", "fenced"): 5,
    }
    assert (found.sent, found.bytes_sent, found.bytes_received) == (4, 40, 7)


def test_a_state_once_read_does_not_change_under_the_reader() -> None:
    """A scrape on another thread sees one cut or the next, never half of one."""
    found = tally()
    before = found.totals
    copy = replace(before, arrivals=dict(before.arrivals))
    found.add([Cell(request=0, stage=0, sent=1, succeeded=1, lag=wire(1))])
    assert before == copy
    after = found.totals
    assert (after.arrivals["succeeded", ""], after.sent, sum(after.lag.by_bound)) == (4, 5, 4)


def test_metrics_are_what_prometheus_reads(server: MetricsServer) -> None:
    """Every reading has its sample, under the names of the interface."""
    status, kind, body = get(server, "/metrics")
    assert status == 200
    assert kind.startswith("text/plain")
    assert "\nprocess_cpu_seconds_total " in body
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
        if not family.name.startswith("process_")
    }
    for name, count, sum_s, buckets in (
        ("response_time", 4, 70.00509, {"0.0001": 1, "0.001": 1, "0.0025": 2, "60.0": 3}),
        ("service_time", 3, 60.00108, {"0.0001": 1, "0.001": 2, "30.0": 2, "60.0": 3}),
        ("lag", 3, 9.00101, {"0.0001": 1, "5.0": 2, "10.0": 3, "+Inf": 3}),
    ):
        metric = f"spate_driver_{name}_seconds"
        assert samples.pop((f"{metric}_count",)) == count
        assert samples.pop((f"{metric}_sum",)) == pytest.approx(sum_s)
        told = {key[1]: samples.pop(key) for key in list(samples) if key[0] == f"{metric}_bucket"}
        assert {bound: told[bound] for bound in buckets} == buckets
        assert len(told) == 19
    nothing = [key for key, n in samples.items() if key[0].endswith("arrivals_total") and not n]
    assert len(nothing) == 21 - 4
    assert {key: n for key, n in samples.items() if key not in nothing} == {
        ("spate_driver_build_info", "1.2.3", "d"): 1,
        ("spate_driver_arrivals_total", "", "succeeded"): 3,
        ("spate_driver_arrivals_total", "failed", "timeout"): 1,
        ("spate_driver_arrivals_total", "dropped", "in_flight_limit"): 4,
        ("spate_driver_arrivals_total", "fenced", "missed"): 5,
        ("spate_driver_requests_sent_total",): 4,
        ("spate_driver_sent_bytes_total",): 40,
        ("spate_driver_received_bytes_total",): 7,
        ("spate_driver_snapshots_resent_total",): 1,
        ("spate_driver_kafka_errors_total",): 9,
        ("spate_driver_bad_messages_total",): 4,
        ("spate_driver_terms_closed_total",): 2,
        ("spate_driver_fences_total", "licence"): 1,
        ("spate_driver_fences_total", "first_failed"): 0,
        ("spate_driver_fences_total", "append_gap"): 0,
        ("spate_driver_fences_total", "log_lost"): 0,
        ("spate_driver_fences_total", "orphaned"): 0,
        ("spate_driver_fences_total", "refused"): 0,
        ("spate_driver_in_flight",): 6,
        ("spate_driver_connections",): 8,
        ("spate_driver_cpu_ratio",): 0.25,
        ("spate_driver_licensed",): 1,
        ("spate_driver_clock_offset_seconds",): -0.0025,
        ("spate_driver_start_skew_seconds",): 0.00075,
        ("spate_driver_snapshots_unacknowledged",): 2,
        ("spate_driver_snapshots_unacknowledged_bytes",): 512,
        ("spate_driver_kafka_ack_age_seconds",): 1.5,
        ("spate_driver_kafka_up",): 1,
    }


def test_what_is_not_known_yet_is_absent() -> None:
    """A driver that has not met the orchestrator's clock does not claim that both agree."""
    told = {
        family.name
        for family in Collector(
            lambda: replace(readings(), clock_offset_ns=None, start_skew_ns=None)
        ).collect()
    }
    assert {"spate_driver_clock_offset_seconds", "spate_driver_start_skew_seconds"} & told == set()
    assert "spate_driver_kafka_ack_age_seconds" in told


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [("/healthz", 200, "ok\n"), ("/readyz", 200, "ok\n"), ("/", 404, "see /metrics\n")],
)
def test_health_and_wrong_ways(server: MetricsServer, path: str, status: int, body: str) -> None:
    """A probe gets ``ok``; who asks for anything else is told where to look."""
    found = get(server, path)
    assert (found[0], found[2]) == (status, body)


def test_a_driver_without_kafka_lives_and_is_not_ready() -> None:
    """It says for how long, and what the last error was; and its metrics say so too."""
    away = replace(readings(), kafka_down_ns=12 * SECOND)
    server = MetricsServer("127.0.0.1", 0, lambda: away)
    try:
        said = get(server, "/readyz")
        assert (said[0], said[2]) == (503, "Kafka has not answered for 12 s: timed out\n")
        assert get(server, "/healthz")[0] == 200
        assert "spate_driver_kafka_up 0.0\n" in get(server, "/metrics")[2]
    finally:
        server.close()
