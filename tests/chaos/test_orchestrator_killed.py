"""The orchestrator is killed in a run and started again: the load never notices."""

from __future__ import annotations

import time

from tests.chaos.bounds import assert_bounds, assert_exact, doubts, missed
from tests.chaos.chaos_stack import ChaosStack, by_driver, received
from tests.chaos.plans import tsunami
from tests.chaos.pulse import Pulse
from tests.integration.stack import Target

RATE_PER_S = 300


def test_the_load_goes_on_and_the_report_is_exact(stack: ChaosStack, target: Target) -> None:
    """SIGKILL, back after 2 s: no second without load, no window missing, nothing open."""
    stack.fleet_of(3)
    run_id = stack.begin(tsunami(target, 2_000, 10), target, 600)
    with Pulse.of_run(target, run_id) as pulse:
        killed_s = stack.kill("orchestrator")
        time.sleep(2)
        stack.revive()
        back_s = time.monotonic()
        print(f"it answered again {back_s - killed_s:.1f} s after the kill")
        report = stack.report(run_id)
    print(f"per second from the kill on: {pulse.timeline(killed_s)}")
    assert_exact(report, target)
    assert report["accounting"]["succeeded"] == 6_000
    over_s = pulse.began_s + 17  # two of the run's 20 s were over when it was first looked
    assert pulse.lowest(killed_s, min(back_s + 1, over_s)) >= 0.8 * RATE_PER_S
    full = [row["sent"] for row in report["windows"]][1:19]
    assert all(0.8 * RATE_PER_S <= sent <= 1.2 * RATE_PER_S for sent in full), full
    assert {"driver_lost", "gaps", "unconfirmed"} & set(doubts(report)) == set()


def test_a_driver_that_dies_meanwhile_is_lost(stack: ChaosStack, target: Target) -> None:
    """Both killed: the orchestrator comes back, notices, and has the others take over."""
    drivers = stack.fleet_of(3)
    run_id = stack.begin(tsunami(target, 1_200, 10), target, 300)
    with Pulse.of_run(target, run_id) as pulse:
        stack.kill("orchestrator")
        killed_s = stack.kill(drivers[1])
        time.sleep(2)
        stack.revive()
        report = stack.report(run_id)
    print(
        f"full rate {pulse.restored_after(killed_s, RATE_PER_S)} s after the kills; "
        f"per second {pulse.timeline(killed_s)}"
    )
    assert_bounds(report, target, "handover")
    accounting = report["accounting"]
    assert (report["run"]["state"], accounting["planned"]) == ("FINISHED", 3_600)
    assert accounting["unconfirmed"] == by_driver(report)[drivers[1]]["unconfirmed"] <= 300
    assert missed(report).get("handover", 0) <= 1_000
    assert drivers[1] in doubts(report)["driver_lost"]


def test_what_ends_and_what_waits_survives(stack: ChaosStack, target: Target) -> None:
    """A run whose last request is sent meanwhile is reported whole; the queued one follows."""
    stack.fleet_of(2)
    first = stack.begin(tsunami(target, 500, 10), target, 200)
    second = stack.submit(tsunami(target, 100, 10) | {"name": "queued"})
    assert stack.view(second)["run"]["state"] == "PENDING"
    stack.kill("orchestrator")
    stack.until(lambda: received(target, first) == 1_000, "the drivers do not finish", 30)
    time.sleep(1)
    stack.revive()
    for run_id, name, count in ((first, "chaos", 1_000), (second, "queued", 200)):
        report = stack.report(run_id)
        assert_exact(report, target)
        assert (report["run"]["name"], report["accounting"]["succeeded"]) == (name, count)
