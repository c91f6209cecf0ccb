r"""Arrivals at a rate that changes by stages, inverted exactly in integers.

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

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, isqrt

from spate.plan_model import Stage
from spate.schedule_span import StageSpan

_U = 2 * 10**15
_PER_S = 10**6


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stage's constants, reduced by their common divisor ``g``.

    With q = U·index - U·N(begin) the arrival is due at the smallest integer t for which
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


class StagedSchedule:
    """Arrival ``i`` is due when the expected number of arrivals passes ``i``.

    ``offset(i) = ⌈τ(i)⌉`` in ns with ``τ(i) = inf {t : N(t) > i}``: where the rate is not zero
    that is N⁻¹(i), and offset(i) the smallest integer t with N(t) ≥ i. Where N stands still at
    the value i (a stage of rate zero) the arrival is due at the end of the standstill, not in it.
    The first arrival is due at 0 if the plan does not begin with such a stage.
    ``count = #{i : i < N(end)} = ⌈N(end)⌉``, so the last one is due at the end at the latest.
    """

    is_open = True

    def __init__(self, stages: Sequence[Stage]) -> None:
        pieces: list[_Piece] = []
        spans: list[StageSpan] = []
        begin_ns = base = 0
        for stage in stages:
            piece = _piece(stage, begin_ns, base)
            first = -(-base // _U)
            begin_ns += stage.duration_ns
            base += (2 * piece.rate + piece.slope) * piece.g * stage.duration_ns
            pieces.append(piece)
            end = -(-base // _U)
            spans.append(
                StageSpan(stage.name, stage.measured, first, end, piece.begin_ns, begin_ns)
            )
        self.count = spans[-1].end_index
        self.duration_ns = begin_ns
        self.stages = tuple(spans)
        self._pieces = pieces
        self._ends = [span.end_index for span in spans]
        self._begins_ns = [span.from_ns for span in spans]

    def offset_ns(self, index: int) -> int:
        """Return ``⌈τ(index)⌉``; see the class.

        Raises:
            IndexError: if there is no such arrival.
        """
        piece = self._pieces[self.stage_of(index)]
        q = _U * index - piece.base
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

    def due_before(self, elapsed_ns: int) -> int:
        """Return ``#{i : offset(i) < elapsed_ns}``.

        offset(i) ≤ t := elapsed - 1 if and only if τ(i) ≤ t: those are the i ≤ N(t), without
        i = N(t) itself where the rate is zero.
        """
        at_ns = elapsed_ns - 1
        if at_ns < 0:
            return 0
        if at_ns >= self.duration_ns:
            return self.count
        stage = bisect_right(self._begins_ns, at_ns) - 1
        piece = self._pieces[stage]
        if piece.rate == 0 == piece.slope:
            return self._ends[stage]
        t = at_ns - piece.begin_ns
        inside = (2 * piece.s + piece.slope * t) * piece.g * t
        return (piece.base * piece.length_ns + inside) // (_U * piece.length_ns) + 1

    def rate_per_s(self, elapsed_ns: int) -> float:
        """Return the rate on the line between the stage's ``from`` and ``to``."""
        if not 0 <= elapsed_ns < self.duration_ns:
            return 0.0
        piece = self._pieces[bisect_right(self._begins_ns, elapsed_ns) - 1]
        t = elapsed_ns - piece.begin_ns
        return (piece.s + piece.slope * t) * piece.g / (piece.length_ns * _PER_S)

    def stage_of(self, index: int) -> int:
        """Return the position of the stage in which N passes ``index``.

        Raises:
            IndexError: if there is no such arrival.
        """
        if not 0 <= index < self.count:
            raise IndexError(f"no arrival {index}: the plan has {self.count}")
        return bisect_right(self._ends, index)


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
