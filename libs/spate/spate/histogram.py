"""A histogram of durations whose merge is exact addition.

The layout of the buckets is fixed (see ``spate.buckets``), so two histograms can always be added
and the percentiles of a merge are bit for bit those of one histogram fed everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np

from spate.buckets import (
    MAX_NS,
    IntArray,
    add_counts,
    bucket_of,
    count_buckets,
    high_ns,
    low_ns,
    midpoint_ns,
)
from spate.messages import WireHistogram

__all__ = ["MAX_NS", "Histogram", "bucket_of", "high_ns", "low_ns"]

_NONE: IntArray = np.empty(0, dtype=np.int64)


class Histogram:
    """How many durations fell into which bucket; immutable, equal by content.

    ``buckets`` rises strictly and ``counts`` (same length) is positive throughout. ``count``,
    ``sum_ns``, ``min_ns`` and ``max_ns`` are exact for the values as clamped to
    ``[0, MAX_NS]``; ``clamped`` says how many that changed.
    """

    __slots__ = ("buckets", "clamped", "count", "counts", "max_ns", "min_ns", "sum_ns")

    buckets: IntArray
    counts: IntArray
    count: int
    sum_ns: int
    min_ns: int | None
    max_ns: int | None
    clamped: int

    def __init__(
        self,
        buckets: IntArray,
        counts: IntArray,
        *,
        count: int | None = None,
        sum_ns: int,
        min_ns: int | None,
        max_ns: int | None,
        clamped: int = 0,
    ) -> None:
        self.buckets = buckets
        self.counts = counts
        self.count = int(counts.sum()) if count is None else count
        self.sum_ns = sum_ns
        self.min_ns = min_ns
        self.max_ns = max_ns
        self.clamped = clamped

    @staticmethod
    def zero() -> Histogram:
        """Return the histogram of nothing: merging it changes nothing."""
        return Histogram(_NONE, _NONE, sum_ns=0, min_ns=None, max_ns=None)

    @staticmethod
    def of(values_ns: Sequence[int] | IntArray) -> Histogram:
        """Return the histogram of these durations in ns.

        What is negative counts as 0, what is longer than an hour as an hour.
        """
        raw = np.asarray(values_ns, dtype=np.int64)
        if raw.size == 0:
            return Histogram.zero()
        lowest, highest, clamped = int(raw.min()), int(raw.max()), 0
        values = raw
        if lowest < 0 or highest > MAX_NS:
            values = np.clip(raw, 0, MAX_NS)
            lowest, highest = int(values.min()), int(values.max())
            clamped = int(np.count_nonzero(values != raw))
        buckets, counts = count_buckets(bucket_of(values))
        # Summed in two halves: 2.6 million hours would not fit into 63 bits.
        sum_ns = (int((values >> 21).sum()) << 21) + int((values & 0x1FFFFF).sum())
        return Histogram(
            buckets, counts, sum_ns=sum_ns, min_ns=lowest, max_ns=highest, clamped=clamped
        )

    def merge(self, other: Histogram) -> Histogram:
        """Return the histogram of both: associative, commutative, ``zero()`` is its identity."""
        return Histogram.merge_all((self, other))

    @staticmethod
    def merge_all(parts: Iterable[Histogram]) -> Histogram:
        """Return the histogram of everything in all ``parts``."""
        filled = [part for part in parts if part.count]
        if not filled:
            return Histogram.zero()
        if len(filled) == 1:
            return filled[0]
        buckets, counts = add_counts(
            np.concatenate([part.buckets for part in filled]),
            np.concatenate([part.counts for part in filled]),
        )
        return Histogram(
            buckets,
            counts,
            count=sum(part.count for part in filled),
            sum_ns=sum(part.sum_ns for part in filled),
            min_ns=min(part.min_ns for part in filled if part.min_ns is not None),
            max_ns=max(part.max_ns for part in filled if part.max_ns is not None),
            clamped=sum(part.clamped for part in filled),
        )

    def quantile_ns(self, q: Fraction | float) -> int | None:
        """Return the quantile by nearest rank, None if empty.

        The value of rank ⌈q · count⌉ lies in a known bucket: the answer is that bucket's
        midpoint, but never outside ``[min_ns, max_ns]``. A float means the decimal it prints as.

        Raises:
            ValueError: if ``q`` is not in ``[0, 1]``.
        """
        return self.quantiles_ns((q if isinstance(q, Fraction) else Fraction(str(q)),))[0]

    def quantiles_ns(self, quantiles: Sequence[Fraction]) -> list[int | None]:
        """Return several quantiles, each as ``quantile_ns`` does, for little more than one.

        Raises:
            ValueError: if one is not in ``[0, 1]``.
        """
        for q in quantiles:
            if not 0 <= q.numerator <= q.denominator:
                raise ValueError(f"not a quantile: {q}")
        if self.min_ns is None or self.max_ns is None:
            return [None] * len(quantiles)
        ranks = [max(1, -(-q.numerator * self.count // q.denominator)) for q in quantiles]
        places = self.counts.cumsum().searchsorted(ranks)
        return [
            min(max(midpoint_ns(bucket), self.min_ns), self.max_ns)
            for bucket in self.buckets[places].tolist()
        ]

    def mean_ns(self) -> float | None:
        """Return the exact mean, None if empty."""
        return self.sum_ns / self.count if self.count else None

    def mode_ns(self) -> int | None:
        """Return the midpoint of the fullest bucket, the lowest on a tie; None if empty."""
        if self.min_ns is None or self.max_ns is None:
            return None
        middle = midpoint_ns(int(self.buckets[int(np.argmax(self.counts))]))
        return min(max(middle, self.min_ns), self.max_ns)

    def split(self) -> tuple[Histogram, Histogram]:
        """Return two smaller histograms that merge to exactly this one.

        The bounds of the parts at the cut, and how the sum and what was clamped are divided
        between them, are estimates; everything of the merge is exact again.

        Raises:
            ValueError: if there are fewer than two buckets.
        """
        half = len(self.buckets) // 2
        if half == 0:
            raise ValueError("one bucket cannot be split")
        lows = low_ns(self.buckets)
        estimate = sum(
            low * n
            for low, n in zip(lows[:half].tolist(), self.counts[:half].tolist(), strict=True)
        )
        clamped = min(self.clamped, int(self.counts[:half].sum()))
        lower = Histogram(
            self.buckets[:half],
            self.counts[:half],
            sum_ns=estimate,
            min_ns=self.min_ns,
            max_ns=max(int(lows[half - 1]), self.min_ns or 0),
            clamped=clamped,
        )
        upper = Histogram(
            self.buckets[half:],
            self.counts[half:],
            sum_ns=self.sum_ns - estimate,
            min_ns=int(lows[half]),
            max_ns=self.max_ns,
            clamped=self.clamped - clamped,
        )
        return lower, upper

    def to_wire(self) -> WireHistogram:
        """Return the sparse form for a snapshot; a bucket goes by its lowest value alone.

        It is not checked again: that would take a driver a millisecond for ten thousand buckets.
        """
        return WireHistogram.model_construct(
            low_ns=tuple(low_ns(self.buckets).tolist()),
            n=tuple(self.counts.tolist()),
            sum_ns=self.sum_ns,
            min_ns=self.min_ns,
            max_ns=self.max_ns,
            clamped=self.clamped,
        )

    def to_json(self) -> list[list[int]]:
        """Return the form for reports: ``[[low_ns, high_ns, n], …]``, ``low <= value < high``."""
        columns = (low_ns(self.buckets), high_ns(self.buckets), self.counts)
        rows: list[list[int]] = np.column_stack(columns).tolist()
        return rows

    def __eq__(self, other: object) -> bool:
        """Tell whether both hold the same values."""
        if not isinstance(other, Histogram):
            return NotImplemented
        return (
            self._exact() == other._exact()
            and np.array_equal(self.buckets, other.buckets)
            and np.array_equal(self.counts, other.counts)
        )

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(self._exact())

    def __repr__(self) -> str:
        """Show the exact figures, not the buckets."""
        return f"Histogram(count={self.count}, min_ns={self.min_ns}, max_ns={self.max_ns})"

    def _exact(self) -> tuple[int | None, ...]:
        return (self.count, self.sum_ns, self.min_ns, self.max_ns, self.clamped)
