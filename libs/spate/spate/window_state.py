"""One window of a run: what happened in it, the levels of each process, and what is shown of it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from spate.durations import QUANTILES
from spate.figures import FAILED_KINDS, Figures, FiguresAccumulator
from spate.histogram import Histogram
from spate.packed_figures import pack, unpack

_MILLION = 1_000_000
_SHOWN = (QUANTILES["p50"], QUANTILES["p90"], QUANTILES["p99"])


class Boot(NamedTuple):
    """Names a driver process: each numbers its snapshots on its own."""

    driver_id: str
    boot_id: str


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


class Digest(NamedTuple):
    """What is shown of a window: counts, quantiles of its response time and of its lag, levels.

    ``failed`` holds only the kinds that occurred, in the order of their closed set. ``in_flight``
    is the level at the end, ``drivers`` how many were heard; of a window that is wider than a
    second both are the highest of its seconds.
    """

    decided: int
    sent: int
    succeeded: int
    failed: Mapping[str, int]
    dropped: int
    missed: int
    p50_ns: int | None
    p90_ns: int | None
    p99_ns: int | None
    max_ns: int | None
    lag_p99_ns: int | None
    bytes_received: int
    in_flight: int
    drivers: int


class Peaks(NamedTuple):
    """The highest that one of a window's seconds was, each figure for itself.

    ``failed`` is what failed, by kind, in the second in which most did, the first of several.
    """

    sent: int = 0
    failed: Mapping[str, int] = {}
    dropped: int = 0
    p99_ns: int | None = None
    lag_p99_ns: int | None = None
    in_flight: int = 0
    drivers: int = 0

    @staticmethod
    def of(figures: Figures, in_flight: int) -> Peaks:
        """Return the peaks of what one driver said, taken as a second of its own."""
        return _peaks(_digest(figures, in_flight, 1))

    def or_higher(self, other: Peaks) -> Peaks:
        """Return the higher of both, figure by figure."""
        more = sum(other.failed.values()) > sum(self.failed.values())
        return Peaks(
            sent=max(self.sent, other.sent),
            failed=other.failed if more else self.failed,
            dropped=max(self.dropped, other.dropped),
            p99_ns=_higher(self.p99_ns, other.p99_ns),
            lag_p99_ns=_higher(self.lag_p99_ns, other.lag_p99_ns),
            in_flight=max(self.in_flight, other.in_flight),
            drivers=max(self.drivers, other.drivers),
        )


class WindowState:
    """A window: ``peaks`` is None where it is a second, which is its own peak.

    Once it is past it is folded to some two kilobytes, a thirtieth of what it takes otherwise: a
    run may last a day. Processes go by their numbers; who they are is in ``boots`` wherever that
    is asked for. A window that is wider than a second knows no levels, only their peaks.
    """

    __slots__ = ("_digest", "_figures", "_folded", "_levels", "_packed_levels", "peaks")

    def __init__(self, peaks: Peaks | None = None) -> None:
        self.peaks = peaks
        self._figures: FiguresAccumulator | None = FiguresAccumulator()
        self._folded = b""
        self._levels: dict[int, BootLevels] | None = {}
        self._packed_levels = b""
        self._digest: Digest | None = None

    @staticmethod
    def of(figures: Figures, levels: Mapping[int, BootLevels]) -> WindowState:
        """Return a second with these figures and levels."""
        window = WindowState()
        window.add(figures)
        window._levels = dict(levels)
        return window

    @staticmethod
    def kept(folded: bytes, levels: bytes, digest: Digest, peaks: Peaks | None) -> WindowState:
        """Return a window as ``packed``, ``digest`` and ``peaks`` gave it."""
        window = WindowState(peaks)
        window._figures, window._folded = None, folded
        window._levels, window._packed_levels = None, levels
        window._digest = digest
        return window

    @staticmethod
    def merged(parts: Iterable[WindowState], boots: Sequence[Boot]) -> WindowState:
        """Return the window of all seconds of these, which are in order."""
        peaks = Peaks()
        window = WindowState(peaks)
        for part in parts:
            window.add(part.freeze())
            peaks = peaks.or_higher(part.peaks or _peaks(part.digest(boots)))
        window.peaks = peaks
        return window

    def add(self, figures: Figures) -> None:
        """Add figures, also to a window that was folded."""
        if self._figures is None:
            before = self.freeze()
            self._figures, self._folded = FiguresAccumulator(), b""
            self._figures.add(before)
        self._figures.add(figures)
        self._digest = None

    def hear(self, number: int, seq: int, in_flight: int, cpu: float) -> None:
        """Note the levels of a process in this second, as one of its snapshots says them."""
        if self._levels is None:
            self._levels, self._packed_levels = self.levels(), b""
        levels = self._levels.setdefault(number, BootLevels())
        levels.cpu_millionths += round(cpu * _MILLION)
        levels.snapshots += 1
        if seq > levels.seq:
            levels.seq, levels.in_flight = seq, in_flight
        self._digest = None

    def hear_late(self, peaks: Peaks) -> None:
        """Note the peaks of what is told of one of these seconds after they were merged."""
        assert self.peaks is not None
        self.peaks = self.peaks.or_higher(peaks)
        self._digest = None

    def freeze(self) -> Figures:
        """Return the figures of everything added so far."""
        if self._figures is not None:
            return self._figures.freeze()
        return unfold(self._folded)

    def levels(self) -> dict[int, BootLevels]:
        """Return the levels of each process, by its number; not to be changed."""
        if self._levels is not None:
            return self._levels
        columns = json.loads(zlib.decompress(self._packed_levels))
        return {number: BootLevels(*told) for number, *told in zip(*columns, strict=True)}

    def digest(self, boots: Sequence[Boot]) -> Digest:
        """Return what is shown of it; free of charge until more is added, folded or not."""
        if self._digest is None:
            if self.peaks is not None:
                in_flight, drivers = self.peaks.in_flight, self.peaks.drivers
            else:
                levels = self.levels()
                in_flight = sum(each.in_flight for each in levels.values())
                drivers = len({boots[number].driver_id for number in levels})
            self._digest = _digest(self.freeze(), in_flight, drivers)
        return self._digest

    def fold(self, boots: Sequence[Boot]) -> None:
        """Take little room from now on."""
        self.digest(boots)
        self._folded, self._packed_levels = self.packed()
        self._figures = self._levels = None

    def packed(self) -> tuple[bytes, bytes]:
        """Return the figures, see ``unfold``, and the levels as bytes."""
        folded, levels = self._folded, self._packed_levels
        if self._figures is not None:
            folded = zlib.compress(pack({}, [self._figures.freeze()]), 1)
        if self._levels is not None:
            rows = [
                (number, each.seq, each.in_flight, each.cpu_millionths, each.snapshots)
                for number, each in self._levels.items()
            ]
            levels = zlib.compress(json.dumps(list(zip(*rows, strict=True))).encode(), 1)
        return folded, levels


def unfold(folded: bytes) -> Figures:
    """Return the figures of a window that was folded.

    Raises:
        ValueError, zlib.error: if these are not bytes of ``WindowState.packed``.
    """
    return unpack(zlib.decompress(folded))[1][0]


def nothing(*, wide: bool) -> tuple[Digest, Peaks | None]:
    """Return digest and peaks of a window of which nothing was heard."""
    return _NOTHING, Peaks() if wide else None


def _digest(figures: Figures, in_flight: int, drivers: int) -> Digest:
    response: Histogram = figures.response_time
    p50_ns, p90_ns, p99_ns = response.quantiles_ns(_SHOWN)
    return Digest(
        figures.decided,
        figures.sent,
        figures.succeeded,
        {kind: n for kind in FAILED_KINDS if (n := figures.failed.get(kind, 0))},
        figures.dropped_total,
        figures.missed_total,
        p50_ns,
        p90_ns,
        p99_ns,
        response.max_ns,
        figures.lag.quantile_ns(QUANTILES["p99"]),
        figures.bytes_received,
        in_flight,
        drivers,
    )


def _peaks(digest: Digest) -> Peaks:
    return Peaks(
        digest.sent,
        digest.failed,
        digest.dropped,
        digest.p99_ns,
        digest.lag_p99_ns,
        digest.in_flight,
        digest.drivers,
    )


def _higher(a: int | None, b: int | None) -> int | None:
    return max((each for each in (a, b) if each is not None), default=None)


_NOTHING = _digest(Figures.zero(), 0, 0)
