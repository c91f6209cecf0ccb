"""What the archive gets of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spate.aggregator import Aggregator
from spate.report import build_report
from spate.report_facts import LedgerFacts, RunFacts
from spate.window_archive import pack_windows


@dataclass(frozen=True, slots=True)
class Filing:
    """A report, and the figures of each window."""

    report: dict[str, Any]
    windows: bytes


def prepare(facts: RunFacts, aggregator: Aggregator, ledger: LedgerFacts) -> Filing:
    """Return what is to be archived of a run that has ended; nothing is merged any more."""
    aggregator.close()
    return Filing(build_report(facts, aggregator, ledger), pack_windows(aggregator))
