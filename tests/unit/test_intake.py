"""The intake reads control and snapshots apart, and passes over what is no message."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.orchestra import heartbeat, loop_ms, play

from orchestrator.intake import Intake
from spate.bus import BusError, Outgoing, TopicConfig
from spate.membus import MemoryBus, MemoryLog
from spate.messages import Heartbeat, Register, SnapshotMessage, encode
from spate.topics import topic_table

TOPICS = topic_table()
SNAPSHOT = SnapshotMessage(
    driver_id="d",
    boot_id="b",
    term=1,
    run_id="r",
    seq=1,
    window=0,
    cells=(),
    in_flight=0,
    connections=1,
    cpu=0,
    clock_offset_ns=None,
    start_skew_ns=None,
)


class World:
    """A log in which something was said before, and an intake."""

    def __init__(self) -> None:
        self.log = MemoryLog(loop_ms)
        self.log.ensure(TOPICS.configs)
        self.bus = MemoryBus(self.log)
        self.intake = Intake(self.bus, TOPICS)
        self.taken: list[int] = []

    def put(self, topic: str, value: bytes, partition: int = 0) -> None:
        """Append a record."""
        self.log.append(Outgoing(topic, value, "k", partition))

    def take(self, message: SnapshotMessage) -> None:
        """Take a snapshot; two numbers are refused."""
        if message.seq == 13:
            raise ValueError("thirteen")
        if message.seq == 14:
            raise OverflowError("fourteen")
        self.taken.append(message.seq)


def test_it_begins_at_the_end_of_what_was_said() -> None:
    """But with all descriptions: drivers describe themselves once."""

    async def act() -> None:
        world = World()
        told = Register(driver_id="d", boot_id="b", address="", version="", cpu_count=1)
        world.put(TOPICS.register, encode(told))
        world.put(TOPICS.heartbeat, encode(heartbeat(n=1)))
        await world.intake.open()
        assert world.intake.heartbeat_offset == 1
        world.put(TOPICS.heartbeat, encode(heartbeat(n=2)))
        heard = [m for m, _ in await world.intake.control(0.1)]
        assert sorted(m.kind for m in heard) == ["heartbeat", "register"]
        assert [m.n for m in heard if isinstance(m, Heartbeat)] == [2]
        assert await world.intake.control(0.1) == []
        await world.intake.close()

    play(act())


def test_snapshots_of_all_partitions_are_read_to_the_end() -> None:
    """What is refused, garbled or no snapshot is counted, and read all the same."""

    async def act() -> None:
        world = World()
        world.put(TOPICS.metrics, encode(SNAPSHOT), 1)
        await world.intake.open()
        for partition, seq in enumerate((1, 13, 14, 2)):
            world.put(TOPICS.metrics, encode(SNAPSHOT.model_copy(update={"seq": seq})), partition)
        world.put(TOPICS.metrics, b"nonsense", 1)
        world.put(TOPICS.metrics, encode(heartbeat()), 2)
        ends = await world.intake.metrics_ends()
        assert ends == {0: 1, 1: 3, 2: 2, 3: 1}
        assert not world.intake.metrics_read_to(ends)
        reading = asyncio.ensure_future(world.intake.snapshots(world.take))
        await asyncio.sleep(1)
        assert world.intake.metrics_read_to(ends)
        assert (world.taken, world.intake.bad_messages) == ([1, 2], {"metrics": 4})
        world.bus.offline = True
        assert await world.intake.metrics_ends() is None
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await world.intake.close()

    play(act())


def test_heartbeats_must_be_stamped_by_the_log() -> None:
    """A1: the senders' clocks prove nothing."""

    async def act() -> None:
        world = World()
        world.log = MemoryLog(loop_ms)
        world.log.ensure([TopicConfig(c.name, c.partitions, {}) for c in TOPICS.configs])
        world.bus = MemoryBus(world.log)
        world.intake = Intake(world.bus, TOPICS)
        await world.intake.open()
        world.put(TOPICS.heartbeat, encode(heartbeat()))
        with pytest.raises(BusError, match=r"spate\.heartbeat must have .*=LogAppendTime"):
            await world.intake.control(0.1)

    play(act())


def test_an_intake_that_was_not_opened_can_be_closed() -> None:
    """The start may fail anywhere."""

    async def act() -> None:
        await World().intake.close()

    play(act())
