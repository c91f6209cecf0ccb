"""Drivers that Kafka does not hear: they stop by themselves, and work again once it does."""

from __future__ import annotations

import time

from tests.chaos.bounds import assert_bounds, missed
from tests.chaos.broker import Broker
from tests.chaos.chaos_stack import ChaosStack
from tests.chaos.plans import tsunami
from tests.chaos.pulse import Pulse
from tests.integration.stack import Target

AWAY_S = 5


def test_a_driver_without_kafka_stops(stack: ChaosStack, target: Target, broker: Broker) -> None:
    """Its connections cut: it sends for 2 s at most, the others take over; healed it works.

    When it stopped is by its own account, which is brought up to date twice a second.
    """
    stack.fleet_of(2)
    lonely = stack.enlist(broker.via[0].address)
    stack.await_drivers(lonely)
    address = stack.address(lonely)
    run_id = stack.begin(tsunami(target, 1_500, 10), target, 300)
    with Pulse.of_run(target, run_id) as pulse, Pulse.of_driver(address) as own:
        cut_s = time.monotonic()
        broker.via[0].cut()
        time.sleep(AWAY_S)
        healed_s, before = time.monotonic(), own.count
        broker.via[0].heal()
        stack.until(lambda: own.count >= before + 50, "it gets no work again", 20)
        print(f"works again {time.monotonic() - healed_s:.1f} s after it was healed")
        report = stack.report(run_id)
    quiet_s = own.quiet_after(cut_s)
    print(
        f"the last request {quiet_s} s after the cut, full rate "
        f"{pulse.restored_after(cut_s, 300)} s; per second {pulse.timeline(cut_s)}"
    )
    assert quiet_s is not None
    assert quiet_s < 3.5
    assert_bounds(report, target, "handover", "fenced")
    accounting = report["accounting"]
    assert (report["run"]["state"], accounting["planned"]) == ("FINISHED", 4_500)
    assert accounting["unconfirmed"] == 0
    assert sum(missed(report).values()) <= 600


def test_a_fleet_that_kafka_does_not_hear_stops(
    stack: ChaosStack, target: Target, broker: Broker
) -> None:
    """Connections that stay open and move nothing: the target hears nothing after 2 s."""
    way = broker.via[0]
    stack.fleet_of(2, way.address)
    run_id = stack.begin(tsunami(target, 1_300, 10), target, 200)
    with Pulse.of_run(target, run_id) as pulse:
        cut_s = time.monotonic()
        way.half_open()
        time.sleep(AWAY_S)
        healed_s = time.monotonic()
        way.heal()
        report = stack.report(run_id)
    quiet_s, flowing_s = pulse.quiet_after(cut_s), pulse.flowing_after(healed_s)
    print(
        f"quiet {quiet_s} s after the cut, load again {flowing_s} s after it was healed; "
        f"per second {pulse.timeline(cut_s)}"
    )
    assert quiet_s is not None
    assert quiet_s < 3.5
    assert flowing_s is not None
    assert_bounds(report, target, "handover", "fenced", "no_driver")
    accounting = report["accounting"]
    assert (report["run"]["state"], accounting["planned"]) == ("FINISHED", 2_600)
    assert accounting["unconfirmed"] == 0
