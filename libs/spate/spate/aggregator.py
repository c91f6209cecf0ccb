"""Adds up the snapshots of a run: all together, by request, stage, driver, term and window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from spate.figures import Figures, FiguresAccumulator
from spate.messages import SnapshotMessage
from spate.plan import Plan
from spate.schedule import Schedule
from spate.seq_set import SeqSet

Added = Literal["merged", "duplicate", "foreign", "late"]
CellKey = tuple[int, int]
"""Positions in the plan: (request, stage)."""

MAX_WINDOW = 200_000
"""No run lasts this many seconds: its records are kept for a day."""

_MILLION = 1_000_000


class TermId(NamedTuple):
    """Names a term of a driver process."""

    driver_id: str
    boot_id: str
    term: int


class _Boot(NamedTuple):
    driver_id: str
    boot_id: str


@dataclass(slots=True)
class TermCounts:
    """What one term reported so far: outcomes by request and stage, and how many were sent."""

    by_cell: dict[CellKey, int]
    sent: int = 0

    @property
    def reported(self) -> int:
        """How many arrivals have an outcome."""
        return sum(self.by_cell.values())


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
    """One second of the run: ``in_flight`` is the level at its end, by driver."""

    second: int
    figures: Figures
    in_flight: Mapping[str, int]
    drivers: frozenset[str]


@dataclass(slots=True)
class _Levels:
    """The levels of one boot in one window: those of its highest seq, and the mean of the CPU."""

    seq: int
    in_flight: int
    cpu_millionths: int = 0
    snapshots: int = 0


class _Window:
    __slots__ = ("figures", "levels")

    def __init__(self) -> None:
        self.figures = FiguresAccumulator()
        self.levels: dict[_Boot, _Levels] = {}


class _Driver:
    __slots__ = ("clock_offset_ns", "cpu", "figures", "latest", "skew_at", "start_skew_ns")

    def __init__(self) -> None:
        self.figures = FiguresAccumulator()
        self.latest: tuple[int, str, int] = (-1, "", -1)
        self.clock_offset_ns: int | None = None
        self.cpu = 0.0
        self.skew_at: tuple[int, str, int] | None = None
        self.start_skew_ns: int | None = None


class Aggregator:
    """Merges each snapshot of one run exactly once, in whatever order they come.

    The result depends on the set of snapshots only, not on their order. ``revision`` grows with
    each merge. Counters: ``merged``, ``duplicates``, ``foreign`` (of another run) and ``late``
    (after ``close``).
    """

    def __init__(self, plan: Plan, schedule: Schedule, run_id: str) -> None:
        self.plan = plan
        self.schedule = schedule
        self.run_id = run_id
        self.revision = 0
        self.merged = 0
        self.duplicates = 0
        self.foreign = 0
        self.late = 0
        self._closed = False
        self._seen: dict[_Boot, SeqSet] = {}
        self._cells: dict[CellKey, FiguresAccumulator] = {}
        self._drivers: dict[str, _Driver] = {}
        self._terms: dict[TermId, TermCounts] = {}
        self._windows: dict[int, _Window] = {}
        # Second → revision of its last change, the latest change last.
        self._changes: dict[int, int] = {}

    def add(self, snapshot: SnapshotMessage) -> Added:
        """Merge a snapshot, unless it is not of this run, was merged before or comes too late.

        Raises:
            ValueError: if it does not fit the plan or is malformed; nothing of it is merged.
        """
        if snapshot.run_id != self.run_id:
            self.foreign += 1
            return "foreign"
        boot = _Boot(snapshot.driver_id, snapshot.boot_id)
        if boot in self._seen and snapshot.seq in self._seen[boot]:
            self.duplicates += 1
            return "duplicate"
        if self._closed:
            self.late += 1
            return "late"
        parts = self._read(snapshot)
        self._seen.setdefault(boot, SeqSet()).add(snapshot.seq)
        self.merged += 1
        self.revision += 1
        self._merge(snapshot, boot, parts)
        return "merged"

    def close(self) -> None:
        """Merge nothing from now on: the run has ended and its figures are final."""
        self._closed = True

    @property
    def gaps(self) -> int:
        """How many snapshots are known to be missing: numbers left out between those seen."""
        return sum(seen.missing for seen in self._seen.values())

    def seen_through(self, driver_id: str, boot_id: str, seq: int) -> bool:
        """Tell whether a process's snapshots were all merged, from its first one up to ``seq``."""
        seen = self._seen.get(_Boot(driver_id, boot_id))
        return seen is not None and seq in seen and not seen.missing

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

    def by_driver(self) -> dict[str, DriverTotals]:
        """Return the totals of each driver that reported, by driver_id in order."""
        return {
            driver_id: self._driver_totals(driver_id, driver)
            for driver_id, driver in sorted(self._drivers.items())
        }

    def driver_figures(self, driver_id: str) -> Figures:
        """Return the figures of one driver over all its lives; zero if it reported nothing."""
        driver = self._drivers.get(driver_id)
        return driver.figures.freeze() if driver else Figures.zero()

    def cpu_peaks(self) -> dict[str, float]:
        """Return each driver's highest share of one core over a window, by driver_id."""
        peaks: dict[str, float] = {}
        for window in self._windows.values():
            for boot, levels in window.levels.items():
                mean = levels.cpu_millionths / levels.snapshots / _MILLION
                peaks[boot.driver_id] = max(mean, peaks.get(boot.driver_id, 0.0))
        return peaks

    def terms(self) -> Mapping[TermId, TermCounts]:
        """Return what each term reported."""
        return self._terms

    def reported(self, driver_id: str, boot_id: str, term: int) -> int:
        """Return how many arrivals of a term have an outcome."""
        counts = self._terms.get(TermId(driver_id, boot_id, term))
        return counts.reported if counts else 0

    def sent(self, driver_id: str, boot_id: str, term: int) -> int:
        """Return how many arrivals a term sent."""
        counts = self._terms.get(TermId(driver_id, boot_id, term))
        return counts.sent if counts else 0

    def window(self, second: int) -> WindowFigures:
        """Return one second of the run; it is empty if nothing was heard of it."""
        window = self._windows.get(second)
        if window is None:
            return WindowFigures(second, Figures.zero(), {}, frozenset())
        in_flight: dict[str, int] = {}
        for boot, levels in window.levels.items():
            in_flight[boot.driver_id] = in_flight.get(boot.driver_id, 0) + levels.in_flight
        return WindowFigures(second, window.figures.freeze(), in_flight, frozenset(in_flight))

    def windows(self) -> Iterator[WindowFigures]:
        """Iterate over the seconds of which something was heard, in order."""
        return (self.window(second) for second in sorted(self._windows))

    @property
    def last_window(self) -> int | None:
        """The latest second of which something was heard."""
        return max(self._windows, default=None)

    def changed_since(self, mark: int) -> list[int]:
        """Return, in order, the seconds that changed after ``revision`` was ``mark``."""
        changed = []
        for second, revision in reversed(self._changes.items()):
            if revision <= mark:
                break
            changed.append(second)
        return sorted(changed)

    def _read(self, snapshot: SnapshotMessage) -> list[Figures]:
        requests, stages = len(self.plan.requests), len(self.schedule.stages)
        for cell in snapshot.cells:
            if cell.request >= requests or cell.stage >= stages:
                raise ValueError(f"no request {cell.request} or stage {cell.stage} in the plan")
        if snapshot.window >= MAX_WINDOW:
            raise ValueError(f"window {snapshot.window} is beyond any run")
        return Figures.from_cells(snapshot.cells)

    def _merge(self, snapshot: SnapshotMessage, boot: _Boot, parts: list[Figures]) -> None:
        driver = self._drivers.setdefault(boot.driver_id, _Driver())
        window = self._windows.setdefault(snapshot.window, _Window())
        term = self._terms.setdefault(TermId(*boot, snapshot.term), TermCounts({}))
        for cell, figures in zip(snapshot.cells, parts, strict=True):
            key = (cell.request, cell.stage)
            self._cells.setdefault(key, FiguresAccumulator()).add(figures)
            driver.figures.add(figures)
            window.figures.add(figures)
            term.by_cell[key] = term.by_cell.get(key, 0) + figures.reported
            term.sent += figures.sent
        self._changes.pop(snapshot.window, None)
        self._changes[snapshot.window] = self.revision

        levels = window.levels.setdefault(boot, _Levels(-1, 0))
        levels.cpu_millionths += round(snapshot.cpu * _MILLION)
        levels.snapshots += 1
        if snapshot.seq > levels.seq:
            levels.seq, levels.in_flight = snapshot.seq, snapshot.in_flight
        at = (snapshot.window, boot.boot_id, snapshot.seq)
        if at > driver.latest:
            driver.latest, driver.cpu = at, snapshot.cpu
            driver.clock_offset_ns = snapshot.clock_offset_ns
        if snapshot.start_skew_ns is not None and (driver.skew_at is None or at < driver.skew_at):
            driver.skew_at, driver.start_skew_ns = at, snapshot.start_skew_ns

    def _by(self, part: Literal[0, 1], count: int) -> dict[int, Figures]:
        sums = [FiguresAccumulator() for _ in range(count)]
        for key, cell in self._cells.items():
            sums[key[part]].add(cell.freeze())
        return {place: total.freeze() for place, total in enumerate(sums)}

    def _sum(self, wanted: Callable[[CellKey], bool]) -> Figures:
        return Figures.merge_all(cell.freeze() for key, cell in self._cells.items() if wanted(key))

    def _driver_totals(self, driver_id: str, driver: _Driver) -> DriverTotals:
        last = driver.latest[0]
        return DriverTotals(
            figures=driver.figures.freeze(),
            clock_offset_ns=driver.clock_offset_ns,
            start_skew_ns=driver.start_skew_ns,
            cpu=driver.cpu,
            in_flight=self.window(last).in_flight[driver_id],
            last_window=last,
        )
