"""Takes one run from PREPARING to its end: turns what is known into orders.

Pure: ``step`` is called with the time after every batch of records, until it returns no more
orders; what it returned must be journaled and published as one fact.
"""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.beginning import Beginning
from orchestrator.bookmarks import Bookmarks
from orchestrator.fleet import Boot, Fleet
from orchestrator.handover import Handover
from orchestrator.holdings import PoolCause
from orchestrator.ledger import Ledger
from orchestrator.muster import Failed, Muster
from orchestrator.orders import Orders
from orchestrator.pace import Pace
from orchestrator.planner import share
from orchestrator.run import TOO_LONG, Run
from orchestrator.settling import Settling
from orchestrator.terms import BootKey, Now, TermKey
from spate.aggregator import Added, Aggregator
from spate.messages import STATE_ORDER, Heartbeat, Message, RunState, SnapshotMessage
from spate.plan_load import LONGEST_RUN_NS
from spate.schedule import Schedule, plan_schedule
from spate.snapshot_parts import Parts
from spate.timing import SECOND, Timing


class Director:
    """Decides for the run that is under way."""

    def __init__(
        self,
        run: Run,
        *,
        fleet: Fleet,
        timing: Timing,
        pace: Pace,
        epoch: int,
        revise: Callable[[], int],
    ) -> None:
        self.run = run
        self.ledger: Ledger | None = None
        self.schedule: Schedule | None = None
        self.aggregator: Aggregator | None = None
        self.bookmarks = Bookmarks()
        self.orders = Orders(run.id, epoch, run.plan, run.digest)
        self._beginning = Beginning(run, self.orders, pace=pace, timing=timing)
        self._fleet = fleet
        self._timing = timing
        self._revise = revise
        self._muster: Muster | None = None
        self._handover = Handover(timing)
        self._settling = Settling(timing)
        self._republished_ns = 0

    def elapsed_ns(self, now: Now) -> int | None:
        """Return the run time, negative before the start, None while no start is known."""
        return self._beginning.elapsed_ns(now)

    # ---- what is heard -----------------------------------------------------------------------

    def hear(self, message: Heartbeat, now: Now) -> None:
        """Take a heartbeat into the books (R17, R18, R20).

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
        if ended:
            self.run.note_end(message, len(ended), now.wall_ns)
        if message.run_id == self.run.id:
            key = TermKey(*boot, message.term)
            self.ledger.hear(key, message.ranges, message.revision)
            if not self._fleet.replaying:
                self._beginning.hear(boot, message.elapsed_ns, now)

    def lose(self, key: TermKey, now: Now) -> None:
        """A term was lost (R19)."""
        if self.ledger is not None and self.ledger.lose(key, now.mono_ns):
            self.run.note_lost(key.driver_id, self._timing.lost_after_ns, now.wall_ns)
            if self.run.state == "RUNNING" and self.run.plan.drivers.on_loss == "abort":
                self.abort(now, f"{key.driver_id} was lost, and the plan says on_loss: abort")

    def merge(
        self,
        snapshot: SnapshotMessage,
        partition: int,
        offset: int,
        now: Now,
        parts: Parts | None = None,
    ) -> Added:
        """Merge a snapshot as read from ``metrics``; after the end it changes nothing (R28).

        ``parts`` are the figures of its cells where they were read already.

        Raises:
            ValueError: if it does not fit the plan, or tells of what is long after now.
        """
        if self.aggregator is None or not self.bookmarks.counts(partition, offset):
            return "late"
        self._beginning.check_reached(snapshot.window, now)
        return self.aggregator.add(snapshot, parts)

    def log_was_away(self, away_ns: int, now: Now) -> None:
        """Nothing could be journaled for so long, by what is known now."""
        away = f"Kafka could not be reached for {away_ns / SECOND:.1f} s"
        self.run.note(now.wall_ns, "problem", None, away)
        if self._muster is not None:
            self._muster.postpone(away_ns)
        if away_ns >= self._timing.away_limit_ns and not self.draining:
            self.abort(now, f"{away}, longer than a run waits for it")

    # ---- what users ask for ------------------------------------------------------------------

    def stop(self, now: Now) -> None:
        """Finish what is in flight and start nothing more (R26).

        Raises:
            WrongMoveError: if it was stopped before or has ended.
        """
        if self._beginning.ordered:
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

    def resume(self, ledger: Ledger | None, aggregator: Aggregator | None) -> None:
        """Go on with the books of a run that another process had under way (R13).

        ``run`` and ``orders`` are as that process left them. Grants of a run that did not begin
        are void: nothing was sent by them.
        """
        if ledger is None:
            return
        self._open_books(ledger, aggregator)
        if self.run.state == "PREPARING":
            ledger.void()
        self._beginning.seek()

    def give_up(self, now: Now, reason: str) -> None:
        """End a run of which the log does not hold all any more (R16).

        What its drivers were granted may have been sent, and nobody says how much of it was.
        """
        if self.ledger is not None:
            self.ledger.doubt(now.mono_ns)
        if self.run.ending:
            self.orders.state(self.run.state, self._revise())
        else:
            self.fail(now, reason)

    @property
    def draining(self) -> bool:
        """Whether nothing is granted any more."""
        return STATE_ORDER[self.run.state] >= STATE_ORDER["DRAINING"]

    # ---- what follows ------------------------------------------------------------------------

    def step(self, now: Now) -> tuple[Message, ...]:
        """Return the next orders, none if nothing has to change.

        Raises:
            ProtocolError: if the books do not add up.
        """
        state = self.run.state
        if state in ("PENDING", "PREPARING"):
            self._prepare(now)
        elif state == "READY":
            self._beginning.order(self._revise(), now)
        elif state == "RUNNING":
            self._carry_on(now)
        self._miss()
        if self.ledger is not None and not self.run.ending:
            self.ledger.check()
        return self.orders.take() or self._remind(now)

    def settled(self, now: Now) -> bool:
        """Tell whether nothing more is to come but what is in the metrics topic already (R29)."""
        if self.ledger is None:
            return self.run.ending
        if self.ledger.pool or not (self._beginning.ordered or self.draining):
            return False
        return self._settling.settled(
            self.ledger,
            self.aggregator,
            self._fleet,
            draining=self.draining,
            limit_ns=self._timing.drain_limit_ns(self.run.plan.limits.timeout_ns),
            now_ns=now.mono_ns,
        )

    def finish(self, now: Now, metrics_ends: dict[int, int]) -> tuple[Message, ...]:
        """End the run: all that can be known is in ``metrics`` before these offsets (R29)."""
        self._miss()
        if not self.run.ending:
            self._order("FINISHED", now)
        self.run.end(now.wall_ns, self.elapsed_ns(now))
        self.bookmarks.metrics_ends = metrics_ends
        self._fleet.spend(self.run.id)
        return self.orders.take()

    # ---- PREPARING and READY (R25) -----------------------------------------------------------

    def _prepare(self, now: Now) -> None:
        if self._muster is None:
            drivers = self.run.plan.drivers
            self._muster = Muster(self._fleet, self._timing, drivers, now.mono_ns)
            if self.run.state == "PENDING":
                self.run.move("PREPARING", now.wall_ns)
        match self._muster.verdict(self.ledger, self.run.id, self.orders.granted, now.mono_ns):
            case Failed(reason):
                self.fail(now, reason)
            case "ready":
                self.run.move("READY", now.wall_ns)
                self.orders.state("READY", self._revise())
            case list(boots):
                self._grant(boots, now)

    def _grant(self, boots: list[Boot], now: Now) -> None:
        """Share the plan among these drivers; the first time fixes its size."""
        if self.ledger is None:
            self.run.drivers = len(boots)
        ledger = self._books()
        ledger.place(share(ledger, [boot.term for boot in boots]))
        self.orders.grant(self._revise(), ledger, self.run.drivers)
        self._republished_ns = now.mono_ns

    def _books(self) -> Ledger:
        """Return the ledger; the first call fixes the count, by the number of drivers."""
        if self.ledger is None:
            count = plan_schedule(self.run.plan, self.run.fleet_size).count
            self._open_books(Ledger(count), None)
        assert self.ledger is not None
        return self.ledger

    def _open_books(self, ledger: Ledger, aggregator: Aggregator | None) -> None:
        self.ledger = ledger
        self.schedule = plan_schedule(self.run.plan, self.run.fleet_size)
        self.aggregator = aggregator or Aggregator(self.run.plan, self.schedule, self.run.id)

    # ---- RUNNING (R20-R24) -------------------------------------------------------------------

    def _carry_on(self, now: Now) -> None:
        """See that all work is in somebody's hands."""
        ledger, schedule, elapsed_ns = self.ledger, self.schedule, self.elapsed_ns(now)
        assert ledger is not None
        assert schedule is not None
        if elapsed_ns is None:
            self._beginning.find([term.key.boot for term in ledger.live()], now)
            return
        if not schedule.is_open and elapsed_ns >= LONGEST_RUN_NS:
            self._order("DRAINING", now, TOO_LONG)
            return
        following = self._fleet.following(self.run.id, now.mono_ns)
        there = [term for boot in following if ledger.may_have(term := boot.term)]
        before = ledger.pooled + ledger.missed_count
        moved = self._handover.step(
            ledger, schedule, there, self._revise, elapsed_ns=elapsed_ns, now_ns=now.mono_ns
        )
        if moved is not None:
            self.orders.grant(moved.revision, ledger, self.run.drivers)
            self._republished_ns = now.mono_ns
        if moved is not None and moved.what == "shared":
            self.run.note_shared(before - ledger.missed_count, moved.pieces, there, now.wall_ns)

    def _miss(self) -> None:
        """Give up what is nobody's once nothing is granted any more (R21)."""
        ledger = self.ledger
        if ledger is not None and ledger.pool and self._beginning.ordered and self.draining:
            ledger.miss_pool("aborted")

    def _order(self, state: RunState, now: Now, reason: str | None = None) -> None:
        self.run.move(state, now.wall_ns, reason)
        if not self._beginning.ordered:
            # Nothing was sent: all that was planned is missed. A run that never came to its
            # grants is counted as planned for the smallest fleet it would have begun with.
            ledger = self._books()
            ledger.void()
            ledger.miss_pool("no_driver" if state == "FAILED" else "aborted")
        self.orders.state(state, self._revise())

    def _remind(self, now: Now) -> tuple[Message, ...]:
        """Tell everybody again, if somebody has not heard (R27)."""
        if self.ledger is None or not self.orders.granted or self.draining:
            return ()
        if now.mono_ns - self._republished_ns < self._timing.republish_every_ns:
            return ()
        if not self._fleet.behind(self.run.id, self.orders.granted):
            return ()
        self._republished_ns = now.mono_ns
        return self.orders.again(self.ledger, self.run.drivers)
