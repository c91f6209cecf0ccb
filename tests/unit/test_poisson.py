"""Poisson spacing: the same points for everybody, and what is known of such a process."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import exp

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spate.plan_model import ArrivalsLoad, Stage
from spate.poisson_blocks import BLOCK, PoissonBlocks
from spate.schedule import Schedule, compile_schedule

SECOND = 10**9
ONE = 1 << 16
"""The mean distance."""


def poisson(*stages: tuple[int, int, int], seed: int = 1) -> Schedule:
    """Return the schedule of stages of (seconds, from, to)."""
    parts = [Stage("s", t * SECOND, Fraction(a), Fraction(b), True) for t, a, b in stages]
    return compile_schedule(ArrivalsLoad(tuple(parts), "poisson"), 1, seed)


def offsets(schedule: Schedule) -> list[int]:
    """Return all offsets."""
    return [schedule.offset_ns(index) for index in range(schedule.count)]


def test_the_points_are_the_same_for_ever() -> None:
    """A plan that is run again in years has the same load: these are Philox4x64-10's numbers."""
    blocks = PoissonBlocks(seed=7, count=5000, end=5000 * ONE)
    first, later = range(3), range(BLOCK, BLOCK + 3)
    assert [blocks.position(i) for i in first] == [97595, 168473, 189663]
    assert [blocks.position(i) for i in later] == [268523793, 268593168, 268662466]


@settings(max_examples=30)
@given(st.integers(1, 3 * BLOCK), st.integers(0, ONE - 1), st.integers(0, 2**53 - 1), st.data())
def test_points_are_in_order_and_counted(
    count: int, less: int, seed: int, data: st.DataObject
) -> None:
    """Each block holds its share, within its bounds, and ``below`` is the exact inverse."""
    end = count * ONE - less
    blocks = PoissonBlocks(seed, count, end)
    points = [blocks.position(index) for index in range(count)]
    assert points == sorted(points)
    assert all(index // BLOCK == point // (BLOCK * ONE) for index, point in enumerate(points))
    assert points[-1] < max(end, 1) or points[-1] == (count - 1) * ONE == end
    position = data.draw(st.integers(0, end + ONE))
    for at in (0, position, points[0], points[-1], points[-1] + 1, end + ONE):
        assert blocks.below(at) == sum(point < at for point in points)


def test_the_order_of_questions_does_not_matter() -> None:
    """Drivers that hold any part of the plan see the same due times."""
    schedule, other = poisson((40, 0, 2_000)), poisson((40, 0, 2_000))
    forwards = offsets(schedule)
    assert [other.offset_ns(i) for i in reversed(range(other.count))] == forwards[::-1]
    assert forwards == sorted(forwards)


def test_another_seed_is_another_load_of_the_same_size() -> None:
    """The seed changes when requests are due, not how many there are."""
    one, other = poisson((5, 100, 100)), poisson((5, 100, 100), seed=2)
    assert one.count == other.count == 500
    assert offsets(one) != offsets(other)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_gaps_are_exponential(seed: int) -> None:
    """P(gap > k means) = e^-k, and a gap says nothing of the next (20,000 gaps)."""
    due = offsets(poisson((20, 1_000, 1_000), seed=seed))
    gaps = np.array([b - a for a, b in pairwise(due)]) / 1e6
    assert gaps.mean() == pytest.approx(1, abs=0.01)
    for k in (0.1, 0.5, 1, 2, 4):
        assert (gaps > k).mean() == pytest.approx(exp(-k), abs=0.015)
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 0.03


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_counts_vary_as_much_as_their_mean(seed: int) -> None:
    """In 10 ms of 1,000/s there are 10 arrivals on average, with variance 10; uniform has 0."""
    due = np.array(offsets(poisson((20, 1_000, 1_000), seed=seed)))
    counts = np.bincount(due // (10**7), minlength=2_000)
    assert counts.mean() == pytest.approx(10, abs=0.05)
    assert counts.var() == pytest.approx(10, rel=0.15)


def test_a_ramp_has_its_share_in_each_half() -> None:
    """From 0 to 2,000/s in 20 s: a quarter of 20,000 arrivals in the first half."""
    schedule = poisson((20, 0, 2_000))
    assert schedule.count == 20_000
    assert schedule.due_before(10 * SECOND) == pytest.approx(5_000, abs=120)
    assert schedule.due_before(20 * SECOND + 1) == 20_000


def test_nothing_is_due_in_a_silent_stage() -> None:
    """Where the rate is 0 for ten seconds there is no arrival."""
    schedule = poisson((5, 100, 100), (10, 0, 0), (5, 100, 100))
    assert schedule.due_before(15 * SECOND + 1) - schedule.due_before(5 * SECOND + 1) <= 1
    assert not [at for at in offsets(schedule) if 5 * SECOND < at < 15 * SECOND]


def test_the_last_of_a_day_is_found_at_once() -> None:
    """Ten thousand million arrivals: any of them costs its own block only."""
    schedule = poisson((82_800, 120_000, 120_000))
    last = schedule.count - 1
    assert last > 9 * 10**9
    at = schedule.offset_ns(last)
    assert schedule.due_before(at) <= last < schedule.due_before(at + 1)
    assert at <= 82_800 * SECOND
