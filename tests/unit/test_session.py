"""The session: what a driver may send and until when, alone and against a model of the rest."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from driver.closure import Closure
from driver.levels import Levels
from driver.licence import LogLostError
from driver.moment import Moment
from driver.ranges import HeldRanges
from driver.session import Session
from spate.bus import Ack
from spate.grant import Range
from spate.messages import (
    Beat,
    ClockEcho,
    Grant,
    Grants,
    Heartbeat,
    Order,
    PlanDocument,
    RangeEnd,
    RangeProgress,
    RunState,
)
from spate.plan import Plan, parse_plan
from spate.timing import MS, SECOND, Timing

LEVELS = Levels(in_flight=3, last_seq=7, cpu=0.25, lag_p99_ns=11)
TIMING = Timing()
WALL_NS = 1_700_000_000 * SECOND
AHEAD_NS = 40 * MS
"""The orchestrator's wall clock is this much ahead of the driver's."""


def plan_of(test_type: str, count: int = 40) -> Plan:
    """A plan of so many arrivals, one each 100 ms in open load."""
    load: dict[str, object] = {"test_type": test_type, "message_count_per_driver": count}
    if test_type == "tsunami":
        load["message_delay_ms"] = 100
    return parse_plan(
        {
            "name": "p",
            "target": "http://127.0.0.1:8000",
            "requests": [{"path": "/"}],
            "load": load,
            "limits": {"connections": 3},
        }
    )


class Rig:
    """A session with a clock that the test moves and a log that answers as told."""

    def __init__(self, test_type: str = "tsunami", count: int = 40) -> None:
        self.plan = plan_of(test_type, count)
        self.session = Session("d", "b", TIMING)
        self.ns = 100 * SECOND
        self.offset = 0
        self.revision = 0

    @property
    def now(self) -> Moment:
        """The present, on clocks that differ."""
        return Moment(self.ns + 7 * SECOND, self.ns, WALL_NS + self.ns)

    def wait(self, ns: int) -> None:
        """Let time pass."""
        self.ns += ns

    def heartbeat(self) -> Heartbeat:
        """Send one."""
        return self.session.heartbeat(self.now, LEVELS)

    def ack(self, heartbeat: Heartbeat, *, append_ms: int | None = None) -> None:
        """Acknowledge one."""
        self.offset += 1
        stamp = self.ns // MS if append_ms is None else append_ms
        self.session.on_ack(
            heartbeat.n, Ack("t.heartbeat", 0, self.offset, stamp, True, None), self.now
        )

    def refuse(self, heartbeat: Heartbeat) -> None:
        """Let one fail."""
        self.session.on_ack(heartbeat.n, Ack("t.heartbeat", 0, -1, 0, False, "no"), self.now)

    def exchange(self) -> Heartbeat:
        """Send one and acknowledge it at once."""
        heartbeat = self.heartbeat()
        self.ack(heartbeat)
        return heartbeat

    def grants(
        self,
        *ranges: Range,
        run_id: str = "r",
        term: int | None = None,
        closed_through: int = 0,
        epoch: int = 5,
        revision: int | None = None,
        part: int = 0,
        parts: int = 1,
        named: bool = True,
    ) -> None:
        """Grant ranges to the present term (or another, or none)."""
        self.session.on_plan(
            PlanDocument(
                epoch=epoch,
                run_id=run_id,
                digest=self.plan.digest(),
                plan=self.plan.to_document(),
            )
        )
        if revision is None:
            self.revision += 1
            revision = self.revision
        grant = Grant(
            driver_id="d",
            boot_id="b",
            term=self.session.term if term is None else term,
            closed_through=closed_through,
            ranges=ranges,
        )
        other = grant.model_copy(update={"boot_id": "other"})
        self.session.on_grants(
            Grants(
                epoch=epoch,
                run_id=run_id,
                revision=revision,
                part=part,
                parts=parts,
                plan_digest=self.plan.digest(),
                count=40,
                drivers_at_start=1,
                grants=(other, grant) if named else (other,),
            ),
            self.now,
        )

    def beat(
        self,
        state: RunState | None = "RUNNING",
        *,
        run_id: str = "r",
        elapsed_ns: int | None = None,
        epoch: int = 5,
        needs: int = 1,
        echo: tuple[ClockEcho, ...] = (),
        age_ns: int = 0,
    ) -> None:
        """Beat, sent ``age_ns`` ago."""
        self.session.on_beat(
            Beat(
                epoch=epoch,
                n=1,
                run_id=run_id,
                revision=1,
                state=state,
                needs=needs,
                starts_at_ns=None,
                elapsed_ns=elapsed_ns,
                sent_at_ns=self.now.wall_ns + AHEAD_NS - age_ns,
                echo=echo,
            ),
            self.now,
        )

    def order(
        self,
        state: RunState,
        *,
        starts_at_ns: int | None = None,
        run_id: str = "r",
        needs: int = 1,
        epoch: int = 5,
    ) -> None:
        """Order a state."""
        self.session.on_order(
            Order(
                epoch=epoch,
                run_id=run_id,
                revision=2,
                state=state,
                needs=needs,
                starts_at_ns=starts_at_ns,
            ),
            self.now,
        )

    def echo(self, boot_id: str = "b", offset_ns: int = AHEAD_NS) -> ClockEcho:
        """Return a clock sample of an exchange that took no time."""
        return ClockEcho(
            driver_id="d",
            boot_id=boot_id,
            driver_sent_at_ns=self.now.wall_ns,
            orchestrator_read_at_ns=self.now.wall_ns + offset_ns,
        )

    def look(self) -> HeldRanges | None:
        """Look now."""
        return self.session.look(self.now)

    def decide(self, most: int = 1000) -> list[int]:
        """Decide what may be; return the indices."""
        held = self.look()
        found: list[int] = []
        while held is not None and len(found) < most:
            elapsed_ns = self.session.elapsed_ns(self.now)
            assert elapsed_ns is not None
            schedule = self.session.load
            assert schedule is not None
            if schedule.schedule.is_open:
                due = held.take_due(elapsed_ns)
                if due is None:
                    break
                found.append(due[0])
            else:
                free = held.take_next()
                if free is None:
                    break
                found.append(free[0])
        return found


def running(test_type: str = "tsunami") -> Rig:
    """A rig whose run has begun this instant, with all 40 arrivals granted and two claims acked."""
    rig = Rig(test_type)
    rig.exchange()
    rig.beat(None)
    rig.grants(Range(1, 0, 1, 40))
    rig.beat(elapsed_ns=0)
    rig.exchange()
    return rig


def test_decides_up_to_what_is_due_and_claimed() -> None:
    """Open load decides what is due by now; the claim reaches two seconds further (R6, R8)."""
    rig = running()
    rig.wait(450 * MS)
    assert rig.decide() == [0, 1, 2, 3, 4]
    assert rig.heartbeat().ranges == (RangeProgress(id=1, decided=5, claim=25),)


def test_decides_nothing_beyond_an_acknowledged_claim() -> None:
    """What was only asked for is not allowed (R7)."""
    rig = running()
    rig.wait(1_500 * MS)
    rig.decide()
    late = rig.heartbeat()
    rig.ack(late)
    rig.wait(1_900 * MS)
    asked = rig.heartbeat()
    rig.wait(50 * MS)
    assert rig.decide()[-1] == 34
    rig.ack(asked)
    assert rig.session.licensed


def test_decides_nothing_at_the_very_end_of_the_licence() -> None:
    """A term closes at send + 2 s, not later (R2, R3a)."""
    rig = running()
    rig.wait(2 * SECOND - 1)
    assert rig.look() is not None
    rig.wait(1)
    assert rig.look() is None
    assert rig.session.take_closures() == [Closure(1, "licence")]
    assert rig.session.take_closures() == []
    assert not rig.session.licensed


def test_the_next_heartbeat_opens_the_next_term_and_tells_where_the_last_ended() -> None:
    """A closed term is repeated until the orchestrator has it in its books (R5)."""
    rig = running()
    rig.wait(300 * MS)
    rig.decide(2)
    rig.wait(2 * SECOND)
    heartbeat = rig.exchange()
    assert (heartbeat.term, heartbeat.first, heartbeat.ranges) == (2, True, ())
    (closed,) = heartbeat.closed
    assert (closed.run_id, closed.term) == ("r", 1)
    assert closed.ranges == (RangeEnd(id=1, decided=2),)
    rig.grants(closed_through=0)
    assert rig.heartbeat().closed == (closed,)
    rig.grants(closed_through=1)
    assert rig.heartbeat().closed == ()


def test_acknowledgements_of_an_earlier_term_change_nothing() -> None:
    """A late acknowledgement neither prolongs the next term nor allows anything (R7)."""
    rig = running()
    rig.wait(SECOND)
    late = rig.heartbeat()
    rig.wait(SECOND)
    rig.heartbeat()
    rig.ack(late)
    rig.grants(Range(2, 0, 1, 40))
    assert rig.decide() == []


def test_a_first_heartbeat_that_fails_ends_its_term_without_haste() -> None:
    """The next one goes at its usual time: a log that refuses at once is not stormed (R3b)."""
    rig = Rig()
    heartbeat = rig.heartbeat()
    rig.refuse(heartbeat)
    assert rig.session.take_closures() == [Closure(1, "first_failed")]
    assert not rig.session.wants_heartbeat


def test_a_later_heartbeat_may_fail() -> None:
    """Only the first of a term is needed; later ones prolong it (R3b)."""
    rig = Rig()
    rig.exchange()
    rig.refuse(rig.heartbeat())
    assert rig.session.take_closures() == []


def test_append_times_too_far_apart_end_the_term() -> None:
    """More than 2 s between two appends means that a beat may lie between (R3c)."""
    rig = Rig()
    rig.ack(rig.heartbeat(), append_ms=1_000)
    rig.ack(rig.heartbeat(), append_ms=3_000)
    assert rig.session.take_closures() == []
    rig.ack(rig.heartbeat(), append_ms=5_001)
    assert rig.session.take_closures() == [Closure(1, "append_gap")]
    assert rig.session.wants_heartbeat


def test_a_log_that_lost_records_ends_the_term_and_the_driver() -> None:
    """An offset that does not grow closes the term before the error is raised (R3d)."""
    rig = running()
    heartbeat = rig.heartbeat()
    rig.offset -= 1
    with pytest.raises(LogLostError, match="lost records"):
        rig.ack(heartbeat)
    assert rig.look() is None
    assert rig.session.take_closures() == [Closure(1, "log_lost")]


def test_a_driver_that_hears_no_beat_closes_its_term_once_in_thirty_seconds() -> None:
    """Orphaning does not loop: the next term lives for as long again (R3e)."""
    rig = running()
    for _ in range(120):
        rig.wait(500 * MS)
        rig.exchange()
    assert rig.session.take_closures() == [Closure(1, "orphaned"), Closure(2, "orphaned")]
    assert rig.session.term == 3


def test_beats_keep_a_driver_from_being_orphaned() -> None:
    """Any beat of the newest orchestrator counts, whatever run it names (R3e)."""
    rig = running()
    for _ in range(120):
        rig.wait(500 * MS)
        rig.exchange()
        rig.beat(run_id="another")
    assert rig.session.term == 1


def test_the_age_of_the_last_beat_is_told() -> None:
    """A driver that does not hear gets no work (R22)."""
    rig = Rig()
    assert rig.heartbeat().beat_age_ns is None
    rig.beat()
    rig.wait(300 * MS)
    assert rig.heartbeat().beat_age_ns == 300 * MS


@pytest.mark.parametrize("state", ["DRAINING", "FINISHED", "FAILED", "ABORTED"])
def test_the_end_of_the_run_closes_the_term(state: RunState) -> None:
    """From DRAINING on nobody holds work; what was not sent is missed(aborted) (R3f, R4)."""
    rig = running()
    rig.order(state)
    (closure,) = rig.session.take_closures()
    assert (closure, closure.missed) == (Closure(1, "state"), "aborted")
    assert rig.session.wants_heartbeat
    assert rig.decide() == []


def test_a_state_never_goes_back() -> None:
    """Beats and orders that were overtaken change nothing (R10)."""
    rig = running()
    rig.order("DRAINING")
    rig.beat("RUNNING", elapsed_ns=0)
    assert rig.session.state == "DRAINING"
    rig.beat(None)
    assert rig.session.state == "DRAINING"


def test_running_is_obeyed_only_with_the_grants_it_needs() -> None:
    """RUNNING names the grants that stand; earlier ones are void (R10, R25)."""
    rig = Rig()
    rig.exchange()
    rig.grants(Range(1, 0, 1, 40))
    rig.beat(elapsed_ns=0, needs=2)
    assert (rig.session.state, rig.session.start_mono_ns) == ("PREPARING", None)
    rig.grants(Range(2, 0, 1, 40))
    rig.beat(elapsed_ns=0, needs=2)
    assert (rig.session.state, rig.session.start_mono_ns) == ("RUNNING", rig.ns)


def test_nothing_is_decided_before_the_start() -> None:
    """RUNNING with a start ahead is a promise only (R8)."""
    rig = Rig()
    rig.exchange()
    rig.grants(Range(1, 0, 1, 40))
    rig.beat(elapsed_ns=-SECOND)
    rig.exchange()
    assert rig.decide() == []
    rig.wait(SECOND)
    assert rig.decide() == [0]


def test_an_order_names_the_start_by_the_orchestrators_clock() -> None:
    """It is corrected by the clock offset, and by better knowledge until shortly before (R10)."""
    rig = Rig()
    rig.exchange()
    rig.grants(Range(1, 0, 1, 40))
    rig.beat(None, echo=(rig.echo("another"), rig.echo()))
    rig.order("RUNNING", starts_at_ns=rig.now.wall_ns + AHEAD_NS + SECOND)
    assert rig.session.start_mono_ns == rig.ns + SECOND
    rig.beat(elapsed_ns=-SECOND - 7 * MS)
    start_ns = rig.ns + SECOND + 7 * MS
    assert rig.session.start_mono_ns == start_ns
    rig.wait(SECOND)
    rig.beat(elapsed_ns=-100 * MS)
    assert rig.session.start_mono_ns == start_ns


def test_without_a_known_clock_the_next_beat_tells_the_start() -> None:
    """An order alone names a wall time that says nothing yet; the beat says how long ago (R10)."""
    rig = Rig()
    rig.exchange()
    rig.grants(Range(1, 0, 1, 40))
    rig.order("RUNNING", starts_at_ns=0)
    assert (rig.session.state, rig.session.start_mono_ns) == ("RUNNING", None)
    assert rig.look() is None
    rig.beat(elapsed_ns=2 * SECOND)
    assert rig.session.start_mono_ns == rig.ns - 2 * SECOND


def test_the_age_of_a_beat_counts_once_the_clock_is_known() -> None:
    """A beat that was 100 ms on its way tells a start 100 ms earlier."""
    rig = Rig()
    rig.exchange()
    rig.grants(Range(1, 0, 1, 40))
    rig.beat(None, echo=(rig.echo(),))
    rig.beat(elapsed_ns=SECOND, age_ns=100 * MS)
    assert rig.session.start_mono_ns == rig.ns - 1_100 * MS


def test_the_start_skew_takes_in_what_was_learned_of_the_clocks() -> None:
    """Skew = first lag + (offset known now − offset used for the start); None without arrivals."""
    rig = running()
    assert rig.session.start_skew_ns(5) == 5
    rig.beat(echo=(rig.echo(),))
    assert rig.session.start_skew_ns(5) == 5 + AHEAD_NS
    assert rig.session.start_skew_ns(None) is None


def test_another_orchestrators_clock_is_learned_afresh_and_leaves_the_skew_alone() -> None:
    """Samples of two machines are not mixed; the start was taken by the first one's clock."""
    rig = running()
    rig.beat(echo=(rig.echo(),))
    for epoch in (6, 7):
        rig.beat(epoch=epoch, echo=(rig.echo(offset_ns=9 * SECOND),))
        clock = rig.session.clock.estimate()
        assert clock is not None
        assert clock.offset_ns >= 4 * SECOND
        assert rig.session.start_skew_ns(5) == 5 + AHEAD_NS


