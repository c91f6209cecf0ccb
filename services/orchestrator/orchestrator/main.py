"""``python -m orchestrator``: puts the orchestrator together and runs it until SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import sys
from collections.abc import Sequence

import uvloop

from orchestrator.api.app import create_app
from orchestrator.api.server import ApiServer
from orchestrator.archive import Archive, ArchiveError
from orchestrator.clock import Clock
from orchestrator.conductor import Conductor
from orchestrator.desk import Desk
from orchestrator.director import Director
from orchestrator.directory import Directory
from orchestrator.feed import Feeds
from orchestrator.fleet import Fleet
from orchestrator.intake import Intake
from orchestrator.journal import Memory, boot_record
from orchestrator.newsroom import Newsroom
from orchestrator.recall import recall
from orchestrator.run import Run
from orchestrator.settings import Settings, parse_settings
from orchestrator.writer import Writer
from spate.bus import Bus, BusError, FencedError
from spate.kafkabus import KafkaBus
from spate.timing import Timing
from spate.topics import Topics, topic_table

_LOG = logging.getLogger("orchestrator")
_TICK_S = 0.25


def main(argv: Sequence[str] | None = None) -> int:
    """Run the orchestrator; return its exit code."""
    settings = parse_settings(sys.argv[1:] if argv is None else argv, os.environ)
    logging.basicConfig(
        level=settings.log_level.upper(),
        format="%(asctime)s orchestrator %(levelname)s %(message)s",
    )
    try:
        return uvloop.run(_serve(settings))
    except KeyboardInterrupt:
        return 130


async def _serve(settings: Settings) -> int:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    clock, timing = Clock(), Timing()
    topics = topic_table(settings.topic_prefix)
    bus = KafkaBus(settings.kafka)
    archive = Archive(settings.archive)
    try:
        await archive.open()
        await bus.ensure_topics(topics.configs)
        writer = Writer(bus, f"{settings.topic_prefix}orchestrator")
        await writer.start()
        epoch, memory = await _take_the_lead(bus, topics, writer, clock)
        intake = Intake(bus, topics)
        await intake.open()
        house = _House(
            settings=settings,
            bus=bus,
            topics=topics,
            clock=clock,
            timing=timing,
            archive=archive,
            writer=writer,
            intake=intake,
            epoch=epoch,
            memory=memory,
        )
        return await house.run(stopping)
    except (BusError, ArchiveError, OSError) as error:
        _LOG.error("%s", error)
        return 1
    finally:
        await bus.close()
        await archive.close()


async def _take_the_lead(
    bus: Bus, topics: Topics, writer: Writer, clock: Clock
) -> tuple[int, Memory]:
    """Write a boot entry, then read the journal until it comes back (R13)."""
    process_id = secrets.token_hex(8)
    acks = await writer.commit([boot_record(topics.runs, process_id, clock.now().wall_ns)])
    epoch = acks[0].offset
    memory = Memory()
    reader = bus.reader({(topics.runs, 0): "earliest"})
    try:
        while memory.leader != process_id:
            memory.read((await reader.read()).records)
    finally:
        await reader.close()
    return epoch, memory


class _House:
    """Everything that runs, once the log was read."""

    def __init__(
        self,
        *,
        settings: Settings,
        bus: Bus,
        topics: Topics,
        clock: Clock,
        timing: Timing,
        archive: Archive,
        writer: Writer,
        intake: Intake,
        epoch: int,
        memory: Memory,
    ) -> None:
        self._timing = timing
        self._epoch = epoch
        self._revision = memory.highest_revision()
        self._intake = intake
        self._fleet = Fleet(timing)
        self._directory = Directory()
        self._feeds = Feeds(base=clock.now().wall_ns // 1_000_000)
        self._newsroom = Newsroom(
            feeds=self._feeds,
            archive=archive,
            directory=self._directory,
            writer=writer,
            topics=topics,
        )
        self._conductor = Conductor(
            topics=topics,
            timing=timing,
            clock=clock,
            fleet=self._fleet,
            directory=self._directory,
            intake=intake,
            writer=writer,
            epoch=epoch,
            on_change=self._newsroom.committed,
        )
        desk = Desk(
            bus=bus,
            topics=topics,
            clock=clock,
            fleet=self._fleet,
            directory=self._directory,
            intake=intake,
            writer=writer,
            conductor=self._conductor,
            newsroom=self._newsroom,
            archive=archive,
            allowlist=settings.allowed_targets,
            max_queued=settings.max_queued,
            make_director=self._make_director,
        )
        for director in recall(memory, self._make_director, clock.now()):
            self._newsroom.open(director)
            self._directory.add(director)
        app = create_app(desk, archive, self._feeds, settings)
        self._server = ApiServer(app, self._feeds, settings.host, settings.port)

    async def run(self, stopping: asyncio.Event) -> int:
        """Work until ``stopping`` is set or something breaks; return the exit code."""
        work = {
            asyncio.create_task(self._conductor.run(), name="conductor"),
            asyncio.create_task(self._intake.snapshots(self._newsroom.take), name="snapshots"),
            asyncio.create_task(self._tell(), name="newsroom"),
        }
        serving = asyncio.create_task(self._server.serve(), name="api")
        stop = asyncio.create_task(stopping.wait(), name="stop")
        await asyncio.wait({*work, serving, stop}, return_when=asyncio.FIRST_COMPLETED)
        code = 0
        tasks: tuple[asyncio.Task[None], ...] = (*work, serving)
        for task in tasks:
            if task.done():
                code = 1
                _explain(task)
        self._server.should_exit = True
        stop.cancel()
        for task in work:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError, Exception, SystemExit):
                await task
        await self._intake.close()
        return code

    async def _tell(self) -> None:
        while True:
            self._newsroom.tick()
            await self._newsroom.file()
            await asyncio.sleep(_TICK_S)

    def _make_director(self, run: Run) -> Director:
        return Director(
            run,
            fleet=self._fleet,
            timing=self._timing,
            epoch=self._epoch,
            revise=self._revise,
        )

    def _revise(self) -> int:
        self._revision += 1
        return self._revision


def _explain(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if isinstance(error, FencedError):
        _LOG.error("another orchestrator has taken over this topic prefix; this one ends")
    elif error is not None:
        _LOG.error("%s broke", task.get_name(), exc_info=error)
    else:
        _LOG.error("%s ended; the port may be in use already", task.get_name())
