"""Drivers that come and go: between runs, in good order in a run, and by SIGKILL in a run."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.stack import Stack, Target, names, start_drivers
from tests.integration.sums import assert_adds_up, total

pytestmark = pytest.mark.kafka

JsonObject = dict[str, Any]


@pytest.fixture(scope="module")
def stack(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of this module's own, with three drivers at first."""
    with Stack(kafka, tmp_path_factory.mktemp("departures")) as stack:
        start_drivers(stack, names(3))
        yield stack


@pytest.fixture(scope="module")
def target(stack: Stack) -> Target:
    """A target of this module's own, which knows which arrivals it received."""
    return stack.start_target("--record-index")


def tsunami(target: Target, count: int, delay_ms: float) -> JsonObject:
    """Return a plan with a small fixed rate a driver."""
    return {
        "name": "departures",
        "target": target.url,
        "requests": [{"path": "/ping"}],
        "load": {
            "test_type": "tsunami",
            "message_count_per_driver": count,
            "message_delay_ms": delay_ms,
        },
        "drivers": {"min": 2},
        "options": {"index_header": True},
    }


def has_run(report: JsonObject) -> list[str]:
    """Return who had a part in a run."""
    return [row["driver_id"] for row in report["drivers"]]


def received(target: Target, report: JsonObject) -> int:
    """Return how many requests of a run the target received; none of them came twice."""
    seen = target.count()["runs"][report["run"]["id"]]
    assert seen["duplicates"] == 0
    return int(seen["requests"])


def test_a_driver_that_is_told_to_end_hands_its_work_back(stack: Stack, target: Target) -> None:
    """SIGTERM in the run: what it did counts, the others do the rest; nothing is open."""
    run_id = stack.submit(tsunami(target, 300, 10))
    stack.until_sent(run_id, 100)
    stack.kick("driver-2", signal.SIGTERM)
    assert stack.ended("driver-2") == 0
    report = stack.report(run_id)
    assert_adds_up(report)
    accounting = report["accounting"]
    assert (report["run"]["state"], accounting["planned"]) == ("FINISHED", 900)
    by_driver = {row["driver_id"]: row["accounting"] for row in report["drivers"]}
    assert 0 < by_driver["driver-2"]["planned"] < 300
    assert by_driver["driver-2"]["succeeded"] == by_driver["driver-2"]["planned"]
    assert all(by_driver[name]["planned"] > 300 for name in ("driver-1", "driver-3"))
    # What was due before anybody could have it: a second of its share at most.
    assert total(accounting, "missed") == accounting["missed"]["handover"] <= 100
    assert accounting["unconfirmed"] == 0
    assert accounting["succeeded"] == accounting["sent"] == received(target, report)
    assert ("left", "driver-2") in {(row["kind"], row["driver_id"]) for row in report["events"]}


def test_a_newcomer_takes_the_place_of_one_that_left(stack: Stack, target: Target) -> None:
    """After driver-2 left, driver-4 has its share of the next run."""
    start_drivers(stack, ["driver-4"])
    report = stack.run(tsunami(target, 50, 10))
    assert_adds_up(report)
    assert (has_run(report), report["accounting"]["succeeded"]) == (
        ["driver-1", "driver-3", "driver-4"],
        150,
    )


def test_a_killed_driver_leaves_what_is_unconfirmed(stack: Stack, target: Target) -> None:
    """SIGKILL in the run: it ends, adds up, and the target's count lies within the bounds."""
    run_id = stack.submit(tsunami(target, 700, 10))
    stack.until_sent(run_id, 300)
    stack.kick("driver-3", signal.SIGKILL)
    killed = time.monotonic()
    stack.until(lambda: stack.driver_states()["driver-3"] == "lost", "driver-3 is not lost", 20)
    print(f"lost after {time.monotonic() - killed:.1f} s")
    report = stack.report(run_id)
    assert_adds_up(report)
    accounting = report["accounting"]
    by_driver = {row["driver_id"]: row["accounting"] for row in report["drivers"]}
    assert (report["run"]["state"], accounting["planned"]) == ("FINISHED", 2_100)
    # The others did their own, and what it had not claimed.
    assert all(by_driver[name]["succeeded"] > 700 for name in ("driver-1", "driver-4"))
    # It may have sent what it had claimed, two seconds of its load, and did not report it all.
    assert 0 < by_driver["driver-3"]["unconfirmed"] <= 300
    assert accounting["unconfirmed"] == by_driver["driver-3"]["unconfirmed"]
    assert by_driver["driver-3"]["planned"] < 700
    assert total(accounting, "missed") == accounting["missed"]["handover"] <= 300
    counted = received(target, report)
    print(f"{counted} counted, {accounting}")
    assert accounting["answered"] <= counted <= accounting["sent"] + accounting["unconfirmed"]
    assert {"unconfirmed", "driver_lost"} <= {
        doubt["reason"] for doubt in report["verdict"]["degraded"]
    }
    stack.ended("driver-3")


def test_one_unheard_is_not_eligible(stack: Stack, target: Target) -> None:
    """A driver killed just before a run gets no part of it; restarted it has one again."""
    stack.kick("driver-1", signal.SIGKILL)
    stack.ended("driver-1")
    start_drivers(stack, ["driver-5"])
    report = stack.run(tsunami(target, 50, 10))
    assert_adds_up(report)
    assert (has_run(report), report["accounting"]["succeeded"]) == (["driver-4", "driver-5"], 100)
    assert stack.driver_states()["driver-1"] == "lost"
    start_drivers(stack, ["driver-1"])
    report = stack.run(tsunami(target, 50, 10))
    assert has_run(report) == ["driver-1", "driver-4", "driver-5"]


def test_too_few_drivers_fail_the_run(stack: Stack, target: Target) -> None:
    """A plan that needs more drivers than there are waits as long as it says, then FAILED."""
    plan = tsunami(target, 50, 10) | {"drivers": {"min": 9, "wait": "1s"}}
    before = target.requests()
    report = stack.run(plan)
    assert_adds_up(report)
    assert (report["run"]["state"], report["verdict"]["passed"]) == ("FAILED", False)
    assert "needs 9" in report["run"]["reason"]
    assert total(report["accounting"], "missed") == report["accounting"]["planned"] == 450
    assert target.requests() == before


def test_eight_drivers_share_a_run(stack: Stack, target: Target) -> None:
    """Eight drivers have an eighth each, and the target counts all of it."""
    more = [f"driver-{number}" for number in range(6, 11)]
    start_drivers(stack, more)
    report = stack.run(tsunami(target, 100, 20) | {"drivers": {"min": 8}})
    assert_adds_up(report)
    assert sorted(has_run(report)) == sorted(["driver-1", "driver-4", "driver-5", *more])
    assert [row["accounting"]["succeeded"] for row in report["drivers"]] == [100] * 8
    assert (report["accounting"]["planned"], received(target, report)) == (800, 800)
