"""Notes what happens to arrivals on the hot path and makes snapshot cells of it at the cut.

On the way an arrival costs a few appends (under 1 µs in all); buckets, sums and sparse
histograms are made once per interval for everything together.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable

from driver.arrival import Arrival
from driver.cell_split import split_cells
from driver.lane_figures import LaneRow, figures_of
from spate.choice import RequestChoice
from spate.figures import DROPPED_CAUSES, FAILED_KINDS, MISSED_CAUSES, SUCCEEDED, Figures
from spate.histogram import Histogram
from spate.messages import Cell
from spate.schedule import Schedule

__all__ = ["Raw", "Recorder", "split_cells"]

_Key = tuple[int, int, int]
"""Term, request and stage."""

Raw = Callable[[list[int]], None]
"""Takes the raw response times of one cut, in ns, in no particular order."""


class Recorder:
    """Collects what became of this driver's arrivals, by term, request and stage.

    Each arrival is announced once by ``decided`` (if it is to be sent), ``sent`` and ``done``;
    what is not sent is named by ``dropped`` or ``missed`` instead of ``done``. Whoever calls
    sees to it that an arrival gets one outcome. ``raw`` is a second way out, for tests.
    """

    def __init__(self, schedule: Schedule, choice: RequestChoice, raw: Raw | None = None) -> None:
        self._schedule = schedule
        self._choice = choice
        self._raw = raw
        self._tallies: dict[_Key, _Tally] = {}
        self._carried: dict[_Key, Figures] = {}
        self._connected: dict[tuple[int, int], array[int]] = {}
        self._newest_term: int | None = None
        self._lag_p99_ns: int | None = None

    def decided(self, arrival: Arrival) -> None:
        """Count an arrival that is to be sent, and its lag."""
        key = (arrival.term, arrival.request, arrival.stage)
        tally = self._tallies.get(key) or self._open(key)
        tally.lag.append(arrival.decided_ns - arrival.intended_ns)

    def sent(self, arrival: Arrival) -> None:
        """Count an arrival whose first byte was handed to the socket."""
        key = (arrival.term, arrival.request, arrival.stage)
        tally = self._tallies.get(key) or self._open(key)
        tally.sent += 1

    def done(self, arrival: Arrival) -> None:
        """Count the outcome, and the times if anything was sent.

        Raises:
            KeyError: if the outcome is neither ``succeeded`` nor a failed kind.
        """
        key = (arrival.term, arrival.request, arrival.stage)
        tally = self._tallies.get(key) or self._open(key)
        sent_ns = arrival.sent_ns
        if arrival.outcome == SUCCEEDED:
            tally.succeeded.append(arrival.done_ns - arrival.intended_ns)
        else:
            tally.failed[arrival.outcome] += 1  # type: ignore[index]  # None is a KeyError too
            if sent_ns:
                tally.response.append(arrival.done_ns - arrival.intended_ns)
        if sent_ns:
            tally.service.append(arrival.done_ns - sent_ns)
            tally.wait.append(sent_ns - arrival.decided_ns)
        status = arrival.status
        if status:
            tally.status[status] = tally.status.get(status, 0) + 1
        tally.bytes_sent += arrival.bytes_sent
        tally.bytes_received += arrival.bytes_received

    def absorb(self, rows: Iterable[LaneRow]) -> None:
        """Add what the lane noted since the last cut; to be called right before ``cut``."""
        for row in rows:
            key = row[:3]
            if key not in self._tallies:
                self._open(key)
            self._carried[key] = figures_of(row)

    def dropped(self, term: int, index: int, cause: str) -> None:
        """Count an arrival that the driver's own limits made it give up.

        Raises:
            KeyError: if there is no such cause.
        """
        self._of_index(term, index).dropped[cause] += 1

    def missed(self, term: int, index: int, cause: str) -> None:
        """Count an arrival that was not sent when it was due.

        Raises:
            KeyError: if there is no such cause.
        """
        self._of_index(term, index).missed[cause] += 1

    def connected(self, connect_ns: int, request: int, stage: int) -> None:
        """Note how long a new connection took: name, connect and TLS.

        A connection belongs to no term; the cut reports it under the newest.
        """
        self._connected.setdefault((request, stage), array("q")).append(connect_ns)

    def lag_p99_ns(self) -> int | None:
        """Return the p99 of the lag in the latest cut, None if nothing was decided in it."""
        return self._lag_p99_ns

    def cut(self) -> list[tuple[int, tuple[Cell, ...]]]:
        """Return everything noted since the last cut: per term its cells, the oldest term first.

        Terms without news are left out; cells are ordered by request and stage. Times of
        connections made before there was any term wait for the first one.
        """
        tallies, self._tallies = self._tallies, {}
        carried, self._carried = self._carried, {}
        if self._newest_term is not None:
            for (request, stage), times_ns in self._connected.items():
                key = (self._newest_term, request, stage)
                tallies.setdefault(key, _Tally()).connect = times_ns
            self._connected = {}
        terms: dict[int, list[Cell]] = {}
        lags: list[Histogram] = []
        for (term, request, stage), tally in sorted(tallies.items()):
            figures = tally.figures()
            if (term, request, stage) in carried:
                figures = figures.merge(carried[term, request, stage])
            lags.append(figures.lag)
            terms.setdefault(term, []).append(figures.to_cell(request, stage))
            if self._raw is not None:
                self._raw([*tally.succeeded, *tally.response])
        self._lag_p99_ns = Histogram.merge_all(lags).quantile_ns(0.99)
        return [(term, tuple(cells)) for term, cells in terms.items()]

    def take_slowest(self) -> list[Arrival]:
        """Return traced arrivals that are news (see ``TracedRecorder``): none are traced here."""
        return []

    def _of_index(self, term: int, index: int) -> _Tally:
        key = (term, self._choice.request(index), self._schedule.stage_of(index))
        return self._tallies.get(key) or self._open(key)

    def _open(self, key: _Key) -> _Tally:
        term = key[0]
        if self._newest_term is None or term > self._newest_term:
            self._newest_term = term
        return self._tallies.setdefault(key, _Tally())


class _Tally:
    """The notes on one term, request and stage between two cuts; arrays hold ns.

    An array takes a value as fast as a list does and becomes a numpy array without a copy.

    ``response`` holds the response times of the failed only: those of the succeeded are in
    ``succeeded``, and the histograms of both are added at the cut.
    """

    __slots__ = (
        "bytes_received",
        "bytes_sent",
        "connect",
        "dropped",
        "failed",
        "lag",
        "missed",
        "response",
        "sent",
        "service",
        "status",
        "succeeded",
        "wait",
    )

    def __init__(self) -> None:
        self.lag = array("q")
        self.succeeded = array("q")
        self.response = array("q")
        self.service = array("q")
        self.wait = array("q")
        self.connect = array("q")
        self.sent = 0
        self.failed = dict.fromkeys(FAILED_KINDS, 0)
        self.dropped = dict.fromkeys(DROPPED_CAUSES, 0)
        self.missed = dict.fromkeys(MISSED_CAUSES, 0)
        self.status: dict[int, int] = {}
        self.bytes_sent = 0
        self.bytes_received = 0

    def figures(self) -> Figures:
        succeeded = Histogram.of(self.succeeded)
        return Figures(
            decided=len(self.lag),
            sent=self.sent,
            succeeded=len(self.succeeded),
            failed=_present(self.failed),
            dropped=_present(self.dropped),
            missed=_present(self.missed),
            status_codes={str(code): n for code, n in sorted(self.status.items())},
            bytes_sent=self.bytes_sent,
            bytes_received=self.bytes_received,
            response_time=succeeded.merge(Histogram.of(self.response)),
            response_time_succeeded=succeeded,
            service_time=Histogram.of(self.service),
            lag=Histogram.of(self.lag),
            wait_time=Histogram.of(self.wait),
            connect_time=Histogram.of(self.connect),
        )


def _present(counts: dict[str, int]) -> dict[str, int]:
    return {name: n for name, n in counts.items() if n}