def test_an_earlier_orchestrator_is_not_heard() -> None:
    """Messages of a lower epoch are ignored, whatever they say (R9, R10)."""
    rig = running()
    rig.beat(epoch=6)
    rig.beat("ABORTED", epoch=5)
    rig.order("ABORTED", epoch=5)
    rig.grants(epoch=5)
    assert rig.session.state == "RUNNING"
    assert rig.heartbeat().revision == 1


def test_orders_of_another_run_are_not_obeyed() -> None:
    """A state belongs to one run (R10)."""
    rig = running()
    rig.order("ABORTED", run_id="another")
    rig.beat("ABORTED", run_id="another")
    assert rig.session.state == "RUNNING"


def test_grants_wait_for_all_their_parts() -> None:
    """Half an order is none; parts of another revision do not fill it up (R9)."""
    rig = Rig()
    rig.exchange()
    rig.grants(revision=1, part=0, parts=2, named=False)
    rig.grants(Range(1, 0, 1, 40), revision=2, part=1, parts=2)
    assert rig.session.load is None
    rig.grants(revision=2, part=0, parts=2, named=False)
    heartbeat = rig.heartbeat()
    assert (heartbeat.revision, heartbeat.epoch, heartbeat.run_id) == (2, 5, "r")
    assert heartbeat.ranges == (RangeProgress(id=1, decided=0, claim=0),)


