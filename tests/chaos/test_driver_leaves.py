"""A driver told to go in a run, as a scale-down does: it hands its work over."""

from __future__ import annotations

import signal
import time

from tests.chaos.bounds import assert_exact, missed
from tests.chaos.chaos_stack import ChaosStack, by_driver, happened
from tests.chaos.plans import tsunami
from tests.chaos.pulse import Pulse
from tests.integration.stack import Target


def test_the_others_take_its_work_at_once(stack: ChaosStack, target: Target) -> None:
    """SIGTERM at 300/s: exit code 0, nothing is open, at most a second of its share is missed."""
    drivers = stack.fleet_of(3)
    run_id = stack.begin(tsunami(target, 700, 10), target, 300)
    with Pulse.of_run(target, run_id) as pulse:
        told_s = time.monotonic()
        stack.kick(drivers[1], signal.SIGTERM)
        code = stack.ended(drivers[1])
        gone_s = time.monotonic() - told_s
        report = stack.report(run_id)
    print(
        f"gone after {gone_s:.1f} s, full rate {pulse.restored_after(told_s, 300)} s after the "
        f"signal; per second {pulse.timeline(told_s)}"
    )
    assert code == 0
    assert_exact(report, target, "handover")
    assert report["accounting"]["planned"] == 2_100
    assert missed(report).get("handover", 0) <= 100
    gone = by_driver(report).pop(drivers[1])
    assert 0 < gone["planned"] == gone["succeeded"] < 400
    others = sum(by_driver(report)[each]["planned"] for each in (drivers[0], drivers[2]))
    assert others == 2_100 - gone["planned"] - missed(report).get("handover", 0)
    assert ("left", drivers[1]) in happened(report)
