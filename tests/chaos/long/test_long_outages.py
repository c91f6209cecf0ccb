"""The broker is away in other ways, and for longer, than a run can outlive."""

from __future__ import annotations

import time

import pytest
from tests.chaos.bounds import assert_bounds
from tests.chaos.broker import Broker
from tests.chaos.chaos_stack import ChaosStack
from tests.chaos.outages import outlive
from tests.chaos.plans import tsunami
from tests.integration.stack import Target

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]


def test_a_run_outlives_a_broker_that_was_shut_down(
    stack: ChaosStack, target: Target, broker: Broker
) -> None:
    """SIGTERM for 20 s is as SIGKILL."""
    outlive(stack, target, broker, "stop")


def test_a_run_without_kafka_for_a_minute_is_aborted(
    stack: ChaosStack, target: Target, broker: Broker
) -> None:
    """What could not be journaled for 60 s ends ABORTED when Kafka is back, and says why."""
    stack.fleet_of(2)
    run_id = stack.begin(tsunami(target, 10_000, 10), target, 400)
    broker.kill()
    time.sleep(75)
    broker.start()
    report = stack.report(run_id)
    assert_bounds(report, target, "handover", "fenced", "no_driver", "aborted")
    assert report["run"]["state"] == "ABORTED"
    assert "Kafka" in report["run"]["reason"]
    assert report["accounting"]["unconfirmed"] == 0
    stack.fleet_of(2)
    assert stack.run(tsunami(target, 50, 10))["accounting"]["succeeded"] == 100