def test_grants_without_their_plan_wait() -> None:
    """A digest that nobody explained is not obeyed; the orchestrator repeats itself (R27)."""
    rig = Rig()
    known = rig.plan
    rig.plan = plan_of("avalanche")
    document = rig.plan.to_document()
    for digest, text in (("nonsense", document), (rig.plan.digest(), {"name": 1})):
        rig.session.on_plan(PlanDocument(epoch=5, run_id="r", digest=digest, plan=text))
    assert rig.session.plans.unreadable == 2
    rig.session.on_grants(
        Grants(
            epoch=5,
            run_id="r",
            revision=1,
            part=0,
            parts=1,
            plan_digest=known.digest(),
            count=40,
            drivers_at_start=1,
            grants=(),
        ),
        rig.now,
    )
    assert rig.session.load is None


def test_the_latest_four_plans_are_kept() -> None:
    """The oldest plan makes room."""
    rig = Rig()
    plans = [plan_of("tsunami", count) for count in range(1, 6)]
    for plan in plans:
        rig.session.on_plan(
            PlanDocument(epoch=5, run_id="r", digest=plan.digest(), plan=plan.to_document())
        )
    assert [rig.session.plans.get(plan.digest()) for plan in plans] == [None, *plans[1:]]


def test_grants_that_do_not_name_the_term_end_its_ranges() -> None:
    """Grants are the full state: who is not in them holds nothing more (R9)."""
    rig = running()
    rig.wait(100 * MS)
    assert rig.decide() == [0, 1]
    rig.grants(named=False)
    rig.wait(100 * MS)
    assert rig.decide() == []
    assert rig.exchange().ranges == (RangeProgress(id=1, decided=2, claim=2),)


