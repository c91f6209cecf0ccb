"""``RequestChoice`` for many indices at once: the same numbers, computed by numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


class RequestChoices:
    """Chooses as ``RequestChoice`` of the same seed and weights does, for arrays of indices.

    The arithmetic is SplitMix64's, modulo 2^64, which is how unsigned numpy integers behave.
    """

    __slots__ = ("_bounds", "_offset", "_total")

    def __init__(self, seed: int, weights: Sequence[int]) -> None:
        """Prepare the choice.

        Raises:
            ValueError: if the weights add up to 2^32 or more.
        """
        if sum(weights) > int(_LOW):
            raise ValueError("the weights add up to too much")
        self._offset = _mix(np.array([seed & _MASK], dtype=np.uint64))[0]
        self._bounds = np.cumsum(np.array(weights, dtype=np.uint64))
        self._total = self._bounds[-1]

    def requests(self, indices: npt.NDArray[np.uint64]) -> npt.NDArray[np.intp]:
        """Return the position in the plan of the request that each arrival sends."""
        z = _mix((indices + np.uint64(1)) * np.uint64(_GOLDEN) + self._offset)
        # (z * total) >> 64 by halves: with total below 2^32 no product exceeds 64 bits.
        carry = ((z & _LOW) * self._total) >> _HALF
        scaled = ((z >> _HALF) * self._total + carry) >> _HALF
        return np.asarray(np.searchsorted(self._bounds, scaled, side="right"), dtype=np.intp)


def _mix(z: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return SplitMix64's finaliser of each ``z``."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
