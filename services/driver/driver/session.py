"""What a driver may send, and until when: the driver's half of the protocol (R1-R10, R12).

Pure: every call brings the time with it. The engine asks ``look`` before each burst and takes
arrivals from the ranges it returns; ``take_closures`` tells which terms closed since.
"""

from __future__ import annotations

from driver.closure import CloseCause, Closure
from driver.endings import Endings
from driver.grant_parts import GrantParts
from driver.headway import Headway
from driver.levels import Levels
from driver.licence import Licence, LogLostError
from driver.load import Load
from driver.moment import Moment
from driver.plan_shelf import PlanShelf
from driver.ranges import HeldRanges
from driver.run_start import RunStart
from spate.bus import Ack
from spate.clocksync import ClockSync
from spate.grant import Range
from spate.messages import (
    STATE_ORDER,
    Beat,
    Grants,
    Heartbeat,
    Order,
    PlanDocument,
    RangeProgress,
    RunState,
)
from spate.plan import Plan
from spate.schedule import plan_schedule
from spate.timing import Timing


class Session:
    """A driver's view of its own rights and of the run."""

    def __init__(self, driver_id: str, boot_id: str, timing: Timing) -> None:
        self.driver_id = driver_id
        self.boot_id = boot_id
        self.load: Load | None = None
        self.state: RunState | None = None
        self.wants_heartbeat = True
        self.leaving = False
        self.refusal: str | None = None
        self.plans = PlanShelf()
        self.endings = Endings()
        self._timing = timing
        self._licence = Licence(timing.fence_after_ns)
        self._ranges: HeldRanges | None = None
        self._revision = 0
        self._epoch = -1
        self._parts = GrantParts()
        self._start = RunStart()
        self._beat_boot_ns: int | None = None
        self._deaf_since_ns: int | None = None
        self._headway = Headway()

    @property
    def term(self) -> int:
        """The present term."""
        return self._licence.term

    @property
    def licensed(self) -> bool:
        """Whether the present term is open."""
        return self._licence.ends_at_ns is not None

    @property
    def undecided(self) -> int:
        """How many arrivals are in hand and not decided yet."""
        return self._ranges.undecided if self._ranges is not None else 0

    @property
    def clock(self) -> ClockSync:
        """What is known of the orchestrator's clock."""
        return self._start.clock

    @property
    def start_mono_ns(self) -> int | None:
        """The start of the run on CLOCK_MONOTONIC, None while it is not known."""
        return self._start.mono_ns

    @property
    def may_send_until_ns(self) -> int:
        """Until when (CLOCK_BOOTTIME) what ``look`` returned may be sent; 0: never."""
        ends_ns, deaf_ns = self._licence.ends_at_ns, self._deaf_since_ns or 0
        return 0 if ends_ns is None else min(ends_ns, deaf_ns + self._timing.orphan_after_ns)

    def elapsed_ns(self, now: Moment) -> int | None:
        """Return the run time (negative before the start), None while it is not known."""
        return self._start.elapsed_ns(now)

    def start_skew_ns(self, first_lag_ns: int | None) -> int | None:
        """Return how late the first arrival was decided, by the orchestrator's clock.

        None without one, and for a driver that was given work only after the start.
        """
        return self._start.skew_ns(first_lag_ns)

    def take_closures(self) -> list[Closure]:
        """Return the terms that closed since the last call."""
        return self.endings.take()

    def look(self, now: Moment) -> HeldRanges | None:
        """Check the right to send (R2, R3a, R3e); return what may be sent from now (R8)."""
        if self._licence.expired(now.boot_ns):
            self._close("licence")
        if self._deaf_since_ns is None:
            self._deaf_since_ns = now.boot_ns
        if self.licensed and now.boot_ns - self._deaf_since_ns >= self._timing.orphan_after_ns:
            self._close("orphaned")
            self._deaf_since_ns = now.boot_ns
        if self.state != "RUNNING" or not self.licensed:
            return None
        elapsed_ns = self.elapsed_ns(now)
        return self._ranges if elapsed_ns is not None and elapsed_ns >= 0 else None

    def heartbeat(self, now: Moment, levels: Levels) -> Heartbeat:
        """Make the next heartbeat, to be sent at once (R1, R5, R6)."""
        self.look(now)
        elapsed_ns = self.elapsed_ns(now)
        claims: tuple[RangeProgress, ...] = ()
        if self._ranges is not None:
            until_ns = None if elapsed_ns is None else elapsed_ns + self._timing.fence_after_ns
            claims = self._ranges.claims(until_ns, self._ahead(now))
        n, first = self._licence.send(now.boot_ns, {claim.id: claim.claim for claim in claims})
        self.wants_heartbeat = False
        beat_age_ns = None if self._beat_boot_ns is None else now.boot_ns - self._beat_boot_ns
        return Heartbeat(
            driver_id=self.driver_id,
            boot_id=self.boot_id,
            term=self._licence.term,
            n=n,
            first=first,
            run_id=self.load.run_id if self.load else None,
            state=self.state,
            revision=self._revision,
            epoch=self._epoch,
            leaving=self.leaving,
            refusal=self.refusal,
            ranges=claims,
            closed=self.endings.told,
            in_flight=levels.in_flight,
            first_seq=levels.first_seq,
            last_seq=levels.last_seq,
            beat_age_ns=beat_age_ns,
            elapsed_ns=elapsed_ns,
            sent_at_ns=now.wall_ns,
            clock=self.clock.estimate(),
            cpu=levels.cpu,
            lag_p99_ns=levels.lag_p99_ns,
        )

    def on_ack(self, n: int, ack: Ack, now: Moment) -> None:
        """Take the fate of heartbeat ``n`` (R3b, R3c, R7).

        Raises:
            LogLostError: if the log cannot be relied on (R3d, A1): the term is closed and the
                driver must end.
        """
        self.look(now)
        try:
            outcome = self._licence.acknowledged(n, ack)
        except LogLostError:
            self._close("log_lost")
            raise
        if isinstance(outcome, str):
            self._close(outcome)
        elif outcome and self._ranges is not None:
            elapsed_ns = self.elapsed_ns(now)
            self._ranges.allow(outcome, elapsed_ns)
            if elapsed_ns is not None:
                self._start.usable(elapsed_ns)

    def on_plan(self, message: PlanDocument) -> None:
        """Keep a plan for the grants that name its digest."""
        self.plans.add(message)

    def on_grants(self, message: Grants, now: Moment) -> None:
        """Apply newer grants once all their parts were read (R9)."""
        self.look(now)
        if message.epoch < self._epoch or message.revision <= self._revision:
            return
        another_run = self.load is None or self.load.run_id != message.run_id
        if another_run and self.leaving:
            return
        plan = self.plans.get(message.plan_digest)
        if plan is None:
            return
        grants = self._parts.add(message)
        if grants is None:
            return
        self._obeys(message.epoch)
        self._revision = message.revision
        if another_run:
            self._adopt(message, plan)
        me = (self.driver_id, self.boot_id)
        mine = next((grant for grant in grants if (grant.driver_id, grant.boot_id) == me), None)
        ranges: tuple[Range, ...] = ()
        if mine is not None:
            self.endings.booked(mine.closed_through)
            if mine.term == self.term and self.licensed:
                ranges = mine.ranges
        if ranges and (self.leaving or self.refusal is not None):
            # Whoever can do it should have it at once.
            self._close("leaving" if self.leaving else "refused")
            ranges = ()
        assert self._ranges is not None
        self._ranges.apply(ranges)
        if ranges:
            self._start.has_work = True
        self.wants_heartbeat = True

    def on_order(self, message: Order, now: Moment) -> None:
        """Follow a change of the run's state (R10)."""
        self.look(now)
        if not self._concerns(message):
            return
        self._advance(message, self._start.from_order(message, now), now)

    def on_beat(self, message: Beat, now: Moment) -> None:
        """Hear the orchestrator: its clock, and the level of control (R10)."""
        self.look(now)
        if not self._obeys(message.epoch):
            return
        self._beat_boot_ns = self._deaf_since_ns = now.boot_ns
        for echo in message.echo:
            if echo.driver_id == self.driver_id and echo.boot_id == self.boot_id:
                self.clock.add(
                    echo.driver_sent_at_ns,
                    echo.orchestrator_read_at_ns,
                    message.sent_at_ns,
                    now.wall_ns,
                )
        if not self._concerns(message):
            return
        self._advance(message, self._start.from_beat(message, now), now)

    def refuse(self, reason: str) -> None:
        """Take no part in the present run, whatever is granted; the next heartbeat says why.

        What was granted goes back at once: the term closes (R3h, ADR 12).
        """
        self.refusal = reason
        self._close("refused")
        self.wants_heartbeat = True

    def leave(self, now: Moment) -> None:
        """Stop taking work for good (R3g, R12)."""
        self.look(now)
        self.leaving = True
        self._close("leaving")
        self.wants_heartbeat = True

    def _obeys(self, epoch: int) -> bool:
        """Tell whether the newest orchestrator speaks; a newer one has a clock of its own."""
        if epoch > self._epoch >= 0:
            self._start.change_clock()
        self._epoch = max(self._epoch, epoch)
        return epoch == self._epoch

    def _concerns(self, message: Order | Beat) -> bool:
        obeyed = self._obeys(message.epoch)
        return obeyed and self.load is not None and message.run_id == self.load.run_id

    def _advance(self, message: Order | Beat, start_mono_ns: int | None, now: Moment) -> None:
        state = message.state
        if state is None:
            return
        if state == "RUNNING" and self._revision < message.needs:
            return
        if state == "RUNNING" and start_mono_ns is not None and not self._start.fixed(now):
            self.wants_heartbeat |= self.start_mono_ns is None
            self._start.set(start_mono_ns)
        if self.state is not None and STATE_ORDER[state] <= STATE_ORDER[self.state]:
            return
        self.state = state
        self.wants_heartbeat = True
        if STATE_ORDER[state] >= STATE_ORDER["DRAINING"]:
            self._close("state")

    def _adopt(self, message: Grants, plan: Plan) -> None:
        """Begin another run; a term that did not hear the end of the old one closes first."""
        if self.state is not None and STATE_ORDER[self.state] < STATE_ORDER["DRAINING"]:
            self._close("state")
        self.endings.forget_run()
        self._headway.clear()
        schedule = plan_schedule(plan, message.drivers_at_start)
        self.load = Load(message.run_id, plan, schedule)
        self.state = "PREPARING"
        self.refusal = None
        self._start.clear()
        self._ranges = HeldRanges(schedule)

    def _close(self, cause: CloseCause) -> None:
        """Close the present term (R4). A term that never opened has nothing to close."""
        if not self.licensed:
            return
        ends = self._ranges.end() if self._ranges is not None else ()
        closure = Closure(self._licence.close(), cause)
        self.endings.add(closure, self.load.run_id if self.load is not None else None, ends)
        if cause not in ("first_failed", "log_lost"):
            # A log that refuses a term's first heartbeat at once would refuse the next as fast.
            self.wants_heartbeat = True

    def _ahead(self, now: Moment) -> int:
        """Return how many positions closed load may need until a later acknowledgement (R6)."""
        if self._ranges is None or self.load is None or self.load.schedule.is_open:
            return 0
        return self._headway.ahead(
            now.mono_ns,
            self._ranges.decided_total,
            connections=self.load.plan.limits.connections,
            fence_after_ns=self._timing.fence_after_ns,
        )
