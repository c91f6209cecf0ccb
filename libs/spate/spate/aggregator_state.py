"""What was merged so far: everything an aggregator knows of a run, and how a snapshot adds to it.

It holds no views and decides nothing, so it can be written down and read back as it is.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from spate.figures import Figures, FiguresAccumulator
from spate.messages import SnapshotMessage
from spate.packed_figures import pack, unpack
from spate.seq_set import SeqSet
from spate.slow_traces import TraceRow, slowest, trace_row

CellKey = tuple[int, int]
"""Positions in the plan: (request, stage)."""

Place = tuple[int, str, int]
"""Where a snapshot stands among those of its driver: (window, boot_id, seq)."""

_MILLION = 1_000_000
_FOLD_AFTER_S = 30
"""By then all snapshots of a window have come, if all is well; and nobody looks at it any more."""


class Boot(NamedTuple):
    """Names a driver process: each numbers its snapshots on its own."""

    driver_id: str
    boot_id: str


class TermId(NamedTuple):
    """Names a term of a driver process."""

    driver_id: str
    boot_id: str
    term: int


@dataclass(slots=True)
class TermCounts:
    """What one term reported so far: outcomes by request and stage, and how many were sent."""

    by_cell: dict[CellKey, int]
    sent: int = 0

    @property
    def reported(self) -> int:
        """How many arrivals have an outcome."""
        return sum(self.by_cell.values())


@dataclass(slots=True)
class BootLevels:
    """The levels of one boot in one window: those of its highest seq, and the mean of the CPU."""

    seq: int = -1
    in_flight: int = 0
    cpu_millionths: int = 0
    snapshots: int = 0

    @property
    def cpu(self) -> float:
        """The mean share of one core; there is one snapshot at least."""
        return self.cpu_millionths / self.snapshots / _MILLION


class WindowState:
    """One second of the run: what happened in it, and the levels of each process.

    Once it is past it is folded to some two kilobytes, a thirtieth of what it takes otherwise: a
    run may last a day.
    """

    __slots__ = ("_figures", "_folded", "levels")

    def __init__(self, figures: Figures | None = None) -> None:
        self.levels: dict[Boot, BootLevels] = {}
        self._figures: FiguresAccumulator | None = FiguresAccumulator()
        self._folded = b""
        if figures is not None:
            self._figures.add(figures)

    def add(self, figures: Figures) -> None:
        """Add figures, also to a window that was folded."""
        if self._figures is None:
            before = self.freeze()
            self._figures, self._folded = FiguresAccumulator(), b""
            self._figures.add(before)
        self._figures.add(figures)

    def freeze(self) -> Figures:
        """Return the figures of everything added so far."""
        if self._figures is not None:
            return self._figures.freeze()
        return unfold(self._folded)

    def fold(self) -> bytes:
        """Take little room from now on; return what is kept, see ``unfold``."""
        if self._figures is not None:
            self._folded = zlib.compress(pack({}, [self._figures.freeze()]), 1)
            self._figures = None
        return self._folded


def unfold(folded: bytes) -> Figures:
    """Return the figures of a window that was folded.

    Raises:
        ValueError, zlib.error: if these are not bytes of ``WindowState.fold``.
    """
    return unpack(zlib.decompress(folded))[1][0]


@dataclass(slots=True)
class DriverState:
    """One driver over all its lives: levels as told at ``latest``, the skew as at ``skew_at``."""

    figures: FiguresAccumulator = field(default_factory=FiguresAccumulator)
    latest: Place = (-1, "", -1)
    clock_offset_ns: int | None = None
    cpu: float = 0.0
    skew_at: Place | None = None
    start_skew_ns: int | None = None


@dataclass(slots=True)
class AggregatorState:
    """The sum of the snapshots merged, and how many were not.

    ``revision`` is how many were merged. ``changes`` says at which revision each second changed
    last, the latest change last. ``traces`` are the slowest of the traced requests.
    """

    revision: int = 0
    duplicates: int = 0
    foreign: int = 0
    late: int = 0
    seen: dict[Boot, SeqSet] = field(default_factory=dict)
    cells: dict[CellKey, FiguresAccumulator] = field(default_factory=dict)
    drivers: dict[str, DriverState] = field(default_factory=dict)
    terms: dict[TermId, TermCounts] = field(default_factory=dict)
    windows: dict[int, WindowState] = field(default_factory=dict)
    changes: dict[int, int] = field(default_factory=dict)
    traces: tuple[TraceRow, ...] = ()
    _unfolded: set[int] = field(default_factory=set)

    def merge(self, snapshot: SnapshotMessage, parts: Sequence[Figures]) -> None:
        """Add a snapshot that was not merged before; ``parts`` are the figures of its cells."""
        boot = Boot(snapshot.driver_id, snapshot.boot_id)
        self.seen.setdefault(boot, SeqSet()).add(snapshot.seq)
        self.revision += 1
        driver = self.drivers.setdefault(boot.driver_id, DriverState())
        window = self._open(snapshot.window)
        term = self.terms.setdefault(TermId(*boot, snapshot.term), TermCounts({}))
        for cell, figures in zip(snapshot.cells, parts, strict=True):
            key = (cell.request, cell.stage)
            self.cells.setdefault(key, FiguresAccumulator()).add(figures)
            driver.figures.add(figures)
            window.add(figures)
            term.by_cell[key] = term.by_cell.get(key, 0) + figures.reported
            term.sent += figures.sent
        self.changes.pop(snapshot.window, None)
        self.changes[snapshot.window] = self.revision
        if snapshot.traces:
            new = (trace_row(boot.driver_id, trace) for trace in snapshot.traces)
            self.traces = slowest((*self.traces, *new))

        levels = window.levels.setdefault(boot, BootLevels())
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

    def keep(self, second: int, window: WindowState, revision: int) -> None:
        """Take in a window as it was written down."""
        self.windows[second] = window
        self.changes[second] = revision
        window.fold()

    def _open(self, second: int) -> WindowState:
        """Return a window to add to; those that are long past are folded when a new one begins."""
        window = self.windows.get(second)
        if window is None:
            window = self.windows[second] = WindowState()
            past = {before for before in self._unfolded if before < second - _FOLD_AFTER_S}
            for before in past:
                self.windows[before].fold()
            self._unfolded -= past
        self._unfolded.add(second)
        return window
