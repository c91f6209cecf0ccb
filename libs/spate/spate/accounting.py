"""The identity that every run is held to, and its form in reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spate.figures import DROPPED_CAUSES, FAILED_KINDS, MISSED_CAUSES, Figures


@dataclass(frozen=True, slots=True)
class Accounting:
    """What became of ``planned`` arrivals.

    ``planned = succeeded + failed + dropped + missed + unconfirmed`` once a run has ended; until
    then the rest is still to come.
    """

    planned: int
    succeeded: int
    failed: Mapping[str, int]
    dropped: Mapping[str, int]
    missed: Mapping[str, int]
    unconfirmed: int
    sent: int
    answered: int

    @staticmethod
    def of(
        planned: int, figures: Figures, *, missed: Mapping[str, int], unconfirmed: int
    ) -> Accounting:
        """Return the accounting of what drivers reported and what the ledger gave up besides."""
        return Accounting(
            planned=planned,
            succeeded=figures.succeeded,
            failed=figures.failed,
            dropped=figures.dropped,
            missed=Counter(figures.missed) + Counter(missed),
            unconfirmed=unconfirmed,
            sent=figures.sent,
            answered=figures.answered,
        )

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
        """How many were missed, for whatever cause."""
        return sum(self.missed.values())

    @property
    def rest(self) -> int:
        """What has no outcome: 0 if the identity holds, what is to come while a run goes on."""
        return (
            self.planned
            - self.succeeded
            - self.failed_total
            - self.dropped_total
            - self.missed_total
            - self.unconfirmed
        )

    def to_json(self) -> dict[str, Any]:
        """Return the form in reports: every kind and cause is there, as an integer."""
        return {
            "planned": self.planned,
            "succeeded": self.succeeded,
            "failed": {kind: self.failed.get(kind, 0) for kind in FAILED_KINDS},
            "dropped": {cause: self.dropped.get(cause, 0) for cause in DROPPED_CAUSES},
            "missed": {cause: self.missed.get(cause, 0) for cause in MISSED_CAUSES},
            "unconfirmed": self.unconfirmed,
            "sent": self.sent,
            "answered": self.answered,
        }
