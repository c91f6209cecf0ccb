"""The bus keeps the same promises in memory and on a real Kafka."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest

from spate.bus import (
    Ack,
    Batch,
    Bus,
    BusError,
    FencedError,
    Outgoing,
    Producer,
    ProducerOptions,
    Reader,
    Received,
    TopicConfig,
    TopicPartition,
)
from spate.kafkabus import KafkaBus
from spate.membus import MemoryBus, MemoryLog
from spate.topics import MESSAGE_MAX_BYTES, Topics, topic_table

PROMPT = ProducerOptions(linger_ms=0, delivery_timeout_s=10)
NOW_MS = 1_700_000_000_000


class World:
    """One log, its topics, and as many buses (processes) as a test wants."""

    def __init__(self, make: Callable[[], Bus], topics: Topics) -> None:
        self._make = make
        self._made: list[Bus] = []
        self.topics = topics

    def bus(self) -> Bus:
        """Return the bus of another process."""
        self._made.append(self._make())
        return self._made[-1]

    async def close(self) -> None:
        """Close all buses."""
        for bus in self._made:
            await bus.close()


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.kafka)])
async def world(request: pytest.FixtureRequest, topic_prefix: str) -> AsyncIterator[World]:
    """A log with all topics."""
    make: Callable[[], Bus]
    if request.param == "memory":
        log = MemoryLog(itertools.count(NOW_MS).__next__)
        make = lambda: MemoryBus(log)  # noqa: E731 - one of two
    else:
        bootstrap: str = request.getfixturevalue("kafka")
        make = lambda: KafkaBus(bootstrap)  # noqa: E731 - one of two
    found = World(make, topic_table(topic_prefix))
    await found.bus().ensure_topics(found.topics.configs)
    yield found
    await found.close()


async def append(producer: Producer, *records: Outgoing) -> list[Ack]:
    """Send all and return their acknowledgements in the order of the records."""
    loop = asyncio.get_running_loop()
    waiting: list[asyncio.Future[Ack]] = []
    for record in records:
        future: asyncio.Future[Ack] = loop.create_future()
        producer.send(record, future.set_result)
        waiting.append(future)
    return await asyncio.wait_for(asyncio.gather(*waiting), 20)


async def read_to_end(reader: Reader, *places: TopicPartition) -> list[Received]:
    """Return what is read until each of these partitions reported its end."""
    records: list[Received] = []
    ends: set[TopicPartition] = set()
    async with asyncio.timeout(20):
        while not ends.issuperset(places):
            batch = await reader.read()
            records.extend(batch.records)
            ends |= batch.ends
    return records


async def read_count(reader: Reader, count: int) -> list[Received]:
    """Return the next so many records."""
    records: list[Received] = []
    async with asyncio.timeout(20):
        while len(records) < count:
            records.extend((await reader.read()).records)
    return records


def journal(world: World, *values: bytes) -> list[Outgoing]:
    """Return records for ``runs``, all with one key."""
    return [Outgoing(world.topics.runs, value, "k") for value in values]


async def test_what_is_sent_is_read_back_in_order(world: World) -> None:
    """Records come back with key, value, place and the offsets of their acknowledgements."""
    bus = world.bus()
    topic = world.topics.trigger
    acks = await append(
        bus.producer(PROMPT), *(Outgoing(topic, b"%d" % i, f"key-{i}") for i in range(50))
    )
    records = await read_to_end(bus.reader({(topic, 0): "earliest"}), (topic, 0))
    assert [(r.key, r.value) for r in records] == [(f"key-{i}", b"%d" % i) for i in range(50)]
    assert [(r.topic, r.partition, r.offset) for r in records] == [
        (a.topic, a.partition, a.offset) for a in acks
    ]
    assert [r.append_ms for r in records] == [a.append_ms for a in acks]


async def test_only_the_heartbeat_topic_is_stamped_by_the_log(world: World) -> None:
    """The acknowledgement says whether the append time is the log's."""
    bus = world.bus()
    acks = await append(
        bus.producer(PROMPT),
        Outgoing(world.topics.heartbeat, b"h", "d"),
        Outgoing(world.topics.trigger, b"t", "d"),
    )
    assert [ack.append_time for ack in acks] == [True, False]
    assert all(ack.append_ms >= NOW_MS for ack in acks)


