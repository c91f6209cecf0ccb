"""Cuts what was recorded into numbered snapshots, twice a second, aligned to the run's start."""

from __future__ import annotations

from collections.abc import Callable

from driver.cell_split import split_cells
from driver.clock import Clock
from driver.engine import Engine
from driver.session import Session
from driver.tally import Tally
from spate.messages import SnapshotMessage
from spate.timing import MS, SECOND

_TIMER_GRAIN_NS = 5 * MS
"""A cut that comes this much early still ends the window that it was meant to end."""

_MAX_CELL_BYTES = 200_000
"""Leaves room for the envelope below the protocol's 256 KB a snapshot."""


class Reporter:
    """Numbers the snapshots of one process and hands them over in order."""

    def __init__(
        self, session: Session, clock: Clock, send: Callable[[SnapshotMessage], None]
    ) -> None:
        self.seq = 0
        self.lag_p99_ns: int | None = None
        self.tally = Tally()
        self._session = session
        self._clock = clock
        self._send = send
        self._window_from_ns = 0

    def cut(self, engine: Engine, cpu: float) -> None:
        """Send what was recorded since the last cut, one snapshot or more for each term."""
        start_ns = self._session.start_mono_ns
        if start_ns is None:
            return
        elapsed_ns = self._clock.mono_ns() - start_ns
        if elapsed_ns < 0:
            return
        window = self._window_from_ns // SECOND
        self._window_from_ns = elapsed_ns + _TIMER_GRAIN_NS
        by_term = engine.recorder.cut()
        self.lag_p99_ns = engine.recorder.lag_p99_ns()
        pieces = [
            (term, part) for term, cells in by_term for part in split_cells(cells, _MAX_CELL_BYTES)
        ]
        for _, cells in by_term:
            self.tally.add(cells)
        clock = self._session.clock.estimate()
        for term, part in pieces or [(self._session.term, ())]:
            self.seq += 1
            self._send(
                SnapshotMessage(
                    driver_id=self._session.driver_id,
                    boot_id=self._session.boot_id,
                    term=term,
                    run_id=engine.load.run_id,
                    seq=self.seq,
                    window=window,
                    cells=part,
                    in_flight=engine.requester.in_flight,
                    connections=engine.requester.connections,
                    cpu=cpu,
                    clock_offset_ns=clock.offset_ns if clock else None,
                    start_skew_ns=self._session.start_skew_ns(engine.first_lag_ns),
                )
            )

    def begin(self) -> None:
        """Start the windows of another run."""
        self._window_from_ns = 0
