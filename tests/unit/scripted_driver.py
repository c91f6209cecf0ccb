"""A driver by script: it speaks the protocol's messages and does the rest by the shortest way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from tests.unit.orchestra import SECOND, WALL_NS, heartbeat, now

from spate.bus import Ack, Bus, Outgoing, ProducerOptions
from spate.grant import Range
from spate.messages import (
    STATE_ORDER,
    AnyMessage,
    Beat,
    Cell,
    ClosedTerm,
    Grants,
    Message,
    Order,
    PlanDocument,
    RangeEnd,
    RangeProgress,
    Register,
    RunState,
    SnapshotMessage,
    decode,
    encode,
)
from spate.plan import Plan, parse_plan
from spate.schedule import Schedule, plan_schedule
from spate.topics import Topics

_FENCE_AFTER_S = 2.0
_ORPHAN_AFTER_S = 30.0


@dataclass(slots=True)
class Held:
    """A granted range; positions below ``allowed`` may be decided."""

    range: Range
    decided: int = 0
    allowed: int = 0
    usable_since_ns: int | None = None


class ScriptedDriver:
    """Does what a driver must (R1-R12, open load), and everything sent succeeds at once.

    ``mute`` loses its heartbeats, ``deaf`` takes its ears, ``frozen`` stops it altogether;
    ``in_flight`` is what it claims to be. ``sent`` are the indices it sent, by run.
    """

    def __init__(self, bus: Bus, topics: Topics, driver_id: str, boot_id: str = "b") -> None:
        self.driver_id, self.boot_id = driver_id, boot_id
        self.mute = self.deaf = self.frozen = self.leaving = False
        self.alive = True
        self.term, self.n, self.seq, self.in_flight = 1, 0, 0, 0
        self.first_seq = 1
        self.run_id: str | None = None
        self.state: RunState | None = None
        self.revision, self.epoch = 0, -1
        self.worked: dict[str, int] = {}
        self.sent: dict[str, list[int]] = {}
        self.bus = bus
        self._topics = topics
        self._reader = bus.reader(
            {(topics.test_config, 0): "latest", (topics.trigger, 0): "latest"}
        )
        self._pulses = bus.producer(ProducerOptions(linger_ms=0, delivery_timeout_s=_FENCE_AFTER_S))
        self._producer = bus.producer(ProducerOptions(linger_ms=0))
        self._plan: Plan | None = None
        self._schedule: Schedule | None = None
        self._ranges: dict[int, Held] = {}
        self._closed: list[ClosedTerm] = []
        self._start_s: float | None = None
        self._beat_s: float | None = None
        self._deaf_since_s = asyncio.get_running_loop().time()
        self._licence_s: float | None = None
        self._append_ms: int | None = None

    async def run(self) -> None:
        """Live until cancelled."""
        self.send(
            self._topics.register,
            Register(
                driver_id=self.driver_id,
                boot_id=self.boot_id,
                address="10.0.0.1",
                version="1",
                cpu_count=2,
            ),
        )
        due_s = 0.0
        try:
            while True:
                if self.frozen:
                    await asyncio.sleep(0.05)
                    continue
                time_s = asyncio.get_running_loop().time()
                if time_s >= due_s:
                    due_s = time_s + 0.5
                    self.pulse()
                batch = await self._reader.read(timeout_s=max(0.001, due_s - time_s))
                for record in batch.records:
                    if not self.deaf:
                        self.receive(decode(record.value))
        finally:
            self.alive = False

    def send(self, topic: str, message: Message) -> None:
        """Send one message, again until it is in the log (R11)."""
        self._send(Outgoing(topic, encode(message), self.driver_id))

    def _send(self, record: Outgoing) -> None:
        def again(ack: Ack) -> None:
            if ack.error is not None and self.alive:
                self._send(record)

        self._producer.send(record, again)

    def look(self) -> None:
        """Close the term if its licence ended, or nobody was heard for long (R2, R3a, R3e)."""
        time_s = asyncio.get_running_loop().time()
        if self._licence_s is not None and time_s >= self._licence_s:
            self.close_term()
        if time_s - self._deaf_since_s >= _ORPHAN_AFTER_S:
            self._deaf_since_s = time_s
            self.close_term()

    def pulse(self) -> None:
        """Work up to now, and tell of it."""
        self.work()
        if self.mute:
            return
        time_s = asyncio.get_running_loop().time()
        if self._licence_s is None:
            self._licence_s = time_s + _FENCE_AFTER_S
        beat_age_ns = None
        if self._beat_s is not None:
            beat_age_ns = round((time_s - self._beat_s) * SECOND)
        self.n += 1
        claims = self._claims()
        message = heartbeat(
            self.driver_id,
            self.boot_id,
            term=self.term,
            n=self.n,
            run_id=self.run_id,
            state=self.state,
            revision=self.revision,
            epoch=self.epoch,
            leaving=self.leaving,
            ranges=tuple(
                RangeProgress(id=i, decided=held.decided, claim=claims[i])
                for i, held in self._ranges.items()
            ),
            closed=tuple(self._closed),
            in_flight=self.in_flight,
            first_seq=self.first_seq,
            last_seq=self.seq,
            beat_age_ns=beat_age_ns,
            elapsed_ns=self._elapsed_ns(),
            sent_at_ns=now(time_s).wall_ns,
        )
        term = self.term
        self._pulses.send(
            Outgoing(self._topics.heartbeat, encode(message), self.driver_id, 0),
            lambda ack: self._on_ack(ack, term, time_s, claims),
        )

    def receive(self, message: AnyMessage) -> None:
        """Obey the newest orchestrator."""
        self.look()
        match message:
            case PlanDocument():
                self._plan = parse_plan(message.plan)
            case Grants() if message.epoch >= self.epoch and message.revision > self.revision:
                self._apply(message)
            case Order() | Beat() if message.epoch >= self.epoch:
                self.epoch = message.epoch
                if isinstance(message, Beat):
                    self._beat_s = self._deaf_since_s = asyncio.get_running_loop().time()
                self._follow(message)
            case _:
                pass

    def close_term(self) -> None:
        """End the present term for good (R4)."""
        if self._ranges:
            ends = tuple(RangeEnd(id=i, decided=h.decided) for i, h in self._ranges.items())
            self._closed.append(ClosedTerm(run_id=self.run_id or "", term=self.term, ranges=ends))
        self._ranges = {}
        self.term += 1
        self._licence_s = self._append_ms = None

    def leave(self) -> None:
        """Go in good order."""
        self.work()
        self.leaving = True
        self.close_term()
        self.pulse()

    def work(self) -> None:
        """Send all that is due and allowed, and report it in one snapshot (R8)."""
        self.look()
        elapsed_ns = self._elapsed_ns()
        if self.state != "RUNNING" or elapsed_ns is None or elapsed_ns < 0:
            return
        assert self._schedule is not None
        assert self.run_id is not None
        done, late = [], 0
        for held in self._ranges.values():
            limit = min(held.allowed, held.range.size)
            until = min(limit, held.range.position_from(self._schedule.due_before(elapsed_ns)))
            usable_ns = held.usable_since_ns or 0
            begin = held.range.position_from(self._schedule.due_before(usable_ns))
            late += max(0, min(begin, until) - held.decided)
            done += [held.range.index(p) for p in range(max(begin, held.decided), until)]
            held.decided = max(held.decided, until)
        self.sent.setdefault(self.run_id, []).extend(done)
        self.worked[self.run_id] = self.worked.get(self.run_id, 0) + len(done)
        self.seq += 1
        cell = self.make_cell(len(done), late)
        self.send(self._topics.metrics, self.snapshot(elapsed_ns // SECOND, (cell,)))

    def make_cell(self, sent: int, missed: int) -> Cell:
        """Return what becomes of so many arrivals."""
        return Cell(
            request=0,
            stage=0,
            decided=sent + missed,
            sent=sent,
            succeeded=sent,
            missed={"handover": missed} if missed else {},
            status_codes={"200": sent},
        )

    def snapshot(self, window: int, cells: tuple[Cell, ...]) -> SnapshotMessage:
        """Return a snapshot of the present term and seq."""
        return SnapshotMessage(
            driver_id=self.driver_id,
            boot_id=self.boot_id,
            term=self.term,
            run_id=self.run_id or "",
            seq=self.seq,
            window=window,
            cells=cells,
            in_flight=0,
            connections=1,
            cpu=0.1,
            clock_offset_ns=None,
            start_skew_ns=None,
        )

    def _elapsed_ns(self) -> int | None:
        if self._start_s is None:
            return None
        return round((asyncio.get_running_loop().time() - self._start_s) * SECOND)

    def _claims(self) -> dict[int, int]:
        """Return what to ask for: what is due before the licence could end (R6)."""
        elapsed_ns, ahead = self._elapsed_ns(), 0
        if self._schedule is not None and elapsed_ns is not None:
            ahead = self._schedule.due_before(elapsed_ns + round(_FENCE_AFTER_S * SECOND))
        return {
            i: max(
                held.decided, min(held.allowed, held.range.size), held.range.position_from(ahead)
            )
            for i, held in self._ranges.items()
        }

    def _on_ack(self, ack: Ack, term: int, sent_s: float, claims: Mapping[int, int]) -> None:
        """Take the fate of a heartbeat: the licence goes on, its claims hold (R3c, R7)."""
        self.look()
        if ack.error is not None or term != self.term or not self.alive:
            return
        before_ms, self._append_ms = self._append_ms, ack.append_ms
        if before_ms is not None and ack.append_ms - before_ms > _FENCE_AFTER_S * 1000:
            self.close_term()
            return
        self._licence_s = sent_s + _FENCE_AFTER_S
        for i, claim in claims.items():
            held = self._ranges.get(i)
            if held is not None:
                held.allowed = max(held.allowed, min(claim, held.range.size))
                if held.usable_since_ns is None:
                    held.usable_since_ns = self._elapsed_ns()

    def _apply(self, message: Grants) -> None:
        """Take grants over (R9)."""
        assert self._plan is not None
        self.revision, self.epoch = message.revision, message.epoch
        if self.run_id != message.run_id:
            if self.state is not None and STATE_ORDER[self.state] < STATE_ORDER["DRAINING"]:
                self.close_term()
            self.run_id, self.state, self._start_s = message.run_id, "PREPARING", None
            self.first_seq = self.seq + 1
            self._closed, self._ranges = [], {}
            self._schedule = plan_schedule(self._plan, message.drivers_at_start)
        me = (self.driver_id, self.boot_id)
        mine = next((g for g in message.grants if (g.driver_id, g.boot_id) == me), None)
        granted: dict[int, Range] = {}
        if mine is not None:
            self._closed = [each for each in self._closed if each.term > mine.closed_through]
            if mine.term == self.term and self._licence_s is not None:
                granted = {r.id: r for r in mine.ranges}
        for i, held in self._ranges.items():
            size = granted[i].size if i in granted else 0
            held.range = held.range.head(max(held.decided, size))
        for i, new in granted.items():
            self._ranges.setdefault(i, Held(new))
        self.pulse()

    def _follow(self, message: Order | Beat) -> None:
        if message.run_id != self.run_id or message.state is None or self.state is None:
            return
        if message.state == "RUNNING" and self.revision < message.needs:
            return
        if self._start_s is None:
            if isinstance(message, Beat) and message.elapsed_ns is not None:
                time_s = asyncio.get_running_loop().time()
                self._start_s = time_s - message.elapsed_ns / SECOND
            elif message.starts_at_ns is not None:
                self._start_s = (message.starts_at_ns - WALL_NS) / SECOND
        if STATE_ORDER[message.state] <= STATE_ORDER[self.state]:
            return
        self.work()
        self.state = message.state
        if STATE_ORDER[message.state] >= STATE_ORDER["DRAINING"]:
            self.close_term()
        self.pulse()
