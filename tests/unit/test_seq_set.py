"""A seq set can be written down as intervals and read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spate.seq_set import SeqSet


@given(st.lists(st.integers(0, 30)), st.integers(0, 30))
def test_the_intervals_of_a_seq_set_are_the_set(numbers: list[int], more: int) -> None:
    """A set made of the intervals of another holds the same, also after a further number."""
    ours = SeqSet()
    for number in numbers:
        ours.add(number)
    again = SeqSet.of(ours.intervals())
    assert ours.intervals() == again.intervals()
    assert set(numbers) == {n for low, high in again.intervals() for n in range(low, high + 1)}
    assert ours.add(more) == again.add(more)
    assert (ours.missing, ours.intervals()) == (again.missing, again.intervals())


@given(st.lists(st.integers(0, 9)), st.integers(0, 10), st.integers(0, 10))
def test_a_seq_set_covers_what_it_holds_whole(numbers: list[int], low: int, high: int) -> None:
    """Every number from the one to the other."""
    ours = SeqSet()
    for number in numbers:
        ours.add(number)
    if low <= high:
        assert ours.covers(low, high) == (set(range(low, high + 1)) <= set(numbers))


@pytest.mark.parametrize(
    "intervals", [[(2, 1)], [(1, 3), (3, 4)], [(1, 3), (4, 5)], [(5, 6), (1, 2)]]
)
def test_intervals_that_a_seq_set_would_not_have_are_refused(
    intervals: list[tuple[int, int]],
) -> None:
    """An empty interval, an overlap, neighbours that should be one, and a wrong order."""
    with pytest.raises(ValueError, match="not an interval"):
        SeqSet.of(intervals)
