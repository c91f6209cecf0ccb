"""Prometheus' buckets are made from the exact ones: nothing is lost, bounds are kept to 0.1 %."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spate.buckets import MAX_NS
from spate.histogram import Histogram
from spate.le_counts import BOUNDS_S, LeCounts

SECOND = 1_000_000_000

durations = st.lists(
    st.one_of(
        st.integers(0, MAX_NS),
        st.sampled_from([round(bound * SECOND) for bound in BOUNDS_S]),
        st.integers(0, 3_000_000),
    ),
    max_size=60,
)


@given(durations)
def test_every_duration_is_within_its_bound_to_a_thousandth(values: list[int]) -> None:
    """What is at most a bound counts as within it; what counts is below 1.001 times the bound."""
    cumulative = LeCounts.of(Histogram.of(values)).cumulative()
    assert cumulative[-1] == len(values)
    for bound_s, n in zip(BOUNDS_S, cumulative, strict=False):
        bound_ns = bound_s * SECOND
        assert sum(value <= bound_ns for value in values) <= n
        assert n <= sum(value < bound_ns * 1.001 for value in values)
    assert all(before <= after for before, after in pairwise(cumulative))


@given(st.lists(durations, max_size=6), durations)
def test_cells_add_up_to_the_histogram_of_everything(
    parts: list[list[int]], more: list[int]
) -> None:
    """Cut by cut from the wire, or at once from the merged histogram: the same, sums too."""
    wires = [Histogram.of(values).to_wire() for values in parts]
    found = LeCounts().plus(wires).plus([Histogram.of(more).to_wire()])
    assert found == LeCounts.of(Histogram.of([*(v for part in parts for v in part), *more]))


def test_a_bucket_on_a_bound_counts_as_within_it() -> None:
    """The exact bucket [99,968, 100,032) straddles 0.1 ms; the next one is above."""
    counts = LeCounts.of(Histogram.of([99_968, 100_000, 100_031, 100_032]))
    assert counts.cumulative()[:2] == [3, 4]
    assert counts.sum_s == pytest.approx(0.000400031, rel=1e-15)


def test_nothing_is_zero_everywhere() -> None:
    """There is a value for each bound before there is any duration."""
    assert LeCounts() == LeCounts.of(Histogram.zero()) == LeCounts().plus([])
    assert LeCounts().cumulative() == [0] * (len(BOUNDS_S) + 1)
