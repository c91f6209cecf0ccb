"""Many snapshots are read at once as each is alone, and a malformed one spoils only itself."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.test_aggregator import aggregator, cell, snapshot

from spate.figures import Figures
from spate.snapshot_parts import read_parts

CELLS = st.lists(st.builds(cell, ms=st.integers(0, 9), n=st.integers(1, 3)), max_size=3)


@given(st.lists(CELLS, max_size=5))
def test_many_are_read_as_each_alone(told: list[list[object]]) -> None:
    """Whatever number of cells they have; none is a number too."""
    numbers = count(1)
    snapshots = [snapshot(*cells, seq=next(numbers)) for cells in told]  # type: ignore[arg-type]
    assert read_parts(snapshots) == [Figures.from_cells(each.cells) for each in snapshots]


def test_a_malformed_one_is_refused_alone() -> None:
    """The others of its batch are merged."""
    bad = cell().model_copy(update={"failed": {"bad luck": 1}})
    snapshots = [snapshot(cell(), seq=1), snapshot(bad, seq=2), snapshot(cell(), seq=3)]
    parts = read_parts(snapshots)
    assert parts == [None] * 3
    merged = aggregator()
    assert merged.add(snapshots[0], parts[0]) == "merged"
    with pytest.raises(ValueError, match="unknown kind or cause: bad luck"):
        merged.add(snapshots[1], parts[1])
    assert merged.add(snapshots[2], parts[2]) == "merged"
    assert merged.totals().succeeded == 2
