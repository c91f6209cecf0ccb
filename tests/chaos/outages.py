"""A broker that goes in the middle of a run, and comes back."""

from __future__ import annotations

import time
from typing import Literal

from tests.chaos.bounds import assert_bounds, missed
from tests.chaos.broker import Broker
from tests.chaos.chaos_stack import ChaosStack
from tests.chaos.plans import tsunami
from tests.chaos.pulse import Pulse
from tests.integration.stack import Target

RATE_PER_S = 200


def outlive(
    stack: ChaosStack,
    target: Target,
    broker: Broker,
    how: Literal["kill", "stop", "freeze"],
    *,
    away_s: float = 20.0,
) -> None:
    """Take the broker away for so long: the load stops, comes back, and all is accounted for."""
    stack.fleet_of(2)
    run_id = stack.begin(tsunami(target, 3_800, 10), target, RATE_PER_S)
    with Pulse.of_run(target, run_id) as pulse:
        gone_s = time.monotonic()
        {"kill": broker.kill, "stop": broker.stop, "freeze": broker.freeze}[how]()
        time.sleep(away_s)
        broker.start()
        back_s = time.monotonic()
        report = stack.report(run_id, 90)
    quiet_s, flowing_s = pulse.quiet_after(gone_s), pulse.flowing_after(back_s)
    print(
        f"quiet {quiet_s} s after the broker went, load again {flowing_s} s after it answered; "
        f"per second {pulse.timeline(gone_s)}"
    )
    assert quiet_s is not None
    assert quiet_s < 4
    assert flowing_s is not None
    assert flowing_s < 12
    assert_bounds(report, target, "handover", "fenced", "no_driver")
    accounting = report["accounting"]
    assert (report["run"]["state"], accounting["planned"]) == ("FINISHED", 7_600)
    # Nobody ended: whoever fenced hands back its term, and what it did is reported late.
    assert accounting["unconfirmed"] == 0
    silent_s = back_s + flowing_s - gone_s - quiet_s
    due = RATE_PER_S * silent_s
    print(f"{silent_s:.1f} s without load: {due:.0f} were due, {missed(report)} missed")
    assert 0.9 * due - RATE_PER_S <= sum(missed(report).values()) <= due + 4 * RATE_PER_S
