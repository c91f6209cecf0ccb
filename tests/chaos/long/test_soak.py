"""Three minutes of steady load: exact, and nobody grows."""

from __future__ import annotations

import pytest
from tests.chaos.bounds import assert_exact
from tests.chaos.chaos_stack import ChaosStack
from tests.chaos.plans import arrivals
from tests.integration.stack import Target

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

MOST_GROWTH_MB = 100


def test_three_minutes_at_two_thousand_a_second(stack: ChaosStack, target: Target) -> None:
    """360,000 requests over three drivers; the memory of each process stays where it was."""
    everyone = ["orchestrator", *stack.fleet_of(3)]
    run_id = stack.begin(arrivals(target, 2_000, 180), target, 20_000)
    before = {name: stack.rss_mb(name) for name in everyone}
    report = stack.report(run_id, 240)
    after = {name: stack.rss_mb(name) for name in everyone}
    print(f"lag p99 {report['lag']['p99_ns'] / 1e6:.2f} ms")
    for name in everyone:
        print(f"{name}: {before[name]:.0f} MB 10 s into the run, {after[name]:.0f} MB at its end")
    assert_exact(report, target)
    assert report["accounting"]["succeeded"] == 360_000
    assert all(after[name] - before[name] < MOST_GROWTH_MB for name in everyone)
