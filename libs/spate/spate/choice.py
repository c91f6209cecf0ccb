"""Which request of the plan an arrival sends: a pure function of the seed and the index."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


class RequestChoice:
    """Chooses requests by weight, with random access and without state.

    The k-th output of SplitMix64 (Steele, Lea and Flood, 2014) seeded with ``seed`` is
    ``mix(seed + (k + 1) * golden)``, so no earlier output is needed to get it. Its 64 bits are
    scaled to ``[0, total weight)``; the bias of that is below total weight / 2^64.
    """

    __slots__ = ("_bounds", "_offset", "_single", "_total")

    def __init__(self, seed: int, weights: Sequence[int]) -> None:
        """Prepare the choice.

        Raises:
            ValueError: if there is no weight, or one is not positive.
        """
        if not weights or min(weights) < 1:
            raise ValueError(f"weights are 1 or more each, not {list(weights)}")
        # The seed is mixed once: else seed 2 would be seed 1 moved on by a few indices.
        self._offset = _mix(seed & _MASK)
        self._bounds = list(accumulate(weights))
        self._total = self._bounds[-1]
        self._single = len(weights) == 1

    @property
    def offset(self) -> int:
        """What the first 64 bits are mixed from, for whoever computes the same elsewhere."""
        return self._offset

    @property
    def bounds(self) -> tuple[int, ...]:
        """The sum of the weights up to and with each request."""
        return tuple(self._bounds)

    def request(self, index: int) -> int:
        """Return the position in the plan of the request that arrival ``index`` sends."""
        if self._single:
            return 0
        # _mix, written out: a call would cost as much as the arithmetic.
        z = (self._offset + (index + 1) * _GOLDEN) & _MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return bisect_right(self._bounds, ((z ^ (z >> 31)) * self._total) >> 64)


def _mix(z: int) -> int:
    """Return SplitMix64's finaliser of ``z``."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)
