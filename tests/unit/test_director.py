"""The director takes one run from PREPARING to its end."""

from __future__ import annotations

import pytest
from tests.unit.direction import World, name_of
from tests.unit.journaling import snapshot
from tests.unit.orchestra import SECOND, heartbeat, now

from orchestrator.facts import ledger_facts, run_facts
from orchestrator.ledger import ProtocolError
from orchestrator.run import TOO_LONG, WrongMoveError
from orchestrator.terms import TermKey
from spate.messages import Cell, ClosedTerm, RangeEnd, RangeProgress
from spate.plan_load import LONGEST_RUN_NS
from spate.report import build_report

ALL_STATES = ("PENDING", "PREPARING", "RUNNING", "DRAINING", "FINISHED", "FAILED", "ABORTED")


def test_a_run_is_granted_prepared_and_started() -> None:
    """R25: grants, READY when all applied them, and the start a second ahead."""
    world = World()
    assert world.step() == ["plan", "grants d1,d2"]
    assert (world.run.state, world.run.drivers, world.ledger.count) == ("PREPARING", 2, 20)
    assert world.director.elapsed_ns(now(0)) is None
    world.apply("d1")
    assert world.step() == []
    world.apply("d2")
    assert world.step(2) == ["READY", "RUNNING"]
    assert world.run.started_at_ns == now(3).wall_ns
    assert world.director.elapsed_ns(now(2)) == -SECOND
    revisions = world.director.orders
    assert (revisions.granted, revisions.revision) == (1, 3)


STOPPED = {"PENDING": "FINISHED", "PREPARING": "FINISHED", "RUNNING": "DRAINING"}


@pytest.mark.parametrize("state", ALL_STATES)
def test_stop_in_every_state(state: str) -> None:
    """R26: twice is refused, and so is a stop of what has ended; that changes nothing."""
    world = World()
    world.to(state)
    if state in STOPPED:
        world.director.stop(now(0))
        assert world.step() == [STOPPED[state]]
        assert (world.run.stopped, world.run.state) == (True, STOPPED[state])
    before = (world.run.stopped, world.run.state, len(world.run.events))
    with pytest.raises(WrongMoveError):
        world.director.stop(now(0))
    assert (world.run.stopped, world.run.state, len(world.run.events)) == before
    assert world.step() == []


@pytest.mark.parametrize("state", ALL_STATES)
def test_abort_in_every_state(state: str) -> None:
    """R26: a draining run may still be aborted, one that has ended may not."""
    world = World()
    world.to(state)
    if state in (*STOPPED, "DRAINING"):
        world.director.abort(now(0), "aborted by a user")
        assert world.step() == ["ABORTED"]
        assert world.run.reason == "aborted by a user"
    with pytest.raises(WrongMoveError):
        world.director.abort(now(0), "again")
    assert world.run.reason != "again"
    assert world.step() == []


@pytest.mark.parametrize("state", ["PENDING", "PREPARING"])
@pytest.mark.parametrize(("verb", "cause"), [("abort", "aborted"), ("fail", "no_driver")])
def test_a_run_that_never_began_missed_everything(state: str, verb: str, cause: str) -> None:
    """R26: nothing was sent, so it is over at once."""
    world = World()
    world.to(state)
    getattr(world.director, verb)(now(0), "x")
    planned = 10 if state == "PENDING" else 20
    assert (world.ledger.count, world.ledger.missed_count) == (planned, planned)
    assert {missed.cause for missed in world.ledger.missed} == {cause}
    world.step()
    assert world.director.settled(now(0))


