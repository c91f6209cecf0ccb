"""The local broker ends with its supervisor and restarts on its data."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from localkafka import BrokerError, LocalKafka, stop
from localkafka.broker import answers
from spate.kafkabus import KafkaBus
from spate.topics import topic_table

pytestmark = pytest.mark.kafka

SUPERVISOR = """
import sys, time
from pathlib import Path
from localkafka import LocalKafka
LocalKafka(Path(sys.argv[1])).start()
print("ready", flush=True)
time.sleep(600)
"""


async def test_a_killed_supervisor_takes_its_broker_along(own_kafka: LocalKafka) -> None:
    """Without a chance to clean up; a later start finds the topics at the same address."""
    topics = topic_table("kept.")
    with subprocess.Popen(  # noqa: ASYNC220 - the fork blocks for a moment, which is harmless here
        [sys.executable, "-c", SUPERVISOR, str(own_kafka.directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as supervisor:
        try:
            assert supervisor.stdout is not None
            line = await asyncio.to_thread(supervisor.stdout.readline)
            assert line == b"ready\n"
            bus = KafkaBus(own_kafka.bootstrap)
            await bus.ensure_topics(topics.configs)
        finally:
            supervisor.kill()
    async with asyncio.timeout(10):
        # The end of another process's child has no event.
        while await asyncio.to_thread(answers, "127.0.0.1", own_kafka.port):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    broker = await asyncio.to_thread(own_kafka.start)
    try:
        assert len(await bus.bounds(topics.metrics)) == 4
    finally:
        await bus.close()
        from_s = time.monotonic()
        await asyncio.to_thread(stop, broker)
    print(f"stopped in {time.monotonic() - from_s:.2f} s")
    assert broker.returncode == 143  # by SIGTERM, not by the SIGKILL that follows if need be


def test_a_broker_that_cannot_start_says_why(tmp_path: Path, kafka_classpath: str) -> None:
    """The error quotes its log."""
    local = LocalKafka(tmp_path, classpath=kafka_classpath)
    local.format()
    properties = local.directory / "data" / "meta.properties"
    properties.write_text(properties.read_text().replace("node.id=1", "node.id=2"))
    with pytest.raises(BrokerError, match="its log says"):
        local.start()
