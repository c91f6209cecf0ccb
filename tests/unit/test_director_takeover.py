"""While its run goes on the director keeps all work in somebody's hands, and says so."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.direction import World
from tests.unit.journaling import snapshot
from tests.unit.orchestra import SECOND, now

from orchestrator.bookmarks import Bookmarks
from orchestrator.terms import TermKey
from spate.messages import RangeProgress

D1, D2, D3 = (TermKey(f"d{k}", "b", 1) for k in (1, 2, 3))


def running(**plan: Any) -> World:
    """Return a run of two drivers that began at 1 s: 1000 arrivals, 40 a second."""
    load = {"test_type": "tsunami", "message_count_per_driver": 500, "message_delay_ms": 50}
    world = World(load=load, **plan)
    world.to("RUNNING")
    return world


def follow(world: World, at_s: float, *driver_ids: str, **fields: Any) -> None:
    """Let drivers that run speak."""
    world.apply(*driver_ids, at_s=at_s, state="RUNNING", **fields)


def test_a_lost_drivers_work_is_shared_out() -> None:
    """R19, R23: new grants, and an event that says how much went to how many."""
    world = running()
    follow(world, 3, "d2")
    world.director.lose(D1, now(3))
    assert world.step(3) == ["plan", "grants d2"]
    assert world.ledger.terms[D2].owned == 500 + 450  # 2 + 0.5 s of 20 a second are missed
    assert [e.text for e in world.run.events[-2:]] == [
        "d1 was not heard for 3 s and is taken for lost",
        "450 arrivals went to d2",
    ]


def test_a_joiner_is_told_of_the_run_and_then_given_work() -> None:
    """R24, R27: first it takes the run up, then all are cut, then it has its share."""
    world = running()
    follow(world, 3, "d1", "d2")
    world.say("d3", 3)
    assert world.step(3) == ["plan", "grants d1,d2"]  # told again: it is behind
    follow(world, 3.2, "d1", "d2")
    world.apply("d3", at_s=3.2, state="PREPARING")
    assert world.step(3.2) == []
    follow(world, 3.4, "d1", "d2", "d3")
    assert world.step(3.4) == ["plan", "grants d1,d2"]
    follow(world, 3.6, "d1", "d2", "d3")
    assert world.step(3.6) == ["plan", "grants d1,d2,d3"]
    assert world.ledger.terms[D3].owned > 250
    assert world.step(3.7) == []


def test_a_driver_that_refused_gets_no_work() -> None:
    """Nor does a cut happen for it."""
    world = running()
    follow(world, 3, "d1", "d2")
    follow(world, 3, "d3", refusal="no secret")
    assert world.step(3) == []


def test_hearing_confirms_a_cut() -> None:
    """R20: by the revision of the heartbeat, if it speaks of this run."""
    world = running()
    (range_id,) = world.ledger.terms[D1].ranges
    world.ledger.cut(D1, range_id, 100, 9)
    said = (RangeProgress(id=range_id, decided=1, claim=2),)
    world.say("d1", 3, run_id="other", revision=9, ranges=said)
    world.say("d1", 3, run_id="r", revision=8, ranges=said)
    assert world.ledger.pooled == 0
    world.say("d1", 3, run_id="r", revision=9, ranges=said)
    assert world.ledger.pooled == 400


def test_snapshots_are_merged_once_there_are_books() -> None:
    """R28, R29: and, once the run has ended, only those from before its end."""
    world = World()
    assert world.director.merge(snapshot(1), 0, 0, now(2)) == "late"
    world.to("RUNNING")
    assert world.director.merge(snapshot(1), 0, 10, now(2)) == "merged"
    assert world.director.merge(snapshot(1), 0, 11, now(2)) == "duplicate"
    world.director.bookmarks.metrics_ends = {0: 20}
    assert world.director.merge(snapshot(2), 0, 19, now(2)) == "merged"
    assert world.director.merge(snapshot(3), 0, 20, now(2)) == "late"
    assert world.director.merge(snapshot(3), 1, 0, now(2)) == "late"


def test_bookmarks_do_not_wait_for_what_the_log_lost() -> None:
    """R16: an end behind the end of the log would never be read."""
    marks = Bookmarks()
    marks.end_by({0: 5})
    assert marks.metrics_ends is None
    marks.metrics_ends = {0: 9, 1: 3, 2: 4}
    marks.end_by({0: 5, 1: 8})
    assert marks.metrics_ends == {0: 5, 1: 3, 2: 0}


@pytest.mark.parametrize(("away_s", "state"), [(3, "RUNNING"), (59.9, "RUNNING"), (60, "ABORTED")])
def test_a_log_that_was_away_for_long_ends_the_run(away_s: float, state: str) -> None:
    """A minute at most: longer than that its load would be a ruin."""
    world = running()
    world.director.log_was_away(round(away_s * SECOND), now(80))
    assert world.run.state == state
    told = [e.text for e in world.run.events if e.kind == "problem"]
    assert told == [f"Kafka could not be reached for {away_s:.1f} s"]
    if state == "ABORTED":
        assert world.run.reason == (
            "Kafka could not be reached for 60.0 s, longer than a run waits for it"
        )


@pytest.mark.parametrize("state", ["DRAINING", "ABORTED"])
def test_a_run_that_ends_is_not_aborted_by_the_log(state: str) -> None:
    """Nothing is sent any more; it is only noted."""
    world = World()
    world.to(state)
    world.director.log_was_away(90 * SECOND, now(99))
    assert world.run.state == state
    assert world.run.events[-1].kind == "problem"


def test_a_run_that_prepares_is_aborted_after_a_minute_too() -> None:
    """Its user has waited for long enough."""
    world = World(0)
    world.to("PREPARING")
    world.director.log_was_away(60 * SECOND, now(60))
    assert world.step(60) == ["ABORTED"]
    assert {m.cause for m in world.ledger.missed} == {"aborted"}


def test_a_snapshot_from_long_after_now_is_refused() -> None:
    """One absurd second would thin a run for good; a clock may be a little ahead."""
    world = running()
    for at_s in (0, 1):
        with pytest.raises(ValueError, match=r"its window, 601, lies ahead: .* has lasted -?\d s"):
            world.director.merge(snapshot(1, 601), 0, 0, now(at_s))
    assert world.director.merge(snapshot(1, 600), 0, 1, now(1)) == "merged"
    assert world.director.merge(snapshot(2, 601), 0, 2, now(2)) == "merged"
    aggregator = world.director.aggregator
    assert aggregator is not None
    assert (aggregator.last_window, aggregator.merged) == (601, 2)


def test_after_the_end_a_snapshot_is_held_against_how_long_the_run_lasted() -> None:
    """However much later it is read."""
    world = running()
    world.run.end(now(11).wall_ns, 10 * SECOND)
    with pytest.raises(ValueError, match="its window, 611, lies ahead: the run has lasted 10 s"):
        world.director.merge(snapshot(1, 611), 0, 0, now(9_000))
    assert world.director.merge(snapshot(1, 610), 0, 0, now(9_000)) == "merged"
