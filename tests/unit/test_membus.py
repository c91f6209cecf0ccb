"""The faults that the in-memory log can play are those that Kafka has."""

from __future__ import annotations

import asyncio

import pytest

from spate.bus import Ack, Batch, BusError, Outgoing, ProducerOptions
from spate.membus import MemoryBus, MemoryLog
from spate.topics import topic_table

TOPICS = topic_table("")
PLACE = (TOPICS.heartbeat, 0)
SOON = ProducerOptions(linger_ms=0, delivery_timeout_s=0.05)
LATE = ProducerOptions(linger_ms=0, delivery_timeout_s=30)


def new_log(held_bytes: int = 1_000_000) -> MemoryLog:
    """Return a log with all topics."""
    log = MemoryLog(lambda: 5, held_bytes)
    log.ensure(TOPICS.configs)
    return log


async def append(bus: MemoryBus, value: bytes, options: ProducerOptions = LATE) -> Ack:
    """Send one record and return its acknowledgement."""
    future: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()
    bus.producer(options).send(Outgoing(TOPICS.heartbeat, value, "k"), future.set_result)
    return await asyncio.wait_for(future, 5)


async def test_offline_delivery_times_out() -> None:
    """The acknowledgement has the error, it is counted, nothing is in the log."""
    log = new_log()
    bus = MemoryBus(log)
    log.offline = True
    ack = await append(bus, b"x", SOON)
    assert ack.error == "the delivery timed out"
    assert (bus.health.errors, bus.health.last_error) == (1, ack.error)
    assert bus.health.down_since_ns is not None
    assert log.partition(PLACE).end == 0


async def test_what_waits_is_appended_when_the_log_is_back() -> None:
    """In the order it was sent; the health is good again."""
    log = new_log()
    bus = MemoryBus(log)
    producer = bus.producer(LATE)
    log.offline = True
    for i in range(3):
        producer.send(Outgoing(TOPICS.heartbeat, b"%d" % i))
    assert await producer.flush(0.01) == 3
    log.offline = False
    assert await producer.flush(1) == 0
    assert [r.value for r in log.partition(PLACE).since(0, 9)] == [b"0", b"1", b"2"]
    assert bus.health.down_since_ns is None


async def test_one_process_is_cut_off_alone() -> None:
    """The others go on; it reads nothing until it is back, then everything."""
    log = new_log()
    cut, well = MemoryBus(log), MemoryBus(log)
    reader = cut.reader({PLACE: "earliest"})
    assert (await reader.read()).ends == {PLACE}
    cut.offline = True
    assert (await append(well, b"x")).error is None
    assert await reader.read(timeout_s=0.02) == Batch((), frozenset())
    with pytest.raises(BusError):
        await cut.bounds(TOPICS.heartbeat)
    cut.offline = False
    assert [r.value for r in (await reader.read()).records] == [b"x"]


async def test_a_commit_waits_for_the_log() -> None:
    """A short outage is no error."""
    log = new_log()
    producer = MemoryBus(log).transactional_producer("t")
    await producer.start()
    log.offline = True
    commit = asyncio.ensure_future(producer.commit([Outgoing(TOPICS.runs, b"x")]))
    await asyncio.sleep(0.01)
    assert not commit.done()
    log.offline = False
    (ack,) = await commit
    assert ack.offset == 0


async def test_closing_ends_a_commit_that_waits() -> None:
    """It raises, and nothing is appended later."""
    log = new_log()
    producer = MemoryBus(log).transactional_producer("t")
    await producer.start()
    log.offline = True
    commit = asyncio.ensure_future(producer.commit([Outgoing(TOPICS.runs, b"x")]))
    await asyncio.sleep(0.01)
    await producer.close()
    with pytest.raises(BusError):
        await commit
    log.offline = False
    assert log.partition((TOPICS.runs, 0)).end == 0


async def test_a_commit_needs_a_start() -> None:
    """Nobody was fenced before."""
    with pytest.raises(BusError):
        await MemoryBus(new_log()).transactional_producer("t").commit([Outgoing("runs", b"x")])


async def test_delay_holds_records_back() -> None:
    """They are not readable before."""
    log = new_log()
    log.delay_s = 0.03
    bus = MemoryBus(log)
    producer = bus.producer(LATE)
    producer.send(Outgoing(TOPICS.heartbeat, b"x"))
    assert await producer.flush(0.005) == 1
    assert log.partition(PLACE).end == 0
    assert await producer.flush(1) == 0
    assert log.partition(PLACE).end == 1


async def test_closing_refuses_what_waits() -> None:
    """The acknowledgements of what is given up say so."""
    log = new_log()
    log.offline = True
    bus = MemoryBus(log)
    acks: list[Ack] = []
    bus.producer(LATE).send(Outgoing(TOPICS.heartbeat, b"x"), acks.append)
    await bus.close()
    await asyncio.sleep(0)
    assert [ack.error for ack in acks] == ["the producer was closed"]


async def test_a_lost_log_starts_again_at_offset_zero() -> None:
    """A reader that was further finds its position gone."""
    log = new_log()
    bus = MemoryBus(log)
    reader = bus.reader({PLACE: "earliest"})
    await append(bus, b"1")
    await append(bus, b"2")
    assert len((await reader.read()).records) == 2
    log.partition(PLACE).wipe()
    with pytest.raises(BusError, match="offset 2 is outside"):
        await reader.read()
    assert (await append(bus, b"3")).offset == 0


async def test_retention_moves_the_start() -> None:
    """What is older cannot be read any more."""
    log = new_log()
    bus = MemoryBus(log)
    for value in (b"1", b"2", b"3"):
        await append(bus, value)
    log.partition(PLACE).delete_before(2)
    reader = bus.reader({PLACE: "earliest"})
    assert await bus.bounds(PLACE[0]) == {0: (2, 3)}
    assert [r.value for r in (await reader.read()).records] == [b"3"]
    with pytest.raises(BusError):
        await bus.reader({PLACE: 1}).read()


def test_memory_is_bounded() -> None:
    """The oldest half goes when too much is held, and offsets stay."""
    partition = new_log(held_bytes=100).partition(PLACE)
    for _ in range(1000):
        partition.append("k", bytes(10), 0)
    assert partition.end == 1000
    assert partition.start >= 980
    assert [r.offset for r in partition.since(partition.start, 99)] == list(
        range(partition.start, 1000)
    )


def test_a_compacted_partition_keeps_the_newest_of_each_key() -> None:
    """Tombstones take their key away; the rest stays readable from the start."""
    partition = new_log(held_bytes=100).partition((TOPICS.runs, 0))
    partition.append("gone", bytes(10), 0)
    partition.append("gone", b"", 0)
    for i in range(30):
        partition.append(f"key-{i % 3}", b"%09d" % i, 0)
    kept = {r.key: r.value for r in partition.since(0, 99)}
    assert kept == {f"key-{i % 3}": b"%09d" % i for i in (27, 28, 29)}


def test_a_reader_needs_a_partition() -> None:
    """Reading nothing is a mistake of the caller."""
    with pytest.raises(ValueError, match="needs a partition"):
        MemoryBus(new_log()).reader({})
