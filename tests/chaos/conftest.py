"""The broker that chaos tests may break, how often they run, and logs where one fails."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.chaos.broker import Broker
from tests.chaos.chaos_stack import ChaosStack
from tests.integration.conftest import pytest_runtest_makereport  # noqa: F401 - logs, here too
from tests.integration.stack import Target

from localkafka import LocalKafka
from localkafka.broker import free_port

_PROXIES = 2


@pytest.fixture(scope="session")
def one_broker(tmp_path_factory: pytest.TempPathFactory, kafka_classpath: str) -> Iterator[Broker]:
    """A broker with two proxies before it, for all chaos tests."""
    kafka = LocalKafka(
        tmp_path_factory.mktemp("kafka"),
        classpath=kafka_classpath,
        advertised=[free_port() for _ in range(_PROXIES)],
    )
    with Broker(kafka) as broker:
        yield broker


@pytest.fixture
def broker(one_broker: Broker) -> Iterator[Broker]:
    """The same, and whatever a test did to it is undone."""
    yield one_broker
    one_broker.heal()


@pytest.fixture(scope="session")
def one_stack(one_broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChaosStack]:
    """A stack that goes to the broker straight, for all tests that leave it usable."""
    with ChaosStack(one_broker.bootstrap, tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture
def stack(one_stack: ChaosStack) -> ChaosStack:
    """The same, and whatever another test broke is mended."""
    one_stack.mend()
    return one_stack


@pytest.fixture
def own_stack(one_broker: Broker, tmp_path: Path) -> Iterator[ChaosStack]:
    """A stack of the test's own."""
    with ChaosStack(one_broker.bootstrap, tmp_path) as stack:
        yield stack


@pytest.fixture(scope="session")
def target(one_stack: ChaosStack) -> Target:
    """A target that knows which arrivals it received."""
    return one_stack.start_target("--record-index")


@pytest.fixture(scope="session")
def slow_target(one_stack: ChaosStack) -> Target:
    """A target that takes 40 ms: with 8 connections a driver gets 200 answers a second."""
    return one_stack.start_target("--record-index", "--latency", "constant:40ms")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat every test of faults as often as ``SPATE_CHAOS_REPEAT`` says."""
    times = int(os.environ.get("SPATE_CHAOS_REPEAT", "1"))
    if times > 1 and "one_broker" in metafunc.fixturenames:
        metafunc.fixturenames.append("repetition")
        metafunc.parametrize("repetition", range(1, times + 1))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long, unless ``-m`` asks for it."""
    if "long" in (config.getoption("-m") or ""):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]