async def test_acks_come_later_on_the_loop_and_in_order(world: World) -> None:
    """``send`` itself never calls back; callbacks run in the loop's thread, in log order."""
    producer = world.bus().producer(PROMPT)
    seen: list[tuple[int, int]] = []

    def note(i: int, _ack: Ack) -> None:
        seen.append((i, threading.get_ident()))

    for i in range(200):
        producer.send(Outgoing(world.topics.heartbeat, b"x"), partial(note, i))
    assert seen == []
    assert await producer.flush(20) == 0
    assert seen == [(i, threading.get_ident()) for i in range(200)]


async def test_an_ack_that_raises_does_not_lose_the_others(world: World) -> None:
    """The exception goes to the loop's handler, the other acknowledgements arrive."""
    loop = asyncio.get_running_loop()
    complaints: list[object] = []
    loop.set_exception_handler(lambda _loop, context: complaints.append(context["exception"]))
    producer = world.bus().producer(PROMPT)
    wrong = ValueError("from the callback")

    def fail(_ack: Ack) -> None:
        raise wrong

    producer.send(Outgoing(world.topics.trigger, b"1"), fail)
    (ack,) = await append(producer, Outgoing(world.topics.trigger, b"2"))
    assert ack.error is None
    assert complaints == [wrong]


async def test_the_key_decides_the_partition(world: World) -> None:
    """The same key goes to the same partition, many keys to several."""
    producer = world.bus().producer(PROMPT)
    keys = [f"driver-{i}" for i in range(20)] * 2
    acks = await append(producer, *(Outgoing(world.topics.metrics, b"s", key) for key in keys))
    places = [ack.partition for ack in acks]
    assert places[:20] == places[20:]
    assert len(set(places)) > 1


async def test_a_given_partition_is_taken(world: World) -> None:
    """The key does not matter then."""
    producer = world.bus().producer(PROMPT)
    acks = await append(
        producer, *(Outgoing(world.topics.metrics, b"s", "one", partition=p) for p in (3, 1, 2))
    )
    assert [ack.partition for ack in acks] == [3, 1, 2]


async def test_a_tombstone_is_read_as_an_empty_value(world: World) -> None:
    """A value of None keeps its key."""
    bus = world.bus()
    runs = (world.topics.runs, 0)
    await append(bus.producer(PROMPT), Outgoing(world.topics.runs, None, "gone"))
    (record,) = await read_to_end(bus.reader({runs: "earliest"}), runs)
    assert (record.key, record.value) == ("gone", b"")


async def test_a_reader_starts_where_it_is_told(world: World) -> None:
    """At an offset, or behind everything that is there."""
    bus = world.bus()
    topic = world.topics.trigger
    producer = bus.producer(PROMPT)
    await append(producer, *(Outgoing(topic, b"%d" % i) for i in range(5)))
    from_three = bus.reader({(topic, 0): 3})
    latest = bus.reader({(topic, 0): "latest"})
    assert [r.value for r in await read_to_end(from_three, (topic, 0))] == [b"3", b"4"]
    assert await read_to_end(latest, (topic, 0)) == []
    await append(producer, Outgoing(topic, b"new"))
    assert [r.value for r in await read_count(latest, 1)] == [b"new"]


async def test_every_reader_reads_everything(world: World) -> None:
    """Readers of a broadcast topic do not share it out."""
    topic = world.topics.test_config
    await append(world.bus().producer(PROMPT), Outgoing(topic, b"1"), Outgoing(topic, b"2"))
    for _ in range(2):
        reader = world.bus().reader({(topic, 0): "earliest"})
        assert [r.value for r in await read_to_end(reader, (topic, 0))] == [b"1", b"2"]


async def test_the_end_is_reported_each_time_it_is_newly_reached(world: World) -> None:
    """Once for an empty partition, again after each new record, and not in between."""
    bus = world.bus()
    place = (world.topics.trigger, 0)
    reader = bus.reader({place: "earliest"})
    producer = bus.producer(PROMPT)
    assert await read_to_end(reader, place) == []
    assert await reader.read(timeout_s=0.3) == Batch((), frozenset())
    for value in (b"1", b"2"):
        await append(producer, Outgoing(place[0], value))
        assert [r.value for r in await read_to_end(reader, place)] == [value]


