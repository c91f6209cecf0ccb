"""A run's state only moves forward."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.orchestra import SECOND, WALL_NS, heartbeat, make_plan

from orchestrator.run import ENDINGS, Run, WrongMoveError
from spate.messages import STATE_ORDER, RunState

STATES: tuple[RunState, ...] = tuple(STATE_ORDER)
LEGAL: dict[RunState, set[RunState]] = {
    "PENDING": set(STATES) - {"PENDING"},
    "PREPARING": {"READY", "RUNNING", "DRAINING", "FINISHED", "FAILED", "ABORTED"},
    "READY": {"RUNNING", "DRAINING", "FINISHED", "FAILED", "ABORTED"},
    "RUNNING": {"DRAINING", "FINISHED", "FAILED", "ABORTED"},
    "DRAINING": {"FINISHED", "FAILED", "ABORTED"},
    "FINISHED": set(),
    "FAILED": set(),
    "ABORTED": set(),
}


def run(state: RunState = "PENDING") -> Run:
    """A run in this state."""
    return Run("r", make_plan(), "digest", WALL_NS, state=state)


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES)
def test_each_move_is_legal_or_refused(before: RunState, after: RunState) -> None:
    """A refused move changes nothing."""
    made = run(before)
    if after in LEGAL[before]:
        made.move(after, WALL_NS)
        assert (made.state, len(made.events)) == (after, 1)
    else:
        with pytest.raises(WrongMoveError, match=f"is {before} and cannot become {after}"):
            made.move(after, WALL_NS, "because")
        assert (made.state, made.reason, made.events) == (before, None, [])


@pytest.mark.parametrize("state", STATES)
def test_an_ending_is_not_the_end(state: RunState) -> None:
    """The end is when all is settled."""
    made = run(state)
    assert (made.ending, made.ended) == (state in ENDINGS, False)
    made.ended_at_ns = WALL_NS
    assert made.ended


def test_a_move_is_told_in_a_sentence() -> None:
    """The reason where there is one, or what the state means."""
    made = run()
    made.move("READY", WALL_NS)
    made.move("FAILED", WALL_NS, "the books are wrong")
    assert made.reason == "the books are wrong"
    assert [event.text for event in made.events] == [
        "READY: every driver knows its part",
        "FAILED: the books are wrong",
    ]


def test_events_are_relative_to_the_start() -> None:
    """Before the start they are relative to the submission."""
    made = run()
    made.note(WALL_NS + 2 * SECOND, "joined", "d1", "d1 appeared")
    row = {"offset_s": 2.0, "kind": "joined", "driver_id": "d1", "text": "d1 appeared"}
    assert made.event_rows() == [row]
    made.started_at_ns = WALL_NS + 5 * SECOND
    assert made.event_rows() == [row | {"offset_s": -3.0}]


def test_a_loss_is_noted_with_the_silence() -> None:
    """R19: nothing else is known of it."""
    made = run("RUNNING")
    made.note_lost("d1", 3 * SECOND, WALL_NS)
    assert [(e.kind, e.driver_id, e.text) for e in made.events] == [
        ("lost", "d1", "d1 was not heard for 3 s and is taken for lost")
    ]


@pytest.mark.parametrize(
    ("state", "fields", "told"),
    [
        ("RUNNING", {"leaving": True}, ("left", "d1 was told to go")),
        ("RUNNING", {"leaving": True, "refusal": "x"}, ("left", "d1 was told to go")),
        ("RUNNING", {"refusal": "no secret"}, ("problem", "d1 refused: no secret")),
        ("RUNNING", {}, ("fenced", "d1 stopped by itself")),
        ("PREPARING", {}, ("fenced", "d1 stopped by itself")),
        ("DRAINING", {}, None),
        ("ABORTED", {}, None),
        ("DRAINING", {"leaving": True}, ("left", "d1 was told to go")),
    ],
)
def test_the_end_of_a_term_is_noted_with_its_cause(
    state: RunState, fields: dict[str, Any], told: tuple[str, str] | None
) -> None:
    """That a term closes because its run drains is no event."""
    made = run(state)
    made.note_end(heartbeat(**fields), 3, WALL_NS)
    assert made.fences == (3 if told and told[0] == "fenced" else 0)
    assert [(e.kind, e.text.startswith(told[1]) if told else None) for e in made.events] == (
        [(told[0], True)] if told else []
    )


def test_its_load_is_reckoned_for_the_fleet_or_the_fewest() -> None:
    """Before the number of drivers is fixed, for the smallest fleet it would begin with."""
    made = run()
    assert made.fleet_size == 1
    made.drivers = 4
    assert made.fleet_size == 4
