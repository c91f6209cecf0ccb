"""The link: heartbeats with their fates, snapshots until they are there, control as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from driver import backlog as backlog_module
from driver import link as link_module
from driver.link import Link
from spate.bus import Ack, Outgoing, ProducerOptions
from spate.membus import MemoryBus, MemoryLog
from spate.messages import (
    AnyMessage,
    Heartbeat,
    Order,
    Register,
    SnapshotMessage,
    decode,
    encode,
)
from spate.timing import Timing
from spate.topics import topic_table

TOPICS = topic_table("t.")
ORDER = Order(epoch=0, run_id="r", revision=1, state="READY", needs=1, starts_at_ns=None)


def heartbeat(n: int) -> Heartbeat:
    """A heartbeat of this number."""
    return Heartbeat(
        driver_id="d",
        boot_id="b",
        term=1,
        n=n,
        first=n == 1,
        run_id=None,
        state=None,
        revision=0,
        epoch=0,
        leaving=False,
        ranges=(),
        closed=(),
        in_flight=0,
        first_seq=1,
        last_seq=0,
        beat_age_ns=None,
        elapsed_ns=None,
        sent_at_ns=0,
        clock=None,
        cpu=0.0,
        lag_p99_ns=None,
    )


def snapshot(seq: int) -> SnapshotMessage:
    """A snapshot of this number."""
    return SnapshotMessage(
        driver_id="d",
        boot_id="b",
        term=1,
        run_id="r",
        seq=seq,
        window=0,
        cells=(),
        in_flight=0,
        connections=0,
        cpu=0.0,
        clock_offset_ns=None,
        start_skew_ns=None,
    )


class Bench:
    """A link to a log in memory."""

    def __init__(self) -> None:
        self.now_ms = 1_000
        self.log = MemoryLog(lambda: self.now_ms)
        self.bus = MemoryBus(self.log)
        self.log.ensure(TOPICS.configs)
        self.acks: list[tuple[int, Ack]] = []
        self.link = Link(
            self.bus, TOPICS, Timing(), lambda n, ack: self.acks.append((n, ack)), lambda: 0
        )

    def values(self, topic: str) -> list[AnyMessage]:
        """Return what a topic holds."""
        found = [
            record
            for partition in self.log.topic(topic)
            for record in partition.since(partition.start, 1_000)
        ]
        return [decode(record.value) for record in found]

    async def say(self, topic: str, value: bytes) -> None:
        """Append a control record."""
        producer = self.bus.producer(ProducerOptions(linger_ms=0))
        producer.send(Outgoing(topic, value, "r", 0))
        await producer.flush(1)
        await producer.close()

    @asynccontextmanager
    async def listening(self, receive: Callable[[AnyMessage], None]) -> AsyncIterator[None]:
        """Listen meanwhile."""
        task = asyncio.create_task(self.link.listen(receive))
        await asyncio.sleep(0.01)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.bus.close()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again at once."""
    monkeypatch.setattr(link_module, "_REOPEN_AFTER_S", 0.01)
    monkeypatch.setattr(backlog_module, "_BACK_OFF_S", 0.01)


async def test_heartbeats_bring_their_fate_under_their_number() -> None:
    """With the log's append time (A1), in the log's order."""
    bench = Bench()
    for n in (1, 2):
        bench.link.heartbeat(heartbeat(n))
    assert await bench.link.flush(1) == 0
    await asyncio.sleep(0.01)
    assert [(n, ack.offset, ack.append_ms, ack.append_time) for n, ack in bench.acks] == [
        (1, 0, 1_000, True),
        (2, 1, 1_000, True),
    ]
    assert bench.values(TOPICS.heartbeat) == [heartbeat(1), heartbeat(2)]
    await bench.bus.close()


