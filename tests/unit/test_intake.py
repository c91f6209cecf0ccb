"""The intake reads control and snapshots apart, and passes over what is no message."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.orchestra import heartbeat, loop_ms, play

from orchestrator.intake import Intake
from spate.bus import BusError, Outgoing, Received, TopicConfig
from spate.figures import Figures
from spate.membus import MemoryBus, MemoryLog
from spate.messages import Heartbeat, Register, SnapshotMessage, encode
from spate.snapshot_parts import Parts
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
        self.places: list[tuple[int, int]] = []

    def put(self, topic: str, value: bytes, partition: int = 0) -> None:
        """Append a record."""
        self.log.append(Outgoing(topic, value, "k", partition))

    def take(self, message: SnapshotMessage, record: Received, parts: Parts | None) -> None:
        """Take a snapshot; two numbers are refused."""
        assert parts == Figures.from_cells(message.cells)
        if message.seq == 13:
            raise ValueError("thirteen")
        if message.seq == 14:
            raise OverflowError("fourteen")
        self.taken.append(message.seq)
        self.places.append((record.partition, record.offset))


def test_it_begins_at_the_end_of_what_was_said() -> None:
    """If the journal says nothing; but with all descriptions: drivers describe themselves once."""

    async def act() -> None:
        world = World()
        told = Register(driver_id="d", boot_id="b", address="", version="", cpu_count=1)
        world.put(TOPICS.register, encode(told))
        world.put(TOPICS.heartbeat, encode(heartbeat(n=1)))
        assert await world.intake.open(None, {}) is None
        assert world.intake.heartbeat_offset == 1
        world.put(TOPICS.heartbeat, encode(heartbeat(n=2)))
        heard = [m for m, _ in await world.intake.control(0.1)]
        assert sorted(m.kind for m in heard) == ["heartbeat", "register"]
        assert [m.n for m in heard if isinstance(m, Heartbeat)] == [2]
        assert await world.intake.control(0.1) == []
        await world.intake.close()

    play(act())


def test_it_begins_where_the_journal_says() -> None:
    """R13: with what was said meanwhile."""

    async def act() -> None:
        world = World()
        for n in range(5):
            world.put(TOPICS.heartbeat, encode(heartbeat(n=n)))
            world.put(TOPICS.metrics, encode(SNAPSHOT.model_copy(update={"seq": n})), 1)
        assert await world.intake.open(3, {1: 2}) is None
        assert world.intake.read_to == {0: 0, 1: 2, 2: 0, 3: 0}
        assert world.intake.metrics_held == {0: 0, 1: 5, 2: 0, 3: 0}
        heard = await world.intake.control(0.1)
        assert [m.n for m, _ in heard if isinstance(m, Heartbeat)] == [3, 4]
        reading = asyncio.ensure_future(world.intake.snapshots(world.take))
        await asyncio.sleep(1)
        assert world.places == [(1, 2), (1, 3), (1, 4)]
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await world.intake.close()

    play(act())


def test_it_tells_what_the_log_has_lost() -> None:
    """R16: what was deleted, or a log that begins anew; then it goes on with what there is."""

    async def act() -> None:
        world = World()
        for n in range(5):
            world.put(TOPICS.heartbeat, encode(heartbeat(n=n)))
            world.put(TOPICS.metrics, encode(SNAPSHOT), 2)
        world.log.partition((TOPICS.heartbeat, 0)).delete_before(4)
        world.log.partition((TOPICS.metrics, 2)).delete_before(2)
        assert await world.intake.open(3, {0: 0, 1: 6, 2: 1}) == (
            "the log lost spate.heartbeat from offset 3 on and spate.metrics[1] from offset 6 on "
            "and spate.metrics[2] from offset 1 on"
        )
        assert world.intake.heartbeat_offset == 5
        assert world.intake.read_to == {0: 0, 1: 0, 2: 2, 3: 0}
        assert await world.intake.control(0.1) == []
        await world.intake.close()

    play(act())


def test_the_ends_of_the_log_are_no_loss() -> None:
    """From the first record that is held, or to the next that is written."""

    async def act() -> None:
        world = World()
        for n in range(5):
            world.put(TOPICS.heartbeat, encode(heartbeat(n=n)))
        world.log.partition((TOPICS.heartbeat, 0)).delete_before(2)
        for offset in (2, 5):
            assert await world.intake.open(offset, {0: 0}) is None
            await world.intake.close()

    play(act())


def test_snapshots_of_all_partitions_are_read_to_the_end() -> None:
    """What is refused, garbled or no snapshot is counted, and read all the same."""

    async def act() -> None:
        world = World()
        world.put(TOPICS.metrics, encode(SNAPSHOT), 1)
        await world.intake.open(None, {})
        for partition, seq in enumerate((1, 13, 14, 2)):
            world.put(TOPICS.metrics, encode(SNAPSHOT.model_copy(update={"seq": seq})), partition)
        world.put(TOPICS.metrics, b"nonsense", 1)
        world.put(TOPICS.metrics, encode(heartbeat()), 2)
        ends = await world.intake.metrics_ends()
        assert ends == {0: 1, 1: 3, 2: 2, 3: 1}
        assert world.intake.read_to == {0: 0, 1: 1, 2: 0, 3: 0}
        reading = asyncio.ensure_future(world.intake.snapshots(world.take))
        await asyncio.sleep(1)
        assert world.intake.read_to == ends
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
        await world.intake.open(None, {})
        world.put(TOPICS.heartbeat, encode(heartbeat()))
        with pytest.raises(BusError, match=r"spate\.heartbeat must have .*=LogAppendTime"):
            await world.intake.control(0.1)

    play(act())


def test_an_intake_that_was_not_opened_can_be_closed() -> None:
    """The start may fail anywhere."""

    async def act() -> None:
        await World().intake.close()

    play(act())


def test_it_knows_when_it_has_read_what_was_there_at_the_beginning() -> None:
    """What comes meanwhile does not count."""

    async def act() -> None:
        world = World()
        for seq in (1, 2):
            world.put(TOPICS.metrics, encode(SNAPSHOT.model_copy(update={"seq": seq})), 1)
        await world.intake.open(None, {1: 0})
        assert not world.intake.caught_up
        reading = asyncio.ensure_future(world.intake.snapshots(world.take))
        await asyncio.sleep(1)
        assert world.intake.caught_up
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await world.intake.close()

    play(act())
