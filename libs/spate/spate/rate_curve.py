r"""The expected number of arrivals of a rate that changes by stages, inverted exactly in integers.

In a stage of D ns with the rate going linearly from a to b (in millionths per second) the
expected number of arrivals t ns after its begin is::

                     2 a t + (b - a) t²/D         rate b        _.-'|
    N(t) = N(begin) + --------------------              _.-'        |   N = the area
                            U = 2·10¹⁵           a |_.-'____________|
                                                   begin    t      end

so U·N is an integer at the end of each stage, and everything below is integer arithmetic: no
rounding adds up, however long the plan is.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, isqrt
from typing import Final

import numpy as np

from spate.plan_model import Stage

ARRIVAL: Final = 2 * 10**15
"""U: one expected arrival, in the integers in which areas are counted here."""

_PER_S = 10**6
_INT64_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stage's constants, reduced by their common divisor ``g``.

    With q = area - base the area is passed at the smallest integer t for which
    ``2 a t + slope t² / D ≥ q``. Multiplied by D and by |slope|, the square completed::

        rising   (slope t + s)² ≥ s² + slope·D·q       s = a·D
        falling  (s - |slope| t)² ≤ s² - |slope|·D·q
    """

    begin_ns: int
    length_ns: int
    base: int  # U·N(begin)
    rate: int  # a / g
    slope: int  # (b - a) / g
    g: int
    s: int  # rate · D
    s2: int  # s²
    slope_d: int  # |slope| · D


class RateCurve:
    """U·N(t) over the stages of a plan, and its inverse ``τ(area) = inf {t : U·N(t) > area}``.

    Where N stands still (a stage of rate zero) τ is the end of the standstill. ``bases`` holds U·N
    at the begin of each stage and, last, at the end of the plan; ``begins_ns`` those instants.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        pieces: list[_Piece] = []
        begin_ns = base = 0
        for stage in stages:
            piece = _piece(stage, begin_ns, base)
            begin_ns += stage.duration_ns
            base += (2 * piece.rate + piece.slope) * piece.g * stage.duration_ns
            pieces.append(piece)
        self.duration_ns = begin_ns
        self.begins_ns = [*(piece.begin_ns for piece in pieces), begin_ns]
        self.bases = [*(piece.base for piece in pieces), base]
        self._pieces = pieces
        self._ends = self.bases[1:]

    def reach_ns(self, area: int) -> int:
        """Return ``⌈τ(area)⌉`` for an area in ``[0, U·N(end))``."""
        piece = self._pieces[bisect_right(self._ends, area)]
        q = area - piece.base
        slope = piece.slope
        if slope == 0:
            return piece.begin_ns - (-q // (2 * piece.rate * piece.g))
        # The left sides are integers, so the right sides may be rounded towards them.
        if slope > 0:
            need = piece.s2 + -(-piece.slope_d * q // piece.g)
            root = isqrt(need - 1) + 1 if need else 0
            return piece.begin_ns - ((piece.s - root) // slope)
        need = piece.s2 - -(-piece.slope_d * q // piece.g)
        return piece.begin_ns - ((isqrt(need) - piece.s) // -slope)

    def reach_all_ns(self, areas: range) -> array[int]:
        """Return ``reach_ns`` of each of rising ``areas``; cheaply where the rate is even.

        There ⌈(q + k·step)/r⌉ = a + k·w + ⌊(b + k·e)/r⌋ with q + r - 1 = a·r + b and
        step = w·r + e, and all of that has less than 64 bits unless r is absurd.
        """
        if not areas:
            return array("q")
        piece = self._pieces[bisect_right(self._ends, areas[0])]
        per_ns = 2 * piece.rate * piece.g
        ends = areas[-1] >= piece.base + per_ns * piece.length_ns
        if piece.slope or ends or per_ns * (len(areas) + 1) > _INT64_MAX:
            return array("q", map(self.reach_ns, areas))
        a, b = divmod(areas[0] - piece.base + per_ns - 1, per_ns)
        w, e = divmod(areas.step, per_ns)
        k = np.arange(len(areas), dtype=np.int64)
        return array("q", (piece.begin_ns + a + k * w + (b + k * e) // per_ns).tobytes())

    def reached_before(self, elapsed_ns: int, step: int) -> int:
        """Return ``#{k ≥ 0 : ⌈τ(k·step)⌉ < elapsed_ns}``, within the plan.

        ⌈τ(k·step)⌉ ≤ t := elapsed - 1 if and only if τ(k·step) ≤ t: those are the k with
        k·step ≤ U·N(t), without k·step = U·N(t) itself where the rate is zero.
        """
        at_ns = elapsed_ns - 1
        if at_ns < 0:
            return 0
        if at_ns >= self.duration_ns:
            return -(-self.bases[-1] // step)
        stage = bisect_right(self.begins_ns, at_ns) - 1
        piece = self._pieces[stage]
        if piece.rate == 0 == piece.slope:
            return -(-piece.base // step)
        t = at_ns - piece.begin_ns
        inside = (2 * piece.s + piece.slope * t) * piece.g * t
        return (piece.base * piece.length_ns + inside) // (step * piece.length_ns) + 1

    def rate_per_s(self, elapsed_ns: int) -> float:
        """Return the rate on the line between the stage's ``from`` and ``to``; 0 outside."""
        if not 0 <= elapsed_ns < self.duration_ns:
            return 0.0
        piece = self._pieces[bisect_right(self.begins_ns, elapsed_ns) - 1]
        t = elapsed_ns - piece.begin_ns
        return (piece.s + piece.slope * t) * piece.g / (piece.length_ns * _PER_S)


def _piece(stage: Stage, begin_ns: int, base: int) -> _Piece:
    """Return the constants of a stage that begins at ``begin_ns`` with ``U·N = base``."""
    a, b = (_millionths(rate) for rate in (stage.from_per_s, stage.to_per_s))
    g = gcd(a, b) or 1
    rate, slope, length = a // g, (b - a) // g, stage.duration_ns
    s = rate * length
    return _Piece(begin_ns, length, base, rate, slope, g, s, s * s, abs(slope) * length)


def _millionths(rate_per_s: Fraction) -> int:
    """Return the rate in millionths per second, the finest step a plan can state.

    Raises:
        ValueError: if the rate is finer than that.
    """
    scaled = rate_per_s * _PER_S
    if scaled.denominator != 1:
        raise ValueError(f"a rate has at most 6 decimals, not {rate_per_s}")
    return scaled.numerator
