"""Cuts what was recorded into numbered snapshots, twice a second, aligned to the run's start.

No interval crosses a second of the run: the first event of a new second ends the window of the
last one before it is recorded, however late the timer is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from driver.cell_split import split_cells
from driver.clock import Clock
from driver.engine import Engine
from driver.session import Session
from driver.tally import Tally
from spate.messages import Cell, SlowTrace, SnapshotMessage
from spate.timing import SECOND

_MAX_CELL_BYTES = 200_000
"""Leaves room for the envelope below the protocol's 256 KB a snapshot."""

Cells = tuple[Cell, ...]
_END = object()


class Reporter:
    """Numbers the snapshots of one process and hands them over in order.

    While ``behind`` says that many are on their way already, only news is worth another one.

    To write down ten thousand buckets takes milliseconds, in which no request is sent. So what was
    cut is told piece by piece, each in a turn of the loop that ``soon`` asks for; ``flush`` tells
    the rest at once. Without ``soon`` everything is told at once.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        snapshot_every_ns: int,
        send: Callable[[SnapshotMessage], None],
        behind: Callable[[], bool],
        *,
        soon: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        self.seq = 0
        self.first_seq = 1
        self.lag_p99_ns: int | None = None
        self.start_skew_ns: int | None = None
        self.tally = Tally()
        self._session = session
        self._clock = clock
        self._every_ns = snapshot_every_ns
        self._send = send
        self._behind = behind
        self._soon = soon
        self._telling: deque[Iterator[None]] = deque()
        self._start_ns: int | None = None
        self._second: int | None = None
        self._cut_ns = 0

    @property
    def telling(self) -> bool:
        """Whether some of what was cut is still to be told, in turns of the loop to come."""
        return bool(self._telling)

    def begin(self) -> None:
        """Start the windows of another run."""
        self.first_seq = self.seq + 1
        self.start_skew_ns = None
        self._start_ns = self._second = None

    def tick(self, engine: Engine, cpu: float) -> None:
        """Cut as the timer asks, unless the end of a window has just done so."""
        if self._clock.mono_ns() - self._cut_ns >= self._every_ns // 2:
            self._cut(engine, cpu)

    def cut(self, engine: Engine, cpu: float) -> None:
        """Tell at once what was recorded since the last cut, in a snapshot or more for each term.

        Without news one empty snapshot tells the levels, unless the log is behind. Before the
        start there is nothing to say.
        """
        self._cut(engine, cpu)
        self.flush()

    def flush(self) -> None:
        """Tell the rest of what was cut."""
        while self._telling:
            for _ in self._telling[0]:
                pass
            self._telling.popleft()

    def _cut(self, engine: Engine, cpu: float) -> None:
        now_ns = self._clock.mono_ns()
        start_ns = self._start_of(engine)
        if start_ns is None or now_ns < start_ns:
            return
        second = (now_ns - start_ns) // SECOND
        window = second if self._second is None else self._second
        self._report(engine, cpu, window, empty=not self._behind())
        self._second = second
        self._cut_ns = now_ns

    def turn(self, engine: Engine, cpu: float, mono_ns: int) -> int:
        """End the window that lies before ``mono_ns``; return when (CLOCK_MONOTONIC) its own ends.

        To be called before anything that happened at ``mono_ns`` is recorded.
        """
        start_ns = self._start_of(engine)
        if start_ns is None:
            return mono_ns
        second = max(0, mono_ns - start_ns) // SECOND
        if self._second is None:
            self._second = second
        elif second > self._second:
            self._report(engine, cpu, self._second, empty=False)
            self._second = second
            self._cut_ns = mono_ns
        return start_ns + (self._second + 1) * SECOND

    def _start_of(self, engine: Engine) -> int | None:
        """Return the start of the engine's run, which the session forgets when it takes another."""
        if engine.load is self._session.load:
            self._start_ns = self._session.start_mono_ns
        return self._start_ns

    def _report(self, engine: Engine, cpu: float, window: int, *, empty: bool) -> None:
        by_term = engine.cut()
        self.lag_p99_ns = engine.recorder.lag_p99_ns()
        self.start_skew_ns = self._session.start_skew_ns(engine.first_lag_ns)
        if empty and not by_term:
            by_term = [(self._session.term, ())]
        if not by_term:
            return
        traces = self._traces(engine)
        self._telling.append(self._pieces(engine, cpu, window, by_term, traces))
        if self._soon is None:
            self.flush()
        elif len(self._telling) == 1:
            self._soon(self._tell)

    def _tell(self) -> None:
        """Tell the next piece, and the one after it in another turn of the loop."""
        if not self._telling:
            return
        if next(self._telling[0], _END) is _END:
            self._telling.popleft()
        if self._telling and self._soon is not None:
            self._soon(self._tell)

    def _pieces(
        self,
        engine: Engine,
        cpu: float,
        window: int,
        by_term: Sequence[tuple[int, Cells]],
        traces: tuple[SlowTrace, ...],
    ) -> Iterator[None]:
        """Send the snapshots of one cut, and give others their turn in between."""
        clock = self._session.clock.estimate()
        for term, cells in by_term:
            self.tally.add(cells)
            yield
            for part in split_cells(cells, _MAX_CELL_BYTES) or ((),):
                yield
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
                        start_skew_ns=self.start_skew_ns,
                        traces=traces,
                    )
                )
                traces = ()

    def _traces(self, engine: Engine) -> tuple[SlowTrace, ...]:
        """Return what is new among the slowest traced requests; it is news only with cells."""
        start_ns = self._start_ns or 0
        return tuple(
            SlowTrace(
                index=arrival.index,
                offset_ns=max(0, arrival.intended_ns - start_ns),
                response_ns=arrival.done_ns - arrival.intended_ns,
                outcome=arrival.outcome or "",
                status=arrival.status,
            )
            for arrival in engine.recorder.take_slowest()
        )
