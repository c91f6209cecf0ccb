"""The points of a Poisson process of rate 1, by blocks, with random access."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import numpy as np
import numpy.typing as npt

BLOCK: Final = 4096
"""Arrivals of a block; every block but the last is as long as it holds arrivals."""

_BITS: Final = 16
"""A position is counted in 2⁻¹⁶ of the mean distance."""

_LENGTH: Final = BLOCK << _BITS
_KEPT: Final = 8
_LOW: Final = np.uint64(0xFFFFFFFF)
_HALF: Final = np.uint64(32)


class PoissonBlocks:
    """``count`` sorted points in ``[0, end)``, ``end`` being in 2⁻¹⁶ of the mean distance.

    Block b holds its points in ``[b, b + 1)·2²⁸``, the last one the remainder up to ``end``. They
    are 64 raw bits each of Philox4x64-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers:
    as easy as 1, 2, 3", 2011) with the key (seed, b), scaled to the block's length: every process
    computes the same ones, in any order. The latest blocks are kept.
    """

    def __init__(self, seed: int, count: int, end: int) -> None:
        self._seed = seed
        self._count = count
        self._end = end
        self._kept: OrderedDict[int, npt.NDArray[np.uint64]] = OrderedDict()

    def position(self, index: int) -> int:
        """Return the position of point ``index`` of ``[0, count)``."""
        block, place = divmod(index, BLOCK)
        return block * _LENGTH + int(self._points(block)[place])

    def below(self, position: int) -> int:
        """Return how many points lie below ``position``."""
        block = position // _LENGTH
        if block * BLOCK >= self._count:
            return self._count
        inside = np.searchsorted(self._points(block), np.uint64(position % _LENGTH))
        return block * BLOCK + int(inside)

    def _points(self, block: int) -> npt.NDArray[np.uint64]:
        """Return the points of a block in order, counted from its begin."""
        points = self._kept.get(block)
        if points is None:
            points = self._kept[block] = self._draw(block)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return points

    def _draw(self, block: int) -> npt.NDArray[np.uint64]:
        size = min(BLOCK, self._count - block * BLOCK)
        length = np.uint64(min(_LENGTH, self._end - block * _LENGTH))
        bits = np.random.Philox(key=np.array([self._seed, block], dtype=np.uint64)).random_raw(size)
        # (bits · length) >> 64 by halves: with a length below 2³² no product exceeds 64 bits.
        carry = ((bits & _LOW) * length) >> _HALF
        return np.asarray(np.sort(((bits >> _HALF) * length + carry) >> _HALF))
