"""A driver that comes under way gets a part of what is left."""

from __future__ import annotations

import time

import pytest
from tests.chaos.bounds import assert_exact, missed
from tests.chaos.chaos_stack import ChaosStack, by_driver, happened
from tests.chaos.churning import churn
from tests.chaos.plans import arrivals, avalanche, tsunami
from tests.chaos.pulse import Pulse
from tests.integration.stack import Target


@pytest.mark.parametrize("test_type", ["tsunami", "arrivals", "avalanche"])
def test_a_newcomer_gets_work(
    stack: ChaosStack, target: Target, slow_target: Target, test_type: str
) -> None:
    """Started under way it sends within seconds; nothing is open, next to nothing missed."""
    drivers = stack.fleet_of(2)
    aim = slow_target if test_type == "avalanche" else target
    plan, planned = {
        "tsunami": (tsunami(target, 1_500, 10), 3_000),
        "arrivals": (arrivals(target, 200, 15), 3_000),
        "avalanche": (avalanche(slow_target, 3_000, 8), 6_000),
    }[test_type]
    run_id = stack.begin(plan, aim, 200)
    with Pulse.of_run(aim, run_id) as pulse:
        started_s = time.monotonic()
        newcomer = stack.enlist()
        stack.until(lambda: newcomer in stack.driver_states(), "it is not heard")
        heard_s = time.monotonic() - started_s
        stack.until(lambda: stack.sent_by(run_id, newcomer) > 0, "it sends nothing", 15)
        print(
            f"heard {heard_s:.1f} s after its start, the first request reported after "
            f"{time.monotonic() - started_s:.1f} s"
        )
        report = stack.report(run_id)
    print(f"per second from its start on: {pulse.timeline(started_s)}")
    assert_exact(report, aim, *(() if test_type == "avalanche" else ("handover",)))
    assert report["accounting"]["planned"] == planned
    assert missed(report).get("handover", 0) <= 100
    shares = {driver_id: row["planned"] for driver_id, row in by_driver(report).items()}
    assert set(shares) == {*drivers, newcomer}
    assert shares[newcomer] >= 100
    assert ("joined", newcomer) in happened(report)


def test_one_goes_and_one_comes(stack: ChaosStack, target: Target) -> None:
    """A driver killed, and one started at the same moment: all adds up, the rate comes back."""
    stack.fleet_of(3)
    churn(stack, target, arrivals(target, 300, 20), rate_per_s=300, share_per_s=100, seed=1)
