"""A driver that stands still longer than anyone waits, then goes on as if nothing had been."""

from __future__ import annotations

import signal
import time

from tests.chaos.bounds import assert_bounds, doubts
from tests.chaos.chaos_stack import ChaosStack, happened
from tests.chaos.plans import tsunami
from tests.chaos.pulse import Pulse
from tests.integration.stack import Target

FROZEN_S = 10


def test_a_frozen_driver_fences_when_it_wakes(stack: ChaosStack, target: Target) -> None:
    """SIGSTOP for 10 s: it is lost, sends nothing twice, reports what it knows, and works again."""
    drivers = stack.fleet_of(3)
    frozen = drivers[1]
    address = stack.address(frozen)
    run_id = stack.begin(tsunami(target, 1_800, 10), target, 300)
    with Pulse.of_run(target, run_id) as pulse:
        stopped_s = time.monotonic()
        stack.kick(frozen, signal.SIGSTOP)
        try:
            time.sleep(FROZEN_S)
            assert stack.driver_states()[frozen] == "lost"
        finally:
            stack.kick(frozen, signal.SIGCONT)
        with Pulse.of_driver(address) as own:
            woken_s, before = time.monotonic(), own.count
            stack.until(lambda: own.count >= before + 50, "it gets no work again", 20)
            print(f"works again {time.monotonic() - woken_s:.1f} s after it woke")
        report = stack.report(run_id)
    print(f"per second from the stop on: {pulse.timeline(stopped_s)}")
    assert_bounds(report, target, "handover", "fenced")
    accounting = report["accounting"]
    assert (report["run"]["state"], accounting["planned"]) == ("FINISHED", 5_400)
    # What it did before counts, what it had claimed and not sent came back: nothing is open.
    assert accounting["unconfirmed"] == 0
    assert stack.metric("spate_driver_terms_closed_total", frozen) >= 1
    assert ("lost", frozen) in happened(report)
    assert frozen in doubts(report)["driver_lost"]