def test_what_a_driver_hands_back_goes_to_the_others() -> None:
    """R23: while the run goes on; from DRAINING on it is missed(aborted), whatever the cause."""
    world = World()
    world.to("RUNNING")
    (range_id,) = world.ledger.terms[TermKey("d1", "b", 1)].ranges
    closed = ClosedTerm(run_id="r", term=1, ranges=(RangeEnd(id=range_id, decided=4),))
    world.apply("d2", state="RUNNING")
    world.apply("d1", term=2, closed=(closed,), leaving=True)
    assert world.step() == ["plan", "grants d2"]
    assert world.ledger.terms[TermKey("d2", "b", 1)].owned == 16
    assert world.run.events[-1].text == "6 arrivals went to d2"
    world.director.stop(now(0))
    world.apply("d2", term=2)
    world.step()
    assert [(m.cause, m.range.size) for m in world.ledger.missed] == [
        ("aborted", 10),
        ("aborted", 6),
    ]


def test_events_tell_what_became_of_drivers() -> None:
    """Leaving, stopping by itself and being lost are told apart; draining is no event of each."""
    world = World(3)
    world.step()
    world.apply("d1", "d2", "d3")
    world.step()
    world.apply("d1", term=2, leaving=True, in_flight=1)
    assert not any(term.left for term in world.ledger.terms.values())
    world.apply("d1", term=2, leaving=True)
    assert [t.left for t in world.ledger.terms.values()] == [True, False, False]
    world.apply("d2", term=2)
    world.director.lose(TermKey("d3", "b", 1), now(0))
    world.director.lose(TermKey("d3", "b", 1), now(0))
    told = [(e.kind, e.driver_id) for e in world.run.events if e.kind != "state"]
    assert told == [("left", "d1"), ("fenced", "d2"), ("lost", "d3")]
    world.director.stop(now(0))
    world.apply("d3", term=2)
    assert len([e for e in world.run.events if e.kind != "state"]) == 3


def test_a_loss_may_end_the_run() -> None:
    """Only while it is under way, and only if the plan says so."""
    world = World(drivers={"on_loss": "abort"})
    world.to("RUNNING")
    world.director.lose(TermKey("d1", "b", 1), now(0))
    assert world.step() == ["ABORTED"]
    world.director.lose(TermKey("d2", "b", 1), now(0))
    assert world.run.reason == "d1 was lost, and the plan says on_loss: abort"


def test_another_runs_heartbeat_closes_and_says_no_more() -> None:
    """A driver that follows another run tells nothing of its ranges here."""
    world = World()
    world.director.hear(heartbeat(), now(0))  # before there are books
    world.director.lose(TermKey("d1", "b", 1), now(0))
    world.to("RUNNING")
    key = TermKey("d1", "b", 1)
    (range_id,) = world.ledger.terms[key].ranges
    said = (RangeProgress(id=range_id, decided=5, claim=5),)
    world.say("d1", run_id="other", ranges=said)
    assert world.ledger.terms[key].undecided == 10
    world.say("d1", run_id="r", ranges=said)
    assert world.ledger.terms[key].undecided == 5


def test_whoever_is_behind_is_told_again() -> None:
    """R27: at most once a second for all together; not who is lost or leaves, nor at the end."""
    world = World()
    world.to("RUNNING")
    world.say("d3", 5)
    assert world.step(5) == ["plan", "grants d1,d2"]
    assert world.step(5.9) == []
    assert world.step(6) == ["plan", "grants d1,d2"]
    world.say("d3", 7, leaving=True)
    assert world.step(7) == []
    world.say("d4", 8)
    world.apply("d1", "d2", at_s=8)
    world.director.stop(now(8))
    assert world.step(8) == ["DRAINING"]
    assert world.step(10) == []


def test_the_end_comes_once_all_is_settled() -> None:
    """FINISHED is an order; the terms of the drivers that follow the run are spent."""
    world = World()
    world.to("RUNNING")
    assert not world.director.settled(now(0))
    for (key, term), decided in zip(world.ledger.terms.items(), (10, 5), strict=True):
        said = tuple(RangeProgress(id=i, decided=decided, claim=10) for i in term.ranges)
        world.apply(key.driver_id, ranges=said)
    (range_id,) = term.ranges
    world.director.lose(key, now(0))
    assert not world.director.settled(now(0))  # nothing was reported
    assert world.director.settled(now(15))
    # At the last moment the lost driver says what it had not sent.
    world.ledger.terms[key].ranges[range_id].claim = 10
    closed = ClosedTerm(run_id="r", term=1, ranges=(RangeEnd(id=range_id, decided=5),))
    world.apply("d2", term=2, closed=(closed,))
    assert not world.director.settled(now(15))
    world.step(15)
    assert world.director.settled(now(15))
    orders = world.director.finish(now(15), {0: 7})
    assert [name_of(order) for order in orders] == ["FINISHED"]
    assert (world.run.ended, world.ledger.pooled) == (True, 0)
    assert world.director.bookmarks.metrics_ends == {0: 7}
    assert [boot.fresh for boot in world.fleet.boots()] == [False, False]


