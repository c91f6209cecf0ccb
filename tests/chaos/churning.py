"""Drivers that are killed, and others that come, while a run is under way."""

from __future__ import annotations

import random
import time

from tests.chaos.bounds import assert_bounds, doubts, missed
from tests.chaos.chaos_stack import ChaosStack, by_driver, happened, received
from tests.chaos.pulse import Pulse
from tests.integration.caller import JsonObject
from tests.integration.stack import Target


def churn(
    stack: ChaosStack,
    target: Target,
    plan: JsonObject,
    *,
    rate_per_s: float,
    share_per_s: float,
    seed: int,
    kills: int = 1,
    every_s: float = 10.0,
) -> JsonObject:
    """Run a plan of open load; kill a driver and start one, ``kills`` times; check and return all.

    The first kill comes two seconds into the run. Each costs at most 3 s of a share unconfirmed
    and 4 s missed.
    """
    source = random.Random(seed)
    run_id = stack.begin(plan, target, int(2 * rate_per_s))
    newcomers = []
    lost = []
    with Pulse.of_run(target, run_id) as pulse:
        from_s = time.monotonic()
        for number in range(kills):
            time.sleep(max(0.0, from_s + number * every_s - time.monotonic()))
            before = stack.running_drivers()
            lost.append(source.choice(before))
            newcomers.append(stack.enlist())
            killed_s = stack.kill(lost[-1])
            print(
                f"killed {lost[-1]} at {killed_s - from_s:.1f} s, {received(target, run_id)} sent"
            )
        report = stack.report(run_id, 90)
    print(
        f"full rate {pulse.restored_after(killed_s, rate_per_s)} s after the last kill; "
        f"per second {pulse.timeline(from_s)}"
    )
    assert_bounds(report, target, "handover")
    assert report["run"]["state"] == "FINISHED"
    assert report["accounting"]["unconfirmed"] <= 3 * share_per_s * kills
    assert missed(report).get("handover", 0) <= 4 * share_per_s * kills
    assert {("lost", driver_id) for driver_id in lost} <= happened(report)
    assert "driver_lost" in doubts(report)
    shares = by_driver(report)
    assert all(shares[driver_id]["succeeded"] > 0 for driver_id in newcomers)
    return report
