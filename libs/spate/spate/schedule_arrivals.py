"""Arrivals at a rate that changes by stages, evenly spaced or as a Poisson process."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Final

from spate.plan_model import Stage
from spate.poisson_blocks import PoissonBlocks
from spate.rate_curve import ARRIVAL, RateCurve
from spate.schedule_span import StageSpan

_FINE: Final = ARRIVAL >> 16
"""5¹⁵: 2⁻¹⁶ of an arrival, the steps in which the positions of a Poisson process are drawn.

U = 2·10¹⁵ = 2¹⁶·5¹⁵, so they are integers among the areas."""


class _StagedSchedule:
    """What both have in common: ``count = #{i : i < N(end)} = ⌈N(end)⌉``, stages, and rates.

    ``before(base)`` tells how many arrivals lie below U·N = base.
    """

    is_open = True

    def __init__(
        self, stages: Sequence[Stage], curve: RateCurve, before: Callable[[int], int]
    ) -> None:
        firsts = [before(base) for base in curve.bases]
        self.count = firsts[-1]
        self.duration_ns = curve.duration_ns
        self.stages = tuple(
            StageSpan(stage.name, stage.measured, *firsts[k : k + 2], *curve.begins_ns[k : k + 2])
            for k, stage in enumerate(stages)
        )
        self._curve = curve
        self._ends = firsts[1:]

    def rate_per_s(self, elapsed_ns: int) -> float:
        """Return the rate on the line between the stage's ``from`` and ``to``."""
        return self._curve.rate_per_s(elapsed_ns)

    def stage_of(self, index: int) -> int:
        """Return the position of the stage that holds arrival ``index``.

        Raises:
            IndexError: if there is no such arrival.
        """
        self._check(index)
        return bisect_right(self._ends, index)

    def _check(self, index: int) -> None:
        if not 0 <= index < self.count:
            raise IndexError(f"no arrival {index}: the plan has {self.count}")


class UniformSchedule(_StagedSchedule):
    """Arrival ``i`` is due when the expected number of arrivals passes ``i``.

    ``offset(i) = ⌈τ(i)⌉`` in ns with ``τ(i) = inf {t : N(t) > i}``: where the rate is not zero
    that is N⁻¹(i), and offset(i) the smallest integer t with N(t) ≥ i. Where N stands still at
    the value i (a stage of rate zero) the arrival is due at the end of the standstill, not in it.
    The first arrival is due at 0 if the plan does not begin with such a stage, and the last one at
    the end at the latest.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        super().__init__(stages, RateCurve(stages), lambda base: -(-base // ARRIVAL))

    def offset_ns(self, index: int) -> int:
        """Return ``⌈τ(index)⌉``; see the class.

        Raises:
            IndexError: if there is no such arrival.
        """
        self._check(index)
        return self._curve.reach_ns(ARRIVAL * index)

    def offsets_ns(self, indices: range) -> array[int]:
        """Return the offset of each of rising ``indices``.

        Raises:
            IndexError: if one is no arrival.
        """
        if indices:
            self._check(indices[0])
            self._check(indices[-1])
        areas = range(ARRIVAL * indices.start, ARRIVAL * indices.stop, ARRIVAL * indices.step)
        return self._curve.reach_all_ns(areas)

    def due_before(self, elapsed_ns: int) -> int:
        """Return ``#{i : offset(i) < elapsed_ns}``."""
        return self._curve.reached_before(elapsed_ns, ARRIVAL)


class PoissonSchedule(_StagedSchedule):
    """As many arrivals as with uniform spacing, at random: what independent users look like.

    Along N, where the rate is 1 throughout, each block of 4,096 units holds 4,096 points drawn
    uniformly (the last block the remainder), in order: a Poisson process given its count in each
    block. Arrival i is due where N passes the i-th point. Lewis and Shedler, "Simulation of
    nonhomogeneous Poisson processes by thinning" (1979), section 1, call it time-scale
    transformation.
    """

    def __init__(self, stages: Sequence[Stage], seed: int) -> None:
        curve = RateCurve(stages)
        count = -(-curve.bases[-1] // ARRIVAL)
        self._blocks = PoissonBlocks(seed, count, curve.bases[-1] // _FINE)
        super().__init__(stages, curve, lambda base: self._blocks.below(-(-base // _FINE)))

    def offset_ns(self, index: int) -> int:
        """Return the smallest integer t at which N passes the point of arrival ``index``.

        Raises:
            IndexError: if there is no such arrival.
        """
        self._check(index)
        return self._curve.reach_ns(_FINE * self._blocks.position(index))

    def offsets_ns(self, indices: range) -> array[int]:
        """Return the offset of each of rising ``indices``.

        Raises:
            IndexError: if one is no arrival.
        """
        return array("q", map(self.offset_ns, indices))

    def due_before(self, elapsed_ns: int) -> int:
        """Return ``#{i : offset(i) < elapsed_ns}``."""
        return self._blocks.below(self._curve.reached_before(elapsed_ns, _FINE))