async def test_no_more_records_than_asked_for(world: World) -> None:
    """The rest comes with the next read."""
    bus = world.bus()
    topic = world.topics.trigger
    await append(bus.producer(PROMPT), *(Outgoing(topic, b"%d" % i) for i in range(10)))
    reader = bus.reader({(topic, 0): "earliest"})
    sizes: list[int] = []
    async with asyncio.timeout(20):
        while sum(sizes) < 10:
            sizes.append(len((await reader.read(max_records=3)).records))
    assert max(sizes) == 3


async def test_a_transaction_is_one_fact(world: World) -> None:
    """All its records appear, each where its acknowledgement says."""
    bus = world.bus()
    runs, trigger = (world.topics.runs, 0), (world.topics.trigger, 0)
    reader = bus.reader({runs: "earliest", trigger: "earliest"})
    await read_to_end(reader, runs, trigger)
    producer = bus.transactional_producer(world.topics.runs)
    await producer.start()
    acks = await producer.commit(
        [*journal(world, b"1", b"2"), Outgoing(world.topics.trigger, b"order", "k")]
    )
    records = await read_count(reader, 3)
    assert {(r.topic, r.offset): r.value for r in records} == {
        (acks[0].topic, acks[0].offset): b"1",
        (acks[1].topic, acks[1].offset): b"2",
        (acks[2].topic, acks[2].offset): b"order",
    }
    assert [ack.error for ack in acks] == [None] * 3


async def test_commit_markers_take_offsets(world: World) -> None:
    """The end offset counts them, and the end is reported all the same."""
    bus = world.bus()
    runs = (world.topics.runs, 0)
    producer = bus.transactional_producer(world.topics.runs)
    await producer.start()
    for value in (b"1", b"2", b"3"):
        await producer.commit(journal(world, value))
    reader = bus.reader({runs: "earliest"})
    records = await read_to_end(reader, runs)
    assert [(r.offset, r.value) for r in records] == [(0, b"1"), (2, b"2"), (4, b"3")]
    assert await bus.bounds(world.topics.runs) == {0: (0, 6)}


async def test_nothing_is_a_transaction_too(world: World) -> None:
    """Committing no records returns no acknowledgements."""
    producer = world.bus().transactional_producer(world.topics.runs)
    await producer.start()
    assert await producer.commit([]) == ()


async def test_a_second_producer_fences_the_first(world: World) -> None:
    """The first one's next commit fails and leaves nothing behind."""
    first = world.bus().transactional_producer(world.topics.runs)
    await first.start()
    await first.commit(journal(world, b"first"))
    second = world.bus().transactional_producer(world.topics.runs)
    await second.start()
    with pytest.raises(FencedError):
        await first.commit(journal(world, b"too late"))
    await second.commit(journal(world, b"second"))
    runs = (world.topics.runs, 0)
    records = await read_to_end(world.bus().reader({runs: "earliest"}), runs)
    assert [r.value for r in records] == [b"first", b"second"]


async def test_a_failed_transaction_leaves_nothing(world: World) -> None:
    """A refused record takes the whole transaction with it; another producer goes on."""
    producer = world.bus().transactional_producer(world.topics.runs)
    await producer.start()
    with pytest.raises(BusError):
        await producer.commit(journal(world, b"small", bytes(MESSAGE_MAX_BYTES + 1)))
    await producer.close()
    producer = world.bus().transactional_producer(world.topics.runs)
    await producer.start()
    await producer.commit(journal(world, b"after"))
    runs = (world.topics.runs, 0)
    records = await read_to_end(world.bus().reader({runs: "earliest"}), runs)
    assert [r.value for r in records] == [b"after"]


async def test_a_record_of_one_megabyte_passes(world: World) -> None:
    """Parts of messages may be as large, however badly they compress."""
    bus = world.bus()
    value = b"".join((i * 2654435761 % 2**32).to_bytes(4, "big") for i in range(262_144))
    (ack,) = await append(bus.producer(PROMPT), Outgoing(world.topics.runs, value, "big"))
    assert ack.error is None
    runs = (world.topics.runs, 0)
    (record,) = await read_to_end(bus.reader({runs: "earliest"}), runs)
    assert record.value == value


async def test_a_record_that_is_too_large_is_refused(world: World) -> None:
    """Its acknowledgement has the error, those around it arrive."""
    producer = world.bus().producer(PROMPT)
    topic = world.topics.metrics
    sizes = (1, MESSAGE_MAX_BYTES + 1, 1)
    acks = await append(producer, *(Outgoing(topic, bytes(n), partition=0) for n in sizes))
    assert [ack.error is None for ack in acks] == [True, False, True]
    assert acks[1].offset == -1


