"""Laws of the histogram: exact layout, exact merge, nearest rank."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]  # it has no types
from hypothesis import given, settings
from hypothesis import strategies as st

from spate.accumulator import Accumulator
from spate.histogram import MAX_NS, Histogram, bucket_of, high_ns, low_ns
from spate.histogram_wire import read_wire, read_wires
from spate.messages import WireHistogram

DURATIONS = st.one_of(
    st.integers(0, 5_000),
    st.integers(0, MAX_NS),
    st.integers(0, 41).map(lambda bits: 1 << bits),
)
LISTS = st.lists(DURATIONS, max_size=60)
QUANTILES = [Fraction(k, 1000) for k in (0, 1, 500, 900, 950, 990, 999, 1000)]


def width_ns(value_ns: int) -> int:
    """The width of a value's bucket, straight from the description of the layout."""
    return 1 << max(0, value_ns.bit_length() - 11)


def test_layout_is_as_described_around_every_power_of_two() -> None:
    """A value's bucket begins at the value with its low bits cleared, and is that wide."""
    values = [
        value
        for bits in range(42)
        for value in ((1 << bits) - 1, 1 << bits, (1 << bits) + 1)
        if value <= MAX_NS
    ]
    values += [MAX_NS, MAX_NS - 1, 2047, 2048, 2049]
    buckets = bucket_of(values)
    assert [v - v % width_ns(v) for v in values] == low_ns(buckets).tolist()
    assert [v - v % width_ns(v) + width_ns(v) for v in values] == high_ns(buckets).tolist()


def test_buckets_are_numbered_without_a_gap() -> None:
    """The high bound of each bucket is the low bound of the next, up to an hour."""
    every = np.arange(int(bucket_of([MAX_NS])[0]) + 1)
    assert low_ns(every + 1).tolist() == high_ns(every).tolist()
    assert every.tolist() == bucket_of(low_ns(every)).tolist()
    assert every.tolist() == bucket_of(np.minimum(high_ns(every) - 1, MAX_NS)).tolist()
    assert list(range(2048)) == low_ns(every[:2048]).tolist()


def test_a_bucket_is_at_most_a_thousandth_wide() -> None:
    """The width never exceeds 1/1024 of the values within."""
    every = np.arange(2048, int(bucket_of([MAX_NS])[0]) + 1)
    assert bool((low_ns(every) >= 1024 * (high_ns(every) - low_ns(every))).all())


@settings(max_examples=40)
@given(LISTS)
def test_figures_beside_the_buckets_are_exact(values: list[int]) -> None:
    """Count, sum, min, max and mean are those of the values."""
    histogram = Histogram.of(values)
    assert len(values) == histogram.count == int(histogram.counts.sum())
    assert sum(values) == histogram.sum_ns
    assert (min(values, default=None), max(values, default=None)) == (
        histogram.min_ns,
        histogram.max_ns,
    )
    assert (sum(values) / len(values) if values else None) == histogram.mean_ns()
    assert histogram.clamped == 0


def nearest_rank(values: Sequence[int], q: Fraction) -> int:
    """The quantile of raw values."""
    return sorted(values)[max(1, ceil(q * len(values))) - 1]


@settings(max_examples=40)
@given(LISTS.filter(bool), st.fractions(0, 1))
def test_quantile_is_the_midpoint_of_the_bucket_of_the_nearest_rank(
    values: list[int], q: Fraction
) -> None:
    """It lies within half a bucket of the raw value, and never outside min and max."""
    exact = nearest_rank(values, q)
    width = width_ns(exact)
    middle = exact - exact % width + width // 2
    assert min(max(middle, min(values)), max(values)) == Histogram.of(values).quantile_ns(q)


@settings(max_examples=40)
@given(st.lists(st.integers(1, MAX_NS), min_size=1, max_size=60))
def test_quantile_agrees_with_hdrhistogram(values: list[int]) -> None:
    """HdrHistogram of three digits has the same sub-buckets, so the same bucket is found."""
    oracle = HdrHistogram(1, MAX_NS, 3)
    for value in values:
        oracle.record_value(value)
    ours = Histogram.of(values)
    # It rounds the rank where we round up, so it is asked for whole ranks.
    for rank in range(1, len(values) + 1):
        theirs = oracle.get_value_at_percentile(100 * rank / len(values))
        found = ours.quantile_ns(Fraction(rank, len(values)))
        assert found is not None
        assert int(bucket_of([min(theirs, MAX_NS)])[0]) == int(bucket_of([found])[0])


