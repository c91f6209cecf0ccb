"""The one loop: reads what drivers say, lets the directors decide, journals and publishes.

    heartbeat ──▶ fleet, ledger ─┐
    metrics ────▶ aggregator ────┼─▶ director.step ─▶ one transaction: journal + orders + beats
    users ──────▶ stop, abort ───┘

One transaction at a time, and no heartbeat is read while it is open (R14).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from orchestrator.clock import Clock
from orchestrator.director import Director
from orchestrator.directory import Directory
from orchestrator.fleet import Fleet
from orchestrator.intake import Intake
from orchestrator.journal import ledger_records
from orchestrator.ledger import ProtocolError
from orchestrator.terms import Now
from orchestrator.writer import Writer
from spate.bus import Outgoing
from spate.messages import (
    Beat,
    Grants,
    Heartbeat,
    Message,
    Order,
    PlanDocument,
    Register,
    encode,
)
from spate.timing import SECOND, Timing
from spate.topics import Topics

_LOG = logging.getLogger("orchestrator")
_JOURNAL_EVERY_NS = 5 * SECOND


class Conductor:
    """Keeps runs and fleet in step with the log.

    ``on_change`` is told of a run after a change of it was committed.
    """

    def __init__(
        self,
        *,
        topics: Topics,
        timing: Timing,
        clock: Clock,
        fleet: Fleet,
        directory: Directory,
        intake: Intake,
        writer: Writer,
        epoch: int,
        on_change: Callable[[Director], None],
    ) -> None:
        self._topics = topics
        self._timing = timing
        self._clock = clock
        self._fleet = fleet
        self._directory = directory
        self._intake = intake
        self._writer = writer
        self._epoch = epoch
        self._on_change = on_change
        self._heard_to = intake.heartbeat_offset
        self._latest: Director | None = None
        self._turn_lock = asyncio.Lock()
        self._beat_n = 0
        self._beats_sent: dict[int, int] = {}
        self._beat_due_ns = 0
        self._journaled_ns = 0
        self._ends: dict[str, dict[int, int]] = {}

    async def run(self) -> None:
        """Turn until cancelled.

        Raises:
            FencedError: if another orchestrator has taken over.
        """
        while True:
            await self._hear()
            await self.turn()

    async def turn(self, act: Callable[[Now], None] | None = None) -> None:
        """Do ``act``, decide what follows, and commit it as one fact.

        Raises:
            WrongMoveError: from ``act``; nothing is changed then.
            FencedError: if another orchestrator has taken over.
        """
        async with self._turn_lock:
            now = self._clock.now()
            if act is not None:
                act(now)
            records: list[Outgoing] = []
            changed: list[Director] = []
            for director in {d.run.id: d for d in self._to_step()}.values():
                orders = self._step(director, now)
                orders += await self._finish(director, now)
                if orders or director.run.ended:  # an abort was ordered long before it ends
                    changed.append(director)
                    records += self._records(orders)
                    records += self._journal(director)
            if now.mono_ns - self._journaled_ns >= _JOURNAL_EVERY_NS:
                self._journaled_ns = now.mono_ns
                records += [r for d in self._directory.under_way() for r in self._journal(d)]
            beats = now.mono_ns >= self._beat_due_ns or bool(changed)
            if beats:
                records.append(self._beat(now))
            if records:
                await self._writer.commit(records)
            if beats:
                self._writer.tell(self._level(self._clock.now()))
            for director in changed:
                self._on_change(director)

    def _to_step(self) -> list[Director]:
        """Return the runs under way, and those that were ended while they waited."""
        ending = [d for d in self._directory if d.run.ending and not d.run.ended]
        under_way = self._directory.under_way()
        if under_way:
            self._latest = under_way[0]
        return [*under_way, *ending]

    def _step(self, director: Director, now: Now) -> list[Message]:
        orders: list[Message] = []
        try:
            while (change := director.step(now)) is not None:
                orders += change.orders
        except ProtocolError as error:
            self._distrust(director, error, now)
            orders += director.orders.take()
        return orders

    def _distrust(self, director: Director, error: ProtocolError, now: Now) -> None:
        """Fail a run whose books cannot be right; one that is ending says so in its report."""
        if not director.run.ending:
            _LOG.error("run %s fails: %s", director.run.id, error)
            director.fail(now, f"the accounting cannot be trusted: {error}")

    async def _finish(self, director: Director, now: Now) -> list[Message]:
        """End a run that has settled, once the metrics topic was read to where it stands (R29)."""
        run_id = director.run.id
        if director.run.ended or not director.settled(now):
            self._ends.pop(run_id, None)
            return []
        if run_id not in self._ends:
            ends = await self._intake.metrics_ends()
            if ends is None:
                return []
            self._ends[run_id] = ends
        if not self._intake.metrics_read_to(self._ends[run_id]):
            return []
        del self._ends[run_id]
        return list(director.finish(now).orders)

    async def _hear(self) -> None:
        """Read what drivers say, until the next beat is due at the latest.

        What was read is taken in between two transactions, and only then counts as read.
        """
        wait_ns = max(0, self._beat_due_ns - self._clock.now().mono_ns)
        heard = await self._intake.control(wait_ns / SECOND)
        async with self._turn_lock:
            for message, record in heard:
                now = self._clock.now()
                match message:
                    case Heartbeat():
                        self._hear_heartbeat(message, record.append_ms, now)
                    case Beat() if message.epoch == self._epoch:
                        self._hear_beat(message, record.append_ms, now)
                    case Register():
                        self._fleet.register(message, now.mono_ns)
                    case _:
                        pass
                if record.topic == self._topics.heartbeat:
                    self._heard_to = record.offset + 1
            self._fleet.forget(self._clock.now().mono_ns)

    def _hear_heartbeat(self, message: Heartbeat, append_ms: int, now: Now) -> None:
        heard = self._fleet.hear(message, append_ms, now.mono_ns, now.wall_ns)
        if heard is None:
            return
        for director in self._directory:
            if director.run.ended:
                continue
            try:
                director.hear(message, now)
            except ProtocolError as error:
                self._distrust(director, error, now)
            if (heard.joined or heard.back) and director.run.state == "RUNNING":
                text = f"{message.driver_id} {'appeared' if heard.joined else 'is back'}"
                director.run.note(now.wall_ns, "joined", message.driver_id, text)

    def _hear_beat(self, message: Beat, append_ms: int, now: Now) -> None:
        sent_ns = self._beats_sent.pop(message.n, None)
        if sent_ns is None:
            return
        self._beats_sent = {n: at for n, at in self._beats_sent.items() if n > message.n}
        for boot in self._fleet.judge(sent_ns, append_ms):
            if not boot.heartbeat.leaving:
                _LOG.warning("driver %s is lost", boot.key.driver_id)
            for director in self._directory:
                if not director.run.ended:
                    director.lose(boot.term, now)

    def _journal(self, director: Director) -> list[Outgoing]:
        records = ledger_records(self._topics.runs, director, self._heard_to)
        director.journal_parts = max(director.journal_parts, len(records))
        return records

    def _records(self, orders: list[Message]) -> list[Outgoing]:
        """Return orders as records: work on ``test_config``, states on ``trigger``."""
        records = []
        for order in orders:
            match order:
                case PlanDocument() | Grants():
                    topic, key = self._topics.test_config, order.run_id
                case Order():
                    topic, key = self._topics.trigger, order.run_id
                case _:
                    raise TypeError(f"no order: {order!r}")
            records.append(Outgoing(topic, encode(order), key, 0))
        return records

    def _beat(self, now: Now) -> Outgoing:
        """Return the sign of life that is read back here, to judge who is lost (R19)."""
        self._beat_n += 1
        self._beats_sent[self._beat_n] = now.mono_ns
        self._beat_due_ns = now.mono_ns + self._timing.beat_every_ns
        return Outgoing(self._topics.heartbeat, encode(self._say(now)), "orchestrator", 0)

    def _level(self, now: Now) -> Outgoing:
        """Return the same for the drivers, with their clock samples.

        It repeats what is committed, so it needs no transaction; and without the delay of one,
        its way is about as long as a heartbeat's, which makes the clock estimates good.
        """
        told = self._say(now).model_copy(update={"echo": self._fleet.take_echo()})
        return Outgoing(self._topics.trigger, encode(told), "orchestrator", 0)

    def _say(self, now: Now) -> Beat:
        if self._latest is not None:
            return self._latest.orders.beat(self._beat_n, now.mono_ns, now.wall_ns)
        return Beat(
            epoch=self._epoch,
            n=self._beat_n,
            run_id=None,
            revision=0,
            state=None,
            needs=0,
            starts_at_ns=None,
            elapsed_ns=None,
            sent_at_ns=now.wall_ns,
        )