async def test_an_unknown_partition_is_refused(world: World) -> None:
    """The acknowledgement has the error."""
    (ack,) = await append(
        world.bus().producer(PROMPT), Outgoing(world.topics.trigger, b"x", partition=7)
    )
    assert ack.error is not None


@pytest.mark.parametrize("start", [1, 1000])
async def test_a_position_that_is_not_in_the_log_is_an_error(world: World, start: int) -> None:
    """Reading behind the end raises, it does not jump somewhere else."""
    reader = world.bus().reader({(world.topics.trigger, 0): start})
    with pytest.raises(BusError):
        await read_count(reader, 1)


async def test_reading_an_unknown_topic_is_an_error(world: World) -> None:
    """It is not created by asking."""
    reader = world.bus().reader({(world.topics.trigger + "-not", 0): "earliest"})
    with pytest.raises(BusError):
        await read_count(reader, 1)


async def test_bounds_are_first_and_next_offset(world: World) -> None:
    """They are 0 and 0 for an empty partition; all partitions are asked at once."""
    bus = world.bus()
    topic = world.topics.heartbeat
    assert await bus.bounds(topic) == {0: (0, 0)}
    await append(bus.producer(PROMPT), *(Outgoing(topic, b"h") for _ in range(3)))
    assert await bus.bounds(topic) == {0: (0, 3)}
    assert await bus.bounds(world.topics.metrics) == dict.fromkeys(range(4), (0, 0))
    with pytest.raises(BusError):
        await bus.bounds(topic + "-not")


async def test_topics_may_be_ensured_again(world: World) -> None:
    """By several processes, and with other settings."""
    one = world.topics.config(world.topics.trigger)
    other = TopicConfig(one.name, one.partitions, {**one.settings, "retention.ms": "7200000"})
    await asyncio.gather(
        world.bus().ensure_topics(world.topics.configs), world.bus().ensure_topics([other])
    )


async def test_another_number_of_partitions_is_an_error(world: World) -> None:
    """The message names the topic and both numbers."""
    runs = world.topics.runs
    with pytest.raises(BusError, match=rf"{runs} has 1 partitions where 2 are needed"):
        await world.bus().ensure_topics([TopicConfig(runs, 2, {})])


async def test_another_timestamp_type_is_an_error(world: World) -> None:
    """The protocol rests on it, so it is never corrected silently."""
    runs = world.topics.runs
    wanted = {"message.timestamp.type": "LogAppendTime"}
    with pytest.raises(BusError, match=r"CreateTime where LogAppendTime is needed"):
        await world.bus().ensure_topics([TopicConfig(runs, 1, wanted)])


async def test_a_closed_producer_refuses(world: World) -> None:
    """With an acknowledgement that says so; closing twice is no error."""
    producer = world.bus().producer(PROMPT)
    await producer.close()
    await producer.close()
    (ack,) = await append(producer, Outgoing(world.topics.trigger, b"x"))
    assert ack.error is not None


async def test_a_closed_transactional_producer_refuses(world: World) -> None:
    """It raises; closing twice is no error."""
    producer = world.bus().transactional_producer(world.topics.runs)
    await producer.start()
    await producer.close()
    await producer.close()
    with pytest.raises(BusError):
        await producer.commit(journal(world, b"x"))


async def test_closing_a_reader_ends_its_wait(world: World) -> None:
    """A read that waits raises, and so does every later one."""
    reader = world.bus().reader({(world.topics.trigger, 0): "earliest"})
    await read_to_end(reader, (world.topics.trigger, 0))
    waiting = asyncio.ensure_future(reader.read(timeout_s=30))
    await asyncio.sleep(0.05)
    await reader.close()
    with pytest.raises(BusError):
        await asyncio.wait_for(waiting, 5)
    with pytest.raises(BusError):
        await reader.read()


async def test_closing_the_bus_leaves_no_thread(world: World) -> None:
    """Producers, readers and their threads are gone."""
    bus = world.bus()
    bus.reader({(world.topics.trigger, 0): "earliest"})
    await bus.transactional_producer(world.topics.runs).start()
    await append(bus.producer(PROMPT), Outgoing(world.topics.trigger, b"x"))
    await bus.close()
    async with asyncio.timeout(5):
        # A thread's end has no event.
        while any(t.name.startswith("kafka-") for t in threading.enumerate()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert bus.health.down_since_ns is None
