"""What the leader knows and decides, between what it reads and what it writes; pure.

heartbeats, beats ──▶ hear ─▶ fleet, directors ─▶ turn ──▶ one transaction:
journal + orders + beat
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.director import Director
from orchestrator.directory import Directory
from orchestrator.fleet import Fleet
from orchestrator.journal import checkpoint_records, ledger_records
from orchestrator.ledger import ProtocolError
from orchestrator.terms import Now
from spate.bus import Outgoing, Received
from spate.messages import (
    AnyMessage,
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
_LOST = (logging.WARNING, "driver %s is lost")
_GONE = (logging.INFO, "driver %s has left")
_JOURNAL_EVERY_NS = 5 * SECOND
_CHECKPOINT_EVERY_NS = 30 * SECOND


@dataclass(frozen=True, slots=True)
class Turn:
    """What is to be committed as one fact, and then told.

    ``changed`` are the runs of which something is new; ``beat`` says that drivers are to be told
    the level of control.
    """

    records: tuple[Outgoing, ...]
    changed: tuple[Director, ...]
    beat: bool


class Command:
    """The state of one orchestrator.

    ``heard_to`` is the offset after the last record that was taken from ``heartbeat``.
    """

    def __init__(
        self,
        *,
        topics: Topics,
        timing: Timing,
        epoch: int,
        fleet: Fleet,
        directory: Directory,
    ) -> None:
        self.fleet = fleet
        self.directory = directory
        self.heard_to = 0
        self._topics = topics
        self._timing = timing
        self._epoch = epoch
        self._latest: Director | None = None
        self._beat_n = 0
        self._beats_sent: dict[int, int] = {}
        self._beat_due_ns = 0
        self._journaled_ns = 0
        self._checkpoint_ns = 0
        self._settled: set[str] = set()
        self._ends: dict[str, Mapping[int, int]] = {}

    # ---- what is read ------------------------------------------------------------------------

    def hear(self, message: AnyMessage, record: Received, now: Now) -> None:
        """Take what was read from ``heartbeat`` or ``register``; ``now`` is after the read."""
        match message:
            case Heartbeat():
                self._hear_heartbeat(message, record.append_ms, now)
            case Beat() if message.epoch == self._epoch:
                self._hear_beat(message, record.append_ms, now)
            case Register():
                self.fleet.register(message, now.mono_ns)
            case _:
                pass
        if record.topic == self._topics.heartbeat:
            self.heard_to = record.offset + 1

    def _hear_heartbeat(self, message: Heartbeat, append_ms: int, now: Now) -> None:
        heard = self.fleet.hear(message, append_ms, now.mono_ns, now.wall_ns)
        if heard is None:
            return
        if heard.joined or heard.back:
            text = "driver %s is there" if heard.joined else "driver %s is back"
            _LOG.info(text, message.driver_id, extra={"driver_id": message.driver_id})
        for director in self.directory:
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
        """Read back a beat of our own: who was silent for long before it is lost (R19)."""
        sent_ns = self._beats_sent.pop(message.n, None)
        if sent_ns is None:
            return
        self._beats_sent = {n: at for n, at in self._beats_sent.items() if n > message.n}
        for boot in self.fleet.judge(sent_ns, append_ms):
            driver_id = boot.key.driver_id
            level, text = _GONE if boot.heartbeat.leaving else _LOST
            _LOG.log(level, text, driver_id, extra={"driver_id": driver_id})
            for director in self.directory:
                if not director.run.ended:
                    director.lose(boot.term, now)

    def log_was_away(self, away_ns: int, now: Now) -> None:
        """Nothing could be written for so long, and nobody be heard."""
        self.fleet.excuse(now.mono_ns)
        for director in self.directory.under_way():
            if director.run.state != "PENDING":
                director.log_was_away(away_ns, now)

    def log_was_lost(self, loss: str, now: Now) -> None:
        """The log does not hold what it did (R16): what was under way cannot be settled."""
        for director in self.directory:
            if director.run.state != "PENDING" and not director.run.ended:
                director.give_up(now, loss)

    # ---- what follows ------------------------------------------------------------------------

    def first_beat(self, now: Now) -> Outgoing:
        """Return the beat up to which all must be read before anything is decided (R13)."""
        return self._beat(now)

    @property
    def beat_awaited(self) -> bool:
        """Whether the latest beat was not read back yet."""
        return self._beat_n in self._beats_sent

    def beat_due_ns(self) -> int:
        """Return when the next beat is due, in our monotonic time."""
        return self._beat_due_ns

    def turn(self, now: Now, read_to: Mapping[int, int]) -> Turn:
        """Decide what follows. ``read_to`` is how far ``metrics`` was merged, by partition."""
        records: list[Outgoing] = []
        changed: list[Director] = []
        for director in self._to_step():
            orders = self._step(director, now)
            if director.ledger is not None and director.bookmarks.metrics_from is None:
                # Nobody has begun, so no snapshot of the run was written before.
                director.bookmarks.metrics_from = dict(read_to)
            orders += self._finish(director, now, read_to)
            if orders or director.run.ended:  # an abort was ordered long before it ends
                changed.append(director)
                records += self._records(orders)
                records += self._journal(director)
        if now.mono_ns - self._journaled_ns >= _JOURNAL_EVERY_NS:
            self._journaled_ns = now.mono_ns
            records += [r for d in self.directory.under_way() for r in self._journal(d)]
        if now.mono_ns - self._checkpoint_ns >= _CHECKPOINT_EVERY_NS:
            self._checkpoint_ns = now.mono_ns
            for director in self.directory.under_way():
                records += checkpoint_records(self._topics.runs, director, read_to)
        beat = now.mono_ns >= self._beat_due_ns or bool(changed)
        if beat:
            records.append(self._beat(now))
        return Turn(tuple(records), tuple(changed), beat)

    def settled_runs(self) -> bool:
        """Tell whether a run only waits for the ends of ``metrics`` to be known (R29)."""
        return any(run_id not in self._ends for run_id in self._settled)

    def learn_ends(self, ends: Mapping[int, int]) -> None:
        """Take the ends of ``metrics``, fetched after the runs had settled."""
        for run_id in self._settled:
            self._ends.setdefault(run_id, ends)

    def _to_step(self) -> list[Director]:
        """Return the runs under way, and those that were ended while they waited."""
        under_way = self.directory.under_way()
        ending = [d for d in self.directory if d.run.ending and not d.run.ended]
        if under_way:
            self._latest = under_way[0]
        return list({d.run.id: d for d in (*under_way, *ending)}.values())

    def _step(self, director: Director, now: Now) -> list[Message]:
        orders: list[Message] = []
        try:
            while new := director.step(now):
                orders += new
        except ProtocolError as error:
            self._distrust(director, error, now)
            orders += director.orders.take()
        return orders

    def _distrust(self, director: Director, error: ProtocolError, now: Now) -> None:
        """Fail a run whose books cannot be right; one that is ending says so in its report."""
        if not director.run.ending:
            run_id = director.run.id
            _LOG.error("run %s fails: %s", run_id, error, extra={"run_id": run_id})
            director.fail(now, f"the accounting cannot be trusted: {error}")

    def _finish(self, director: Director, now: Now, read_to: Mapping[int, int]) -> list[Message]:
        """End a run that has settled, once ``metrics`` was read to where it ended then (R29).

        Offsets may be compared because nothing on ``metrics`` is transactional: no marker takes
        one.
        """
        run_id = director.run.id
        if director.run.ended or not director.settled(now):
            self._settled.discard(run_id)
            self._ends.pop(run_id, None)
            return []
        self._settled.add(run_id)
        ends = self._ends.get(run_id)
        if ends is None or any(read_to[p] < end for p, end in ends.items()):
            return []
        self._settled.discard(run_id)
        del self._ends[run_id]
        return list(director.finish(now, dict(read_to)))

    # ---- what is written ---------------------------------------------------------------------

    def _journal(self, director: Director) -> list[Outgoing]:
        return ledger_records(self._topics.runs, director, self.fleet, self.heard_to)

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

    def level(self, now: Now) -> Outgoing:
        """Return the same for the drivers, with their clock samples.

        It repeats what is committed, so it needs no transaction; and without the delay of one,
        its way is about as long as a heartbeat's, which makes the clock estimates good.
        """
        told = self._say(now).model_copy(update={"echo": self.fleet.take_echo()})
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
