"""Puts the orchestrator together on a bus and an archive, whatever those are."""

from __future__ import annotations

import asyncio
import logging
import secrets

from orchestrator.archive import Archive
from orchestrator.clock import Clock
from orchestrator.command import Command
from orchestrator.conductor import Conductor
from orchestrator.desk import Desk
from orchestrator.director import Director
from orchestrator.directory import Directory
from orchestrator.feed import Feeds
from orchestrator.fleet import Fleet
from orchestrator.intake import Intake
from orchestrator.journal import Memory, forget_records
from orchestrator.leadership import Leadership
from orchestrator.newsroom import Newsroom
from orchestrator.pace import Pace
from orchestrator.pod_news import PodHistory
from orchestrator.recall import recall, unreadable
from orchestrator.run import Run
from orchestrator.run_board import RunBoard
from orchestrator.scaling import Scaling
from orchestrator.writer import Writer
from spate.allowlist import Allowlist
from spate.bus import Bus, Outgoing, Received
from spate.messages import Order, SnapshotMessage, encode
from spate.snapshot_parts import Parts
from spate.timing import SECOND, Timing
from spate.topics import Topics

_LOG = logging.getLogger("orchestrator")
_TICK_S = 0.25
_TELL_SHARE = 4
"""Telling what is new of a large fleet costs a fifth of the time at most: merging comes first."""


async def take_the_lead(
    bus: Bus, topics: Topics, transactional_id: str, clock: Clock
) -> tuple[Writer, int, Memory]:
    """Become the orchestrator of these topics; return writer, epoch and the journal (R13).

    The topics are there already.

    Raises:
        FencedError: if another process did the same a moment later.
        BusError: if the log cannot be reached.
    """
    leadership = Leadership(bus, topics.runs, secrets.token_hex(8))
    writer = Writer(bus, transactional_id, leadership)
    await writer.start()
    acks = await writer.commit([leadership.claim(clock.now().wall_ns)])
    epoch = acks[0].offset
    memory = await leadership.recall(epoch)
    if memory.bad_records:
        _LOG.warning("%d records of the journal were not understood", memory.bad_records)
    return writer, epoch, memory


async def forget_archived(memory: Memory, archive: Archive, writer: Writer, topics: Topics) -> None:
    """Drop the runs from the journal that the archive held before the last process ended.

    Raises:
        ArchiveError: if the archive does not answer.
    """
    for run_id, remembered in tuple(memory.runs.items()):
        if await archive.report(run_id) is not None:
            revision = memory.highest_revision()
            tombstones = forget_records(topics.runs, run_id, remembered.bookmarks(), revision)
            await writer.commit(tombstones)
            memory.forget(run_id)


async def end_unreadable(memory: Memory, epoch: int, writer: Writer, topics: Topics) -> None:
    """End the runs that nobody can conduct, for want of their plans: their drivers would go on.

    Raises:
        FencedError: if another process leads.
    """
    for run_id in unreadable(memory):
        bookmarks, revision = memory.runs[run_id].bookmarks(), memory.highest_revision() + 1
        order = Order(
            epoch=epoch,
            run_id=run_id,
            revision=revision,
            state="ABORTED",
            needs=0,
            starts_at_ns=None,
        )
        told = Outgoing(topics.trigger, encode(order), run_id, 0)
        await writer.commit([told, *forget_records(topics.runs, run_id, bookmarks, revision)])
        memory.forget(run_id, revision)
        text = "run %s is aborted and has no report: it may be under way, and its plan is not known"
        _LOG.error(text, run_id, extra={"run_id": run_id})


