"""What the archive gets of a run: made once, with a turn for everybody else now and then."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from spate.aggregator import Aggregator
from spate.report import build_report
from spate.report_facts import LedgerFacts, RunFacts
from spate.report_windows import histograms_of

_SLICE = 50
"""Windows between two turns for heartbeats: some 50 ms of work."""


@dataclass(frozen=True, slots=True)
class Filing:
    """A report, and each window's histograms."""

    report: dict[str, Any]
    windows: list[dict[str, Any]]


async def prepare(facts: RunFacts, aggregator: Aggregator, ledger: LedgerFacts) -> Filing:
    """Return what is to be archived of a run that has ended; nothing is merged any more."""
    aggregator.close()
    windows = []
    for place, window in enumerate(aggregator.windows()):
        windows.append(histograms_of(window))
        if place % _SLICE == 0:
            await asyncio.sleep(0)
    return Filing(build_report(facts, aggregator, ledger), windows)
