"""What happened to a set of arrivals: counts by outcome and histograms, mergeable exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from spate.accumulator import Accumulator
from spate.histogram import Histogram
from spate.histogram_wire import read_wires
from spate.messages import Cell, WireHistogram

SUCCEEDED = "succeeded"

FAILED_KINDS = (
    "dns",
    "connect_refused",
    "connect_timeout",
    "tls",
    "timeout",
    "reset",
    "closed_early",
    "protocol",
    "status_4xx",
    "status_5xx",
    "status_other",
    "body_mismatch",
    "blocked",
    "internal",
)
"""Why an arrival failed: a closed set."""

ANSWERED_KINDS = ("status_4xx", "status_5xx", "status_other", "body_mismatch")
"""The failed kinds of which the target sent a whole response."""

DROPPED_CAUSES = ("in_flight_limit", "no_connection")
"""Why an arrival was given up by the driver's own limits: a closed set."""

MISSED_CAUSES = ("handover", "fenced", "no_driver", "aborted")
"""Why nobody sent an arrival when it was due: a closed set."""

HISTOGRAMS = (
    "response_time",
    "response_time_succeeded",
    "service_time",
    "lag",
    "wait_time",
    "connect_time",
)
"""The durations that are measured."""

_LAG = HISTOGRAMS.index("lag")

