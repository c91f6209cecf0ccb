"""An orchestrator that is killed again and again in one run."""

from __future__ import annotations

import time

import pytest
from tests.chaos.bounds import assert_exact
from tests.chaos.chaos_stack import ChaosStack
from tests.chaos.plans import tsunami
from tests.chaos.pulse import Pulse
from tests.integration.stack import Target

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]

RATE_PER_S = 300


def test_five_kills_in_a_minute(stack: ChaosStack, target: Target) -> None:
    """Away for 0 to 4 s each time: the load never drops, and the report is exact."""
    stack.fleet_of(3)
    run_id = stack.begin(tsunami(target, 6_000, 10), target, RATE_PER_S)
    with Pulse.of_run(target, run_id) as pulse:
        from_s = time.monotonic()
        for away_s in range(5):
            stack.kill("orchestrator")
            time.sleep(away_s)
            stack.revive()
            time.sleep(6)
        ended_s = time.monotonic()
        report = stack.report(run_id, 90)
    print(f"per second {pulse.timeline(from_s)}")
    assert_exact(report, target)
    assert report["accounting"]["succeeded"] == 18_000
    assert pulse.lowest(from_s, ended_s) >= 0.8 * RATE_PER_S
