"""Adds up the snapshots of a run: all together, by request, stage, driver, term and window."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from spate.aggregator_state import AggregatorState, CellKey, DriverState, TermCounts, TermId
from spate.due_counts import DueCounts
from spate.figures import FAILED_KINDS, SUCCEEDED, Figures, FiguresAccumulator
from spate.histogram import Histogram
from spate.messages import SnapshotMessage
from spate.plan import Plan
from spate.plan_load import LONGEST_RUN_NS
from spate.schedule import Schedule
from spate.snapshot_parts import Parts
from spate.thinning import Span, span_at
from spate.units import NS_PER_HOUR, NS_PER_S
from spate.window_state import Boot, Peaks

__all__ = [
    "MAX_WINDOW",
    "Added",
    "Aggregator",
    "CellKey",
    "DriverTotals",
    "TermCounts",
    "TermId",
    "WindowFigures",
]

Added = Literal["merged", "duplicate", "foreign", "late"]

MAX_WINDOW = (LONGEST_RUN_NS + NS_PER_HOUR) // NS_PER_S
"""No run has so many seconds: it is ended after 23 h, and does not take an hour to drain."""

_MOST_CORES = 10_000


@dataclass(frozen=True, slots=True)
class DriverTotals:
    """One driver over all its lives. Levels are those of its latest snapshot.

    ``start_skew_ns`` is the first one told, ``cpu`` a share of one core.
    """

    figures: Figures
    clock_offset_ns: int | None
    start_skew_ns: int | None
    cpu: float
    in_flight: int
    last_window: int


@dataclass(frozen=True, slots=True)
class WindowFigures:
    """A window of the run, from ``second`` on.

    ``in_flight`` is the level at its end, by driver, and ``drivers`` who was heard in it. A window
    that is wider than a second does not know either, but its ``peaks`` instead.
    """

    second: int
    figures: Figures
    in_flight: Mapping[str, int]
    drivers: frozenset[str]
    width_s: int = 1
    peaks: Peaks | None = None


class Aggregator:
    """Merges each snapshot of one run exactly once, in whatever order they come.

    The result depends on the set of snapshots only, not on their order. ``state`` is all it
    knows; a new one begins with nothing, or with a state that was read back.
    """

    def __init__(
        self, plan: Plan, schedule: Schedule, run_id: str, state: AggregatorState | None = None
    ) -> None:
        self.plan = plan
        self.schedule = schedule
        self.run_id = run_id
        self.state = AggregatorState() if state is None else state
        self._closed = False
        self.due = DueCounts(schedule)

    @property
    def revision(self) -> int:
        """Grows by one with each merge."""
        return self.state.revision

    @property
    def merged(self) -> int:
        """How many snapshots were merged."""
        return self.state.revision

    @property
    def duplicates(self) -> int:
        """How many snapshots came again."""
        return self.state.duplicates

    @property
    def foreign(self) -> int:
        """How many snapshots were of another run."""
        return self.state.foreign

    @property
    def late(self) -> int:
        """How many snapshots came after ``close``."""
        return self.state.late

    def add(self, snapshot: SnapshotMessage, parts: Parts | None = None) -> Added:
        """Merge a snapshot, unless it is not of this run, was merged before or comes too late.

        ``parts`` are the figures of its cells where they were read already.

        Raises:
            ValueError: if it does not fit the plan or is malformed; nothing of it is merged.
        """
        state = self.state
        if snapshot.run_id != self.run_id:
            state.foreign += 1
            return "foreign"
        seen = state.seen.get(Boot(snapshot.driver_id, snapshot.boot_id))
        if seen is not None and snapshot.seq in seen:
            state.duplicates += 1
            return "duplicate"
        if self._closed:
            state.late += 1
            return "late"
        self._check(snapshot)
        state.merge(snapshot, parts or Figures.from_cells(snapshot.cells))
        return "merged"

    def close(self) -> None:
        """Merge nothing from now on: the run has ended and its figures are final."""
        self._closed = True

    @property
    def gaps(self) -> int:
        """How many snapshots are known to be missing: numbers left out between those seen."""
        return sum(seen.missing for seen in self.state.seen.values())

    def seen_all(self, driver_id: str, boot_id: str, first: int, last: int) -> bool:
        """Tell whether all of a process's snapshots from ``first`` to ``last`` were merged."""
        seen = self.state.seen.get(Boot(driver_id, boot_id))
        return last < first or (seen is not None and seen.covers(first, last))

    def totals(self) -> Figures:
        """Return the figures of everything."""
        return self._sum(lambda _: True)

    def by_request(self) -> dict[int, Figures]:
        """Return the figures of each request of the plan, by its position."""
        return self._by(0, len(self.plan.requests))

    def by_stage(self) -> dict[int, Figures]:
        """Return the figures of each stage, by its position."""
        return self._by(1, len(self.schedule.stages))

    def measured(self, request: int | None = None) -> Figures:
        """Return the figures of the measured stages, of one request or of all."""
        stages = self.schedule.stages
        return self._sum(
            lambda key: stages[key[1]].measured and (request is None or key[0] == request)
        )

    def by_driver(self, wanted: Iterable[str] | None = None) -> dict[str, DriverTotals]:
        """Return the totals of each driver that reported, by driver_id in order.

        With ``wanted`` it is some of those alone; to total a driver is work. One of which nothing
        was heard for an hour has nothing in flight.
        """
        drivers = self.state.drivers
        chosen = sorted(drivers if wanted is None else drivers.keys() & wanted)
        latest = {drivers[driver_id].latest[0] for driver_id in chosen}
        in_flight = {second: self._in_flight(self._span(second).start_s) for second in latest}
        return {
            driver_id: _driver_totals(
                drivers[driver_id], in_flight[drivers[driver_id].latest[0]].get(driver_id, 0)
            )
            for driver_id in chosen
        }

    def lags(self) -> dict[str, Histogram]:
        """Return the lag of each driver that reported, by driver_id in no order."""
        return {driver_id: driver.figures.lag() for driver_id, driver in self.state.drivers.items()}

    def driver_figures(self, driver_id: str) -> Figures:
        """Return the figures of one driver over all its lives; zero if it reported nothing."""
        driver = self.state.drivers.get(driver_id)
        return driver.figures.freeze() if driver else Figures.zero()

    def cpu_now(self) -> dict[str, float]:
        """Return each driver's share of one core as its latest snapshot said, by driver_id."""
        return {driver_id: driver.cpu for driver_id, driver in self.state.drivers.items()}

    def cpu_peaks(self) -> dict[str, float]:
        """Return each driver's highest share of one core over a window, by driver_id."""
        peaks = {
            driver_id: driver.past_cpu
            for driver_id, driver in self.state.drivers.items()
            if driver.past_cpu is not None
        }
        for window in self.state.windows.values():
            for number, levels in window.levels().items():
                driver_id = self.state.boots[number].driver_id
                peaks[driver_id] = max(levels.cpu, peaks.get(driver_id, 0.0))
        return peaks

    def terms(self) -> Mapping[TermId, TermCounts]:
        """Return what each term reported."""
        return self.state.terms

    def reported(self, driver_id: str, boot_id: str, term: int) -> int:
        """Return how many arrivals of a term have an outcome."""
        counts = self.state.terms.get(TermId(driver_id, boot_id, term))
        return counts.reported if counts else 0

    def sent(self, driver_id: str, boot_id: str, term: int) -> int:
        """Return how many arrivals a term sent."""
        counts = self.state.terms.get(TermId(driver_id, boot_id, term))
        return counts.sent if counts else 0

    def window(self, second: int) -> WindowFigures:
        """Return the window that holds a second; it is empty if nothing was heard of it."""
        span = self._span(second)
        window = self.state.windows.get(span.start_s)
        if window is None:
            peaks = Peaks() if span.width_s > 1 else None
            return WindowFigures(span.start_s, Figures.zero(), {}, frozenset(), span.width_s, peaks)
        in_flight = self._in_flight(span.start_s)
        return WindowFigures(
            span.start_s,
            window.freeze(),
            in_flight,
            frozenset(in_flight),
            span.width_s,
            window.peaks,
        )

    def windows(self) -> Iterator[WindowFigures]:
        """Iterate over the windows of which something was heard, in order."""
        return (self.window(second) for second in sorted(self.state.windows))

    @property
    def last_window(self) -> int | None:
        """The latest second of which something was heard."""
        return None if self.state.newest < 0 else self.state.newest

    def changed_since(self, mark: int) -> list[int]:
        """Return, in order, where the windows begin that changed after ``revision`` was ``mark``.

        A window that others were merged into is one that changed.
        """
        changed = []
        for start, revision in reversed(self.state.changes.items()):
            if revision <= mark:
                break
            changed.append(start)
        return sorted(changed)

    def _check(self, snapshot: SnapshotMessage) -> None:
        requests, stages = len(self.plan.requests), len(self.schedule.stages)
        for cell in snapshot.cells:
            if cell.request >= requests or cell.stage >= stages:
                raise ValueError(f"no request {cell.request} or stage {cell.stage} in the plan")
        if snapshot.window >= MAX_WINDOW:
            raise ValueError(f"window {snapshot.window} is beyond any run")
        for trace in snapshot.traces:
            if trace.index >= self.schedule.count:
                raise ValueError(f"no arrival {trace.index} in the plan")
            if trace.outcome != SUCCEEDED and trace.outcome not in FAILED_KINDS:
                raise ValueError(f"no outcome {trace.outcome!r}")
        if not 0 <= snapshot.cpu <= _MOST_CORES:
            raise ValueError(f"no process uses {snapshot.cpu} cores")

    def _by(self, part: Literal[0, 1], count: int) -> dict[int, Figures]:
        sums = [FiguresAccumulator() for _ in range(count)]
        for key, cell in self.state.cells.items():
            sums[key[part]].add(cell.freeze())
        return {place: total.freeze() for place, total in enumerate(sums)}

    def _sum(self, wanted: Callable[[CellKey], bool]) -> Figures:
        return Figures.merge_all(
            cell.freeze() for key, cell in self.state.cells.items() if wanted(key)
        )

    def _span(self, second: int) -> Span:
        return span_at(second, self.state.newest)

    def _in_flight(self, second: int) -> dict[str, int]:
        """Return each driver's level at the end of a window, which begins with this second."""
        in_flight: dict[str, int] = {}
        for number, levels in self.state.windows[second].levels().items():
            driver_id = self.state.boots[number].driver_id
            in_flight[driver_id] = in_flight.get(driver_id, 0) + levels.in_flight
        return in_flight


def _driver_totals(driver: DriverState, in_flight: int) -> DriverTotals:
    return DriverTotals(
        figures=driver.figures.freeze(),
        clock_offset_ns=driver.clock_offset_ns,
        start_skew_ns=driver.start_skew_ns,
        cpu=driver.cpu,
        in_flight=in_flight,
        last_window=driver.latest[0],
    )