def test_a_float_quantile_means_the_decimal_it_prints_as() -> None:
    """0.07 of 100 values is rank 7, though the float is a little more than that."""
    histogram = Histogram.of(range(100))
    assert histogram.quantile_ns(0.07) == 6
    assert histogram.quantile_ns(Fraction(1, 2)) == 49


@pytest.mark.parametrize("q", [-0.1, 1.1, Fraction(3, 2)])
def test_a_quantile_beyond_the_whole_is_refused(q: float | Fraction) -> None:
    """Quantiles lie in [0, 1]."""
    with pytest.raises(ValueError, match="not a quantile"):
        Histogram.of([1]).quantile_ns(q)


def test_the_mode_is_the_fullest_bucket_and_the_lowest_on_a_tie() -> None:
    """Two values each in buckets 5 and 9: the mode is 5; a third in 9 changes that."""
    assert Histogram.of([9, 9, 5, 5, 1]).mode_ns() == 5
    assert Histogram.of([9, 9, 9, 5, 5]).mode_ns() == 9
    assert Histogram.of([1 << 30]).mode_ns() == 1 << 30


def test_nothing_has_no_figures() -> None:
    """An empty histogram says None, not 0."""
    empty = Histogram.of([])
    assert empty == Histogram.zero()
    assert [
        empty.min_ns,
        empty.max_ns,
        empty.mean_ns(),
        empty.mode_ns(),
    ] == [None] * 4
    assert empty.to_json() == []


def test_what_is_beyond_the_layout_is_clamped_and_counted() -> None:
    """Negative is 0, more than an hour is an hour; both are counted."""
    histogram = Histogram.of([-5, 7, MAX_NS, MAX_NS + 1])
    assert (
        histogram.min_ns,
        histogram.max_ns,
        histogram.clamped,
        histogram.count,
    ) == (0, MAX_NS, 2, 4)
    assert histogram.sum_ns == 2 * MAX_NS + 7


def test_a_sum_beyond_63_bits_is_exact() -> None:
    """Three million hours add up."""
    assert Histogram.of(np.full(3_000_000, MAX_NS)).sum_ns == 3_000_000 * MAX_NS


def test_many_values_are_counted_as_few_are() -> None:
    """Both ways of counting give what the merge of small pieces gives."""
    values = np.random.default_rng(1).lognormal(16, 1, 10_000).astype(np.int64)
    pieces = [Histogram.of(part) for part in np.array_split(values, 20)]
    assert Histogram.of(values) == Histogram.merge_all(pieces)


@settings(max_examples=40)
@given(LISTS, LISTS, LISTS)
def test_merge_is_associative_and_commutative_with_identity(
    a: list[int], b: list[int], c: list[int]
) -> None:
    """And it is the histogram of everything, bit for bit in its quantiles."""
    x, y, z = Histogram.of(a), Histogram.of(b), Histogram.of(c)
    assert x.merge(y).merge(z) == x.merge(y.merge(z))
    assert x.merge(y) == y.merge(x)
    assert x == x.merge(Histogram.zero())
    whole = Histogram.of([*a, *b, *c])
    merged = Histogram.merge_all([x, y, z])
    assert whole == merged
    assert hash(whole) == hash(merged)
    assert [whole.quantile_ns(q) for q in QUANTILES] == [merged.quantile_ns(q) for q in QUANTILES]
    assert whole.mode_ns() == merged.mode_ns()


@settings(max_examples=40)
@given(LISTS)
def test_the_wire_form_reads_back(values: list[int]) -> None:
    """What was written is read, clamps included."""
    histogram = Histogram.of([*values, -1])
    wire = WireHistogram.model_validate_json(histogram.to_wire().model_dump_json())
    assert histogram == read_wire(wire)


def test_several_are_read_as_one_is() -> None:
    """Reading several at once gives each, the empty ones too, in order."""
    some = [Histogram.of([1, 5]), Histogram.zero(), Histogram.of([3_000_000] * 3)]
    assert some == read_wires([one.to_wire() for one in some])
    assert [Histogram.zero()] == read_wires([Histogram.zero().to_wire()])


