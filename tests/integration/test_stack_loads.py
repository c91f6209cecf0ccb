"""The three loads on three drivers over real Kafka, held against the target's own count."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from tests.integration.stack import Stack, Target, names
from tests.integration.sums import assert_adds_up, total

from spate.histogram import Histogram

pytestmark = pytest.mark.kafka

JsonObject = dict[str, Any]

REQUESTS = [
    {"name": "ping", "path": "/ping", "weight": 3},
    {"name": "made", "method": "POST", "path": "/status/201", "body": "hello"},
    {"name": "wrong", "path": "/status/404"},
]


@pytest.fixture(scope="module")
def target(fleet: Stack) -> Target:
    """A target of this module's own."""
    return fleet.start_target()


def run_all(fleet: Stack, target: Target, load: JsonObject, **more: object) -> JsonObject:
    """Run a load with three requests, and check what holds for all loads; return the report."""
    before = target.count()
    plan = {"name": "loads", "target": target.url, "requests": REQUESTS, "load": load, **more}
    report = fleet.run(plan)
    after = target.count()
    assert_adds_up(report)
    accounting = report["accounting"]
    assert (report["run"]["state"], accounting["unconfirmed"]) == ("FINISHED", 0)
    assert (total(accounting, "dropped"), total(accounting, "missed")) == (0, 0)
    assert accounting["answered"] == accounting["sent"] == accounting["planned"]
    # The target agrees, in sum, by status and by path.
    assert after["requests"] - before["requests"] == accounting["planned"]
    assert grown(before, after, "by_status") == report["status_codes"]
    assert grown(before, after, "by_path") == {
        "/ping": report["requests"][0]["accounting"]["sent"],
        "/status/201": report["requests"][1]["accounting"]["sent"],
        "/status/404": report["requests"][2]["accounting"]["sent"],
    }
    # Every driver had its part, and says how far from the common start it began.
    assert report["run"]["drivers"] == 3
    assert [row["driver_id"] for row in report["drivers"]] == names(3)
    assert [row["accounting"]["planned"] for row in report["drivers"]] == [
        accounting["planned"] // 3 + (place < accounting["planned"] % 3) for place in range(3)
    ]
    skews_ns = [row["start_skew_ns"] for row in report["drivers"]]
    offsets_ns = [row["clock_offset_ns"] for row in report["drivers"]]
    print(f"start skew, ms: {[round(ns / 1e6, 3) for ns in skews_ns]}")
    assert all(abs(ns) < 500_000_000 for ns in (*skews_ns, *offsets_ns))
    return report


def grown(before: JsonObject, after: JsonObject, key: str) -> dict[str, int]:
    """Return by how much each count under a key has grown."""
    growth: Counter[str] = Counter(after[key])
    growth.subtract(before[key])
    return {name: number for name, number in growth.items() if number}


