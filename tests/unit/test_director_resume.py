"""A director goes on with a run that another process had under way (R13, R16, R30)."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from tests.unit.direction import World, name_of
from tests.unit.journaling import snapshot
from tests.unit.orchestra import SECOND, heartbeat, now

from orchestrator.director import Director
from orchestrator.fleet import Fleet
from orchestrator.ledger import Ledger
from orchestrator.ledger_state import dump_boots, dump_ledger, load_boots, load_ledger
from orchestrator.pace import Pace
from orchestrator.terms import Now, TermKey
from spate.messages import Beat, ClosedTerm, RangeEnd, RangeProgress
from spate.timing import Timing

D1, D2 = TermKey("d1", "b", 1), TermKey("d2", "b", 1)


class Heir(World):
    """The next process: the same run and books, a fleet that it has not heard itself."""

    def __init__(self, before: World, at_s: float = 0) -> None:
        self.run, self.n = before.run, before.n
        self.fleet = Fleet(Timing())
        orders, ledger = before.director.orders, before.director.ledger
        revise = itertools.count(orders.revision + 1).__next__
        self.director = Director(
            self.run, fleet=self.fleet, timing=Timing(), pace=Pace(Timing()), epoch=9, revise=revise
        )
        self.director.orders.resume(
            self.run.state,
            revision=orders.revision,
            granted=orders.granted,
            starts_at_ns=orders.starts_at_ns,
        )
        if ledger is None:
            self.director.resume(None, None)
            return
        load_boots(json.loads(json.dumps(dump_boots(ledger, before.fleet))), self.fleet, 0)
        state = json.loads(json.dumps(dump_ledger(ledger)))
        self.director.resume(load_ledger(state, now(at_s).mono_ns), None)


def running(count: int = 500, **plan: Any) -> World:
    """Return a run of two drivers that began at 1 s."""
    load = {"test_type": "tsunami", "message_count_per_driver": count, "message_delay_ms": 50}
    world = World(load=load, **plan)
    world.to("RUNNING")
    return world


def test_a_run_that_prepares_grants_afresh() -> None:
    """R25: nothing was sent; the number of drivers and of arrivals stay as they were fixed."""
    before = World(3)
    before.to("PREPARING")
    heir = Heir(before)
    assert (heir.ledger.terms, heir.ledger.count, heir.run.drivers) == ({}, 30, 3)
    assert heir.step() == []
    heir.say("d1", 0.5)
    heir.say("d2", 0.5)
    assert heir.step(0.5) == []  # d3 was there, and may be on its way
    assert heir.step(1.9) == ["plan", "grants "]  # R27: what they were granted is void
    heir.say("d1", 3.5)
    heir.say("d2", 3.5)
    assert heir.step(3.5) == ["plan", "grants d1,d2"]
    assert heir.director.orders.granted > before.director.orders.granted
    heir.apply("d1", "d2", at_s=3.6)
    assert heir.step(3.6) == ["READY", "RUNNING"]
    assert (heir.ledger.count, heir.run.drivers) == (30, 3)
    assert [e.text.split(":")[0] for e in heir.run.events] == ["PREPARING", "READY", "RUNNING"]


def test_a_run_that_gathers_goes_on_gathering() -> None:
    """Without books there is nothing to void; it is not moved to PREPARING twice."""
    before = World(0)
    before.to("PREPARING")
    heir = Heir(before)
    assert heir.director.ledger is None
    heir.say("d1")
    assert heir.step() == ["plan", "grants d1"]


def test_a_run_under_way_goes_on() -> None:
    """R13, R30: once it is known when it began; its drivers are ordered nothing new."""
    before = running()
    heir = Heir(before)
    assert heir.step(3) == []
    assert heir.director.elapsed_ns(now(3)) is None
    for driver_id in ("d1", "d2"):
        heir.apply(driver_id, at_s=3.2, state="RUNNING", elapsed_ns=round(2.2 * SECOND))
    assert heir.step(3.2) == []
    assert heir.director.elapsed_ns(now(3.2)) == round(2.2 * SECOND)
    assert heir.run.started_at_ns == now(1).wall_ns
    assert [t.owned for t in heir.ledger.live()] == [500, 500]
    assert heir.run.events == before.run.events
    assert heir.director.schedule is not None
    assert heir.director.aggregator is not None


def test_another_wall_clock_is_noted_and_does_not_count() -> None:
    """R30: the drivers' run time does."""
    heir = Heir(running())
    wall = 5_000 * SECOND
    heir.director.step(Now(3 * SECOND, now(3).wall_ns + wall))
    for driver_id in ("d1", "d2"):
        heir.apply(driver_id, at_s=3.2, state="RUNNING", elapsed_ns=2 * SECOND)
    at = Now(round(3.2 * SECOND), now(3.2).wall_ns + wall)
    assert heir.director.step(at) == ()
    assert heir.director.elapsed_ns(at) == 2 * SECOND
    assert heir.run.started_at_ns == at.wall_ns - 2 * SECOND
    beat = heir.director.orders.beat(1, at.mono_ns, at.wall_ns)
    assert isinstance(beat, Beat)
    assert (beat.starts_at_ns, beat.elapsed_ns) == (heir.run.started_at_ns, 2 * SECOND)
    assert heir.run.events[-1].text == (
        "the wall clock is not the one by which the run began: the drivers' hold"
    )


