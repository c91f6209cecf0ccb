"""The fixed layout of all histograms: which bucket a duration falls into.

Unit 1 ns; every value below 2,048 has a bucket of its own; above that each octave
``[2^k, 2^(k+1))`` has 1,024 buckets of equal width, so a bucket is at most 0.1 % of its values
wide:

    value      0 … 2047   2048 … 4095   4096 … 8191   …
    width          1            2             4
    bucket     0 … 2047   2048 … 3071   3072 … 4095

With ``shift = max(0, bit_length(value) - 11)`` the bucket is ``1024 * shift + (value >> shift)``.
Integer arithmetic throughout: no logarithm is taken, so no rounding decides on a bucket.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

SUB_BUCKETS = 1024
"""Buckets in an octave."""
EXACT_BITS = 11
"""Values of at most this many bits have a bucket of their own."""
MAX_NS = 3_600_000_000_000
"""One hour: longer durations count as this long, and are counted as clamped."""

_SORT_BELOW = 4_000
"""Below this many values sorting beats counting into an array of all buckets."""


def bucket_of(values_ns: npt.ArrayLike) -> IntArray:
    """Return the bucket of each value; values must lie in ``[0, MAX_NS]``.

    ``frexp`` gives the exact bit length because all values are far below 2^53.
    """
    values = np.asarray(values_ns, dtype=np.int64)
    _, bits = np.frexp(values.astype(np.float64))
    shift = np.maximum(bits.astype(np.int64) - EXACT_BITS, 0)
    return np.asarray(shift * SUB_BUCKETS + (values >> shift), dtype=np.int64)


def low_ns(buckets: npt.ArrayLike) -> IntArray:
    """Return the lowest value of each bucket."""
    buckets = np.asarray(buckets, dtype=np.int64)
    shift = _shift(buckets)
    return np.asarray((buckets - shift * SUB_BUCKETS) << shift, dtype=np.int64)


def high_ns(buckets: npt.ArrayLike) -> IntArray:
    """Return the first value above each bucket: a bucket is ``low <= value < high``."""
    buckets = np.asarray(buckets, dtype=np.int64)
    return np.asarray(low_ns(buckets) + (np.int64(1) << _shift(buckets)), dtype=np.int64)


def _shift(buckets: IntArray) -> IntArray:
    return np.asarray(np.maximum(buckets // SUB_BUCKETS - 1, 0), dtype=np.int64)


def midpoint_ns(bucket: int) -> int:
    """Return the middle of one bucket, rounded up."""
    shift = max(0, bucket // SUB_BUCKETS - 1)
    return ((bucket - shift * SUB_BUCKETS) << shift) + ((1 << shift) >> 1)


def count_buckets(buckets: IntArray) -> tuple[IntArray, IntArray]:
    """Return the distinct buckets in order and how often each occurs."""
    if buckets.size < _SORT_BELOW:
        found, counts = np.unique(buckets, return_counts=True)
        return found, np.asarray(counts, dtype=np.int64)
    lowest = int(buckets.min())
    dense = np.bincount(buckets - lowest)
    present = np.flatnonzero(dense)
    return np.asarray(present + lowest, dtype=np.int64), np.asarray(dense[present], dtype=np.int64)


def add_counts(buckets: IntArray, counts: IntArray) -> tuple[IntArray, IntArray]:
    """Return the distinct buckets in order and the sum of the counts of each."""
    if buckets.size < _SORT_BELOW:
        return add_by_sorting(buckets, counts)
    lowest = int(buckets.min())
    # The weights are floats: exact as long as no sum reaches 2^53.
    dense = np.bincount(buckets - lowest, weights=counts)
    present = np.flatnonzero(dense)
    return np.asarray(present + lowest, dtype=np.int64), dense[present].astype(np.int64)


def add_by_sorting(keys: IntArray, counts: IntArray) -> tuple[IntArray, IntArray]:
    """Return the distinct keys in order and the sum of the counts of each; there is one at least.

    ``numpy.diff`` would say as well where a key is new, but takes longer than all the rest.
    """
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    new = np.empty(keys.size, dtype=np.bool_)
    new[0] = True
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    (first,) = new.nonzero()
    return keys[first], np.add.reduceat(counts[order], first)