def test_tsunami(fleet: Stack, target: Target) -> None:
    """300 × 3 at 10 ms: 900 arrivals, the k-th due 10k/3 ms after the start, 300 in each second."""
    load = {"test_type": "tsunami", "message_count_per_driver": 300, "message_delay_ms": 10}
    report = run_all(fleet, target, load)
    assert report["accounting"]["planned"] == 900
    due = Counter(k * 10_000_000 // 3 // 1_000_000_000 for k in range(900))
    assert [row["planned"] for row in report["windows"]][:3] == [due[s] for s in range(3)]
    assert [row["drivers"] for row in report["windows"]][:3] == [3, 3, 3]


def test_avalanche(fleet: Stack, target: Target) -> None:
    """5,000 × 3: each driver sends exactly its own 5,000, as fast as its connections allow."""
    load = {"test_type": "avalanche", "message_count_per_driver": 5_000}
    report = run_all(fleet, target, load)
    assert [row["accounting"]["sent"] for row in report["drivers"]] == [5_000] * 3
    # Closed load plans nothing for a second: what was decided in it is its plan.
    assert sum(row["planned"] for row in report["windows"]) == 15_000


def test_arrivals(fleet: Stack, target: Target) -> None:
    """100→1,000/s over 8 s: arrival k is due when 100 t + 112.5/2 t² = k, 4,400 in all."""
    load = {
        "test_type": "arrivals",
        "stages": [{"name": "ramp", "duration": "8s", "from": 100, "to": 1000}],
    }
    report = run_all(fleet, target, load)
    # N(s) = 100 s + 112.5 s² / 2 arrivals are due before the s-th second: a window's count is
    # the difference of the numbers of k with k < N (N is in eighths here, so floats are exact).
    due_before = [int(np.ceil(100 * s + 112.5 * s * s / 2)) for s in range(9)]
    assert due_before[8] == report["accounting"]["planned"] == 4_400
    assert [row["planned"] for row in report["windows"]][:8] == np.diff(due_before).tolist()


def test_poisson_arrivals(fleet: Stack, target: Target) -> None:
    """As many as with uniform spacing; seconds differ as they do by chance, and it is sent so."""
    stages = [{"duration": "10s", "from": 200}]
    load = {"test_type": "arrivals", "stages": stages, "spacing": "poisson"}
    report = run_all(fleet, target, load, seed=3)
    assert report["accounting"]["planned"] == 2_000
    planned = np.array([row["planned"] for row in report["windows"]][:10])
    assert planned.sum() == 2_000
    # All ten together are given, so the variance of each is 200 · 9/10.
    assert 60 < planned.var(ddof=1) < 500
    sent = np.array([row["sent"] for row in report["windows"]][:10])
    assert np.abs(sent - planned).max() < 20


def test_stages_divide_the_run(fleet: Stack, target: Target) -> None:
    """Three stages: 50 + 200 + 0 arrivals; thresholds see the measured stages only."""
    load = {
        "test_type": "arrivals",
        "stages": [
            {"name": "warm", "duration": "0.5s", "from": 100, "measured": False},
            {"name": "work", "duration": "1s", "from": 200},
            {"name": "rest", "duration": "0.5s", "from": 0},
        ],
    }
    report = run_all(fleet, target, load, thresholds=["sent.count == 200", "failed.rate > 0.1%"])
    stages = {row["name"]: row["accounting"]["planned"] for row in report["stages"]}
    assert stages == {"warm": 50, "work": 200, "rest": 0}
    assert [row["passed"] for row in report["verdict"]["thresholds"]] == [True, True]
    assert report["verdict"]["passed"] is True


def test_merged_percentiles_are_those_of_all_values(fleet: Stack, target: Target) -> None:
    """Three drivers' histograms merge to that of all raw response times, bit for bit."""
    files = [fleet.directory / f"{driver_id}.raw" for driver_id in names(3)]
    before = [path.stat().st_size if path.exists() else 0 for path in files]
    load = {"test_type": "tsunami", "message_count_per_driver": 1_000, "message_delay_ms": 2}
    merged = run_all(fleet, target, load)["response_time"]
    values_ns: list[int] = []
    for path, size in zip(files, before, strict=True):
        own_ns = [int(line) for line in path.read_bytes()[size:].split()]
        assert len(own_ns) == 1_000
        values_ns += own_ns
    one = Histogram.of(values_ns)
    assert merged == {
        "count": 3_000,
        "min_ns": min(values_ns),
        "mean_ns": sum(values_ns) / 3_000,
        "mode_ns": one.mode_ns(),
        "p50_ns": one.quantile_ns(0.50),
        "p90_ns": one.quantile_ns(0.90),
        "p95_ns": one.quantile_ns(0.95),
        "p99_ns": one.quantile_ns(0.99),
        "p999_ns": one.quantile_ns(0.999),
        "max_ns": max(values_ns),
        "histogram": one.to_json(),
    }
    # And the buckets are fine enough: the nearest rank itself lies within 0.1 %.
    exact_ns = sorted(values_ns)[2_969]
    assert abs(merged["p99_ns"] - exact_ns) <= exact_ns / 1000
