"""Laws of ranges of arrival indices."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spate.grant import Range, stride

ranges = st.builds(
    Range, st.integers(0, 9), st.integers(0, 50), st.integers(1, 7), st.integers(0, 30)
)


@given(found=ranges, position=st.integers(0, 40))
def test_head_and_tail_are_the_whole(found: Range, position: int) -> None:
    """Cut anywhere, the two pieces hold every index once, in order."""
    head, tail = found.head(position), found.tail(position, 77)
    assert [*head.indices(), *tail.indices()] == list(found.indices())
    assert (head.id, tail.id) == (found.id, 77)


@given(found=ranges, index=st.integers(-5, 300))
def test_position_from_is_the_first_position_at_or_after_an_index(found: Range, index: int) -> None:
    """It counts the indices below, and stays within the range."""
    assert found.position_from(index) == sum(each < index for each in found.indices())


@given(start=st.integers(0, 20), stop=st.integers(0, 60), step=st.integers(1, 9))
def test_a_stride_holds_what_a_python_range_holds(start: int, stop: int, step: int) -> None:
    """(a, b, n) is short for start a, step n, size ⌈(b − a) / n⌉."""
    found = stride(3, start, stop, step)
    assert list(found.indices()) == list(range(start, stop, step))
    assert [found.index(p) for p in range(found.size)] == list(range(start, stop, step))


@pytest.mark.parametrize(("start", "step", "size"), [(-1, 1, 1), (0, 0, 1), (0, 1, -1)])
def test_what_is_no_range_is_refused(start: int, step: int, size: int) -> None:
    """Indices and sizes are not negative, and a range goes forward."""
    with pytest.raises(ValueError, match="not a range"):
        Range(1, start, step, size)
