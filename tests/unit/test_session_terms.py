"""The session's terms: how long each lives, why it closes, and what is told of it."""

from __future__ import annotations

import pytest
from tests.unit.session_rig import Rig, running

from driver.closure import Closure
from driver.licence import LogLostError
from spate.grant import Range
from spate.messages import RangeEnd, RunState
from spate.timing import MS, SECOND


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


def test_an_orphan_waits_in_its_next_term_and_says_how_long_it_has_heard_nothing() -> None:
    """It neither ends nor goes on: the next beat and grants find it as it is (R3e)."""
    rig = running()
    rig.beat(elapsed_ns=0)
    for _ in range(60):
        rig.wait(500 * MS)
        rig.decide()
        heartbeat = rig.exchange()
    assert rig.session.take_closures() == [Closure(1, "orphaned")]
    assert rig.decide() == []
    heartbeat = rig.exchange()
    assert (heartbeat.term, heartbeat.ranges, heartbeat.state) == (2, (), "RUNNING")
    assert heartbeat.beat_age_ns == 30 * SECOND
    assert heartbeat.closed[0].ranges == (RangeEnd(id=1, decided=40),)
    rig.wait(500 * MS)
    assert rig.exchange().beat_age_ns == 30_500 * MS
    rig.beat()
    rig.grants(Range(2, 0, 1, 40), closed_through=1)
    heartbeat = rig.exchange()
    assert (heartbeat.term, heartbeat.beat_age_ns, heartbeat.closed) == (2, 0, ())
    assert heartbeat.ranges[0].id == 2


@pytest.mark.parametrize("how", ["frozen", "asleep"])
def test_whoever_wakes_up_closes_the_term_before_anything_is_decided(how: str) -> None:
    """A frozen process misses time on all clocks, a machine that slept on one of them (A4)."""
    rig = running()
    rig.wait(250 * MS)
    assert rig.decide() == [0, 1, 2]
    late = rig.heartbeat()
    if how == "frozen":
        rig.wait(10 * SECOND)
    else:
        rig.sleep(10 * SECOND)
    assert rig.decide() == []
    assert rig.session.take_closures() == [Closure(1, "licence")]
    rig.ack(late)
    assert rig.decide() == []
    heartbeat = rig.exchange()
    assert (heartbeat.term, heartbeat.ranges) == (2, ())
    assert heartbeat.closed[0].ranges == (RangeEnd(id=1, decided=3),)


def test_an_acknowledgement_that_is_read_after_the_freeze_does_not_revive_the_term() -> None:
    """Even if nothing else was done since: the clock is read before it is handled (R2)."""
    rig = running()
    late = rig.heartbeat()
    rig.wait(2 * SECOND)
    rig.ack(late, append_ms=rig.ns // MS - 2_000)
    assert rig.session.take_closures() == [Closure(1, "licence")]


def test_closed_terms_are_counted_by_cause_for_the_life_of_the_process() -> None:
    """A later state is another object: whoever reads the old one sees no change."""
    rig = running()
    rig.wait(2 * SECOND)
    rig.exchange()
    before = rig.session.endings.by_cause
    rig.wait(2 * SECOND)
    rig.refuse(rig.heartbeat())
    rig.grants(run_id="s")
    assert before == {"licence": 1}
    assert rig.session.endings.by_cause == {"licence": 2, "first_failed": 1}


def test_a_term_that_held_nothing_is_not_told_of() -> None:
    """There is nothing to give back; so an outage of hours makes no long heartbeat (R5)."""
    rig = running()
    for _ in range(100):
        rig.wait(2 * SECOND)
        heartbeat = rig.heartbeat()
    assert heartbeat.term == 101
    assert [closed.term for closed in heartbeat.closed] == [1]
