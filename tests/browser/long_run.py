"""A run of two hours with a hundred drivers, as an archive keeps it, without waiting for it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from orchestrator.archive import Archive
from orchestrator.filing import prepare
from spate.aggregator import Aggregator
from spate.figures import Figures
from spate.grant import Range
from spate.histogram import Histogram
from spate.messages import SnapshotMessage
from spate.plan import parse_plan
from spate.report_facts import LedgerFacts, RunFacts, TermFacts
from spate.schedule import plan_schedule

RUN_ID = "long-00000001"
SECONDS = 7_200
WINDOWS = 3_600 + 3_600 // 5
"""Of the first hour each is 5 s wide by then."""
DRIVERS = 100
RATE_PER_S = 20
STARTED_NS = 1_795_374_440_000_000_000
MS = 1_000_000


def archive_long_run(file: Path) -> None:
    """Write the run into a new archive; each second is reported by one of the drivers."""
    stages = [{"duration": f"{SECONDS}s", "from": RATE_PER_S, "to": RATE_PER_S}]
    plan = parse_plan(
        {
            "name": "long",
            "target": "http://127.0.0.1:8000",
            "requests": [{"name": "ping", "path": "/ping"}],
            "load": {"test_type": "arrivals", "stages": stages},
        }
    )
    aggregator = Aggregator(plan, plan_schedule(plan, DRIVERS), RUN_ID)
    random = np.random.default_rng(7)
    for second in range(SECONDS):
        aggregator.add(_second(second, random))
    per_driver = SECONDS // DRIVERS * RATE_PER_S
    terms = tuple(
        TermFacts(
            driver_id=f"driver-{place + 1}",
            boot_id="boot",
            term=0,
            live=False,
            left_cleanly=True,
            ranges=(Range(place * per_driver, 0, 1, per_driver),),
        )
        for place in range(DRIVERS)
    )
    facts = RunFacts(
        run_id=RUN_ID,
        plan=plan,
        state="FINISHED",
        stopped=False,
        reason=None,
        created_at_ns=STARTED_NS - 2_000 * MS,
        started_at_ns=STARTED_NS,
        ended_at_ns=STARTED_NS + SECONDS * 1_000 * MS,
        drivers=DRIVERS,
        events=(
            {"offset_s": 3_600.2, "kind": "joined", "driver_id": "driver-100", "text": "joined"},
        ),
    )
    filing = prepare(facts, aggregator, LedgerFacts(SECONDS * RATE_PER_S, terms=terms))

    async def put() -> None:
        archive = Archive(f"sqlite:///{file}")
        await archive.open()
        await archive.put(filing.report, filing.windows, idempotency_key=None, body_digest="")
        await archive.close()

    # The browser's library keeps a loop running in this thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(put())).result()


def _second(second: int, random: np.random.Generator) -> SnapshotMessage:
    """Return what one driver reports of one second: response times that wander and jump."""
    level_ms = 20 + 10 * np.sin(second / 300) + (80 if second % 900 < 5 else 0)
    times = Histogram.of([int(ms * MS) for ms in level_ms + random.exponential(8, RATE_PER_S)])
    lag = Histogram.of([MS // 10] * RATE_PER_S)
    figures = Figures(
        decided=RATE_PER_S,
        sent=RATE_PER_S,
        succeeded=RATE_PER_S,
        status_codes={"200": RATE_PER_S},
        bytes_received=RATE_PER_S * 100,
        response_time=times,
        response_time_succeeded=times,
        service_time=times,
        lag=lag,
        wait_time=lag,
    )
    place = second % DRIVERS
    return SnapshotMessage(
        driver_id=f"driver-{place + 1}",
        boot_id="boot",
        term=0,
        run_id=RUN_ID,
        seq=second // DRIVERS + 1,
        window=second,
        cells=(figures.to_cell(0, 0),),
        in_flight=second % 7,
        connections=1,
        cpu=0.2,
        clock_offset_ns=1_000,
        start_skew_ns=2_000,
    )