def test_grants_of_another_term_are_not_mine() -> None:
    """Work is granted to a term, never to a driver (R9)."""
    rig = Rig()
    rig.exchange()
    rig.grants(Range(1, 0, 1, 40), term=2)
    assert rig.heartbeat().ranges == ()


def test_a_new_run_closes_the_term_that_holds_the_last_ones_work() -> None:
    """What is left of another run is dropped; its closed terms are nobody's concern any more."""
    rig = running()
    rig.grants(Range(9, 0, 1, 40), run_id="s")
    assert rig.session.take_closures() == [Closure(1, "state")]
    heartbeat = rig.heartbeat()
    assert (heartbeat.run_id, heartbeat.state, heartbeat.term) == ("s", "PREPARING", 2)
    assert (heartbeat.closed, heartbeat.ranges, heartbeat.elapsed_ns) == ((), (), None)


def test_a_new_run_keeps_a_term_that_holds_nothing() -> None:
    """The grants that bring a new run name the present term, and it stays."""
    rig = running()
    rig.order("FINISHED")
    rig.exchange()
    rig.grants(Range(9, 0, 1, 40), run_id="s")
    assert rig.session.term == 2
    assert rig.heartbeat().ranges == (RangeProgress(id=9, decided=0, claim=0),)


def test_a_driver_that_leaves_closes_its_term_and_asks_for_nothing() -> None:
    """SIGTERM: the next term says ``leaving``, and no other run is taken up (R12)."""
    rig = running()
    rig.session.leave(rig.now)
    assert rig.session.take_closures() == [Closure(1, "leaving")]
    assert rig.session.wants_heartbeat
    assert rig.heartbeat().leaving
    rig.grants(Range(9, 0, 1, 40), run_id="s")
    assert rig.heartbeat().run_id == "r"


