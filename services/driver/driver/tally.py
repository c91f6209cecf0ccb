"""Counts what a driver process has done since it began, for its own ``/metrics``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from spate.figures import DROPPED_CAUSES, FAILED_KINDS, MISSED_CAUSES, SUCCEEDED
from spate.le_counts import LeCounts
from spate.messages import Cell, WireHistogram

_OUTCOMES = (
    (SUCCEEDED, ""),
    *(("failed", kind) for kind in FAILED_KINDS),
    *(("dropped", cause) for cause in DROPPED_CAUSES),
    *(("missed", cause) for cause in MISSED_CAUSES),
)


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over all runs of this process.

    ``arrivals`` counts by (outcome, kind or cause), those that did not occur too; the kind of a
    success is empty.
    """

    arrivals: Mapping[tuple[str, str], int] = field(
        default_factory=lambda: dict.fromkeys(_OUTCOMES, 0)
    )
    sent: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    response_time: LeCounts = field(default_factory=LeCounts)
    service_time: LeCounts = field(default_factory=LeCounts)
    lag: LeCounts = field(default_factory=LeCounts)


class Tally:
    """Adds up what the cuts tell.

    ``totals`` is replaced whole with each: a reader in another thread sees one cut or the next.
    """

    def __init__(self) -> None:
        self.totals = Totals()

    def add(self, cells: Sequence[Cell]) -> None:
        """Add what one cut told."""
        before = self.totals
        arrivals = dict(before.arrivals)
        for cell in cells:
            arrivals[SUCCEEDED, ""] += cell.succeeded
            for outcome, kinds in (
                ("failed", cell.failed),
                ("dropped", cell.dropped),
                ("missed", cell.missed),
            ):
                for kind, n in kinds.items():
                    arrivals[outcome, kind] += n
        self.totals = Totals(
            arrivals=arrivals,
            sent=before.sent + sum(cell.sent for cell in cells),
            bytes_sent=before.bytes_sent + sum(cell.bytes_sent for cell in cells),
            bytes_received=before.bytes_received + sum(cell.bytes_received for cell in cells),
            response_time=before.response_time.plus(_told(cell.response_time for cell in cells)),
            service_time=before.service_time.plus(_told(cell.service_time for cell in cells)),
            lag=before.lag.plus(_told(cell.lag for cell in cells)),
        )


def _told(wires: Iterable[WireHistogram | None]) -> list[WireHistogram]:
    return [wire for wire in wires if wire is not None]