GOOD = {"low_ns": (5, 4096), "n": (1, 2), "sum_ns": 8200, "min_ns": 5, "max_ns": 4099}


@pytest.mark.parametrize(
    "change",
    [
        {"n": (1,)},
        {"low_ns": (5, 4097)},
        {"low_ns": (4096, 5)},
        {"low_ns": (5, 5)},
        {"low_ns": (5, MAX_NS + 1)},
        {"n": (1, 0)},
        {"n": (1, 1 << 41)},
        {"min_ns": None},
        {"max_ns": None},
        {"min_ns": 6},
        {"min_ns": -1},
        {"max_ns": 4100},
        {"max_ns": MAX_NS + 1},
        {"max_ns": 1 << 70},
        {"sum_ns": -1},
        {"sum_ns": 6 * MAX_NS + 1},
        {"clamped": 4},
        {"low_ns": (5,), "n": (1,), "min_ns": 6, "max_ns": 5},
        {"low_ns": (), "n": ()},
        {"low_ns": (), "n": (), "sum_ns": 0, "min_ns": None, "max_ns": None, "clamped": 1},
    ],
)
def test_a_malformed_wire_form_is_refused(change: dict[str, object]) -> None:
    """Buckets that are not ours, and figures that contradict them, are errors."""
    assert read_wire(WireHistogram.model_validate(GOOD)).count == 3
    with pytest.raises(ValueError, match="histogram"):
        read_wire(WireHistogram.model_validate({**GOOD, **change}))


@settings(max_examples=40)
@given(LISTS.filter(lambda values: len(set(values)) > 2))
def test_the_parts_of_a_split_merge_to_the_whole(values: list[int]) -> None:
    """Both parts are smaller, can be sent, and add up exactly."""
    whole = Histogram.of(values)
    if len(whole.buckets) < 2:
        return
    lower, upper = (read_wire(part.to_wire()) for part in whole.split())
    assert whole == lower.merge(upper)
    assert abs(len(lower.buckets) - len(upper.buckets)) <= 1


def test_what_was_clamped_is_divided_as_far_as_there_are_values() -> None:
    """Neither part says that more of it was clamped than it has."""
    whole = Histogram.of([1, 2, MAX_NS + 1, MAX_NS + 2])
    lower, upper = (read_wire(part.to_wire()) for part in whole.split())
    assert (lower.count, lower.clamped, upper.count, upper.clamped) == (1, 1, 3, 1)
    assert whole == lower.merge(upper)


@pytest.mark.parametrize("change", [{"sum_ns": 0}, {"sum_ns": 6 * MAX_NS}, {"clamped": 3}])
def test_figures_beside_the_buckets_may_be_estimates(change: dict[str, int]) -> None:
    """A sum is not held against the buckets: parts of a split have no better one."""
    assert read_wire(WireHistogram.model_validate({**GOOD, **change})).count == 3


def test_one_bucket_cannot_be_split() -> None:
    """There is nothing to divide."""
    with pytest.raises(ValueError, match="one bucket"):
        Histogram.of([5, 5]).split()


def test_the_report_form_names_both_bounds() -> None:
    """A row is [low, high, n] with low <= value < high."""
    assert Histogram.of([5, 4099, 5]).to_json() == [[5, 6, 2], [4096, 4100, 1]]


def test_equality_is_by_content() -> None:
    """Same buckets with another sum are another histogram; other things are not histograms."""
    one = Histogram.of([4096, 4097])
    assert one != Histogram.of([4096, 4098])
    assert one != Histogram.of([5, 8188])
    assert one != "histogram"
    assert repr(one) == "Histogram(count=2, min_ns=4096, max_ns=4097)"


def test_an_accumulator_adds_up_whatever_the_number_of_parts() -> None:
    """A hundred parts, looked at on the way, are the histogram of everything."""
    total = Accumulator()
    assert Histogram.zero() == total.freeze()
    for value in range(100):
        total.add(Histogram.of([value]))
    assert Histogram.of(range(100)) == total.freeze()
    total.add(Histogram.of([100]))
    assert Histogram.of(range(101)) == total.freeze()