def test_a_driver_may_leave_before_anything_began() -> None:
    """A term that never opened has nothing to close."""
    rig = Rig()
    rig.session.leave(rig.now)
    assert rig.session.take_closures() == []


def test_closed_load_claims_twice_its_connections_at_least() -> None:
    """Closed load: ``decided + max(2 × connections, rate × fence_after)`` (R6)."""
    rig = running("avalanche")
    assert rig.decide() == [0, 1, 2, 3, 4, 5]
    rig.wait(500 * MS)
    heartbeat = rig.exchange()
    # 6 arrivals in 0.5 s would be 24 in the 2 s for which a claim must last.
    assert heartbeat.ranges == (RangeProgress(id=1, decided=6, claim=30),)


def test_the_rate_of_closed_load_is_that_of_the_last_second() -> None:
    """What was fast once does not make claims large for ever."""
    rig = running("avalanche")
    rig.decide()
    for _ in range(5):
        rig.wait(500 * MS)
        heartbeat = rig.exchange()
    assert heartbeat.ranges == (RangeProgress(id=1, decided=6, claim=30),)
    rig.wait(500 * MS)
    rig.decide(1)
    assert rig.exchange().ranges == (RangeProgress(id=1, decided=7, claim=30),)


def test_a_heartbeat_carries_the_levels_and_the_clock() -> None:
    """All fields but the ranges are copies of what is known."""
    rig = running()
    rig.beat(echo=(rig.echo(),))
    rig.wait(50 * MS)
    found = rig.heartbeat()
    assert (found.in_flight, found.last_seq, found.cpu, found.lag_p99_ns) == (3, 7, 0.25, 11)
    assert (found.elapsed_ns, found.sent_at_ns) == (50 * MS, rig.now.wall_ns)
    assert found.clock == rig.session.clock.estimate()
    assert not rig.session.wants_heartbeat


