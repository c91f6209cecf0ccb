"""The writer's records get into the log, and only while its process leads."""

from __future__ import annotations

import asyncio
import logging

import pytest
from tests.unit.orchestra import loop_ms, play

from orchestrator.journal import boot_record
from orchestrator.leadership import Leadership
from orchestrator.writer import Writer
from spate.bus import BusError, FencedError, Outgoing
from spate.membus import MemoryBus, MemoryLog
from spate.topics import topic_table

TOPICS = topic_table()
RECORD = Outgoing(TOPICS.trigger, b"x", "k", 0)


class World:
    """A log, and processes that write to it."""

    def __init__(self) -> None:
        self.log = MemoryLog(loop_ms)
        self.log.ensure(TOPICS.configs)

    async def lead(self, name: str) -> tuple[MemoryBus, Writer, Leadership]:
        """Start a process that leads."""
        bus = MemoryBus(self.log)
        leadership = Leadership(bus, TOPICS.runs, name)
        writer = Writer(bus, "orchestrator", leadership)
        await writer.start()
        (ack,) = await writer.commit([leadership.claim(0)])
        memory = await leadership.recall(ack.offset)
        assert (memory.leader, leadership.epoch) == (name, ack.offset)
        return bus, writer, leadership

    def written(self) -> int:
        """Return how many records are on ``trigger``."""
        return len(self.log.partition((TOPICS.trigger, 0)).since(0, 1000))


def test_records_are_written_as_one() -> None:
    """The acknowledgements come in the records' order."""

    async def act() -> None:
        world = World()
        _, writer, _ = await world.lead("a")
        acks = await writer.commit([RECORD, RECORD])
        assert [ack.offset for ack in acks] == [0, 1]
        await writer.close()
        await writer.close()

    play(act())


def test_a_broker_that_is_away_is_waited_for(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told once that it is away, and once that it is back."""
    # Another test's tool may have switched off all loggers that it does not know.
    monkeypatch.setattr(logging.getLogger("orchestrator"), "disabled", False)

    async def act() -> None:
        world = World()
        bus, writer, _ = await world.lead("a")
        bus.offline = True
        assert writer.waiting_s == 0
        task = asyncio.ensure_future(writer.commit([RECORD]))
        await asyncio.sleep(60)
        assert (writer.failing, task.done()) == (True, False)
        assert writer.waiting_s == pytest.approx(60, abs=0.1)
        bus.offline = False
        await task
        assert (writer.failing, world.written()) == (False, 1)
        assert writer.waiting_s == 0

    with caplog.at_level(logging.INFO, "orchestrator"):
        play(act())
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "the journal cannot be written",
        "the journal can be written again",
    ]


def test_a_producer_fenced_by_the_broker_is_made_anew() -> None:
    """R15: no other process has claimed to lead, so this one goes on."""

    async def act() -> None:
        world = World()
        _, writer, _ = await world.lead("a")
        world.log.take_over("orchestrator")
        await writer.commit([RECORD])
        assert world.written() == 1

    play(act())


def test_a_process_that_another_has_replaced_ends() -> None:
    """R15: the newer boot entry is another's. It stays so, and the other is not held up."""

    async def act() -> None:
        world = World()
        _, first, _ = await world.lead("a")
        _, second, _ = await world.lead("b")
        for _ in range(2):
            with pytest.raises(FencedError, match="another orchestrator has taken over"):
                await first.commit([RECORD])
        await second.commit([RECORD])
        assert world.written() == 1

    play(act())


def test_two_that_start_at_once_leave_one() -> None:
    """Whose boot entry is not the newest ends at once, also where its own is compacted away."""

    async def act() -> None:
        world = World()
        bus = MemoryBus(world.log)
        leadership = Leadership(bus, TOPICS.runs, "a")
        await leadership.check()  # before its claim there is nothing to be checked
        ack = world.log.append(leadership.claim(0))
        world.log.append(boot_record(TOPICS.runs, "b", 0))
        with pytest.raises(FencedError):
            await leadership.recall(ack.offset)
        world.log.partition((TOPICS.runs, 0)).delete_before(ack.offset + 1)
        with pytest.raises(FencedError):
            await Leadership(bus, TOPICS.runs, "a").recall(ack.offset)

    play(act())


def test_a_writer_that_cannot_start_says_so() -> None:
    """The start is no time for patience: whoever supervises the process tries again."""

    async def act() -> None:
        bus = MemoryBus(World().log)
        bus.offline = True
        writer = Writer(bus, "orchestrator", Leadership(bus, TOPICS.runs, "a"))
        with pytest.raises(BusError, match="cannot be reached"):
            await writer.start()

    play(act())


def test_what_is_no_fact_is_sent_at_once() -> None:
    """Outside of any transaction, by a producer that is closed with the rest."""

    async def act() -> None:
        world = World()
        _, writer, _ = await world.lead("a")
        writer.tell(RECORD)
        writer.tell(RECORD)
        await asyncio.sleep(0.1)
        assert world.written() == 2
        await writer.close()
        await writer.close()

    play(act())
