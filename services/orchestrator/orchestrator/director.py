"""Takes one run from PREPARING to its end: turns what is known into orders.

Pure: ``step`` is called with the time after every batch of records, and returns what must be
journaled and published as one fact. It returns None when nothing has to change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.fleet import Fleet
from orchestrator.ledger import Ledger
from orchestrator.orders import Orders
from orchestrator.planner import stripe
from orchestrator.run import Run
from orchestrator.settling import Settling
from orchestrator.terms import BootKey, Now, TermKey
from spate.aggregator import Aggregator
from spate.messages import STATE_ORDER, Heartbeat, Message, RunState
from spate.schedule import Schedule, compile_schedule
from spate.timing import Timing


@dataclass(frozen=True, slots=True)
class Change:
    """A step of the run: the orders that make it known."""

    orders: tuple[Message, ...]


class Director:
    """Decides for the run that is under way."""

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
        self._prepared_ns: int | None = None
        self._enough_ns: int | None = None
        self._granted_ns = 0
        self._silent: set[BootKey] = set()
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
        ended = self.ledger.close(
            boot, message.term, closed, left=message.leaving, now_ns=now.mono_ns
        )
        if message.leaving:
            self.ledger.leave(boot)
        for key in ended:
            if message.leaving:
                self.run.note(now.wall_ns, "left", key.driver_id, f"{key.driver_id} left")
            elif not self.draining:
                text = f"{key.driver_id} fenced: it closed term {key.term}"
                self.run.note(now.wall_ns, "fenced", key.driver_id, text)
        if message.run_id == self.run.id:
            self.ledger.hear(TermKey(*boot, message.term), message.ranges)

    def lose(self, key: TermKey, now: Now) -> None:
        """A term was lost (R19)."""
        if self.ledger is not None and self.ledger.lose(key, now.mono_ns):
            text = f"{key.driver_id} lost: not heard for {self._timing.lost_after_ns / 1e9:g} s"
            self.run.note(now.wall_ns, "lost", key.driver_id, text)

    # ---- what users ask for ------------------------------------------------------------------

    def stop(self, now: Now) -> None:
        """Finish what is in flight and start nothing more (R26)."""
        self.run.stopped = True
        if self._begun:
            self._order("DRAINING", now)
        else:
            self._order("FINISHED", now)

    def abort(self, now: Now, reason: str) -> None:
        """End the run now (R26)."""
        self._order("ABORTED", now, reason)

    def fail(self, now: Now, reason: str) -> None:
        """End the run because it cannot go on."""
        self._order("FAILED", now, reason)

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
        if self.ledger is not None and self.ledger.pool and self._begun:
            self.ledger.miss_pool("aborted" if self.draining else "no_driver")
        if self.ledger is not None:
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
        if not self.run.ending:
            self._order("FINISHED", now)
        self.run.ended_at_ns = now.wall_ns
        if self.ledger is not None:
            self._fleet.spend(self.ledger.terms)
        return Change(self.orders.take())

    # ---- PREPARING and READY (R25) -----------------------------------------------------------

    def _prepare(self, now: Now) -> None:
        if self._prepared_ns is None:
            self._prepared_ns = now.mono_ns
            self.run.move("PREPARING", now.wall_ns)
        if self.ledger is None or not self.ledger.terms:
            self._gather(now)
        elif self._applied():
            self.run.move("READY", now.wall_ns)
            self.orders.state("READY", self._revise())
        elif self._void(now):
            self.ledger.void()
            self._enough_ns = None
            self._gather(now)

    def _gather(self, now: Now) -> None:
        """Fix the number of drivers, and grant, once there are enough."""
        wanted, wait_ns = self.run.plan.drivers.min, self.run.plan.drivers.wait_ns
        boots = [b for b in self._fleet.eligible(now.mono_ns) if b.key not in self._silent]
        waited_ns = now.mono_ns - (self._prepared_ns or now.mono_ns)
        if len(boots) < wanted:
            self._enough_ns = None
            if waited_ns >= wait_ns:
                reason = (
                    f"the plan needs {wanted} driver{'s' if wanted > 1 else ''}, "
                    f"{len(boots)} were there after {wait_ns / 1e9:g} s"
                )
                self.fail(now, reason)
            return
        if self._enough_ns is None:
            self._enough_ns = now.mono_ns
        gathering = now.mono_ns - self._enough_ns < self._timing.gather_ns
        if gathering and self._fleet.gathering(now.mono_ns):
            return
        if self.ledger is None:
            self.run.drivers = len(boots)
        ledger = self._books(len(boots))
        ledger.place(stripe(ledger, [boot.term for boot in boots]))
        self._granted_ns = now.mono_ns
        self.orders.grant(self._revise(), ledger, self.run.drivers)

    def _books(self, drivers: int) -> Ledger:
        """Return the ledger; the first call fixes the count, by the number of drivers."""
        if self.ledger is None:
            self.schedule = compile_schedule(self.run.plan.load, drivers)
            self.ledger = Ledger(self.schedule.count)
            self.aggregator = Aggregator(self.run.plan, self.schedule, self.run.id)
        return self.ledger

    def _applied(self) -> bool:
        """Tell whether every named term is live and has applied the grants."""
        assert self.ledger is not None
        boots = {boot.key: boot for boot in self._fleet.boots()}
        return all(
            term.status == "live"
            and boots[key.boot].heartbeat.revision >= self.orders.granted
            and boots[key.boot].heartbeat.run_id == self.run.id
            for key, term in self.ledger.terms.items()
        )

    def _void(self, now: Now) -> bool:
        """Tell whether the grants must be given afresh: a named term ended or keeps silent."""
        assert self.ledger is not None
        if any(term.status != "live" for term in self.ledger.terms.values()):
            return True
        if now.mono_ns - self._granted_ns < self._timing.ready_within_ns:
            return False
        boots = {boot.key: boot for boot in self._fleet.boots()}
        self._silent |= {
            key.boot
            for key in self.ledger.terms
            if boots[key.boot].heartbeat.revision < self.orders.granted
        }
        return True

    def _start(self, now: Now) -> None:
        """Order the start, a moment ahead, for all at one instant."""
        self.run.started_at_ns = now.wall_ns + self._timing.start_lead_ns
        self.run.move("RUNNING", now.wall_ns)
        start_mono_ns = now.mono_ns + self._timing.start_lead_ns
        self.orders.start(self._revise(), self.run.started_at_ns, start_mono_ns)

    # ---- the rest ----------------------------------------------------------------------------

    @property
    def _begun(self) -> bool:
        return self.orders.start_mono_ns is not None

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
            boot.fresh
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
