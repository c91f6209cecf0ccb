"""Counting the arrivals of ranges by request and stage gives what looking at each gives."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spate.choice import RequestChoice
from spate.choice_many import RequestChoices
from spate.grant import Range
from spate.plan import Plan, parse_plan
from spate.schedule import plan_schedule
from spate.tally import Tally


def plan_of(weights: list[int]) -> Plan:
    """A plan of three stages (10, 0 and 40 arrivals) and these weights."""
    return parse_plan(
        {
            "name": "p",
            "target": "http://127.0.0.1:8000",
            "seed": 7,
            "requests": [
                {"name": str(k), "path": "/", "weight": weight} for k, weight in enumerate(weights)
            ],
            "load": {
                "test_type": "arrivals",
                "stages": [
                    {"name": "a", "duration": "1s", "from": 10, "to": 10},
                    {"name": "b", "duration": "1s", "from": 0, "to": 0},
                    {"name": "c", "duration": "2s", "from": 20, "to": 20},
                ],
            },
        }
    )


@given(
    st.integers(-(2**70), 2**70),
    st.lists(st.integers(1, 1_000_000), min_size=1, max_size=32),
    st.lists(st.integers(0, 2**62), min_size=1, max_size=50),
)
def test_many_choices_are_the_single_ones(
    seed: int, weights: list[int], indices: list[int]
) -> None:
    """Both compute the same function, for any seed, weights and index."""
    one = RequestChoice(seed, weights)
    many = RequestChoices(seed, weights)
    assert [one.request(index) for index in indices] == many.requests(
        np.array(indices, dtype=np.uint64)
    ).tolist()


def test_weights_that_add_up_to_too_much_are_refused() -> None:
    """Their products would not fit into 64 bits."""
    with pytest.raises(ValueError, match="too much"):
        RequestChoices(1, [1 << 31, 1 << 31])


@given(
    st.sampled_from([[1], [1, 3], [5, 1, 1]]),
    st.lists(
        st.builds(Range, st.just(0), st.integers(0, 60), st.integers(1, 7), st.integers(0, 30)),
        max_size=4,
    ),
)
def test_ranges_are_counted_as_index_by_index(weights: list[int], ranges: list[Range]) -> None:
    """What lies beyond the schedule is not counted."""
    plan = plan_of(weights)
    schedule = plan_schedule(plan, 1)
    choice = RequestChoice(plan.seed, weights)
    expected = Counter(
        (choice.request(index), schedule.stage_of(index))
        for granted in ranges
        for index in granted.indices()
        if index < schedule.count
    )
    assert dict(expected) == Tally(plan, schedule).count(ranges)


def test_a_large_range_is_counted_in_pieces() -> None:
    """300,000 indices of one stage, in more than one piece, none lost between them."""
    plan = parse_plan(
        {
            "name": "p",
            "target": "http://127.0.0.1:8000",
            "requests": [{"name": "a", "path": "/"}, {"name": "b", "path": "/"}],
            "load": {"test_type": "avalanche", "message_count_per_driver": 600_000},
        }
    )
    counts = Tally(plan, plan_schedule(plan, 1)).count([Range(0, 1, 2, 300_000)])
    assert {(0, 0), (1, 0)} == set(counts)
    assert sum(counts.values()) == 300_000
    assert abs(counts[0, 0] - 150_000) < 2_000
