"""A driver by script: it speaks the protocol's messages and does the rest by the shortest way."""

from __future__ import annotations

import asyncio

from tests.unit.orchestra import SECOND, WALL_NS, heartbeat, now

from spate.bus import Bus, Outgoing, ProducerOptions
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
from spate.schedule import Schedule, compile_schedule
from spate.topics import Topics


class ScriptedDriver:
    """Does what a driver must, by the shortest way; everything sent succeeds at once.

    ``mute`` takes its heartbeats, ``deaf`` its ears; ``in_flight`` is what it claims to be.
    """

    def __init__(self, bus: Bus, topics: Topics, driver_id: str, boot_id: str = "b") -> None:
        self.driver_id, self.boot_id = driver_id, boot_id
        self.mute = self.deaf = self.leaving = False
        self.term, self.n, self.seq, self.in_flight = 1, 0, 0, 0
        self.run_id: str | None = None
        self.state: RunState | None = None
        self.revision = 0
        self.worked: dict[str, int] = {}
        self.offset_ns: int | None = None
        self._topics = topics
        self._reader = bus.reader(
            {(topics.test_config, 0): "latest", (topics.trigger, 0): "latest"}
        )
        self._producer = bus.producer(ProducerOptions(linger_ms=0))
        self._plan: Plan | None = None
        self._schedule: Schedule | None = None
        self._ranges: dict[int, tuple[Range, int]] = {}
        self._closed: list[ClosedTerm] = []
        self._start_s: float | None = None
        self._beat_s: float | None = None

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
        while True:
            time_s = asyncio.get_running_loop().time()
            if time_s >= due_s:
                due_s = time_s + 0.5
                self.pulse()
            batch = await self._reader.read(timeout_s=max(0.001, due_s - time_s))
            for record in batch.records:
                if not self.deaf:
                    self.receive(decode(record.value))

    def send(self, topic: str, message: Message) -> None:
        """Send one message."""
        self._producer.send(Outgoing(topic, encode(message), self.driver_id))

    def pulse(self) -> None:
        """Work up to now, and tell of it."""
        self.work()
        if self.mute:
            return
        time_s = asyncio.get_running_loop().time()
        beat_age_ns = None
        if self._beat_s is not None:
            beat_age_ns = round((time_s - self._beat_s) * SECOND)
        self.n += 1
        ahead = 0
        if self._schedule is not None and self._start_s is not None:
            ahead = self._schedule.due_before(round((time_s + 2 - self._start_s) * SECOND))
        self.send(
            self._topics.heartbeat,
            heartbeat(
                self.driver_id,
                self.boot_id,
                term=self.term,
                n=self.n,
                run_id=self.run_id,
                state=self.state,
                revision=self.revision,
                leaving=self.leaving,
                ranges=tuple(
                    RangeProgress(id=r.id, decided=d, claim=max(d, r.position_from(ahead)))
                    for r, d in self._ranges.values()
                ),
                closed=tuple(self._closed),
                in_flight=self.in_flight,
                last_seq=self.seq,
                beat_age_ns=beat_age_ns,
                sent_at_ns=now(time_s).wall_ns,
            ),
        )

    def receive(self, message: AnyMessage) -> None:
        """Obey."""
        match message:
            case PlanDocument():
                self._plan = parse_plan(message.plan)
            case Grants() if message.revision > self.revision and self._plan is not None:
                self.revision = message.revision
                if self.run_id != message.run_id:
                    self.run_id, self.state, self._start_s = message.run_id, "PREPARING", None
                    self._closed, self._ranges = [], {}
                    self._schedule = compile_schedule(self._plan.load, message.drivers_at_start)
                mine = [g for g in message.grants if g.driver_id == self.driver_id]
                named = mine and (mine[0].boot_id, mine[0].term) == (self.boot_id, self.term)
                self._ranges = {r.id: (r, 0) for r in mine[0].ranges} if named else {}
                self.pulse()
            case Order() | Beat():
                if isinstance(message, Beat):
                    self._beat_s = asyncio.get_running_loop().time()
                self._follow(message)
            case _:
                pass

    def close_term(self) -> None:
        """End the present term for good."""
        if self._ranges:
            ends = tuple(RangeEnd(id=r.id, decided=d) for r, d in self._ranges.values())
            self._closed.append(ClosedTerm(run_id=self.run_id or "", term=self.term, ranges=ends))
        self._ranges = {}
        self.term += 1

    def leave(self) -> None:
        """Go in good order."""
        self.work()
        self.leaving = True
        self.close_term()
        self.pulse()

    def work(self) -> None:
        """Send all that is due, and report it in one snapshot."""
        if self.state != "RUNNING" or self._start_s is None or self._schedule is None:
            return
        elapsed_ns = round((asyncio.get_running_loop().time() - self._start_s) * SECOND)
        if elapsed_ns < 0:
            return
        done = 0
        for id_, (held, decided) in self._ranges.items():
            upto = held.position_from(self._schedule.due_before(elapsed_ns))
            done += max(0, upto - decided)
            self._ranges[id_] = (held, max(decided, upto))
        assert self.run_id is not None
        self.worked[self.run_id] = self.worked.get(self.run_id, 0) + done
        self.seq += 1
        cell = Cell(
            request=0, stage=0, decided=done, sent=done, succeeded=done, status_codes={"200": done}
        )
        self.send(self._topics.metrics, self.snapshot(elapsed_ns // SECOND, (cell,)))

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

    def _follow(self, message: Order | Beat) -> None:
        if message.run_id != self.run_id or message.state is None or self.state is None:
            return
        if message.starts_at_ns is not None and self._start_s is None:
            self._start_s = (message.starts_at_ns - WALL_NS) / SECOND
        if STATE_ORDER[message.state] <= STATE_ORDER[self.state]:
            return
        if message.state == "RUNNING" and self.revision < message.needs:
            return
        self.work()
        self.state = message.state
        if STATE_ORDER[message.state] >= STATE_ORDER["DRAINING"]:
            self.close_term()
        self.pulse()
