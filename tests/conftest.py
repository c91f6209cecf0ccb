"""Fixtures that several suites share: the real local Kafka."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from localkafka import LocalKafka, fetch, stop


@pytest.fixture(scope="session")
def kafka_classpath() -> str:
    """Kafka's class path, fetched once into the cache."""
    return fetch(print)


@pytest.fixture(scope="session")
def kafka(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[str]:
    """The address of a real Kafka that lives as long as this pytest process.

    Under pytest-xdist each worker has its own. ``SPATE_KAFKA_BOOTSTRAP`` names another one.
    """
    given = os.environ.get("SPATE_KAFKA_BOOTSTRAP")
    if given:
        yield given
        return
    classpath: str = request.getfixturevalue("kafka_classpath")
    local = LocalKafka(tmp_path_factory.mktemp("kafka"), classpath=classpath)
    process = local.start()
    try:
        yield local.bootstrap
    finally:
        stop(process)


@pytest.fixture
def own_kafka(tmp_path: Path, kafka_classpath: str) -> LocalKafka:
    """A local Kafka for one test alone, not started: for faults that others must not see."""
    return LocalKafka(tmp_path / "kafka", classpath=kafka_classpath)


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for topics (and transactional ids) that no other test has."""
    return f"t-{uuid.uuid4().hex[:12]}."
