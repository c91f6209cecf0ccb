"""The session and its work: what it takes up, and what it gives back."""

from __future__ import annotations

from tests.unit.session_rig import Rig, plan_of, running

from driver.closure import Closure
from spate.grant import Range
from spate.messages import Grants, PlanDocument, RangeEnd, RangeProgress
from spate.timing import MS, SECOND


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


def test_a_driver_that_cannot_take_part_gives_everything_back_at_once() -> None:
    """Its term closes and its heartbeat says why; nothing of it was sent (ADR 12)."""
    rig = running()
    rig.wait(50 * MS)
    rig.session.refuse("no secret")
    (closure,) = rig.session.take_closures()
    assert (closure, closure.missed) == (Closure(1, "refused"), "fenced")
    assert rig.session.wants_heartbeat
    heartbeat = rig.exchange()
    assert (heartbeat.term, heartbeat.ranges, heartbeat.run_id) == (2, (), "r")
    assert heartbeat.refusal == "no secret"
    assert heartbeat.closed[0].ranges == (RangeEnd(id=1, decided=0),)


def test_a_refusal_stands_for_its_run_whatever_is_granted() -> None:
    """Work that comes all the same goes back with the term; another run is another matter."""
    rig = running()
    rig.session.refuse("no secret")
    rig.exchange()
    rig.grants(closed_through=1)
    assert rig.session.term == 2
    rig.grants(Range(2, 0, 1, 40), closed_through=1)
    heartbeat = rig.exchange()
    assert (heartbeat.term, heartbeat.ranges, heartbeat.closed) == (3, (), ())
    assert (heartbeat.refusal, heartbeat.revision) == ("no secret", 3)
    rig.wait(100 * MS)
    assert rig.decide() == []
    rig.grants(Range(3, 0, 1, 40), run_id="s")
    rig.exchange()
    rig.grants(Range(4, 0, 1, 40), run_id="s")
    heartbeat = rig.exchange()
    assert (heartbeat.refusal, heartbeat.ranges[0].id) == (None, 4)


def test_a_driver_that_leaves_takes_no_work_whatever_is_granted() -> None:
    """It goes back at once, instead of waiting until its driver is gone (R12)."""
    rig = running()
    rig.session.leave(rig.now)
    rig.exchange()
    rig.grants(Range(2, 0, 1, 40), closed_through=1)
    assert rig.session.take_closures() == [Closure(1, "leaving"), Closure(2, "leaving")]
    assert rig.exchange().ranges == ()


def test_a_cut_is_obeyed_and_confirmed_by_the_next_heartbeat() -> None:
    """Nothing is decided beyond it although more was allowed, and never less than was (R9, R20)."""
    rig = running()
    rig.wait(250 * MS)
    assert rig.decide() == [0, 1, 2]
    rig.grants(Range(1, 0, 1, 5))
    heartbeat = rig.heartbeat()
    assert (heartbeat.revision, heartbeat.ranges) == (2, (RangeProgress(id=1, decided=3, claim=5),))
    rig.wait(SECOND)
    assert rig.decide() == [3, 4]
    rig.grants(Range(1, 0, 1, 2))
    assert rig.heartbeat().ranges == (RangeProgress(id=1, decided=5, claim=5),)


def test_finished_ranges_that_grants_leave_out_are_told_of_at_the_end_of_the_term() -> None:
    """So heartbeats do not grow with the length of a run, and nothing is given back twice (R18)."""
    rig = running()
    rig.grants(Range(1, 0, 1, 3), Range(2, 20, 1, 20))
    rig.wait(450 * MS)
    assert rig.decide() == [0, 1, 2]
    rig.grants(Range(2, 20, 1, 20))
    assert [said.id for said in rig.exchange().ranges] == [2]
    rig.wait(2 * SECOND)
    assert rig.exchange().closed[0].ranges == (RangeEnd(id=1, decided=3), RangeEnd(id=2, decided=0))
