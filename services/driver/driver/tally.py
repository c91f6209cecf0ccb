"""Counts what a driver process has done since it began, for its own ``/metrics``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from spate.messages import Cell


class Tally:
    """Sums over all runs of this process. Readers in other threads see whole states only.

    ``arrivals`` counts by (outcome, kind or cause); the kind of a success is empty.
    """

    def __init__(self) -> None:
        self.arrivals: Mapping[tuple[str, str], int] = {}
        self.sent = 0
        self.bytes_sent = 0
        self.bytes_received = 0

    def add(self, cells: Iterable[Cell]) -> None:
        """Add what one cut told."""
        arrivals = Counter(self.arrivals)
        for cell in cells:
            self.sent += cell.sent
            self.bytes_sent += cell.bytes_sent
            self.bytes_received += cell.bytes_received
            arrivals["succeeded", ""] += cell.succeeded
            for outcome, kinds in (
                ("failed", cell.failed),
                ("dropped", cell.dropped),
                ("missed", cell.missed),
            ):
                for kind, n in kinds.items():
                    arrivals[outcome, kind] += n
        self.arrivals = arrivals
