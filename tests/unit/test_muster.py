"""A run begins with whom it should (R25)."""

from __future__ import annotations

from tests.unit.direction import World
from tests.unit.orchestra import SECOND, now

from orchestrator.muster import Failed, Muster
from spate.timing import Timing


def test_a_run_waits_for_drivers_that_are_on_their_way() -> None:
    """R25: up to 3 s beyond the first moment at which there were enough."""
    world = World(1)
    world.say("d2", beat_age_ns=None)
    assert world.step() == []
    for at_s in (1, 2):
        world.say("d1", at_s)
        world.say("d2", at_s, beat_age_ns=None)
        assert world.step(at_s) == []
    world.say("d2", 2.5)
    assert world.step(2.5) == ["plan", "grants d1,d2"]


def test_a_run_does_not_wait_forever_for_one_on_its_way() -> None:
    """After 3 s it begins with those that are there."""
    world = World(1)
    for at_s in (0, 1, 2, 3):
        world.say("d1", at_s)
        world.say("d2", at_s, beat_age_ns=None)
        ordered = world.step(at_s)
    assert ordered == ["plan", "grants d1"]


def test_too_few_drivers_fail_the_run() -> None:
    """After ``wait``; with one on its way, not before 3 s."""
    world = World(1, drivers={"min": 2, "wait": "1s"})
    assert world.step(0) == []
    assert world.step(0.9) == []
    assert world.step(1) == ["FAILED"]
    assert world.run.reason == "too few drivers: the plan needs 2, and after 1 s 1 was there"
    assert world.director.settled(now(1))
    late = World(1, drivers={"min": 2, "wait": "1s"})
    late.step()
    late.say("d2", 1, beat_age_ns=None)
    assert late.step(1) == []
    assert late.step(3) == ["FAILED"]
    assert late.run.reason == "too few drivers: the plan needs 2, and after 1 s none was there"


def test_a_term_that_ends_before_the_start_voids_the_grants() -> None:
    """R25: all are granted afresh, under new ids, and the count stays."""
    world = World()
    world.step()
    before = {i for term in world.ledger.live() for i in term.ranges}
    world.apply("d1")
    world.say("d2", term=2, run_id="r", revision=1)
    assert world.step() == ["plan", "grants d1,d2"]
    assert {term.key.term for term in world.ledger.live()} == {1, 2}
    assert not before & {i for term in world.ledger.live() for i in term.ranges}
    world.apply("d1")
    world.apply("d2", term=2)
    assert world.step() == ["READY", "RUNNING"]


def test_a_lost_driver_before_the_start_voids_the_grants() -> None:
    """N holds through the new grants."""
    world = World()
    world.step()
    world.apply("d1", at_s=4)
    for boot in world.fleet.judge(4 * SECOND, 4000):
        world.director.lose(boot.term, now(4))
    assert world.step(4) == ["plan", "grants d1"]
    assert (world.run.drivers, world.ledger.count) == (2, 20)


def test_a_silent_driver_is_left_out() -> None:
    """R25: after 5 s; who did answer is granted afresh, and the reason names the silent."""
    world = World(drivers={"min": 2, "wait": "20s"})
    world.step()
    world.apply("d1", at_s=4.9)
    world.say("d2", 4.9)
    assert world.step(4.9)[-1:] == ["grants d1,d2"]  # R27: told again
    assert world.step(5) == []
    assert world.ledger.terms == {}
    for at_s in (6, 20):
        world.say("d1", at_s)
        world.say("d2", at_s)
        ordered = world.step(at_s)
    assert ordered == ["FAILED"]
    assert world.run.reason == (
        "too few drivers: the plan needs 2, and after 20 s 1 was there; d2 did not answer"
    )


def test_a_driver_that_cannot_take_part_fails_the_run() -> None:
    """It says why; who does not follow this run, or was not named, has no say."""
    world = World()
    world.say("d3", leaving=True)
    world.step()
    world.apply("d1")
    world.apply("d3", refusal="not asked")
    world.say("d2", run_id="other", refusal="another run")
    assert world.step() == []
    world.apply("d2", refusal="its plan is not understood")
    assert world.step() == ["FAILED"]
    assert world.run.reason == "d2 cannot take part: its plan is not understood"


def test_a_log_that_was_away_is_no_silence() -> None:
    """Nobody could be heard meanwhile: every wait is that much longer."""
    world = World(1, drivers={"min": 2, "wait": "5s"})
    assert world.step(0) == []
    world.director.log_was_away(10 * SECOND, now(10))
    assert world.step(14.9) == []
    assert world.step(15) == ["FAILED"]
    silent = World()
    silent.step()
    silent.director.log_was_away(10 * SECOND, now(10))
    silent.apply("d1", at_s=14.9)
    silent.say("d2", 14.9)
    assert silent.step(14.9) == ["plan", "grants d1,d2"]  # R27, not afresh
    assert silent.step(15) == ["plan", "grants d1"]


def test_those_on_their_way_are_waited_for_as_long_after_the_log_was_away() -> None:
    """The three seconds begin with the first moment at which there were enough."""
    world = World(1)
    world.say("d2", beat_age_ns=None)
    assert world.step(0) == []
    world.director.log_was_away(4 * SECOND, now(4))
    world.say("d1", 6.9)
    world.say("d2", 6.9, beat_age_ns=None)
    assert world.step(6.9) == []
    assert world.step(7) == ["plan", "grants d1"]


def test_a_verdict_waits_between_grants_and_answers() -> None:
    """Neither ready nor void: nothing is to be done."""
    world = World()
    muster = Muster(world.fleet, Timing(), world.run.plan.drivers, 0)
    assert muster.verdict(None, "r", 0, 0) == world.fleet.boots()
    world.step()
    assert muster.verdict(world.ledger, "r", 1, 0) is None
    world.apply("d1", "d2")
    assert muster.verdict(world.ledger, "r", 1, 0) == "ready"
    world.apply("d2", refusal="no secret")
    assert muster.verdict(world.ledger, "r", 1, 0) == Failed("d2 cannot take part: no secret")
