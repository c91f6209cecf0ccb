"""An orchestrator process: the real command between the model's log and its faults.

What ``conductor``, ``writer``, ``leadership``, ``intake`` and ``assembly`` do with a bus is done
here with the model's log, a step at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from random import Random

from tests.unit.model.log import TOPICS, Log, LostError, Transaction, UnknownFateError
from tests.unit.model.timeline import Clocks, Life, Process, Timeline
from tests.unit.model.truth import Truth

from orchestrator.command import Command
from orchestrator.director import Director
from orchestrator.directory import Directory
from orchestrator.facts import ledger_facts, run_facts
from orchestrator.fleet import Fleet
from orchestrator.journal import Memory, boot_record, forget_records, plan_record
from orchestrator.pace import Pace
from orchestrator.recall import recall
from orchestrator.run import Run, WrongMoveError
from orchestrator.terms import Now
from spate.aggregator import Aggregator
from spate.bus import Outgoing, Received
from spate.messages import AnyMessage, SnapshotMessage, decode
from spate.plan import Plan
from spate.report import build_report
from spate.schedule import plan_schedule
from spate.timing import MS, SECOND, Timing

_ID = "orchestrator"
_TRANSACTION_NS = 10 * SECOND
_RUNS = (TOPICS.runs, 0)

FAULTS = (
    "die before",
    "die within",
    "die after",
    "die after a journal",
    "abort",
    "unknown",
    "slow",
)
"""What may happen to a commit; "die after a journal" waits for one that writes the books."""


class _GoneError(Exception):
    """The process dies here."""


class _FencedError(Exception):
    """Another process leads."""


class Leader:
    """One orchestrator process. ``faults`` come over its next commits; None is a good one."""

    def __init__(
        self,
        name: str,
        *,
        timeline: Timeline,
        log: Log,
        truth: Truth,
        timing: Timing,
        clocks: Clocks,
        random: Random,
        make_command: Callable[..., Command] = Command,
        make_fleet: Callable[[Timing], Fleet] = Fleet,
    ) -> None:
        self.name = name
        self.clocks = clocks
        self.delay_ns = 0
        self.faults: deque[str | None] = deque()
        self.jobs: deque[Callable[[Command, Now], None]] = deque()
        self.submitted: deque[tuple[str, Plan]] = deque()
        self.command: Command | None = None
        self.process = Process(self._live())
        self._timeline, self._log, self._truth = timeline, log, truth
        self._timing, self._random = timing, random
        self._pace = Pace(timing)
        self._make_command, self._make_fleet = make_command, make_fleet
        self._held: int | None = None
        self._epoch = -1
        self._revision = 0
        self._read_to: dict[int, int] = {}
        self._ended: set[str] = set()
        timeline.spawn(self.process)

    def kill(self) -> None:
        """End it without a word."""
        self.process.dead = True

    # ---- its life (orchestrator.assembly, .conductor) ------------------------------------------

    def _live(self) -> Life:
        with suppress(_GoneError, _FencedError, LostError):
            memory = yield from self._take_the_lead()
            command = yield from self._recall(memory)
            while True:
                yield self._random.randrange(10, 120) * MS
                yield from self._work(command)

    def _take_the_lead(self) -> Generator[int, None, Memory]:
        self._held = self._log.take_over(_ID, self._timeline.now_ns)
        yield self._random.randrange(1, 200) * MS
        transaction = yield from self._commit([boot_record(TOPICS.runs, self.name, 0)])
        self._epoch = transaction.entries[0][1].offset
        memory, position = Memory(), 0
        while position <= self._epoch:
            found, position, _ = self._log.read(_RUNS, position, self._timeline.now_ns)
            memory.read(record for record, _ in found)
            yield self._random.randrange(1, 100) * MS
        self._demand(memory)
        for run_id, remembered in tuple(memory.runs.items()):
            if run_id in self._truth.reports:
                revision = memory.highest_revision()
                bookmarks = remembered.bookmarks()
                yield from self._commit(forget_records(TOPICS.runs, run_id, bookmarks, revision))
                memory.forget(run_id)
        return memory

    def _recall(self, memory: Memory) -> Generator[int, None, Command]:
        self._revision = memory.highest_revision()
        fleet, directory = self._make_fleet(self._timing), Directory()
        command = self._make_command(
            topics=TOPICS,
            timing=self._timing,
            epoch=self._epoch,
            fleet=fleet,
            directory=directory,
        )
        self.command = command
        recalled = recall(memory, fleet, self._director, self._now())
        for director in recalled.directors:
            directory.add(director)
            if director.run.ended:
                self._ended.add(director.run.id)
        self._open(command, recalled.heartbeat_from, recalled.metrics_from)
        yield from self._commit([command.first_beat(self._now())])
        fleet.replaying = True
        while command.beat_awaited:
            yield self._random.randrange(1, 50) * MS
            self._hear(command)
        fleet.replaying = False
        return command

    def _open(
        self, command: Command, heartbeat_from: int | None, metrics_from: dict[int, int]
    ) -> None:
        """Begin to read where the journal says, see ``orchestrator.intake``."""
        end = self._log.bounds(TOPICS.heartbeat)[0].end
        lost = False
        command.heard_to = end if heartbeat_from is None else heartbeat_from
        if command.heard_to > end:
            command.heard_to, lost = end, True
        for partition, bounds in self._log.bounds(TOPICS.metrics).items():
            self._read_to[partition] = metrics_from.get(partition, bounds.end)
        self._position = command.heard_to
        if lost:
            command.log_was_lost("the log lost heartbeats", self._now())

    def _work(self, command: Command) -> Life:
        self._hear(command)
        command.fleet.forget(self._now().mono_ns)
        self._merge()
        while self.submitted:
            yield from self._submit(command, *self.submitted[0])
            self.submitted.popleft()
        jobs, self.jobs = self.jobs, deque()
        yield from self._turn(command, jobs)
        if command.settled_runs():
            ends = {p: bounds.end for p, bounds in self._log.bounds(TOPICS.metrics).items()}
            yield self._random.randrange(1, 20) * MS
            command.learn_ends(ends)
            yield from self._turn(command, deque())
        yield from self._file(command)

    def _turn(self, command: Command, jobs: deque[Callable[[Command, Now], None]]) -> Life:
        began = self._now()
        for job in jobs:
            with suppress(WrongMoveError):
                job(command, began)
        turn = command.turn(began, self._read_to)
        if turn.records:
            yield from self._commit(turn.records)
            away_ns = self._now().mono_ns - began.mono_ns
            self._pace.note(away_ns)
            if away_ns >= self._timing.lost_after_ns:
                if away_ns >= self._timing.away_limit_ns:
                    self._truth.blame("the log was away for too long")
                command.log_was_away(away_ns, self._now())
        if turn.beat:
            level = decode(command.level(self._now()).value or b"")
            self._log.append(TOPICS.trigger, 0, level, self._timeline.now_ns)
        for director in turn.changed:
            if director.run.ended:
                self._ended.add(director.run.id)
                self._blame_the_limit(director)

    def _blame_the_limit(self, director: Director) -> None:
        """A run that ended because it had drained for long enough may leave something open."""
        since_ns = director._settling._resting_since_ns
        limit_ns = self._timing.drain_limit_ns(director.run.plan.limits.timeout_ns)
        if since_ns is not None and self._now().mono_ns - since_ns >= limit_ns:
            self._truth.run(director.run.id).blamed.add("the drain limit expired")

    # ---- reading -------------------------------------------------------------------------------

    def _hear(self, command: Command) -> None:
        """Take in what can be read of the heartbeats."""
        until_ns = self._timeline.now_ns - self.delay_ns
        found, self._position, _ = self._log.read((TOPICS.heartbeat, 0), self._position, until_ns)
        for record, message in found:
            if message is not None:
                command.hear(message, record, self._now())

    def _merge(self) -> None:
        """Take in snapshots, see ``newsroom.take``."""
        if self.command is None:
            return
        until_ns = self._timeline.now_ns - self.delay_ns
        for partition, position in self._read_to.items():
            place = (TOPICS.metrics, partition)
            found, self._read_to[partition], _ = self._log.read(place, position, until_ns)
            for record, message in found:
                self._take(self.command, record, message)

    def _take(self, command: Command, record: Received, message: AnyMessage | None) -> None:
        assert isinstance(message, SnapshotMessage)
        director = command.directory.find(message.run_id)
        if director is not None:
            director.merge(message, record.partition, record.offset, self._now())

    # ---- writing (orchestrator.writer, .leadership) --------------------------------------------

    def _commit(self, records: Sequence[Outgoing]) -> Generator[int, None, Transaction]:
        """Write records until their fate is known."""
        while True:
            try:
                return (yield from self._attempt(records))
            except UnknownFateError:
                self._held = None
                yield 500 * MS

    def _attempt(self, records: Sequence[Outgoing]) -> Generator[int, None, Transaction]:
        timeline, log = self._timeline, self._log
        if self._held is None:
            self._check()
            yield self._random.randrange(1, 50) * MS
            self._held = log.take_over(_ID, timeline.now_ns)
            yield self._random.randrange(1, 50) * MS
            self._check()
        fault = self._fault(records)
        if fault == "die before":
            raise _GoneError
        transaction = log.begin(_ID, self._held, records, timeline.now_ns)
        expires_ns = timeline.now_ns + _TRANSACTION_NS
        timeline.at(expires_ns, lambda: log.resolve(_ID, timeline.now_ns, transaction))
        if fault == "die within":
            raise _GoneError
        yield self._random.randrange(2, 20) * MS
        if fault == "slow":
            yield self._random.choice((1500, 3000, 5000)) * MS
        if self._random.random() < 0.5:
            self._merge()
        if fault == "abort":
            log.resolve(_ID, timeline.now_ns, transaction)
        log.commit(_ID, self._held, timeline.now_ns)
        self._truth.journaled(
            Received(*place, entry.offset, entry.append_ms, True, entry.key, entry.value or b"")
            for place, entry in transaction.entries
            if place == _RUNS
        )
        if fault == "die after":
            raise _GoneError
        if fault == "unknown":
            raise UnknownFateError
        return transaction

    def _fault(self, records: Sequence[Outgoing]) -> str | None:
        """Return what happens to this commit."""
        if not self.faults:
            return None
        if self.faults[0] != "die after a journal":
            return self.faults.popleft()
        if all(record.topic != TOPICS.runs for record in records):
            return None
        self.faults.popleft()
        return "die after"

    def _check(self) -> None:
        """Demand that nobody else has claimed to lead since (R15)."""
        if self._epoch < 0:
            return
        memory = Memory()
        found, _, _ = self._log.read(_RUNS, self._epoch, self._timeline.now_ns)
        memory.read(record for record, _ in found)
        self._demand(memory)

    def _demand(self, memory: Memory) -> None:
        if memory.leader != self.name:
            raise _FencedError

    # ---- runs (orchestrator.desk, .newsroom) ---------------------------------------------------

    def _submit(self, command: Command, run_id: str, plan: Plan) -> Life:
        if run_id in self._truth.reports or command.directory.find(run_id) is not None:
            return
        created_ns = self._now().wall_ns
        run = Run(id=run_id, plan=plan, digest=plan.digest(), created_at_ns=created_ns)
        yield from self._commit([plan_record(TOPICS.runs, run)])
        command.directory.add(self._director(run))

    def _file(self, command: Command) -> Life:
        for director in command.directory:
            run, ends = director.run, director.bookmarks.metrics_ends or {}
            read = all(self._read_to[p] >= end for p, end in ends.items())
            if run.id not in self._ended or not read:
                continue
            aggregator = director.aggregator
            if aggregator is None:
                schedule = plan_schedule(run.plan, run.fleet_size)
                aggregator = Aggregator(run.plan, schedule, run.id)
            aggregator.close()
            report = build_report(run_facts(run), aggregator, ledger_facts(director.ledger))
            self._truth.archived(run.id, report, self._log.told(run.id, ends))
            yield self._random.randrange(1, 30) * MS
            command.directory.drop(run.id)
            self._revision = max(self._revision, director.orders.revision)
            records = forget_records(TOPICS.runs, run.id, director.bookmarks, self._revision)
            yield from self._commit(records)

    def _director(self, run: Run) -> Director:
        assert self.command is not None
        return Director(
            run,
            fleet=self.command.fleet,
            timing=self._timing,
            pace=self._pace,
            epoch=self._epoch,
            revise=self._revise,
        )

    def _revise(self) -> int:
        self._revision += 1
        return self._revision

    def _now(self) -> Now:
        return self.clocks.now(self._timeline.now_ns)
