"""The directory knows whose turn it is."""

from __future__ import annotations

import itertools

from tests.unit.orchestra import WALL_NS, make_plan

from orchestrator.director import Director
from orchestrator.directory import Directory
from orchestrator.fleet import Fleet
from orchestrator.pace import Pace
from orchestrator.run import Run
from spate.messages import RunState
from spate.timing import Timing


def director(run_id: str, state: RunState = "PENDING", key: str | None = None) -> Director:
    """A run's director."""
    run = Run(run_id, make_plan(), "digest", WALL_NS, idempotency_key=key, state=state)
    revise = itertools.count(1).__next__
    return Director(
        run, fleet=Fleet(Timing()), timing=Timing(), pace=Pace(Timing()), epoch=0, revise=revise
    )


def directory(*states: RunState, limit: int = 1) -> Directory:
    """A directory of runs r0, r1, … in these states."""
    made = Directory(limit)
    for k, state in enumerate(states):
        made.add(director(f"r{k}", state))
    return made


def ids(directors: list[Director]) -> list[str]:
    """Return the ids of runs."""
    return [each.run.id for each in directors]


def test_one_run_goes_at_a_time() -> None:
    """The oldest waiting run, where none was begun."""
    assert ids(directory("PENDING", "PENDING").under_way()) == ["r0"]
    assert ids(directory("RUNNING", "PENDING").under_way()) == ["r0"]
    assert ids(directory("RUNNING", "PENDING", "PENDING", limit=2).under_way()) == ["r0", "r1"]
    assert directory().under_way() == []


def test_a_run_is_under_way_until_it_is_settled() -> None:
    """FINISHED is not the end; the end is."""
    made = directory("FINISHED", "PENDING")
    assert ids(made.under_way()) == ["r0"]
    first = made.find("r0")
    assert first is not None
    first.run.ended_at_ns = WALL_NS
    assert ids(made.under_way()) == ["r1"]


def test_a_run_aborted_while_it_waited_holds_nobody_up() -> None:
    """It is under way only to be settled."""
    assert ids(directory("RUNNING", "ABORTED", "PENDING").under_way()) == ["r0", "r1"]


def test_room_is_for_those_that_wait() -> None:
    """Beside as many as may be under way."""
    assert directory().has_room(0)
    assert not directory("PENDING").has_room(0)
    assert directory("RUNNING", "PENDING").has_room(2)
    assert not directory("RUNNING", "PENDING", "PENDING").has_room(2)
    made = directory("FINISHED")
    next(iter(made)).run.ended_at_ns = WALL_NS
    assert made.has_room(0)


def test_runs_that_cannot_be_archived_do_not_pile_up() -> None:
    """Each is kept with all its figures, so there is an end to them."""
    ended: list[RunState] = ["FINISHED"] * 10
    made = directory(*ended)
    for each in made:
        each.run.ended_at_ns = WALL_NS
    assert made.has_room(0)
    made.add(director("one more"))
    assert not made.has_room(0)


def test_runs_are_found_and_forgotten() -> None:
    """By id and by Idempotency-Key."""
    made = Directory()
    made.add(director("a", key="k"))
    made.add(director("b"))
    found = made.find_key("k")
    assert found is not None
    assert (found.run.id, made.find_key("x"), made.find("x"), made.waiting) == ("a", None, None, 2)
    made.drop("a")
    made.drop("a")
    assert ids(list(made)) == ["b"]
