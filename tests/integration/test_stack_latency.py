"""Honest latency: a target that is silent for one second, and what the report says of it.

The arithmetic, for a tsunami of 1,000/s over 10 s and ``--stall 3:1``. Arrival k is due k ms after
the start. Those due in [3 s, 4 s), 1,000 of 10,000, cannot be answered before 4 s, so the one due t
into the stall has a response time of 1 s - t at least: 1 s for the first and, for the 101st worst
of 10,000 (the p99 by nearest rank), 0.9 s. On top of that comes the time that the driver needs
after the stall to send what has waited: few milliseconds on a quiet machine.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.integration.stack import Stack
from tests.integration.sums import assert_adds_up, total

pytestmark = pytest.mark.kafka

JsonObject = dict[str, Any]

MS = 1_000_000
STALLED = 1_000
EARLY_NS = 20 * MS
"""The stall is counted from the first request's arrival at the target, not from the start."""
LATE_NS = 250 * MS
"""For a machine that does other things as well."""


def stalled_run(small: Stack, connections: int, in_flight: int) -> JsonObject:
    """Run the tsunami against a fresh target that stalls; the target's count must agree."""
    target = small.start_target("--stall", "3:1")
    report = small.run(
        {
            "name": "stalled",
            "target": target.url,
            "requests": [{"path": "/ping"}],
            "load": {
                "test_type": "tsunami",
                "message_count_per_driver": 10_000,
                "message_delay_ms": 1,
            },
            "limits": {"connections": connections, "in_flight": in_flight},
        }
    )
    assert_adds_up(report)
    accounting = report["accounting"]
    assert (accounting["planned"], accounting["unconfirmed"]) == (10_000, 0)
    assert (total(accounting, "failed"), total(accounting, "missed")) == (0, 0)
    assert target.requests() == accounting["sent"] == accounting["succeeded"]
    show(report, connections)
    return report


def show(report: JsonObject, connections: int) -> None:
    """Print what was measured."""
    for name in ("response_time", "service_time", "lag", "wait_time"):
        figures = report[name]
        shown = {k: round(figures[f"{k}_ns"] / 1e6, 2) for k in ("p50", "p99", "p999", "max")}
        print(f"{connections} connections, {name}, ms: {shown}")


def slower_than(figures: JsonObject, limit_ns: int) -> int:
    """Return how many lie in buckets above a limit."""
    return sum(n for low_ns, _, n in figures["histogram"] if low_ns >= limit_ns)


@pytest.mark.parametrize("connections", [8, 64])
def test_the_stall_is_in_every_response_time_that_it_delayed(
    small: Stack, connections: int
) -> None:
    """p99 is 0.9 s and max 1 s, whatever the connections; wait and service are told apart."""
    report = stalled_run(small, connections, in_flight=2_000)
    assert total(report["accounting"], "dropped") == 0
    response = report["response_time"]
    assert 900 * MS - EARLY_NS <= response["p99_ns"] <= 900 * MS + LATE_NS
    assert 1000 * MS - EARLY_NS <= response["max_ns"] <= 1000 * MS + LATE_NS
    # Those of the first half of the stall, one each ms, took more than half a second.
    assert 480 <= slower_than(response, 500 * MS) <= 750
    # Only what was on a connection when the stall began had a slow service; the rest waited.
    service = report["service_time"]
    assert slower_than(service, 500 * MS) == connections
    assert 1000 * MS - EARLY_NS <= service["max_ns"] <= 1000 * MS + LATE_NS
    wait = report["wait_time"]
    worst_wait_ns = (1000 - connections) * MS
    assert worst_wait_ns - EARLY_NS <= wait["max_ns"] <= worst_wait_ns + LATE_NS
    # The target's silence is not the generator's lateness.
    assert report["lag"]["p99_ns"] <= LATE_NS
    assert report["lag"]["count"] == wait["count"] == service["count"] == 10_000


def test_a_limit_of_what_is_in_flight_shows_as_drops(small: Stack) -> None:
    """50 in flight: of the 1,000 due in the stall 50 are sent and 950 dropped, in its window."""
    report = stalled_run(small, 64, in_flight=50)
    accounting = report["accounting"]
    dropped = accounting["dropped"]["in_flight_limit"]
    in_the_stall = report["windows"][3]["dropped"]
    print(f"{dropped} dropped, {in_the_stall} in the fourth second")
    # The stall and the fourth second begin a moment apart, and a driver that is late by a tenth
    # of a second drops as many of the third in it. Elsewhere a pause of 50 ms makes drops as well.
    assert STALLED - 50 - 100 <= in_the_stall <= STALLED - 50 + 150
    assert dropped >= STALLED - 50 - 5
    assert accounting["sent"] == 10_000 - dropped
    assert slower_than(report["response_time"], 900 * MS) >= 45
    assert "dropped" in {doubt["reason"] for doubt in report["verdict"]["degraded"]}
