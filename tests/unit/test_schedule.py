"""A schedule is a pure function of index and load, and its inverse is exact."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spate.grant import stride
from spate.plan_model import ArrivalsLoad, AvalancheLoad, Load, Stage, TsunamiLoad
from spate.schedule import Schedule, StageSpan, compile_schedule

SECOND = 10**9
DAY = 86_400 * SECOND


def stage(seconds: float, begin: float, end: float, *, measured: bool = True) -> Stage:
    """Return a stage of the load."""
    rates = (Fraction(str(begin)), Fraction(str(end)))
    return Stage("s", int(seconds * SECOND), *rates, measured)


def arrivals(*stages: Stage) -> Schedule:
    """Return the schedule of stages."""
    return compile_schedule(ArrivalsLoad(stages, "uniform"), 1, 1)


def offsets(schedule: Schedule) -> list[int]:
    """Return all offsets."""
    return [schedule.offset_ns(index) for index in range(schedule.count)]


RATES = st.one_of(
    st.just(Fraction(0)),
    st.fractions(min_value=0, max_value=50, max_denominator=10).map(
        lambda rate: Fraction(round(rate * 10**6), 10**6)
    ),
    st.integers(min_value=0, max_value=10**8).map(lambda millionths: Fraction(millionths, 10**6)),
    st.integers(min_value=0, max_value=100).map(Fraction),
)
STAGES = st.builds(
    Stage,
    name=st.just("s"),
    duration_ns=st.one_of(
        st.integers(min_value=1, max_value=3 * SECOND),
        st.integers(min_value=1, max_value=6).map(lambda half: half * SECOND // 2),
    ),
    from_per_s=RATES,
    to_per_s=RATES,
    measured=st.booleans(),
)
ARRIVALS = st.lists(STAGES, min_size=1, max_size=5).map(
    lambda stages: ArrivalsLoad(tuple(stages), "uniform")
)
TSUNAMI = st.builds(
    TsunamiLoad,
    message_count_per_driver=st.integers(min_value=1, max_value=40),
    message_delay_ns=st.integers(min_value=1, max_value=3 * SECOND),
)
SPACED = st.builds(replace, ARRIVALS, spacing=st.sampled_from(["uniform", "poisson"]))
OPEN: st.SearchStrategy[Load] = st.one_of(SPACED, TSUNAMI)
DRIVERS = st.integers(min_value=1, max_value=9)


def expected_arrivals(load: ArrivalsLoad, t_ns: Fraction) -> Fraction:
    """Return N(t), the integral of the rate: the definition, without any cleverness."""
    total, begin = Fraction(0), 0
    for part in load.stages:
        t = min(max(t_ns - begin, Fraction(0)), Fraction(part.duration_ns))
        slope = (part.to_per_s - part.from_per_s) / part.duration_ns
        total += (part.from_per_s * t + slope * t * t / 2) / SECOND
        begin += part.duration_ns
    return total


@settings(max_examples=40)
@given(OPEN, DRIVERS)
def test_offsets_never_decrease_and_lie_inside(load: Load, drivers: int) -> None:
    """Arrivals are in order of their index, from 0 to the duration."""
    schedule = compile_schedule(load, drivers, 1)
    assert schedule.is_open
    assert schedule.duration_ns is not None
    due = offsets(schedule)
    assert due == sorted(due)
    assert all(0 <= offset <= schedule.duration_ns for offset in due)


@settings(max_examples=40)
@given(OPEN, DRIVERS, st.data())
def test_due_before_is_the_exact_inverse(load: Load, drivers: int, data: st.DataObject) -> None:
    """due_before(t) counts the arrivals with an offset below t, for any t."""
    schedule = compile_schedule(load, drivers, 1)
    assert schedule.duration_ns is not None
    due = offsets(schedule)
    assert due == sorted(due)
    near = [offset + delta for offset in due for delta in (-1, 0, 1, 2)]
    edges = [edge + d for s in schedule.stages for edge in (s.from_ns, s.to_ns) for d in (-1, 0, 1)]
    any_time = data.draw(st.integers(min_value=-5, max_value=schedule.duration_ns + 5))
    for t in [*near, *edges, any_time, -SECOND, 10 * DAY]:
        assert schedule.due_before(t) == bisect_left(due, t)


@settings(max_examples=40)
@given(SPACED)
def test_count_is_the_integral(load: ArrivalsLoad) -> None:
    """There are as many arrivals as there are whole numbers i >= 0 below N(T)."""
    schedule = compile_schedule(load, 1, 1)
    assert schedule.duration_ns is not None
    whole = expected_arrivals(load, Fraction(schedule.duration_ns))
    assert schedule.count == -(-whole.numerator // whole.denominator)


@settings(max_examples=40)
@given(ARRIVALS)
def test_offset_is_where_the_integral_passes_the_index(load: ArrivalsLoad) -> None:
    """offset(i) is the first ns at which N >= i, and no arrival is due where N stands still."""
    schedule = compile_schedule(load, 1, 1)
    for index in range(schedule.count):
        at = schedule.offset_ns(index)
        assert expected_arrivals(load, Fraction(at)) >= index
        before = expected_arrivals(load, Fraction(at - 1))
        assert before < index or before == expected_arrivals(load, Fraction(at)) or at == 0
        # Just after it, N is above the index: the rate is not zero there.
        assert expected_arrivals(load, Fraction(at) + Fraction(1, 10**9)) > index


@settings(max_examples=40)
@given(SPACED)
def test_stages_hold_every_index_once(load: ArrivalsLoad) -> None:
    """Stages follow each other in index and time, and stage_of finds them."""
    schedule = compile_schedule(load, 1, 1)
    ends = [0] + [span.end_index for span in schedule.stages]
    assert [span.first_index for span in schedule.stages] == ends[:-1]
    assert ends[-1] == schedule.count
    times = [0] + [span.to_ns for span in schedule.stages]
    assert [span.from_ns for span in schedule.stages] == times[:-1]
    assert times[-1] == schedule.duration_ns
    for index in range(schedule.count):
        span = schedule.stages[schedule.stage_of(index)]
        assert span.first_index <= index < span.end_index
        assert span.from_ns <= schedule.offset_ns(index) <= span.to_ns


@settings(max_examples=40)
@given(OPEN, DRIVERS, DRIVERS)
def test_strided_ranges_rebuild_the_whole(load: Load, drivers: int, parts: int) -> None:
    """The indices of any number of drivers are every index once, with the same due times."""
    schedule = compile_schedule(load, drivers, 1)
    ranges = [stride(k, k, schedule.count, parts) for k in range(parts)]
    indices = [index for part in ranges for index in part.indices()]
    assert sorted(indices) == list(range(schedule.count))
    assert sorted(map(schedule.offset_ns, indices)) == offsets(schedule)


@settings(max_examples=40)
@given(SPACED, st.data())
def test_rate_is_on_the_line(load: ArrivalsLoad, data: st.DataObject) -> None:
    """The planned rate lies on the line from a stage's `from` to its `to`; 0 outside."""
    schedule = compile_schedule(load, 1, 1)
    assert schedule.duration_ns is not None
    position = data.draw(st.integers(min_value=0, max_value=len(load.stages) - 1))
    part, span = load.stages[position], schedule.stages[position]
    t = data.draw(st.integers(min_value=0, max_value=part.duration_ns - 1))
    expected = part.from_per_s + (part.to_per_s - part.from_per_s) * Fraction(t, part.duration_ns)
    assert schedule.rate_per_s(span.from_ns + t) == pytest.approx(float(expected), abs=1e-12)
    assert [schedule.rate_per_s(-1), schedule.rate_per_s(schedule.duration_ns)] == [0.0, 0.0]