async def test_a_driver_describes_itself_once() -> None:
    """On a topic that decides nothing."""
    bench = Bench()
    description = Register(
        driver_id="d", boot_id="b", address="h:1", version="0", cpu_count=2, labels={}
    )
    bench.link.register(description)
    await bench.link._snapshots.flush(1)
    assert bench.values(TOPICS.register) == [description]
    await bench.bus.close()


async def test_a_snapshot_is_kept_until_it_is_acknowledged() -> None:
    """Then it is in the log under its number (R11)."""
    bench = Bench()
    bench.link.snapshot(snapshot(1))
    assert len(bench.link.backlog) == 1
    assert await bench.link.flush(1) == 0
    assert len(bench.link.backlog) == 0
    assert bench.values(TOPICS.metrics) == [snapshot(1)]
    await bench.bus.close()


@pytest.mark.usefixtures("soon")
async def test_a_snapshot_that_failed_is_sent_again_under_its_number() -> None:
    """As often as it takes (R11)."""
    bench = Bench()
    missing = bench.log._topics.pop(TOPICS.metrics)
    bench.link.snapshot(snapshot(7))
    await asyncio.sleep(0.05)
    assert len(bench.link.backlog) == 1
    assert bench.link.backlog.resent >= 1
    bench.log._topics[TOPICS.metrics] = missing
    assert await bench.link.flush(1) == 0
    assert bench.values(TOPICS.metrics) == [snapshot(7)]
    await bench.bus.close()


async def test_the_flush_says_what_is_left() -> None:
    """A log that cannot be reached keeps a leaving driver no longer than it was told to wait."""
    bench = Bench()
    bench.bus.offline = True
    bench.link.snapshot(snapshot(1))
    bench.link.snapshot(snapshot(2))
    assert await bench.link.flush(0.05) == 2
    await bench.bus.close()


async def test_control_is_heard_from_now_on() -> None:
    """What was said before is not repeated by the log: the orchestrator does that."""
    bench = Bench()
    heard: list[AnyMessage] = []
    await bench.say(TOPICS.trigger, encode(ORDER))
    async with bench.listening(heard.append):
        await bench.say(TOPICS.trigger, encode(ORDER))
        await bench.say(TOPICS.test_config, encode(ORDER))
        await asyncio.sleep(0.01)
        assert heard == [ORDER, ORDER]


async def test_what_is_no_message_is_counted_and_passed_over() -> None:
    """Garbage on a topic does not end a driver."""
    bench = Bench()
    heard: list[AnyMessage] = []
    async with bench.listening(heard.append):
        await bench.say(TOPICS.trigger, b"garbage")
        await bench.say(TOPICS.trigger, encode(ORDER))
        await asyncio.sleep(0.01)
        assert (bench.link.bad_messages, heard) == (1, [ORDER])


@pytest.mark.usefixtures("soon")
async def test_a_position_that_is_gone_is_left_for_the_newest() -> None:
    """As long as the log refuses it is asked again, from its end."""
    bench = Bench()
    heard: list[AnyMessage] = []
    async with bench.listening(heard.append):
        for _ in range(3):
            await bench.say(TOPICS.trigger, encode(ORDER))
        await asyncio.sleep(0.01)
        missing = bench.log._topics.pop(TOPICS.trigger)
        bench.log.nudge()
        await asyncio.sleep(0.05)
        bench.log._topics[TOPICS.trigger] = missing
        await asyncio.sleep(0.05)
        await bench.say(TOPICS.trigger, encode(ORDER))
        await asyncio.sleep(0.01)
        assert len(heard) == 4


async def test_what_the_driver_raises_ends_the_listening() -> None:
    """A broken generator must not go on unheard."""
    bench = Bench()

    def fail(_: AnyMessage) -> None:
        raise KeyError("a fault of ours")

    task = asyncio.create_task(bench.link.listen(fail))
    await asyncio.sleep(0.01)
    await bench.say(TOPICS.trigger, encode(ORDER))
    with pytest.raises(KeyError):
        await asyncio.wait_for(task, 1)
    await bench.bus.close()