def test_run_times_that_are_read_again_are_old() -> None:
    """They were said long ago: they say nothing of when the run began."""
    heir = Heir(running())
    heir.fleet.replaying = True
    heir.apply("d1", at_s=50, elapsed_ns=SECOND)
    heir.fleet.replaying = False
    for at_s in (50, 52):
        heir.step(at_s)
    assert heir.director.elapsed_ns(now(52)) == 51 * SECOND


def test_a_driver_that_was_lost_meanwhile_is_taken_over_from() -> None:
    """R19: judged by what the journal and the log say; the others have its work."""
    heir = Heir(running())
    for at_s in (2, 3, 3.5):
        heir.apply("d2", at_s=at_s, state="RUNNING", elapsed_ns=round((at_s - 1) * SECOND))
    assert heir.step(3.5) == []
    assert heir.step(5) == []  # the start is known: d1 was waited for
    heir.apply("d2", at_s=5, state="RUNNING", elapsed_ns=4 * SECOND)
    (lost,) = heir.fleet.judge(5 * SECOND, 9_000)
    heir.director.lose(lost.term, now(5))
    assert heir.step(5) == ["plan", "grants d2"]
    assert heir.ledger.terms[D2].owned == 500 + 500 - 90


def test_a_term_that_was_lost_before_gets_nothing() -> None:
    """Its driver may still speak for it, and books place nothing on it."""
    before = running()
    before.apply("d2", at_s=4, state="RUNNING")
    (lost,) = before.fleet.judge(5 * SECOND, 5_000)
    before.director.lose(lost.term, now(5))
    heir = Heir(before)
    assert heir.ledger.terms[D1].status == "lost"
    for at_s in (5, 6.5):
        heir.apply("d1", at_s=at_s, state="RUNNING", elapsed_ns=round((at_s - 1) * SECOND))
        assert heir.step(at_s) == []
    assert heir.ledger.pooled > 0
    heir.apply("d1", at_s=7, term=2, state="RUNNING", elapsed_ns=6 * SECOND)
    assert heir.step(7) == ["plan", "grants d2,d1"]
    assert heir.ledger.terms[TermKey("d1", "b", 2)].owned > 0


@pytest.mark.parametrize(("state", "end"), [("DRAINING", "FINISHED"), ("ABORTED", None)])
def test_a_run_that_is_ending_goes_on_to_its_end(state: str, end: str | None) -> None:
    """Nothing is granted; it settles as it would have with the process before."""
    before = World()
    before.to(state)
    heir = Heir(before)
    assert heir.step(0) == []
    assert not heir.director.settled(now(0))
    for key in (D1, D2):
        (range_id,) = heir.ledger.terms[key].ranges
        ends = (RangeEnd(id=range_id, decided=0),)
        closed = ClosedTerm(run_id="r", term=1, ranges=ends)
        heir.apply(key.driver_id, at_s=1, term=2, closed=(closed,), state=state)
    assert heir.step(1) == []
    assert {(m.cause, m.range.size) for m in heir.ledger.missed} == {("aborted", 10)}
    assert heir.director.settled(now(1))
    orders = heir.director.finish(now(1), {0: 4})
    assert [name_of(order) for order in orders] == ([end] if end else [])
    assert heir.run.ended_at_ns == now(1).wall_ns


