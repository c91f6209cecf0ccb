"""The choice of a request is a pure, weighted function of seed and index."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spate.choice import RequestChoice

SEEDS = st.integers(min_value=0, max_value=2**53 - 1)
WEIGHTS = st.lists(st.integers(min_value=1, max_value=1_000_000), min_size=1, max_size=32)


@given(SEEDS, WEIGHTS, st.integers(min_value=0, max_value=10**13))
def test_choice_is_pure_and_in_range(seed: int, weights: list[int], index: int) -> None:
    """Two choices of one plan agree on every index, and choose a request of the plan."""
    chosen = RequestChoice(seed, weights).request(index)
    assert chosen in range(len(weights))
    assert RequestChoice(seed, tuple(weights)).request(index) == chosen


def test_one_request_is_always_chosen() -> None:
    """A plan of one request needs no arithmetic."""
    choice = RequestChoice(1, [7])
    assert {choice.request(index) for index in range(100)} == {0}


@pytest.mark.parametrize("step", [1, 2, 3, 64])
def test_shares_follow_the_weights(step: int) -> None:
    """Every strided grant sees the weights, within four standard deviations."""
    weights, n = [1, 2, 5], 4_000
    choice = RequestChoice(1, weights)
    counts = [0, 0, 0]
    for position in range(n):
        counts[choice.request(position * step)] += 1
    for weight, count in zip(weights, counts, strict=True):
        share = weight / 8
        assert abs(count - n * share) < 4 * (n * share * (1 - share)) ** 0.5


def test_seeds_give_different_sequences() -> None:
    """Neighbouring seeds are not one sequence moved on."""
    first, second = RequestChoice(1, [1, 1]), RequestChoice(2, [1, 1])
    bits = [first.request(i) for i in range(200)]
    other = [second.request(i) for i in range(200)]
    assert all(bits[k:150] != other[: 150 - k] for k in range(5))
    assert all(other[k:150] != bits[: 150 - k] for k in range(5))


def test_known_sequence_stays() -> None:
    """A plan chooses the same requests in every release."""
    choice = RequestChoice(1, [3, 1])
    chosen = "".join(str(choice.request(index)) for index in range(16))
    assert chosen == "0001000001001000"


@pytest.mark.parametrize("weights", [[], [0], [1, -1]])
def test_weights_are_positive(weights: list[int]) -> None:
    """Without a weight, or with one below 1, there is no choice."""
    with pytest.raises(ValueError, match="weights are 1 or more"):
        RequestChoice(1, weights)