# ---- the session in the hands of a hostile world -------------------------------------------------


@dataclass
class Account:
    """What the model orchestrator knows of a range it granted."""

    range: Range
    claim: int = 0
    cut: tuple[int, int] | None = None


@dataclass
class Term:
    """What the model orchestrator knows of a term."""

    accounts: dict[int, Account] = field(default_factory=dict)
    live: bool = True
    read_ns: int = 0
    append_ms: int = 0


class World(RuleBasedStateMachine):
    """One session, a log that delays, fails and swallows answers, and a tiny orchestrator.

    The orchestrator follows R17 to R20. What it takes back is sent at once by somebody else, so an
    index that the session decides as well is seen.
    """

    test_type = "tsunami"

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(self.test_type)
        self.session = self.rig.session
        self.waiting: deque[Heartbeat] = deque()
        self.acks: deque[tuple[Heartbeat, Ack]] = deque()
        self.log: list[tuple[Heartbeat | int, int]] = []
        self.read = 0
        self.offset = 0
        self.heard = 0
        self.terms: dict[int, Term] = {}
        self.closed_through = 0
        self.pool: list[Range] = [Range(1, 0, 1, 40)]
        self.next_id = 2
        self.revision = 0
        self.control: list[Grants | Order | Beat] = []
        self.began_ns: int | None = None
        self.draining = False
        # The truth, for the checks.
        self.boots: dict[int, int] = {}
        self.first_sent: dict[int, int] = {}
        self.acknowledged: dict[int, int] = {}
        self.claims: dict[tuple[int, int], int] = {}
        self.decided: dict[tuple[int, int], int] = {}
        self.sent_somewhere: set[int] = set()
        self.last_n = 0
        self.last_term = 0

    # ---- time and the log ------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        """The plan is known and the run is on its way."""
        plan = self.rig.plan
        self.session.on_plan(
            PlanDocument(epoch=0, run_id="r", digest=plan.digest(), plan=plan.to_document())
        )
        for _ in range(3):
            self.turn(10, 100)

    @rule(most=st.integers(0, 10), ms=st.sampled_from([50, 100, 500]))
    def turn(self, most: int, ms: int) -> None:
        """Everything goes well for once: all that is under way arrives, in order."""
        self.rig.wait(ms * MS)
        self.heartbeat()
        while self.waiting:
            self.append("taken")
        while self.acks:
            self.acknowledge()
        self.beat()
        while self.read < len(self.log):
            self.hear()
        if self.pool and not self.draining:
            self.grant(to_others=False, parts=1)
        control, self.control = self.control, []
        for message in control:
            self._control(message)
        self.decide(most)

    @rule(ms=st.sampled_from([1, 50, 300, 500, 1000, 1999, 2000, 4000]))
    def wait(self, ms: int) -> None:
        """Time passes; a long step is a process that was frozen."""
        self.rig.wait(ms * MS)

    @rule()
    def heartbeat(self) -> None:
        """The driver sends a heartbeat, which the log has not taken yet."""
        message = self.rig.heartbeat()
        assert message.n > self.last_n
        assert message.term >= self.last_term
        assert message.first == (message.term not in self.first_sent)
        self.last_n, self.last_term = message.n, message.term
        self.first_sent.setdefault(message.term, self.rig.now.boot_ns)
        for closed in message.closed:
            for end in closed.ranges:
                assert end.decided == self.decided.get((closed.term, end.id), 0)
        self.waiting.append(message)
        self.boots[message.n] = self.rig.now.boot_ns

    @precondition(lambda self: self.waiting)
    @rule(fate=st.sampled_from(["taken", "taken", "taken", "answer lost", "refused"]))
    def append(self, fate: str) -> None:
        """The log takes the next heartbeat, or refuses it, or takes it and says nothing."""
        message = self.waiting.popleft()
        ack = Ack("h", 0, -1, 0, False, "timed out")
        if fate != "refused":
            self.offset += 1
            self.log.append((message, self.rig.ns // MS))
            if fate == "taken":
                ack = Ack("h", 0, self.offset, self.rig.ns // MS, True, None)
        self.acks.append((message, ack))

    @precondition(lambda self: self.acks)
    @rule()
    def acknowledge(self) -> None:
        """An acknowledgement arrives, however late."""
        message, ack = self.acks.popleft()
        if ack.error is None:
            # Even if it comes too late for the session: the checks are about safety.
            self.acknowledged[message.term] = max(
                self.acknowledged.get(message.term, 0), self.boots[message.n]
            )
            for said in message.ranges:
                key = (message.term, said.id)
                self.claims[key] = max(self.claims.get(key, 0), said.claim)
        self.session.on_ack(message.n, ack, self.rig.now)

    # ---- the orchestrator ------------------------------------------------------------------

    @rule()
    def beat(self) -> None:
        """The orchestrator beats into the log and to the drivers."""
        self.offset += 1
        self.log.append((self.rig.ns, self.rig.ns // MS))
        self.control.append(
            Beat(
                epoch=0,
                n=1,
                run_id="r",
                revision=self.revision,
                state=None if self.began_ns is None else self.state,
                needs=1,
                starts_at_ns=None,
                elapsed_ns=None if self.began_ns is None else self.rig.ns - self.began_ns,
                sent_at_ns=self.rig.now.wall_ns,
            )
        )

    @property
    def state(self) -> RunState:
        """The state of the run."""
        return "DRAINING" if self.draining else "RUNNING"

    @precondition(lambda self: self.read < len(self.log))
    @rule()
    def hear(self) -> None:
        """The orchestrator reads the next record."""
        record, append_ms = self.log[self.read]
        self.read += 1
        if isinstance(record, Heartbeat):
            self._hear_heartbeat(record, append_ms)
        else:
            self._hear_beat(record, append_ms)

    def _hear_heartbeat(self, message: Heartbeat, append_ms: int) -> None:
        self.heard = max(self.heard, message.term)
        said = {closed.term: {e.id: e.decided for e in closed.ranges} for closed in message.closed}
        for number, term in self.terms.items():
            if self.closed_through < number < message.term:
                for account in term.accounts.values():
                    end = said.get(number, {}).get(account.range.id, 0)
                    assert end == self.decided.get((number, account.range.id), 0)
                    assert end <= account.range.size
                    self._give_back(account, end)
                term.live = False
        self.closed_through = max(self.closed_through, message.term - 1)
        term = self.terms.setdefault(message.term, Term())
        term.read_ns, term.append_ms = self.rig.ns, append_ms
        if not term.live:
            return
        for progress in message.ranges:
            account = term.accounts[progress.id]
            account.claim = max(account.claim, min(progress.claim, account.range.size))
            if account.cut is not None and message.revision >= account.cut[1]:
                self._give_back(account, max(account.cut[0], progress.decided))
                account.cut = None

    def _hear_beat(self, sent_ns: int, append_ms: int) -> None:
        for term in self.terms.values():
            silent = sent_ns - term.read_ns >= TIMING.lost_after_ns
            if term.live and silent and (append_ms - term.append_ms) * MS >= TIMING.lost_after_ns:
                term.live = False
                for account in term.accounts.values():
                    self._give_back(account, account.claim)

    def _give_back(self, account: Account, position: int) -> None:
        tail = account.range.tail(position, self.next_id)
        if tail.size:
            self.next_id += 1
            self.pool.append(tail)
            account.range = account.range.head(position)

    @precondition(lambda self: self.pool and not self.draining)
    @rule(to_others=st.booleans(), parts=st.integers(1, 2))
    def grant(self, to_others: bool, parts: int) -> None:
        """The pool goes to the session's term, or to somebody else who sends it at once."""
        pool, self.pool = self.pool, []
        term = self.terms.get(self.heard)
        if (to_others and self.revision) or term is None or not term.live:
            for pooled in pool:
                for index in pooled.indices():
                    assert index not in self.sent_somewhere
                    self.sent_somewhere.add(index)
        else:
            term.accounts.update({pooled.id: Account(pooled) for pooled in pool})
        self._publish(parts)
        if self.began_ns is None:
            self.began_ns = self.rig.ns + 100 * MS

    @precondition(lambda self: any(t.live and t.accounts for t in self.terms.values()))
    @rule(share=st.floats(0, 1))
    def cut(self, share: float) -> None:
        """The tails beyond the claims are asked back (R20)."""
        for term in self.terms.values():
            for account in term.accounts.values():
                if term.live and account.cut is None:
                    room = account.range.size - account.claim
                    account.cut = (account.claim + int(share * room), self.revision + 1)
        self._publish(1)

    @rule()
    def repeat(self) -> None:
        """The standing grants are published again."""
        if self.revision:
            self.revision -= 1
            self._publish(1)

    def _publish(self, parts: int) -> None:
        self.revision += 1
        grants = [
            Grant(
                driver_id="d",
                boot_id="b",
                term=number,
                closed_through=self.closed_through,
                ranges=tuple(
                    account.range.head(account.cut[0]) if account.cut else account.range
                    for account in term.accounts.values()
                ),
            )
            for number, term in self.terms.items()
            if term.live
        ]
        pieces = [tuple(grants), (), ()][:parts]
        self.control += [
            Grants(
                epoch=0,
                run_id="r",
                revision=self.revision,
                part=part,
                parts=parts,
                plan_digest=self.rig.plan.digest(),
                count=40,
                drivers_at_start=1,
                grants=piece,
            )
            for part, piece in enumerate(pieces)
        ]

    @precondition(lambda self: self.revision > 6)
    @rule()
    def drain(self) -> None:
        """Somebody stops the run."""
        self.draining = True
        self.control.append(
            Order(
                epoch=0,
                run_id="r",
                revision=self.revision,
                state="DRAINING",
                needs=1,
                starts_at_ns=None,
            )
        )

    # ---- what the driver hears and does ----------------------------------------------------

    @precondition(lambda self: self.control)
    @rule(pick=st.integers(0, 1 << 16), fate=st.sampled_from(["heard", "heard", "twice", "lost"]))
    def deliver(self, pick: int, fate: str) -> None:
        """A control message arrives, in any order, again, or never."""
        # Mostly the newest, so that things happen.
        at = len(self.control) - 1 if pick % 3 else pick % len(self.control)
        message = self.control[at]
        if fate != "twice":
            del self.control[at]
        if fate == "lost":
            return
        self._control(message)

    def _control(self, message: Grants | Order | Beat) -> None:
        match message:
            case Grants():
                self.session.on_grants(message, self.rig.now)
            case Order():
                self.session.on_order(message, self.rig.now)
            case Beat():
                self.session.on_beat(message, self.rig.now)

    @rule(most=st.integers(1, 10))
    def decide(self, most: int) -> None:
        """The engine takes what it may."""
        held = self.rig.look()
        if held is None:
            return
        before = {key: each.decided for key, each in held._held.items()}
        indices = self.rig.decide(most)
        term = self.session.term
        for index in indices:
            assert index not in self.sent_somewhere
            self.sent_somewhere.add(index)
        moved = {key: each.decided for key, each in held._held.items()}
        for key, position in moved.items():
            self.decided[term, key] = position
            if position > before[key]:
                assert position <= self.claims[term, key]
        if indices:
            licence_ns = max(self.acknowledged.get(term, 0), self.first_sent[term])
            assert self.rig.now.boot_ns < licence_ns + TIMING.fence_after_ns
            assert self.session.state == "RUNNING"

    @invariant()
    def ranges_stay_in_bounds(self) -> None:
        """Decided ≤ allowed ≤ acknowledged claim, decided ≤ size (I8)."""
        held = self.session._ranges
        for key, each in held._held.items() if held is not None else ():
            assert each.decided <= each.range.size
            assert each.decided <= each.allowed
            assert each.allowed <= self.claims.get((self.session.term, key), 0)


class ClosedWorld(World):
    """The same with closed load."""

    test_type = "avalanche"


TestSessionInOpenLoad = World.TestCase
TestSessionInOpenLoad.settings = settings(max_examples=40, stateful_step_count=50, deadline=None)
TestSessionInClosedLoad = ClosedWorld.TestCase
TestSessionInClosedLoad.settings = settings(max_examples=40, stateful_step_count=50, deadline=None)
