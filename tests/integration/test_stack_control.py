"""What users do to runs that wait or are under way: stop, abort, queue."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

import pytest
from tests.integration.stack import Stack, Target
from tests.integration.sums import assert_adds_up, total

pytestmark = pytest.mark.kafka

JsonObject = dict[str, Any]


@pytest.fixture(scope="module")
def target(fleet: Stack) -> Target:
    """A target of this module's own, 50 ms slow so that there is something in flight."""
    return fleet.start_target("--latency", "constant:50ms")


def tsunami(target: Target, count: int = 1_000, name: str = "control") -> JsonObject:
    """Return a plan of ``count`` × 3 requests at 300/s."""
    return {
        "name": name,
        "target": target.url,
        "requests": [{"path": "/ping"}],
        "load": {
            "test_type": "tsunami",
            "message_count_per_driver": count,
            "message_delay_ms": 10,
        },
    }


def test_stop_finishes_what_is_in_flight(fleet: Stack, target: Target) -> None:
    """Stopped in the run: nothing is cut off, the rest is missed(aborted), the count agrees."""
    before = target.requests()
    run_id = fleet.submit(tsunami(target))
    fleet.until_sent(run_id, 200)
    assert fleet.call("POST", f"/runs/{run_id}/stop").status_code == 200
    assert fleet.call("POST", f"/runs/{run_id}/stop").status_code in (200, 409)
    report = fleet.report(run_id)
    assert_adds_up(report)
    run, accounting = report["run"], report["accounting"]
    assert (run["state"], run["stopped"], report["verdict"]["passed"]) == ("FINISHED", True, True)
    assert accounting["succeeded"] == accounting["sent"] == target.requests() - before
    assert (
        accounting["missed"]["aborted"] == 3_000 - accounting["sent"] == total(accounting, "missed")
    )
    assert accounting["unconfirmed"] == 0
    # It stopped when told to: nobody went on for a second.
    assert len(report["windows"]) <= 6


def test_abort_ends_it_now(fleet: Stack, target: Target) -> None:
    """Aborted in the run: what was in flight has no outcome, and the bounds hold."""
    before = target.requests()
    run_id = fleet.submit(tsunami(target))
    fleet.until_sent(run_id, 200)
    assert fleet.call("POST", f"/runs/{run_id}/abort").status_code == 200
    report = fleet.report(run_id)
    assert_adds_up(report)
    run, accounting = report["run"], report["accounting"]
    assert (run["state"], report["verdict"]["passed"]) == ("ABORTED", False)
    assert run["reason"] == "aborted by a user"
    counted = target.requests() - before
    assert accounting["answered"] <= counted <= accounting["sent"] + accounting["unconfirmed"]
    # At 300/s and 50 ms about 15 are in flight; all that is not known was in flight.
    assert accounting["unconfirmed"] <= 300
    assert 0 < accounting["missed"]["aborted"] < 3_000


def test_a_waiting_run_ends_at_once(fleet: Stack, target: Target) -> None:
    """Stopped or aborted while they wait: nothing is sent, all is missed(aborted)."""
    before = target.requests()
    first = fleet.submit(tsunami(target, 300, "first"))
    stopped = fleet.submit(tsunami(target, 100, "stopped"))
    aborted = fleet.submit(tsunami(target, 100, "aborted"))
    assert fleet.view(stopped)["run"]["state"] == fleet.view(aborted)["run"]["state"] == "PENDING"
    assert fleet.call("POST", f"/runs/{aborted}/abort").status_code == 200
    assert fleet.call("POST", f"/runs/{stopped}/stop").status_code == 200
    reports = [fleet.report(run_id, within_s=5) for run_id in (stopped, aborted)]
    assert fleet.view(first)["run"]["ended_at"] is None
    for report, state in zip(reports, ("FINISHED", "ABORTED"), strict=True):
        assert_adds_up(report)
        assert (report["run"]["state"], report["run"]["started_at"]) == (state, None)
        accounting = report["accounting"]
        assert accounting["missed"]["aborted"] == accounting["planned"] == 100
        assert (accounting["sent"], report["windows"], report["drivers"]) == (0, [], [])
    report = fleet.report(first)
    assert_adds_up(report)
    assert (report["accounting"]["succeeded"], target.requests() - before) == (900, 900)


def test_stop_before_the_start(fleet: Stack, target: Target) -> None:
    """Stopped in PREPARING or READY, before the first request: nothing is ever sent."""
    before = target.requests()
    run_id = fleet.submit(tsunami(target, 100) | {"drivers": {"min": 99, "wait": "30s"}})
    fleet.until_state(run_id, "PREPARING")
    assert fleet.call("POST", f"/runs/{run_id}/stop").status_code == 200
    report = fleet.report(run_id, within_s=10)
    assert_adds_up(report)
    assert (report["run"]["state"], report["run"]["stopped"]) == ("FINISHED", True)
    assert (report["accounting"]["sent"], target.requests()) == (0, before)


def test_runs_wait_for_each_other(fleet: Stack, target: Target) -> None:
    """Three runs submitted together run one after the other, in order, each by all drivers."""
    before = target.requests()
    run_ids = [fleet.submit(tsunami(target, 50, f"number-{n}")) for n in (1, 2, 3)]
    reports = [fleet.report(run_id) for run_id in run_ids]
    for report in reports:
        assert_adds_up(report)
        assert report["run"]["drivers"] == len(report["drivers"]) == 3
        assert report["accounting"]["succeeded"] == 150
    for earlier, later in itertools.pairwise(reports):
        ended = datetime.fromisoformat(earlier["run"]["ended_at"])
        assert datetime.fromisoformat(later["run"]["started_at"]) >= ended
    assert target.requests() - before == 450
    listed = fleet.call("GET", "/runs?limit=3").json()["runs"]
    assert [(row["id"], row["state"], row["passed"]) for row in listed] == [
        (run_id, "FINISHED", True) for run_id in reversed(run_ids)
    ]