def test_constant_rate_is_even() -> None:
    """Four a second for a second: at 0, 250, 500 and 750 ms, none at the end."""
    assert offsets(arrivals(stage(1, 4, 4))) == [0, 250_000_000, 500_000_000, 750_000_000]


def test_offsets_are_rounded_up() -> None:
    """A third of a second is the first whole ns at which the third of an arrival has come."""
    assert offsets(arrivals(stage(1, 3, 3))) == [0, 333_333_334, 666_666_667]


def test_ramps_mirror_each_other() -> None:
    """From 0 to 4/s in 2 s makes 4 arrivals at sqrt(i) s; downwards at 2 - sqrt(4 - i) s."""
    up, down = offsets(arrivals(stage(2, 0, 4))), offsets(arrivals(stage(2, 4, 0)))
    assert up == [0, SECOND, 1_414_213_563, 1_732_050_808]
    assert down == [0, 267_949_193, 585_786_438, SECOND]


def test_no_arrival_is_due_in_a_silent_stage() -> None:
    """A stage of rate 0 holds nothing, at the begin, in the middle and at the end."""
    silent = stage(1, 0, 0)
    schedule = arrivals(silent, stage(1, 2, 2), silent, silent, stage(1, 2, 2), silent)
    assert offsets(schedule) == [SECOND, 1_500_000_000, 4 * SECOND, 4_500_000_000]
    assert [(span.first_index, span.end_index) for span in schedule.stages] == [
        (0, 0), (0, 2), (2, 2), (2, 2), (2, 4), (4, 4),
    ]  # fmt: skip
    assert [schedule.due_before(t) for t in (SECOND, SECOND + 1, 3 * SECOND, 6 * SECOND)] == [
        0, 1, 2, 4,
    ]  # fmt: skip


