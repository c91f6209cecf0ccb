"""Reads histograms as they come in snapshots, and refuses what cannot be one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from spate.buckets import MAX_NS, bucket_of, low_ns
from spate.histogram import Histogram
from spate.messages import WireHistogram

_MAX_COUNT = 1 << 40
"""More in one bucket of one snapshot is no measurement, and could overflow a sum."""
_MOST_MEAN_NS = 2 * MAX_NS
"""More than a value can be: the parts that ``Histogram.split`` makes have estimates for sums."""


def read_wire(wire: WireHistogram) -> Histogram:
    """Read the sparse form.

    Raises:
        ValueError: as ``read_wires``.
    """
    return read_wires((wire,))[0]


def read_wires(wires: Sequence[WireHistogram]) -> list[Histogram]:
    """Read several at once, which costs little more than one: the checks are per array.

    Raises:
        ValueError: if in any of them a bucket is unknown, empty or out of order, or if the
            exact figures beside the buckets contradict them.
    """
    filled = [wire for wire in wires if _is_filled(wire)]
    if not filled:
        return [Histogram.zero() for _ in wires]
    ends = np.cumsum([len(wire.low_ns) for wire in filled])
    size = int(ends[-1])
    try:
        lows = np.fromiter(chain.from_iterable(wire.low_ns for wire in filled), np.int64, size)
        counts = np.fromiter(chain.from_iterable(wire.n for wire in filled), np.int64, size)
        mins = np.fromiter((wire.min_ns for wire in filled), np.int64)
        maxs = np.fromiter((wire.max_ns for wire in filled), np.int64)
    except (OverflowError, TypeError) as error:
        raise ValueError("histogram: number too large, or values without min and max") from error
    if lows.max() > MAX_NS or mins.min() < 0 or maxs.max() > MAX_NS or (mins > maxs).any():
        raise ValueError("histogram: value out of range")
    if counts.min() <= 0 or counts.max() > _MAX_COUNT:
        raise ValueError("histogram: count out of range")
    starts = np.concatenate(([0], ends[:-1]))
    buckets = bucket_of(lows)
    rising = np.diff(buckets, prepend=-1) > 0
    rising[starts] = True
    if not rising.all() or not np.array_equal(low_ns(buckets), lows):
        raise ValueError("histogram: unknown bucket, or not in order")
    if (bucket_of(mins) != buckets[starts]).any() or (bucket_of(maxs) != buckets[ends - 1]).any():
        raise ValueError("histogram: min or max outside the first or last bucket")
    totals = iter(np.add.reduceat(counts, starts).tolist())
    spans = iter(zip(starts.tolist(), ends.tolist(), strict=True))
    read = []
    for wire in wires:
        if not wire.low_ns:
            read.append(Histogram.zero())
            continue
        start, end = next(spans)
        count = next(totals)
        if not 0 <= wire.sum_ns <= count * _MOST_MEAN_NS or wire.clamped > count:
            raise ValueError("histogram: no such sum, or more clamped than there are")
        read.append(
            Histogram(
                buckets[start:end],
                counts[start:end],
                count=count,
                sum_ns=wire.sum_ns,
                min_ns=wire.min_ns,
                max_ns=wire.max_ns,
                clamped=wire.clamped,
            )
        )
    return read


def _is_filled(wire: WireHistogram) -> bool:
    """Tell whether there is anything in it.

    Raises:
        ValueError: if its lists differ in length, or it has figures but no values.
    """
    if len(wire.low_ns) != len(wire.n):
        raise ValueError("histogram: low_ns and n differ in length")
    if wire.low_ns:
        return True
    if wire.sum_ns or wire.clamped or (wire.min_ns, wire.max_ns) != (None, None):
        raise ValueError("histogram: figures without values")
    return False
