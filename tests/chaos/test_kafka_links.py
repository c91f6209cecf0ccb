"""The ways to Kafka are slow, break for a moment, or keep still: runs stay exact."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from tests.chaos.bounds import assert_exact
from tests.chaos.broker import Broker
from tests.chaos.chaos_stack import ChaosStack
from tests.chaos.plans import tsunami
from tests.chaos.pulse import Pulse
from tests.integration.stack import Target


@pytest.fixture(scope="module")
def stack(one_broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChaosStack]:
    """A stack whose orchestrator goes through the second proxy, and drivers as tests say."""
    with ChaosStack(one_broker.via[1].address, tmp_path_factory.mktemp("links")) as stack:
        yield stack


def test_an_orchestrator_that_hears_nothing_disturbs_nobody(
    stack: ChaosStack, target: Target, broker: Broker
) -> None:
    """Its connections move nothing for 8 s: the load goes on, and the report is whole."""
    stack.fleet_of(2, broker.bootstrap)
    run_id = stack.begin(tsunami(target, 1_200, 10), target, 200)
    with Pulse.of_run(target, run_id) as pulse:
        from_s = time.monotonic()
        broker.via[1].half_open()
        time.sleep(8)
        broker.via[1].heal()
        healed_s = time.monotonic()
        report = stack.report(run_id)
    print(f"per second {pulse.timeline(from_s)}")
    assert_exact(report, target)
    assert report["accounting"]["succeeded"] == 2_400
    assert pulse.lowest(from_s, healed_s + 2) >= 0.8 * 200
    assert "driver_lost" not in {doubt["reason"] for doubt in report["verdict"]["degraded"]}


def test_connections_that_break_cost_nothing(
    stack: ChaosStack, target: Target, broker: Broker
) -> None:
    """All connections of all are cut three times and can be made anew at once: nothing is lost."""
    stack.fleet_of(2, broker.via[0].address)
    run_id = stack.begin(tsunami(target, 700, 10), target, 200)
    for _ in range(3):
        for proxy in broker.via:
            proxy.cut()
            proxy.heal()
        time.sleep(1)
    report = stack.report(run_id)
    assert_exact(report, target)
    assert report["accounting"]["succeeded"] == 1_400


def test_a_slow_kafka_is_enough(stack: ChaosStack, target: Target, broker: Broker) -> None:
    """0.1 s more each way for everybody: no licence runs out, and the start is in time."""
    stack.fleet_of(2, broker.via[0].address)
    for proxy in broker.via:
        proxy.delay(0.1)
    report = stack.run(tsunami(target, 500, 10))
    assert_exact(report, target)
    assert report["accounting"]["succeeded"] == 1_000
    print(f"start skew, ns: {[row['start_skew_ns'] for row in report['drivers']]}")