def test_a_run_that_had_ended_keeps_its_end() -> None:
    """Only its report is still to be made: from what lay before the journaled ends (R29)."""
    before = World()
    before.to("RUNNING")
    before.director.fail(now(2), "broken")
    before.director.finish(now(3), {0: 4})
    heir = Heir(before)
    heir.director.bookmarks.metrics_ends = {0: 4}
    assert (heir.run.state, heir.run.ended_at_ns) == ("FAILED", now(3).wall_ns)
    assert not heir.director.bookmarks.counts(0, 4)


def test_a_log_that_lost_records_ends_the_run() -> None:
    """R16: all that was granted and not reported is unconfirmed; nothing goes to others."""
    heir = Heir(running())
    heir.director.give_up(now(9), "the log lost spate.heartbeat")
    assert heir.step(9) == ["FAILED"]
    assert heir.run.reason == "the log lost spate.heartbeat"
    assert [(t.status, t.owned) for t in heir.ledger.terms.values()] == [("lost", 500)] * 2
    assert not heir.director.settled(now(14))
    assert heir.director.settled(now(14.1))


def test_a_log_that_lost_records_leaves_an_ending_as_it_was() -> None:
    """It is told once more, under a new revision."""
    before = World()
    before.to("ABORTED")
    heir = Heir(before)
    heir.director.give_up(now(9), "x")
    assert heir.step(9) == ["ABORTED"]
    assert heir.run.reason == "aborted by a user"
    assert heir.director.orders.revision > before.director.orders.revision


def test_without_books_an_ending_run_is_over() -> None:
    """The journal held nothing more of it."""
    world = World()
    world.run.state = "ABORTED"
    world.director.give_up(now(0), "x")
    assert world.step() == ["ABORTED"]
    assert world.director.settled(now(0))
    world.director.finish(now(0), {})
    assert world.run.ended


def test_a_run_that_had_not_begun_missed_everything_when_it_is_given_up() -> None:
    """Nothing was sent, so nothing is in doubt."""
    before = World()
    before.to("PREPARING")
    heir = Heir(before)
    heir.director.give_up(now(9), "x")
    assert heir.step(9) == ["FAILED"]
    assert (heir.ledger.terms, {m.cause for m in heir.ledger.missed}) == ({}, {"no_driver"})
    assert heir.director.settled(now(9))


def test_progress_said_meanwhile_counts() -> None:
    """What was written while nobody read is read again, in order."""
    before = running()
    heir = Heir(before)
    heir.fleet.replaying = True
    (range_id,) = heir.ledger.terms[D1].ranges
    said = (RangeProgress(id=range_id, decided=70, claim=99),)
    heir.apply("d1", at_s=9, ranges=said, state="RUNNING")
    heir.director.hear(heartbeat("d9", n=1), now(9))
    heir.fleet.replaying = False
    (account,) = heir.ledger.terms[D1].ranges.values()
    assert (account.decided, account.claim) == (70, 99)
    assert isinstance(heir.director.ledger, Ledger)


def test_a_run_that_was_taken_over_notes_that_the_log_was_away() -> None:
    """It has no muster to postpone."""
    heir = Heir(running())
    heir.director.log_was_away(5 * SECOND, now(9))
    assert heir.run.events[-1].text == "Kafka could not be reached for 5.0 s"


def test_snapshots_are_not_refused_for_a_start_that_is_only_guessed() -> None:
    """R30: before it is found, nor where no driver confirms the wall clock; later they are."""
    heir = Heir(running())
    assert heir.director.merge(snapshot(1, 9_000), 0, 1, now(3)) == "merged"
    for at_s in (3, 4.6):
        heir.step(at_s)
    assert heir.director.elapsed_ns(now(5)) == 4 * SECOND
    assert heir.director.merge(snapshot(2, 9_000), 0, 2, now(5)) == "merged"
    heir.apply("d1", at_s=6, state="RUNNING", elapsed_ns=5 * SECOND)
    with pytest.raises(ValueError, match="its window, 9000, lies ahead"):
        heir.director.merge(snapshot(3, 9_000), 0, 3, now(6))
