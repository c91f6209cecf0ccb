"""Messages that are broken, repeated or out of order, on every topic: counted and passed over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.chaos.bounds import assert_exact
from tests.chaos.broker import Broker
from tests.chaos.chaos_stack import ChaosStack
from tests.chaos.meddling import Meddler
from tests.chaos.plans import tsunami
from tests.integration.stack import Target

from spate.topics import METRICS_PARTITIONS, topic_table


@pytest.fixture(scope="module")
def stack(one_broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChaosStack]:
    """A stack of the module's own: nobody else need read what is written here."""
    with ChaosStack(one_broker.bootstrap, tmp_path_factory.mktemp("garbled")) as stack:
        yield stack


def test_garbage_on_every_topic_is_counted_and_ignored(
    stack: ChaosStack, target: Target, broker: Broker
) -> None:
    """Everyone reads it, says how much there was, and the run is whole."""
    drivers = stack.fleet_of(2)
    topics, meddler = topic_table(stack.prefix), Meddler(broker.bootstrap, 1)
    run_id = stack.begin(tsunami(target, 500, 10), target, 200)
    before = [bad_messages(stack, who) for who in (None, *drivers)]
    heard = sum(meddler.litter(topic) for topic in (topics.heartbeat, topics.metrics))
    heard += meddler.litter(topics.register)
    told = sum(meddler.litter(topic) for topic in (topics.trigger, topics.test_config))
    meddler.litter(topics.runs)
    report = stack.report(run_id)
    assert_exact(report, target)
    assert report["accounting"]["succeeded"] == 1_000
    after = [bad_messages(stack, who) for who in (None, *drivers)]
    assert [b - a for a, b in zip(before, after, strict=True)] == [heard, told, told]


def test_an_orchestrator_reads_past_garbage_when_it_starts(
    stack: ChaosStack, target: Target, broker: Broker
) -> None:
    """Killed in a run with garbage on every topic it carries on; the report is whole."""
    stack.fleet_of(2)
    topics, meddler = topic_table(stack.prefix), Meddler(broker.bootstrap, 2)
    run_id = stack.begin(tsunami(target, 500, 10), target, 200)
    for topic in (topics.runs, topics.heartbeat, topics.metrics, topics.register):
        meddler.litter(topic)
    stack.kill("orchestrator")
    stack.revive()
    report = stack.report(run_id)
    assert_exact(report, target)
    assert report["accounting"]["succeeded"] == 1_000


def test_repeated_and_reordered_messages_change_nothing(
    stack: ChaosStack, target: Target, broker: Broker
) -> None:
    """Heartbeats, snapshots, grants and orders of this and earlier runs, again and shuffled."""
    drivers = stack.fleet_of(2)
    topics, meddler = topic_table(stack.prefix), Meddler(broker.bootstrap, 3)
    stack.run(tsunami(target, 50, 10))
    run_id = stack.begin(tsunami(target, 600, 10), target, 200)
    before = stack.metric("spate_orchestrator_snapshots_total", labels='result="duplicate"')
    for _ in range(2):
        repeated = {
            topic: meddler.repeat(topic)
            for topic in (topics.heartbeat, topics.register, topics.test_config, topics.trigger)
        }
        repeated[topics.metrics] = meddler.repeat(topics.metrics, METRICS_PARTITIONS)
        print(f"written again: {repeated}")
    report = stack.report(run_id)
    after = stack.metric("spate_orchestrator_snapshots_total", labels='result="duplicate"')
    print(f"{after - before} snapshots came twice")
    assert_exact(report, target)
    assert report["accounting"]["succeeded"] == 1_200
    assert after - before > 0
    assert [row["driver_id"] for row in report["drivers"]] == sorted(drivers)


def bad_messages(stack: ChaosStack, driver_id: str | None) -> float:
    """Return how many records a driver, or the orchestrator, could not read."""
    who = "orchestrator" if driver_id is None else "driver"
    return stack.metric(f"spate_{who}_bad_messages_total", driver_id)
