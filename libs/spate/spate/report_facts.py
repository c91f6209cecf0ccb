"""What a report is made from besides the snapshots: the run, and who owned which arrivals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spate.grant import Range
from spate.messages import RunState
from spate.plan import Plan


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The run itself. ``…_at_ns`` is wall time since 1970 (UTC), None where it has not happened.

    ``drivers`` is how many began it. ``events`` are as in the report:
    ``{"offset_s", "kind", "driver_id", "text"}``; the kind ``lost`` is a driver that was lost.
    ``cpu_limit`` is the share of one core above which a driver is no fair generator.
    ``waiting_for`` is what keeps a run under way from going on; reports do not have it.
    """

    run_id: str
    plan: Plan
    state: RunState
    stopped: bool
    reason: str | None
    created_at_ns: int
    started_at_ns: int | None
    ended_at_ns: int | None
    drivers: int
    events: tuple[dict[str, Any], ...] = ()
    cpu_limit: float = 0.9
    waiting_for: str | None = None


@dataclass(frozen=True, slots=True)
class TermFacts:
    """What one term owns. ``left_cleanly``: its driver closed it and said goodbye in order."""

    driver_id: str
    boot_id: str
    term: int
    live: bool
    left_cleanly: bool
    ranges: tuple[Range, ...]

    @property
    def owned(self) -> int:
        """How many arrivals it answers for."""
        return sum(granted.size for granted in self.ranges)


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """How the plan is divided: ``planned`` arrivals, what the ledger gave up, what terms own.

    ``terms`` are all that own anything, also those that reported all of it: how much of each is
    unconfirmed is computed from what it reported.
    """

    planned: int
    missed_by_ledger: tuple[tuple[str, Range], ...] = ()
    terms: tuple[TermFacts, ...] = ()
