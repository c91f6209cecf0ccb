"""Drivers' rows of the live view have their turns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.row_turns import RowTurns


def test_who_waits_longest_comes_first_and_keeps_the_place() -> None:
    """A driver that changes again while it waits is told once, and not later for it."""
    turns = RowTurns(most=2)
    assert not turns
    for driver_id in ("c", "a", "c", "b", "a"):
        turns.changed(driver_id)
    assert turns
    assert turns.take() == ["c", "a"]
    turns.changed("c")
    assert turns.take() == ["b", "c"]
    assert (turns.take(), bool(turns)) == ([], False)


@given(st.integers(1, 5), st.lists(st.integers(0, 20) | st.none(), max_size=60))
def test_every_change_is_told_within_one_round(most: int, acts: list[int | None]) -> None:
    """None takes a turn; after as many turns as all need, nobody waits, and none was forgotten."""
    turns = RowTurns(most)
    untold: set[str] = set()
    for act in acts:
        if act is None:
            untold -= set(turns.take())
        else:
            turns.changed(f"d{act}")
            untold.add(f"d{act}")
    for _ in range(-(-len(untold) // most)):
        taken = turns.take()
        assert 0 < len(taken) <= most
        untold -= set(taken)
    assert (untold, bool(turns)) == (set(), False)