_ZERO = Histogram.zero()
_NOTHING = _ZERO.to_wire()


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts and histograms of some arrivals.

    The mappings hold only what occurred. ``decided`` and ``sent`` are steps on the way, not
    outcomes: an arrival that is sent now may succeed in a later interval.
    """

    decided: int = 0
    sent: int = 0
    succeeded: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    missed: Mapping[str, int] = field(default_factory=dict)
    status_codes: Mapping[str, int] = field(default_factory=dict)
    bytes_sent: int = 0
    bytes_received: int = 0
    response_time: Histogram = _ZERO
    response_time_succeeded: Histogram = _ZERO
    service_time: Histogram = _ZERO
    lag: Histogram = _ZERO
    wait_time: Histogram = _ZERO
    connect_time: Histogram = _ZERO

    @staticmethod
    def zero() -> Figures:
        """Return the figures of nothing: merging them changes nothing."""
        return Figures()

    @staticmethod
    def from_cell(cell: Cell) -> Figures:
        """Read a cell of a snapshot.

        Raises:
            ValueError: if a kind or cause is not in its closed set, or a histogram is malformed.
        """
        return Figures.from_cells((cell,))[0]

    @staticmethod
    def from_cells(cells: Sequence[Cell]) -> list[Figures]:
        """Read all cells of a snapshot at once, which is far cheaper than one by one.

        Raises:
            ValueError: as ``from_cell``.
        """
        wires = []
        for cell in cells:
            _check_names(cell.failed, FAILED_KINDS)
            _check_names(cell.dropped, DROPPED_CAUSES)
            _check_names(cell.missed, MISSED_CAUSES)
            measured = (
                cell.response_time,
                cell.response_time_succeeded,
                cell.service_time,
                cell.lag,
                cell.wait_time,
                cell.connect_time,
            )
            wires += [_NOTHING if wire is None else wire for wire in measured]
        histograms = read_wires(wires)
        width = len(HISTOGRAMS)
        return [
            Figures(
                cell.decided,
                cell.sent,
                cell.succeeded,
                cell.failed,
                cell.dropped,
                cell.missed,
                cell.status_codes,
                cell.bytes_sent,
                cell.bytes_received,
                *histograms[place * width : (place + 1) * width],
            )
            for place, cell in enumerate(cells)
        ]

    def to_cell(self, request: int, stage: int) -> Cell:
        """Return the cell of these positions in the plan; empty histograms are left out."""
        return Cell(
            request=request,
            stage=stage,
            decided=self.decided,
            sent=self.sent,
            succeeded=self.succeeded,
            failed=dict(self.failed),
            dropped=dict(self.dropped),
            missed=dict(self.missed),
            status_codes=dict(self.status_codes),
            bytes_sent=self.bytes_sent,
            bytes_received=self.bytes_received,
            response_time=_write(self.response_time),
            response_time_succeeded=_write(self.response_time_succeeded),
            service_time=_write(self.service_time),
            lag=_write(self.lag),
            wait_time=_write(self.wait_time),
            connect_time=_write(self.connect_time),
        )

    def merge(self, other: Figures) -> Figures:
        """Return the figures of both: associative, commutative, ``zero()`` is the identity."""
        return Figures.merge_all((self, other))

    @staticmethod
    def merge_all(parts: Iterable[Figures]) -> Figures:
        """Return the figures of all ``parts`` together."""
        total = FiguresAccumulator()
        for part in parts:
            total.add(part)
        return total.freeze()

    @property
    def failed_total(self) -> int:
        """How many failed, of whatever kind."""
        return sum(self.failed.values())

    @property
    def dropped_total(self) -> int:
        """How many were dropped, for whatever cause."""
        return sum(self.dropped.values())

    @property
    def missed_total(self) -> int:
        """How many the drivers reported as missed, for whatever cause."""
        return sum(self.missed.values())

    @property
    def reported(self) -> int:
        """How many have an outcome."""
        return self.succeeded + self.failed_total + self.dropped_total + self.missed_total

    @property
    def answered(self) -> int:
        """How many got a whole response from the target."""
        return self.succeeded + sum(self.failed.get(kind, 0) for kind in ANSWERED_KINDS)


class FiguresAccumulator:
    """Adds up figures; ``freeze`` gives the sum so far."""

    __slots__ = ("_counts", "_frozen", "_histograms", "_names")

    def __init__(self) -> None:
        self._counts = [0, 0, 0, 0, 0]
        self._names: tuple[dict[str, int], ...] = ({}, {}, {}, {})
        self._histograms = tuple(Accumulator() for _ in HISTOGRAMS)
        self._frozen: Figures | None = None

    def add(self, part: Figures) -> None:
        """Add everything in ``part``."""
        self._frozen = None
        counts = self._counts
        counts[0] += part.decided
        counts[1] += part.sent
        counts[2] += part.succeeded
        counts[3] += part.bytes_sent
        counts[4] += part.bytes_received
        named = (part.failed, part.dropped, part.missed, part.status_codes)
        for total, found in zip(self._names, named, strict=True):
            for name, n in found.items():
                total[name] = total.get(name, 0) + n
        measured = (
            part.response_time,
            part.response_time_succeeded,
            part.service_time,
            part.lag,
            part.wait_time,
            part.connect_time,
        )
        for accumulator, histogram in zip(self._histograms, measured, strict=True):
            if histogram.count:
                accumulator.add(histogram)

    def lag(self) -> Histogram:
        """Return the lag alone, which is far less work than all of ``freeze``."""
        return self._histograms[_LAG].freeze()

    def freeze(self) -> Figures:
        """Return the figures of everything added so far; free of charge until more is added."""
        if self._frozen is None:
            failed, dropped, missed, status_codes = (dict(names) for names in self._names)
            decided, sent, succeeded, bytes_sent, bytes_received = self._counts
            histograms = [accumulator.freeze() for accumulator in self._histograms]
            self._frozen = Figures(
                decided,
                sent,
                succeeded,
                failed,
                dropped,
                missed,
                status_codes,
                bytes_sent,
                bytes_received,
                *histograms,
            )
        return self._frozen


def _check_names(found: Mapping[str, int], known: tuple[str, ...]) -> None:
    for name in found:
        if name not in known:
            raise ValueError(f"unknown kind or cause: {name}")


def _write(histogram: Histogram) -> WireHistogram | None:
    return histogram.to_wire() if histogram.count else None
