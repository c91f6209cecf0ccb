"""What a driver may send, and until when: the driver's half of the protocol (R1-R10, R12).

Pure: every call brings the time with it. The engine asks ``look`` before each burst and takes
arrivals from the ranges it returns; ``take_closures`` tells which terms closed since.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from driver.licence import CloseCause, Licence
from driver.moment import Moment
from driver.ranges import HeldRanges
from spate.bus import Ack
from spate.clocksync import ClockSync
from spate.messages import (
    STATE_ORDER,
    Beat,
    ClosedTerm,
    Grants,
    Heartbeat,
    Order,
    PlanDocument,
    RangeProgress,
    RunState,
)
from spate.plan import Plan, PlanError, parse_plan
from spate.schedule import Schedule, compile_schedule
from spate.timing import SECOND, Timing


@dataclass(frozen=True, slots=True)
class Load:
    """The run that the driver takes part in."""

    run_id: str
    plan: Plan
    schedule: Schedule


@dataclass(frozen=True, slots=True)
class Closure:
    """A term that closed: what it had not put on a socket is missed for ``missed`` (R4)."""

    term: int
    cause: CloseCause

    @property
    def missed(self) -> str:
        """The cause under which its undone work is reported as missed."""
        return "aborted" if self.cause in ("state", "leaving") else "fenced"


@dataclass(frozen=True, slots=True)
class Levels:
    """What a heartbeat says of the engine besides the protocol."""

    in_flight: int
    last_seq: int
    cpu: float
    lag_p99_ns: int | None


class Session:
    """A driver's view of its own rights and of the run."""

    def __init__(self, driver_id: str, boot_id: str, timing: Timing) -> None:
        self.driver_id = driver_id
        self.boot_id = boot_id
        self.clock = ClockSync()
        self.load: Load | None = None
        self.state: RunState | None = None
        self.start_mono_ns: int | None = None
        self.wants_heartbeat = True
        self.leaving = False
        self.unreadable_plans = 0
        self._timing = timing
        self._licence = Licence(timing.fence_after_ns)
        self._ranges: HeldRanges | None = None
        self._revision = 0
        self._epoch = -1
        self._parts: dict[int, Grants] = {}
        self._parts_of = (-1, -1)
        self._plans: dict[str, Plan] = {}
        self._closed: list[ClosedTerm] = []
        self._closures: list[Closure] = []
        self._start_offset_ns = 0
        self._beat_boot_ns: int | None = None
        self._deaf_since_ns: int | None = None
        self._progress: deque[tuple[int, int]] = deque()

    @property
    def term(self) -> int:
        """The present term."""
        return self._licence.term

    @property
    def licensed(self) -> bool:
        """Whether the present term is open."""
        return self._licence.ends_at_ns is not None

    @property
    def revision(self) -> int:
        """The newest grants applied."""
        return self._revision

    def elapsed_ns(self, now: Moment) -> int | None:
        """Return the run time (negative before the start), None while it is not known."""
        return None if self.start_mono_ns is None else now.mono_ns - self.start_mono_ns

    def start_skew_ns(self, first_lag_ns: int | None) -> int | None:
        """Return how late the first arrival was decided, by the orchestrator's clock.

        ``first_lag_ns`` is what the driver itself saw; it is corrected by what the driver has
        learned of the clocks since it turned the start into its own time.
        """
        clock = self.clock.estimate()
        if first_lag_ns is None or clock is None:
            return first_lag_ns
        return first_lag_ns + clock.offset_ns - self._start_offset_ns

    def take_closures(self) -> list[Closure]:
        """Return the terms that closed since the last call."""
        closures, self._closures = self._closures, []
        return closures

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
            ranges=claims,
            closed=tuple(self._closed),
            in_flight=levels.in_flight,
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
            LogLostError: if the log cannot be relied on (R3d, A1): the driver must end.
        """
        self.look(now)
        outcome = self._licence.acknowledged(n, ack)
        if isinstance(outcome, str):
            self._close(outcome)
        elif outcome is not None and self._ranges is not None:
            self._ranges.allow(outcome, self.elapsed_ns(now))

    def on_plan(self, message: PlanDocument) -> None:
        """Keep a plan for the grants that name its digest."""
        if message.digest in self._plans:
            return
        try:
            plan = parse_plan(message.plan)
        except PlanError:
            self.unreadable_plans += 1
            return
        if plan.digest() != message.digest:
            self.unreadable_plans += 1
            return
        self._plans = {message.digest: plan, **dict(list(self._plans.items())[:3])}

    def on_grants(self, message: Grants, now: Moment) -> None:
        """Apply newer grants once all their parts were read (R9)."""
        self.look(now)
        if message.epoch < self._epoch or message.revision <= self._revision:
            return
        plan = self._plans.get(message.plan_digest)
        if plan is None:
            return
        if self._parts_of != (message.epoch, message.revision):
            self._parts_of = (message.epoch, message.revision)
            self._parts = {}
        self._parts[message.part] = message
        if len(self._parts) < message.parts:
            return
        parts, self._parts = self._parts, {}
        self._epoch = message.epoch
        self._revision = message.revision
        if self.load is None or self.load.run_id != message.run_id:
            self._adopt(message, plan)
        mine = next(
            (
                grant
                for part in parts.values()
                for grant in part.grants
                if grant.driver_id == self.driver_id and grant.boot_id == self.boot_id
            ),
            None,
        )
        if mine is not None:
            self._closed = [term for term in self._closed if term.term > mine.closed_through]
        named = mine is not None and mine.term == self.term and self.licensed
        if self._ranges is not None:
            self._ranges.apply(mine.ranges if mine is not None and named else ())
        self.wants_heartbeat = True

    def on_order(self, message: Order, now: Moment) -> None:
        """Follow a change of the run's state (R10)."""
        self.look(now)
        if not self._concerns(message):
            return
        clock = self.clock.estimate()
        if message.starts_at_ns is not None and clock is not None:
            ahead_ns = message.starts_at_ns - (now.wall_ns + clock.offset_ns)
            self._advance(message, now.mono_ns + ahead_ns)
        else:
            self._advance(message, None)

    def on_beat(self, message: Beat, now: Moment) -> None:
        """Hear the orchestrator: its clock, and the level of control (R10)."""
        self.look(now)
        if message.epoch < self._epoch:
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
        start_mono_ns = None
        if message.elapsed_ns is not None:
            clock = self.clock.estimate()
            age_ns = 0
            if clock is not None:
                age_ns = max(0, now.wall_ns + clock.offset_ns - message.sent_at_ns)
            start_mono_ns = now.mono_ns - message.elapsed_ns - age_ns
        self._advance(message, start_mono_ns)

    def leave(self, now: Moment) -> None:
        """Stop taking work for good (R3g, R12)."""
        self.look(now)
        self.leaving = True
        self._close("leaving")

    def _concerns(self, message: Order | Beat) -> bool:
        if message.epoch < self._epoch:
            return False
        self._epoch = message.epoch
        return self.load is not None and message.run_id == self.load.run_id

    def _advance(self, message: Order | Beat, start_mono_ns: int | None) -> None:
        state = message.state
        if state is None:
            return
        if state == "RUNNING" and self._revision < message.needs:
            return
        if state == "RUNNING" and self.start_mono_ns is None and start_mono_ns is not None:
            self.start_mono_ns = start_mono_ns
            clock = self.clock.estimate()
            self._start_offset_ns = clock.offset_ns if clock else 0
            self.wants_heartbeat = True
        if self.state is not None and STATE_ORDER[state] <= STATE_ORDER[self.state]:
            return
        self.state = state
        self.wants_heartbeat = True
        if STATE_ORDER[state] >= STATE_ORDER["DRAINING"]:
            self._close("state")

    def _adopt(self, message: Grants, plan: Plan) -> None:
        """Begin another run; a term that still holds the old run's work closes first."""
        if self._ranges is not None and len(self._ranges):
            self._close("state")
        self._closed = []
        self._progress.clear()
        schedule = compile_schedule(plan.load, message.drivers_at_start)
        self.load = Load(message.run_id, plan, schedule)
        self.state = "PREPARING"
        self.start_mono_ns = None
        self._ranges = HeldRanges(schedule)

    def _close(self, cause: CloseCause) -> None:
        """Close the present term (R4). A term that never opened has nothing to close."""
        if not self.licensed:
            return
        ends = self._ranges.end() if self._ranges is not None else ()
        term = self._licence.close()
        if self.load is not None and ends:
            self._closed.append(ClosedTerm(run_id=self.load.run_id, term=term, ranges=ends))
        self._closures.append(Closure(term, cause))
        self.wants_heartbeat = True

    def _ahead(self, now: Moment) -> int:
        """Return how many positions closed load may need until a later acknowledgement (R6)."""
        if self._ranges is None or self.load is None or self.load.schedule.is_open:
            return 0
        progress = self._progress
        progress.append((now.mono_ns, self._ranges.decided_total))
        while now.mono_ns - progress[0][0] > SECOND and len(progress) > 2:  # noqa: PLR2004 - a slope needs two points
            progress.popleft()
        (since_ns, before), (until_ns, after) = progress[0], progress[-1]
        ahead = 2 * self.load.plan.limits.connections
        if until_ns > since_ns:
            span_ns = until_ns - since_ns
            ahead = max(ahead, (after - before) * self._timing.fence_after_ns // span_ns)
        return ahead
