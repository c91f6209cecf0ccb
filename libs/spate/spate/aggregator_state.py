"""What was merged so far: everything an aggregator knows of a run, and how a snapshot adds to it.

It holds no views and decides nothing, so it can be written down and read back as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from spate.figures import Figures, FiguresAccumulator
from spate.messages import SnapshotMessage
from spate.seq_set import SeqSet
from spate.slow_traces import TraceRow, slowest, trace_row
from spate.thinning import merges, span_at
from spate.window_state import Boot, Peaks, WindowState

CellKey = tuple[int, int]
"""Positions in the plan: (request, stage)."""

Place = tuple[int, str, int]
"""Where a snapshot stands among those of its driver: (window, boot_id, seq)."""

_FOLD_AFTER_S = 10
"""By then all snapshots of a window have come, if all is well; and nobody looks at it any more."""


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
class DriverState:
    """One driver over all its lives: levels as told at ``latest``, the skew as at ``skew_at``.

    ``past_cpu`` is the highest share of one core in those seconds that are merged by now.
    """

    figures: FiguresAccumulator = field(default_factory=FiguresAccumulator)
    latest: Place = (-1, "", -1)
    clock_offset_ns: int | None = None
    cpu: float = 0.0
    skew_at: Place | None = None
    start_skew_ns: int | None = None
    past_cpu: float | None = None

    def see_cpu(self, cpu: float) -> None:
        """Note the share of a core in a second of which nothing else is kept."""
        self.past_cpu = cpu if self.past_cpu is None else max(self.past_cpu, cpu)


class Kept(NamedTuple):
    """A window as it was written down; ``revision`` is that of its last change."""

    width_s: int
    revision: int
    window: WindowState


@dataclass(slots=True)
class AggregatorState:
    """The sum of the snapshots merged, and how many were not.

    ``revision`` is how many were merged. ``windows`` go by their first second; how wide each is
    follows from ``newest``, the newest second of which anything was heard, -1 before there is one
    (see ``spate.thinning``). ``changes`` says at which revision each window changed last, the
    latest change last. ``stored`` is the revision up to which the checkpoint that this was read
    from holds what is here, 0 if all of it is to be written. ``boots`` are the processes by their
    numbers: in the order of ``seen``. ``traces`` are the slowest of the traced requests.
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
    newest: int = -1
    stored: int = 0
    boots: list[Boot] = field(init=False)
    _numbers: dict[Boot, int] = field(init=False)
    _thinned: int = -1
    _unfolded: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Give the processes their numbers."""
        self.boots = list(self.seen)
        self._numbers = {boot: number for number, boot in enumerate(self.boots)}

    def merge(self, snapshot: SnapshotMessage, parts: Sequence[Figures]) -> None:
        """Add a snapshot that was not merged before; ``parts`` are the figures of its cells."""
        boot = Boot(snapshot.driver_id, snapshot.boot_id)
        self._seen_by(boot).add(snapshot.seq)
        self.revision += 1
        driver = self.drivers.setdefault(boot.driver_id, DriverState())
        start, window = self._open(snapshot.window)
        term = self.terms.setdefault(TermId(*boot, snapshot.term), TermCounts({}))
        for cell, figures in zip(snapshot.cells, parts, strict=True):
            key = (cell.request, cell.stage)
            self.cells.setdefault(key, FiguresAccumulator()).add(figures)
            driver.figures.add(figures)
            window.add(figures)
            term.by_cell[key] = term.by_cell.get(key, 0) + figures.reported
            term.sent += figures.sent
        self._changed(start)
        if snapshot.traces:
            new = (trace_row(boot.driver_id, trace) for trace in snapshot.traces)
            self.traces = slowest((*self.traces, *new))

        if window.peaks is None:
            number = self._numbers[boot]
            window.hear(number, snapshot.seq, snapshot.in_flight, snapshot.cpu)
        else:
            # Its second is merged already: for the peaks it is a second of its own.
            window.hear_late(Peaks.of(Figures.merge_all(parts), snapshot.in_flight))
            driver.see_cpu(snapshot.cpu)
        at = (snapshot.window, boot.boot_id, snapshot.seq)
        if at > driver.latest:
            driver.latest, driver.cpu = at, snapshot.cpu
            driver.clock_offset_ns = snapshot.clock_offset_ns
        if snapshot.start_skew_ns is not None and (driver.skew_at is None or at < driver.skew_at):
            driver.skew_at, driver.start_skew_ns = at, snapshot.start_skew_ns

    def keep(self, windows: Mapping[int, Kept]) -> None:
        """Take in all windows as they were written down, by their first second.

        They may be of a version that did not thin windows. Then that is done here, and ``stored``
        stays 0.

        Raises:
            ValueError: if one is wider than it should be, or lies where none begins.
        """
        self.newest = max(windows, default=-1)
        narrow = False
        for start, kept in sorted(windows.items(), key=lambda item: item[1].revision):
            span = span_at(start, self.newest)
            if kept.width_s not in (1, span.width_s) or (
                kept.width_s > 1 and span.start_s != start
            ):
                raise ValueError(f"no window of {kept.width_s} s begins at {start}")
            narrow = narrow or kept.width_s < span.width_s
            self.windows[start] = kept.window
            self.changes[start] = kept.revision
            kept.window.fold(self.boots)
        if narrow:
            self._thin()
        else:
            self._thinned, self.stored = self.newest, self.revision

    def _seen_by(self, boot: Boot) -> SeqSet:
        seen = self.seen.get(boot)
        if seen is None:
            seen = self.seen[boot] = SeqSet()
            self._numbers[boot] = len(self.boots)
            self.boots.append(boot)
        return seen

    def _changed(self, start: int) -> None:
        self.changes.pop(start, None)
        self.changes[start] = self.revision

    def _open(self, second: int) -> tuple[int, WindowState]:
        """Return where the window of a second begins, and the window, to add to.

        Those that are long past are folded, and merged, when a new one begins.
        """
        self.newest = max(self.newest, second)
        self._thin()
        start, width = span_at(second, self.newest)
        window = self.windows.get(start)
        if window is None:
            window = self.windows[start] = WindowState(Peaks() if width > 1 else None)
            past = {before for before in self._unfolded if before < second - _FOLD_AFTER_S}
            for before in past:
                self.windows[before].fold(self.boots)
            self._unfolded -= past
        self._unfolded.add(start)
        return start, window

    def _thin(self) -> None:
        """Merge the windows that have become too old to be as narrow as they are."""
        if self._thinned == self.newest:
            return
        for span, narrower in merges(self._thinned, self.newest):
            starts = range(span.start_s, span.end_s, narrower)
            parts = [self.windows.pop(start) for start in starts if start in self.windows]
            if not parts:
                continue
            for start in starts:
                self.changes.pop(start, None)
                self._unfolded.discard(start)
            for part in parts:
                for number, levels in part.levels().items():
                    self.drivers[self.boots[number].driver_id].see_cpu(levels.cpu)
            merged = WindowState.merged(parts, self.boots)
            merged.fold(self.boots)
            self.windows[span.start_s] = merged
            self._changed(span.start_s)
        self._thinned = self.newest
