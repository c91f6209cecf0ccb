"""Clients live through a broker that dies and comes back."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator

import pytest

from localkafka import LocalKafka, stop
from spate.bus import Ack, BusError, Outgoing, Producer, ProducerOptions
from spate.kafkabus import KafkaBus
from spate.topics import topic_table

pytestmark = pytest.mark.kafka

TOPICS = topic_table("")
HEARTBEATS = ProducerOptions(linger_ms=0, delivery_timeout_s=2)


async def append(producer: Producer, value: bytes) -> Ack:
    """Send one heartbeat and return its acknowledgement."""
    future: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()
    producer.send(Outgoing(TOPICS.heartbeat, value, "d"), future.set_result)
    return await asyncio.wait_for(future, 20)


@pytest.fixture
async def bus(own_kafka: LocalKafka) -> AsyncIterator[KafkaBus]:
    """The bus to a broker that is not started yet."""
    found = KafkaBus(own_kafka.bootstrap)
    yield found
    await found.close()


async def test_clients_live_through_an_outage(own_kafka: LocalKafka, bus: KafkaBus) -> None:
    """Sends fail in time, reads are empty, nothing spins; all goes on when the broker is back."""
    place = (TOPICS.heartbeat, 0)
    broker = await asyncio.to_thread(own_kafka.start)
    try:
        await bus.ensure_topics(TOPICS.configs)
        producer = bus.producer(HEARTBEATS)
        reader = bus.reader({place: "earliest"})
        journal = bus.transactional_producer("journal")
        await journal.start()
        assert (await append(producer, b"before")).error is None
        while not (await reader.read()).records:
            pass

        broker.kill()
        await asyncio.to_thread(broker.wait)
        cpu_s = time.process_time()
        from_s = time.monotonic()
        ack = await append(producer, b"lost")
        assert ack.error is not None
        assert bus.health.down_since_ns is not None
        assert bus.health.errors > 0
        assert (await reader.read()).records == ()
        with pytest.raises(BusError):
            await bus.bounds(place[0])
        passed_s = time.monotonic() - from_s
        used_s = time.process_time() - cpu_s
        print(f"outage: {passed_s:.1f} s passed, {used_s:.2f} s of CPU")
        assert used_s < passed_s / 3

        broker = await asyncio.to_thread(own_kafka.start)
        from_s = time.monotonic()
        while (ack := await append(producer, b"after")).error is not None:
            pass
        print(f"acknowledged {time.monotonic() - from_s:.2f} s after the broker was ready")
        values: list[bytes] = []
        async with asyncio.timeout(20):
            while b"after" not in values:
                values += [record.value for record in (await reader.read()).records]
        assert bus.health.down_since_ns is None
        assert [ack.error for ack in await journal.commit([Outgoing(TOPICS.runs, b"x", "k")])] == [
            None
        ]
    finally:
        await asyncio.to_thread(stop, broker)


async def test_closing_without_a_broker_takes_no_time(own_kafka: LocalKafka) -> None:
    """Whatever is under way ends with an error, and no thread stays."""
    bus = KafkaBus(own_kafka.bootstrap)
    producer = bus.producer(ProducerOptions())
    acks: list[Ack] = []
    producer.send(Outgoing(TOPICS.heartbeat, b"x"), acks.append)
    bus.reader({(TOPICS.heartbeat, 0): "earliest"})
    start = asyncio.ensure_future(bus.transactional_producer("journal").start())
    await asyncio.sleep(0.5)
    from_s = time.monotonic()
    await bus.close()
    print(f"closed in {time.monotonic() - from_s:.2f} s")
    assert time.monotonic() - from_s < 6
    with pytest.raises(BusError):
        await start
    assert [ack.error is not None for ack in acks] == [True]
    async with asyncio.timeout(5):
        # A thread's end has no event.
        while any(t.name.startswith("kafka-") for t in threading.enumerate()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_taking_over_without_a_broker_fails(own_kafka: LocalKafka) -> None:
    """It waits for a while, then says that Kafka does not answer; it may be tried again."""
    bus = KafkaBus(own_kafka.bootstrap)
    journal = bus.transactional_producer("journal")
    with pytest.raises(BusError):
        await journal.start()
    broker = await asyncio.to_thread(own_kafka.start)
    try:
        await journal.start()
    finally:
        await bus.close()
        await asyncio.to_thread(stop, broker)