def test_part_of_an_arrival_is_carried_into_the_next_stage() -> None:
    """Half an arrival of one stage is completed in the next one, whatever the rates."""
    assert offsets(arrivals(stage(0.5, 3, 3), stage(1, 1, 1))) == [0, 333_333_334, SECOND]


@pytest.mark.parametrize("rate", ["1000", "0.000001", "9999999.999999", "333.333333"])
def test_a_day_does_not_drift(rate: str) -> None:
    """After 23 hours at any rate the last arrival is still due to the nanosecond."""
    per_s, length = Fraction(rate), 23 * 3_600 * SECOND
    schedule = compile_schedule(
        ArrivalsLoad((Stage("s", length, per_s, per_s, True),), "uniform"), 1, 1
    )
    last = schedule.count - 1
    exact = Fraction(last) * SECOND / per_s
    assert schedule.offset_ns(last) == -(-exact.numerator // exact.denominator)
    assert schedule.due_before(schedule.offset_ns(last)) == last


@settings(max_examples=40)
@given(RATES, RATES, st.data())
def test_a_long_ramp_is_exact(begin: Fraction, end: Fraction, data: st.DataObject) -> None:
    """A ramp over 23 hours puts every arrival on the first ns at which the integral reaches it."""
    assume(begin + end > 0)
    load = ArrivalsLoad((Stage("s", 23 * 3_600 * SECOND, begin, end, True),), "uniform")
    schedule = compile_schedule(load, 1, 1)
    index = data.draw(st.integers(min_value=0, max_value=schedule.count - 1))
    at = schedule.offset_ns(index)
    assert expected_arrivals(load, Fraction(at)) >= index
    assert at == 0 or expected_arrivals(load, Fraction(at - 1)) < index
    assert schedule.due_before(at) <= index < schedule.due_before(at + 1)


def test_tsunami_gives_each_driver_one_per_delay() -> None:
    """With its start grant every driver is due once a delay, and the fleet evenly between."""
    schedule = compile_schedule(TsunamiLoad(3, 10), 4, 1)
    assert [schedule.count, schedule.duration_ns] == [12, 30]
    assert offsets(schedule) == [0, 2, 5, 7, 10, 12, 15, 17, 20, 22, 25, 27]
    for k in range(4):
        own = [schedule.offset_ns(index) for index in range(k, 12, 4)]
        assert [b - a for a, b in pairwise(own)] == [10, 10]
    assert schedule.stages == (StageSpan("main", True, 0, 12, 0, 30),)
    assert schedule.stage_of(11) == 0
    assert [schedule.rate_per_s(t) for t in (-1, 0, 29, 30)] == [0.0, 4e8, 4e8, 0.0]


def test_avalanche_has_no_due_times() -> None:
    """A closed load has a count and one stage; asking for due times is a mistake."""
    schedule = compile_schedule(AvalancheLoad(5), 3, 1)
    assert (schedule.count, schedule.is_open, schedule.duration_ns) == (15, False, None)
    assert schedule.stages == (StageSpan("main", True, 0, 15, 0, 0),)
    assert [schedule.rate_per_s(0), schedule.stage_of(14)] == [0.0, 0]
    with pytest.raises(TypeError, match="closed load has no due times"):
        schedule.offset_ns(0)
    with pytest.raises(TypeError, match="closed load has no due times"):
        schedule.offsets_ns(range(1))
    with pytest.raises(TypeError, match="closed load has no due times"):
        schedule.due_before(0)


@pytest.mark.parametrize(
    "load",
    [AvalancheLoad(5), TsunamiLoad(5, 10), ArrivalsLoad((stage(1, 5, 5),), "uniform")],
    ids=lambda load: load.test_type,
)
@pytest.mark.parametrize("index", [-1, 5])
def test_there_are_no_other_arrivals(load: Load, index: int) -> None:
    """An index outside the plan is refused."""
    schedule = compile_schedule(load, 1, 1)
    with pytest.raises(IndexError, match=f"no arrival {index}: the plan has 5"):
        schedule.stage_of(index)
    if schedule.is_open:
        with pytest.raises(IndexError, match=f"no arrival {index}: the plan has 5"):
            schedule.offset_ns(index)
        with pytest.raises(IndexError, match=f"no arrival {index}: the plan has 5"):
            schedule.offsets_ns(range(index, index + 1))


def test_a_run_has_a_driver() -> None:
    """A schedule for no drivers is refused."""
    with pytest.raises(ValueError, match="at least one driver"):
        compile_schedule(AvalancheLoad(1), 0, 1)


def test_rates_finer_than_a_millionth_are_refused() -> None:
    """A stage made by hand keeps the bounds of a plan."""
    load = ArrivalsLoad((Stage("s", SECOND, Fraction(1, 3), Fraction(1), True),), "uniform")
    with pytest.raises(ValueError, match="at most 6 decimals"):
        compile_schedule(load, 1, 1)


@given(
    load=st.one_of(ARRIVALS, ARRIVALS.map(lambda load: replace(load, spacing="poisson")), TSUNAMI),
    first=st.integers(0, 400),
    step=st.integers(1, 40),
    most=st.integers(0, 60),
)
def test_many_offsets_are_those_of_each(load: Load, first: int, step: int, most: int) -> None:
    """Whatever the indices, and however many stages they reach over."""
    schedule = compile_schedule(load, 3, 7)
    indices = range(min(first, schedule.count), schedule.count, step)[:most]
    assert list(schedule.offsets_ns(indices)) == [schedule.offset_ns(index) for index in indices]


@pytest.mark.parametrize("rate_per_s", [10**9, 10**13])
def test_many_offsets_of_absurd_rates_are_those_of_each(rate_per_s: int) -> None:
    """Though sums of them have more bits than a machine word."""
    stage = Stage("s", SECOND, Fraction(rate_per_s), Fraction(rate_per_s), True)
    schedule = compile_schedule(ArrivalsLoad((stage,), "uniform"), 1, 1)
    indices = range(10**9 - 4_000, 10**9, 1)
    assert list(schedule.offsets_ns(indices)) == [schedule.offset_ns(index) for index in indices]
