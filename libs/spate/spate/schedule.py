"""When each arrival is due: a compiled load, pure, exact and with random access."""

from __future__ import annotations

from array import array
from typing import Protocol

from spate.plan_model import AvalancheLoad, Load, Plan, TsunamiLoad
from spate.schedule_arrivals import PoissonSchedule, UniformSchedule
from spate.schedule_span import StageSpan

__all__ = [
    "ClosedSchedule",
    "EvenSchedule",
    "PoissonSchedule",
    "Schedule",
    "StageSpan",
    "UniformSchedule",
    "compile_schedule",
    "plan_schedule",
]

_NS_PER_S = 1_000_000_000


class Schedule(Protocol):
    """What a compiled load can say. Offsets are integer nanoseconds after the start."""

    @property
    def count(self) -> int:
        """The number of planned arrivals: the indices are ``[0, count)``."""

    @property
    def is_open(self) -> bool:
        """Whether arrivals have due times (open load) or wait for free connections (closed)."""

    @property
    def duration_ns(self) -> int | None:
        """The planned length; None for closed load, whose length the target decides."""

    @property
    def stages(self) -> tuple[StageSpan, ...]:
        """The stages, in order; together they hold every index exactly once."""

    def offset_ns(self, index: int) -> int:
        """Return when arrival ``index`` of ``[0, count)`` is due; never decreasing in ``index``.

        Raises:
            IndexError: if there is no such arrival.
            TypeError: in closed load, which has no due times.
        """

    def offsets_ns(self, indices: range) -> array[int]:
        """Return the offset of each of rising ``indices``, as 64-bit integers; for the hot path.

        Raises:
            IndexError: if one is no arrival.
            TypeError: in closed load, which has no due times.
        """

    def due_before(self, elapsed_ns: int) -> int:
        """Return how many arrivals have an offset below ``elapsed_ns``, in ``[0, count]``.

        It is the exact inverse: ``due_before(t) > i`` if and only if ``offset_ns(i) < t``.

        Raises:
            TypeError: in closed load, which has no due times.
        """

    def rate_per_s(self, elapsed_ns: int) -> float:
        """Return the planned rate of the whole fleet at that instant; 0 outside the plan."""

    def stage_of(self, index: int) -> int:
        """Return the position of the stage that holds arrival ``index``.

        Raises:
            IndexError: if there is no such arrival.
        """


class ClosedSchedule:
    """Avalanche: so many arrivals, none of them due at any time."""

    is_open = False
    duration_ns = None

    def __init__(self, count: int) -> None:
        self.count = count
        self.stages = (StageSpan("main", True, 0, count, 0, 0),)

    def offset_ns(self, index: int) -> int:
        """Raise TypeError: closed load has no due times."""
        raise TypeError(f"closed load has no due times (asked for arrival {index})")

    def offsets_ns(self, indices: range) -> array[int]:
        """Raise TypeError: closed load has no due times."""
        raise TypeError(f"closed load has no due times (asked for {indices})")

    def due_before(self, elapsed_ns: int) -> int:
        """Raise TypeError: closed load has no due times."""
        raise TypeError(f"closed load has no due times (asked for {elapsed_ns} ns)")

    def rate_per_s(self, elapsed_ns: int) -> float:  # noqa: ARG002 - closed load plans no rate
        """Return 0: the target decides the rate."""
        return 0.0

    def stage_of(self, index: int) -> int:
        """Return 0, the only stage."""
        _check(index, self.count)
        return 0


class EvenSchedule:
    """Tsunami: each of n drivers sends one arrival per delay, the fleet evenly spaced.

    ``offset(i) = ⌊i * delay / n⌋``, so with the start grant k, k + n, k + 2n, … driver k is due
    at ``⌊k * delay / n⌋`` and then exactly once per delay.
    """

    is_open = True

    def __init__(self, message_count_per_driver: int, message_delay_ns: int, drivers: int) -> None:
        self.count = drivers * message_count_per_driver
        self.duration_ns = message_count_per_driver * message_delay_ns
        self.stages = (StageSpan("main", True, 0, self.count, 0, self.duration_ns),)
        self._delay_ns = message_delay_ns
        self._drivers = drivers

    def offset_ns(self, index: int) -> int:
        """Return ``⌊index * delay / drivers⌋``."""
        if not 0 <= index < self.count:
            _check(index, self.count)
        return index * self._delay_ns // self._drivers

    def offsets_ns(self, indices: range) -> array[int]:
        """Return the offset of each of rising ``indices``."""
        if indices:
            _check(indices[0], self.count)
            _check(indices[-1], self.count)
        delay_ns, drivers = self._delay_ns, self._drivers
        return array("q", [index * delay_ns // drivers for index in indices])

    def due_before(self, elapsed_ns: int) -> int:
        """Return ``⌈elapsed * drivers / delay⌉`` within ``[0, count]``.

        ``⌊x⌋ < t ⇔ x < t`` for an integer t, so offset(i) < t ⇔ i < t * drivers / delay.
        """
        return min(self.count, max(0, -(-elapsed_ns * self._drivers // self._delay_ns)))

    def rate_per_s(self, elapsed_ns: int) -> float:
        """Return drivers / delay inside the plan."""
        inside = 0 <= elapsed_ns < self.duration_ns
        return self._drivers * _NS_PER_S / self._delay_ns if inside else 0.0

    def stage_of(self, index: int) -> int:
        """Return 0, the only stage."""
        _check(index, self.count)
        return 0


def plan_schedule(plan: Plan, drivers: int) -> Schedule:
    """Return the schedule of a plan for ``drivers`` drivers at the start of the run.

    Raises:
        ValueError: if there is not one driver at least.
    """
    return compile_schedule(plan.load, drivers, plan.seed)


def compile_schedule(load: Load, drivers: int, seed: int) -> Schedule:
    """Return the schedule of a load; ``seed`` is what random spacing is drawn from.

    Raises:
        ValueError: if there is not one driver at least.
    """
    if drivers < 1:
        raise ValueError(f"a run has at least one driver, not {drivers}")
    if isinstance(load, AvalancheLoad):
        return ClosedSchedule(drivers * load.message_count_per_driver)
    if isinstance(load, TsunamiLoad):
        return EvenSchedule(load.message_count_per_driver, load.message_delay_ns, drivers)
    if load.spacing == "poisson":
        return PoissonSchedule(load.stages, seed)
    return UniformSchedule(load.stages)


def _check(index: int, count: int) -> None:
    """Raise IndexError unless ``index`` is an arrival."""
    if not 0 <= index < count:
        raise IndexError(f"no arrival {index}: the plan has {count}")