def test_an_ended_state_is_settled_and_told() -> None:
    """An abort is ordered once; the end adds nothing to it."""
    world = World()
    world.to("ABORTED")
    assert not world.director.settled(now(0))
    for driver_id in ("d1", "d2"):
        world.apply(driver_id, term=2)
    world.step()
    assert world.director.settled(now(0))
    assert world.director.finish(now(0), {}) == ()


def test_books_that_do_not_add_up_stop_the_run() -> None:
    """They are not looked at again once it is ending: the report says so."""
    world = World()
    world.to("RUNNING")
    world.ledger.count += 1
    with pytest.raises(ProtocolError):
        world.director.step(now(0))
    world.director.fail(now(0), "x")
    assert world.step() == ["FAILED"]


def test_a_closed_load_is_ended_after_23_hours() -> None:
    """What its target was too slow for is called off, and the report says so."""
    world = World(load={"test_type": "avalanche", "message_count_per_driver": 500})
    world.to("RUNNING")
    end_s = 1 + LONGEST_RUN_NS // SECOND
    world.apply("d1", "d2", at_s=end_s - 0.5, state="RUNNING")
    assert world.step(end_s - 0.1) == []
    assert world.step(end_s) == ["DRAINING"]
    assert (world.run.reason, world.run.stopped) == (TOO_LONG, False)
    cell = Cell(request=0, stage=0, decided=200, sent=200, succeeded=200)
    for key, term in world.ledger.terms.items():
        ends = tuple(RangeEnd(id=range_id, decided=200) for range_id in term.ranges)
        closed = ClosedTerm(run_id="r", term=1, ranges=ends)
        world.apply(key.driver_id, at_s=end_s + 1, term=2, closed=(closed,), state="DRAINING")
        told = {"driver_id": key.driver_id, "cells": (cell,)}
        message = snapshot(1, end_s - 2).model_copy(update=told)
        assert world.director.merge(message, 0, 0, now(end_s + 1)) == "merged"
    assert world.step(end_s + 1) == []
    assert world.director.settled(now(end_s + 1))
    orders = world.director.finish(now(end_s + 1), {0: 1})
    assert [name_of(order) for order in orders] == ["FINISHED"]
    aggregator = world.director.aggregator
    assert aggregator is not None
    report = build_report(run_facts(world.run), aggregator, ledger_facts(world.ledger))
    accounting = report["accounting"]
    assert (accounting["planned"], accounting["succeeded"]) == (1000, 400)
    assert (accounting["missed"]["aborted"], accounting["unconfirmed"]) == (600, 0)
    (doubt,) = report["verdict"]["degraded"]
    assert doubt["reason"] == "stopped"
    assert doubt["text"] == f"600 arrivals were called off: {TOO_LONG}."
    assert TOO_LONG == "the run has lasted 23h, and Kafka keeps a day of it"


def test_an_open_load_ends_by_its_plan() -> None:
    """That may last 23 hours to the second."""
    load = {"test_type": "tsunami", "message_count_per_driver": 23, "message_delay_ms": 3_600_000}
    world = World(load=load)
    world.to("RUNNING")
    end_s = 1 + LONGEST_RUN_NS // SECOND
    world.apply("d1", "d2", at_s=end_s, state="RUNNING")
    assert world.step(end_s) == []
    assert (world.run.state, world.run.reason) == ("RUNNING", None)