class Assembly:
    """All parts but the HTTP server, around one log."""

    def __init__(
        self,
        *,
        bus: Bus,
        topics: Topics,
        clock: Clock,
        timing: Timing,
        archive: Archive,
        allowlist: Allowlist,
        max_queued: int,
        writer: Writer,
        epoch: int,
        memory: Memory,
        scaling: Scaling | None = None,
    ) -> None:
        self.feeds = Feeds(base=clock.now().wall_ns // 1_000_000)
        self.fleet = Fleet(timing)
        self.directory = Directory()
        self.intake = Intake(bus, topics)
        self.board = RunBoard(self.directory, self.fleet, lambda: self.intake.caught_up)
        self._clock = clock
        self._timing = timing
        self._pace = Pace(timing)
        self._epoch = epoch
        self._revision = memory.highest_revision()
        self._scaling = scaling or Scaling()
        self._pod_history = PodHistory()
        self.newsroom = Newsroom(
            feeds=self.feeds,
            archive=archive,
            directory=self.directory,
            writer=writer,
            topics=topics,
            waiting_for=lambda: (
                "Kafka" if writer.failing or bus.health.down_since_ns is not None else None
            ),
            on_filed=lambda run_id, trust: self.board.keep(run_id, trust, clock.now()),
            revision=self._revision,
        )
        self.command = Command(
            topics=topics,
            timing=timing,
            epoch=epoch,
            fleet=self.fleet,
            directory=self.directory,
        )
        self.conductor = Conductor(
            command=self.command,
            timing=timing,
            clock=clock,
            intake=self.intake,
            writer=writer,
            pace=self._pace,
            on_change=self.newsroom.committed,
        )
        self.desk = Desk(
            bus=bus,
            topics=topics,
            clock=clock,
            fleet=self.fleet,
            directory=self.directory,
            intake=self.intake,
            writer=writer,
            conductor=self.conductor,
            newsroom=self.newsroom,
            board=self.board,
            archive=archive,
            allowlist=allowlist,
            max_queued=max_queued,
            make_director=self._make_director,
            scaling=self._scaling,
        )
        recalled = recall(memory, self.fleet, self._make_director, clock.now())
        self._heartbeat_from, self._metrics_from = recalled.heartbeat_from, recalled.metrics_from
        for director in recalled.directors:
            self.newsroom.open(director)
            self.directory.add(director)

    async def catch_up(self) -> None:
        """Read on where the last orchestrator ended, to where the log ends now (R13, R16).

        Raises:
            BusError: if the log cannot be reached, or lost what is being read.
        """
        loss = await self.intake.open(self._heartbeat_from, self._metrics_from)
        self.command.heard_to = self.intake.heartbeat_offset
        if loss is not None:
            self.command.log_was_lost(loss, self._clock.now())
        for director in self.directory:
            director.bookmarks.end_by(self.intake.metrics_held)
        await self.conductor.catch_up()

    def start(self) -> set[asyncio.Task[None]]:
        """Begin to work; each task goes on until it is cancelled, or something breaks."""
        watched = self._scaling.watched
        watching = () if watched is None else (watched.run(),)
        return {
            *(asyncio.create_task(work, name="the watch of the cluster") for work in watching),
            asyncio.create_task(self.conductor.run(), name="the conductor"),
            asyncio.create_task(self.intake.snapshots(self.take), name="the reader of snapshots"),
            asyncio.create_task(self._tell(), name="the newsroom"),
            asyncio.create_task(self._file(), name="the filing of ended runs"),
        }

    def take(self, message: SnapshotMessage, record: Received, parts: Parts | None = None) -> None:
        """Take what was read from ``metrics``.

        Raises:
            ValueError: if it does not fit its run's plan, or tells of what is long after now.
        """
        now = self._clock.now()
        if self.newsroom.take(message, record, now, parts) == "merged":
            self.board.freshness.merged(message.run_id, message.driver_id, now.mono_ns)

    async def _tell(self) -> None:
        while True:
            if self._scaling.watched is not None:
                runs = [director.run for director in self.directory]
                view, now = self._scaling.watched.view(), self._clock.now()
                self._pod_history.write(view, runs, now.wall_ns)
            before_ns = self._clock.now().mono_ns
            self.newsroom.tick()
            took_s = (self._clock.now().mono_ns - before_ns) / SECOND
            await asyncio.sleep(max(_TICK_S, _TELL_SHARE * took_s))

    async def _file(self) -> None:
        while True:
            await self.newsroom.file(self.intake.read_to)
            await asyncio.sleep(_TICK_S)

    def _make_director(self, run: Run) -> Director:
        return Director(
            run,
            fleet=self.fleet,
            timing=self._timing,
            pace=self._pace,
            epoch=self._epoch,
            revise=self._revise,
        )

    def _revise(self) -> int:
        self._revision += 1
        return self._revision
