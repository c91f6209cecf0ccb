"""The broker is gone, or stands still, for 20 s in the middle of a run."""

from __future__ import annotations

from tests.chaos.broker import Broker
from tests.chaos.chaos_stack import ChaosStack
from tests.chaos.outages import outlive
from tests.integration.stack import Target


def test_a_run_outlives_a_killed_broker(stack: ChaosStack, target: Target, broker: Broker) -> None:
    """The load stops in 2 s and comes back; missed is what was due; the run FINISHED."""
    outlive(stack, target, broker, "kill")


def test_a_run_outlives_a_frozen_broker(stack: ChaosStack, target: Target, broker: Broker) -> None:
    """It wakes up outside of its own cluster, and knows of no broker: everybody finds it again."""
    outlive(stack, target, broker, "freeze")
