"""How many durations were at most each of a few bounds: a histogram as Prometheus has it.

It is made from the exact histogram, whose buckets are at most 0.1 % wide. Where one of those
straddles a bound, all of it counts as within::

    exact        … [99,968   100,032) [100,032   100,096) …   ns
    bound              ▲ 100,000 = 0.0001 s
    counted      … as ≤ 0.0001        as ≤ 0.00025

so what is counted as at most a bound is truly below 1.001 times that bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Final

import numpy as np
import numpy.typing as npt

from spate.buckets import bucket_of, low_ns
from spate.histogram import Histogram
from spate.messages import WireHistogram

BOUNDS_S: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
"""The bounds of all histograms, in seconds; what is longer lies above the last."""

_SECOND: Final = 1_000_000_000
_LAST_LOW_NS: Final = low_ns(bucket_of([round(bound * _SECOND) for bound in BOUNDS_S]))
"""Of each bound the exact bucket that holds it, by its lowest value."""


@dataclass(frozen=True, slots=True)
class LeCounts:
    """Durations by the least bound that they are within, one place more than there are bounds.

    ``sum_ns`` is exact.
    """

    by_bound: tuple[int, ...] = (0,) * (len(BOUNDS_S) + 1)
    sum_ns: int = 0

    @staticmethod
    def of(histogram: Histogram) -> LeCounts:
        """Return the counts of an exact histogram."""
        return LeCounts(_count(low_ns(histogram.buckets), histogram.counts), histogram.sum_ns)

    def plus(self, wires: Sequence[WireHistogram]) -> LeCounts:
        """Return these counts and those of all ``wires`` together."""
        lows = _flat(wire.low_ns for wire in wires)
        if not lows.size:
            return self
        more = _count(lows, _flat(wire.n for wire in wires))
        return LeCounts(
            tuple(a + b for a, b in zip(self.by_bound, more, strict=True)),
            self.sum_ns + sum(wire.sum_ns for wire in wires),
        )

    def cumulative(self) -> list[int]:
        """Return for each bound how many were within it, and at last how many there were."""
        return list(accumulate(self.by_bound))

    @property
    def sum_s(self) -> float:
        """The sum in seconds."""
        return self.sum_ns / _SECOND


def _flat(parts: Iterable[Iterable[int]]) -> npt.NDArray[np.int64]:
    return np.fromiter(chain.from_iterable(parts), dtype=np.int64)


def _count(lows_ns: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> tuple[int, ...]:
    """Return how many lie within each bound and not within the one before.

    The weights are floats: exact as long as no sum reaches 2^53.
    """
    places = np.searchsorted(_LAST_LOW_NS, lows_ns)
    found = np.bincount(places, weights=counts, minlength=len(BOUNDS_S) + 1)
    return tuple(found.astype(np.int64).tolist())
