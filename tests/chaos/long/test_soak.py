"""Minutes of steady load: exact, and nobody grows.

``SPATE_SOAK`` says for how many seconds, 180 without it.
"""

from __future__ import annotations

import os
import time

import pytest
from tests.chaos.bounds import assert_exact
from tests.chaos.chaos_stack import ChaosStack
from tests.chaos.plans import arrivals
from tests.integration.stack import Target

SECONDS = int(os.environ.get("SPATE_SOAK", "180"))
RATE_PER_S = 2_000
MOST_GROWTH_MB = 100
SETTLED_S = 300
"""By then the buffers have the size that they keep."""

pytestmark = [pytest.mark.long, pytest.mark.timeout(SECONDS + 120)]


def test_a_steady_load_of_two_thousand_a_second(stack: ChaosStack, target: Target) -> None:
    """2,000/s over three drivers; the memory of each process stays where it was."""
    everyone = ["orchestrator", *stack.fleet_of(3)]
    run_id = stack.begin(arrivals(target, RATE_PER_S, SECONDS), target, 10 * RATE_PER_S)
    memory = {10: {name: stack.rss_mb(name) for name in everyone}}
    if SECONDS > SETTLED_S:
        time.sleep(SETTLED_S - 10)
        memory[SETTLED_S] = {name: stack.rss_mb(name) for name in everyone}
    report = stack.report(run_id, SECONDS + 60)
    memory[SECONDS] = {name: stack.rss_mb(name) for name in everyone}
    print(f"lag p99 {report['lag']['p99_ns'] / 1e6:.2f} ms")
    for name in everyone:
        print(f"{name}: " + ", ".join(f"{at[name]:.0f} MB at {s} s" for s, at in memory.items()))
    assert_exact(report, target)
    assert report["accounting"]["succeeded"] == RATE_PER_S * SECONDS
    first, *_, last = memory.values()
    assert all(last[name] - first[name] < MOST_GROWTH_MB for name in everyone)
