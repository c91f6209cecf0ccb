"""Takes one run from PREPARING to its end: turns what is known into orders.

Pure: ``step`` is called with the time after every batch of records, and returns what must be
journaled and published as one fact. It returns None when nothing has to change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.fleet import Fleet
from orchestrator.ledger import Ledger, PoolCause
from orchestrator.muster import Muster
from orchestrator.orders import Orders
from orchestrator.planner import stripe
from orchestrator.run import Run
from orchestrator.settling import Settling
from orchestrator.terms import BootKey, Now, TermKey
from spate.aggregator import Aggregator
from spate.messages import STATE_ORDER, Heartbeat, Message, RunState
from spate.schedule import Schedule, compile_schedule
from spate.timing import SECOND, Timing


@dataclass(frozen=True, slots=True)
class Change:
    """A step of the run: the orders that make it known."""

    orders: tuple[Message, ...]


class Director:
    """Decides for the run that is under way.

    ``journal_parts`` is how many parts the journal may hold of its books.
    """

    def __init__(
        self, run: Run, *, fleet: Fleet, timing: Timing, epoch: int, revise: Callable[[], int]
    ) -> None:
        self.run = run
        self.ledger: Ledger | None = None
        self.schedule: Schedule | None = None
        self.aggregator: Aggregator | None = None
        self.journal_parts = 1
        self.orders = Orders(run.id, epoch, run.plan, run.digest)
        self._fleet = fleet
        self._timing = timing
        self._revise = revise
        self._muster: Muster | None = None
        self._republished_ns = 0
        self._settling = Settling(timing)

    def empty_aggregator(self) -> Aggregator:
        """Return one that has merged nothing, for views of a run whose count is not fixed yet."""
        schedule = compile_schedule(self.run.plan.load, max(1, self.run.plan.drivers.min))
        return Aggregator(self.run.plan, schedule, self.run.id)

    def elapsed_ns(self, now: Now) -> int | None:
        """Return the run time, negative before the start, None while no start is set."""
        start_ns = self.orders.start_mono_ns
        return None if start_ns is None else now.mono_ns - start_ns

    # ---- what is heard -----------------------------------------------------------------------

    def hear(self, message: Heartbeat, now: Now) -> None:
        """Take a heartbeat into the books (R17, R18).

        Raises:
            ProtocolError: if it says what cannot be.
        """
        if self.ledger is None:
            return
        boot = BootKey(message.driver_id, message.boot_id)
        closed = [term for term in message.closed if term.run_id == self.run.id]
        cause: PoolCause = "handover" if message.leaving else "fenced"
        ended = self.ledger.close(boot, message.term, closed, cause=cause, now_ns=now.mono_ns)
        if message.leaving and message.in_flight == 0:
            self.ledger.leave(boot)
        for driver_id in {key.driver_id for key in ended}:
            if message.leaving:
                text = f"{driver_id} was told to go and handed back what it had not begun"
                self.run.note(now.wall_ns, "left", driver_id, text)
            elif not self.draining:
                text = f"{driver_id} stopped by itself: it could not be sure that it was heard"
                self.run.note(now.wall_ns, "fenced", driver_id, text)
        if message.run_id == self.run.id:
            self.ledger.hear(TermKey(*boot, message.term), message.ranges)

    def lose(self, key: TermKey, now: Now) -> None:
        """A term was lost (R19)."""
        if self.ledger is not None and self.ledger.lose(key, now.mono_ns):
            silent_s = self._timing.lost_after_ns / SECOND
            text = f"{key.driver_id} was not heard for {silent_s:g} s and is taken for lost"
            self.run.note(now.wall_ns, "lost", key.driver_id, text)
            if self.run.state == "RUNNING" and self.run.plan.drivers.on_loss == "abort":
                self.abort(now, f"{key.driver_id} was lost, and the plan says on_loss: abort")

    # ---- what users ask for ------------------------------------------------------------------

    def stop(self, now: Now) -> None:
        """Finish what is in flight and start nothing more (R26).

        Raises:
            WrongMoveError: if it was stopped before or has ended.
        """
        if self._begun:
            self._order("DRAINING", now, "stopped by a user")
        else:
            self._order("FINISHED", now, "stopped by a user before it began")
        self.run.stopped = True

    def abort(self, now: Now, reason: str) -> None:
        """End the run now (R26).

        Raises:
            WrongMoveError: if it has ended.
        """
        self._order("ABORTED", now, reason)

    def fail(self, now: Now, reason: str) -> None:
        """End the run because it cannot go on.

        Raises:
            WrongMoveError: if it has ended.
        """
        self._order("FAILED", now, reason)

    def give_up(self, now: Now, ledger: Ledger | None, reason: str) -> None:
        """End a run that another orchestrator had under way, by what the journal holds of it.

        What its drivers were granted may have been sent, and was reported to nobody who is left:
        it is unconfirmed (R16).
        """
        if ledger is not None:
            ledger.doubt(now.mono_ns)
            self._open_books(ledger, max(1, self.run.drivers))
        if self.run.ending:
            self.orders.state(self.run.state, self._revise())
        else:
            self.fail(now, reason)

    @property
    def draining(self) -> bool:
        """Whether nothing is granted any more."""
        return STATE_ORDER[self.run.state] >= STATE_ORDER["DRAINING"]

    # ---- what follows ------------------------------------------------------------------------

    def step(self, now: Now) -> Change | None:
        """Return the next orders, if something has to change.

        Raises:
            ProtocolError: if the books do not add up.
        """
        state = self.run.state
        if state in ("PENDING", "PREPARING"):
            self._prepare(now)
        elif state == "READY":
            self._start(now)
        self._miss()
        if self.ledger is not None and not self.run.ending:
            self.ledger.check()
        pending = self.orders.take()
        if not pending:
            pending = self._remind(now)
        return Change(pending) if pending else None

    def settled(self, now: Now) -> bool:
        """Tell whether nothing more is to come but what is in the metrics topic already (R29)."""
        if self.ledger is None:
            return self.run.ending
        if self.ledger.pool or not (self._begun or self.draining):
            return False
        return self._settling.settled(
            self.ledger,
            self.aggregator,
            self._fleet,
            draining=self.draining,
            limit_ns=self._timing.drain_limit_ns(self.run.plan.limits.timeout_ns),
            now_ns=now.mono_ns,
        )

    def finish(self, now: Now) -> Change:
        """End the run: all that can be known is known (R29)."""
        self._miss()
        if not self.run.ending:
            self._order("FINISHED", now)
        self.run.ended_at_ns = now.wall_ns
        self._fleet.spend(self.run.id)
        return Change(self.orders.take())

    # ---- PREPARING and READY (R25) -----------------------------------------------------------

    def _prepare(self, now: Now) -> None:
        if self._muster is None:
            drivers = self.run.plan.drivers
            self._muster = Muster(self._fleet, self._timing, drivers, now.mono_ns)
            self.run.move("PREPARING", now.wall_ns)
        muster, ledger, granted = self._muster, self.ledger, self.orders.granted
        if ledger is None or not ledger.terms:
            self._grant(muster, now)
        elif (refusal := muster.refusal(ledger, self.run.id)) is not None:
            self.fail(now, refusal)
        elif muster.ready(ledger, self.run.id, granted):
            self.run.move("READY", now.wall_ns)
            self.orders.state("READY", self._revise())
        elif muster.void(ledger, granted, now.mono_ns):
            ledger.void()
            self._grant(muster, now)

    def _grant(self, muster: Muster, now: Now) -> None:
        """Share the plan among the drivers once all are there; the first time fixes its size."""
        boots = muster.complete(now.mono_ns)
        if boots is None:
            problem = muster.too_few(now.mono_ns)
            if problem is not None:
                self.fail(now, problem)
            return
        if self.ledger is None:
            self.run.drivers = len(boots)
        ledger = self._books(len(boots))
        ledger.place(stripe(ledger, [boot.term for boot in boots]))
        self.orders.grant(self._revise(), ledger, self.run.drivers)
        self._republished_ns = now.mono_ns

    def _books(self, drivers: int) -> Ledger:
        """Return the ledger; the first call fixes the count, by the number of drivers."""
        if self.ledger is None:
            ledger = Ledger(compile_schedule(self.run.plan.load, drivers).count)
            return self._open_books(ledger, drivers)
        return self.ledger

    def _open_books(self, ledger: Ledger, drivers: int) -> Ledger:
        self.ledger = ledger
        self.schedule = compile_schedule(self.run.plan.load, drivers)
        self.aggregator = Aggregator(self.run.plan, self.schedule, self.run.id)
        return ledger

    def _start(self, now: Now) -> None:
        """Order the start, a moment ahead, for all at one instant."""
        self.run.started_at_ns = now.wall_ns + self._timing.start_lead_ns
        self.run.move("RUNNING", now.wall_ns)
        start_mono_ns = now.mono_ns + self._timing.start_lead_ns
        self.orders.start(self._revise(), self.run.started_at_ns, start_mono_ns)

    # ---- the rest ----------------------------------------------------------------------------

    @property
    def _begun(self) -> bool:
        return self.run.started_at_ns is not None

    def _miss(self) -> None:
        """Give up what is nobody's, once there is something to miss (R21)."""
        if self.ledger is not None and self.ledger.pool and self._begun:
            self.ledger.miss_pool("aborted" if self.draining else "no_driver")

    def _order(self, state: RunState, now: Now, reason: str | None = None) -> None:
        self.run.move(state, now.wall_ns, reason)
        if not self._begun:
            # Nothing was sent: all that was planned is missed. A run that never came to its
            # grants is counted as planned for the smallest fleet it would have begun with.
            ledger = self._books(max(1, self.run.plan.drivers.min))
            ledger.void()
            ledger.miss_pool("no_driver" if state == "FAILED" else "aborted")
        self.orders.state(state, self._revise())

    def _remind(self, now: Now) -> tuple[Message, ...]:
        """Tell everybody again, if somebody has not heard (R27)."""
        if self.ledger is None or not self.orders.granted or self.draining:
            return ()
        if now.mono_ns - self._republished_ns < self._timing.republish_every_ns:
            return ()
        behind = any(
            not boot.lost
            and not boot.heartbeat.leaving
            and (
                boot.heartbeat.revision < self.orders.granted
                or boot.heartbeat.run_id != self.run.id
            )
            for boot in self._fleet.boots()
        )
        if not behind:
            return ()
        self._republished_ns = now.mono_ns
        return self.orders.again(self.ledger, self.run.drivers)
