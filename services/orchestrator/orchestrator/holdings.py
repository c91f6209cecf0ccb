"""What is held by whom: the entries of the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from orchestrator.terms import TermKey
from spate.grant import Range

TermStatus = Literal["live", "closed", "lost"]
PoolCause = Literal["handover", "fenced", "no_driver"]
MissedCause = Literal["handover", "fenced", "no_driver", "aborted"]


@dataclass(slots=True)
class RangeAccount:
    """A granted range as the ledger knows it; ``decided``, ``claim`` and ``cut`` are positions.

    ``cut`` is where the range is to end, as soon as its driver has said that it applied
    ``cut_revision`` (R20).
    """

    range: Range
    decided: int = 0
    claim: int = 0
    cut: int | None = None
    cut_revision: int | None = None

    @property
    def size(self) -> int:
        """How many positions the term owns."""
        return self.range.size

    @property
    def undecided(self) -> int:
        """How many of them its driver had not decided when last heard."""
        return self.range.size - self.decided

    def to_grant(self) -> Range:
        """Return the range as its driver is to have it."""
        return self.range if self.cut is None else self.range.head(self.cut)


@dataclass(slots=True)
class TermAccount:
    """All that one term was granted; ``left`` says that its driver went and owes nothing."""

    key: TermKey
    status: TermStatus = "live"
    left: bool = False
    ended_ns: int | None = None
    ranges: dict[int, RangeAccount] = field(default_factory=dict)

    @property
    def owned(self) -> int:
        """How many arrivals it answers for."""
        return sum(account.size for account in self.ranges.values())

    @property
    def undecided(self) -> int:
        """How many of them its driver had not decided when last heard."""
        return sum(account.undecided for account in self.ranges.values())

    @property
    def unfinished(self) -> int:
        """How many of its ranges have something left to decide."""
        return sum(account.undecided > 0 for account in self.ranges.values())

    @property
    def cut_pending(self) -> bool:
        """Whether its driver has not said yet that it gave back what was cut off."""
        return any(account.cut is not None for account in self.ranges.values())


@dataclass(frozen=True, slots=True)
class Pooled:
    """Arrivals that nobody owns, and why."""

    range: Range
    cause: PoolCause


@dataclass(frozen=True, slots=True)
class Missed:
    """Arrivals that will not be sent, and why."""

    range: Range
    cause: MissedCause
