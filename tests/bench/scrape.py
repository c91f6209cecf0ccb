"""Prints what a scrape costs an orchestrator of many drivers, and for how long its loop is held.

``python tests/bench/scrape.py [--drivers 1000] [--scrapes 50]`` puts an orchestrator together on a
log in memory, with a run of four requests to which every driver has contributed. Before each scrape
there is one more snapshot of each driver, so nothing is as it was before. A full garbage collection
that falls into a scrape is in the maxima, and said apart. Nothing is gated on the figures; a
heartbeat must be read within a second or so, and the aim is far below that.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import uvloop

from orchestrator.api.app import create_app
from orchestrator.archive import Archive
from orchestrator.assembly import Assembly, take_the_lead
from orchestrator.clock import Clock
from orchestrator.collector import calm_collector
from orchestrator.settings import parse_settings
from orchestrator.terms import Now
from spate.allowlist import DEFAULT
from spate.bus import Received
from spate.histogram import Histogram
from spate.membus import MemoryBus, MemoryLog
from spate.messages import Cell, Heartbeat, SnapshotMessage
from spate.plan import Plan, parse_plan
from spate.timing import SECOND, Timing
from spate.topics import topic_table

TOPICS = topic_table()
REQUESTS = 4
WARM_SNAPSHOTS = 6
VARIANTS = 16


class HandClock(Clock):
    """Both clocks, moved by hand."""

    def __init__(self) -> None:
        self.at_ns = 1_000 * SECOND

    def now(self) -> Now:
        """Return both."""
        return Now(self.at_ns, 1_795_000_000 * SECOND + self.at_ns)


def plan(drivers: int) -> Plan:
    """Return a tsunami of some requests, 50 a second from each driver."""
    return parse_plan(
        {
            "name": "scrape",
            "target": "http://127.0.0.1:8000",
            "requests": [{"name": f"r{k}", "path": f"/{k}"} for k in range(REQUESTS)],
            "load": {
                "test_type": "tsunami",
                "message_count_per_driver": 100_000,
                "message_delay_ms": 20,
            },
            "drivers": {"min": drivers},
        }
    )


def cells(seed: int) -> tuple[Cell, ...]:
    """Return what one driver has to say of half a second: 25 arrivals."""
    random = np.random.default_rng(seed)

    def told() -> Histogram:
        return Histogram.of(random.lognormal(14.5, 0.6, 6).astype(np.int64))

    return tuple(
        Cell(
            request=request,
            stage=0,
            decided=6,
            sent=6,
            succeeded=6,
            status_codes={"200": 6},
            bytes_sent=600,
            bytes_received=6_000,
            response_time=told().to_wire(),
            response_time_succeeded=told().to_wire(),
            service_time=told().to_wire(),
            lag=told().to_wire(),
            wait_time=told().to_wire(),
        )
        for request in range(REQUESTS)
    )


class House:
    """An orchestrator, and drivers that say what they are told to."""

    def __init__(self, clock: HandClock, assembly: Assembly, drivers: int) -> None:
        self.clock = clock
        self.assembly = assembly
        self.names = [f"driver-{k:04}" for k in range(drivers)]
        self.run_id = ""
        self.seq = 0
        self._cells = [cells(seed) for seed in range(VARIANTS)]

    def beat(self, n: int) -> None:
        """Let every driver speak: it follows the run, if there is one, and is well."""
        director = self.assembly.directory.find(self.run_id)
        for name in self.names:
            message = Heartbeat(
                driver_id=name,
                boot_id="b",
                term=1,
                n=n,
                first=n == 1,
                run_id=self.run_id or None,
                state=director.run.state if director else None,
                revision=director.orders.granted if director else 0,
                epoch=0,
                leaving=False,
                ranges=(),
                closed=(),
                in_flight=2,
                first_seq=1,
                last_seq=self.seq,
                beat_age_ns=0,
                elapsed_ns=None,
                sent_at_ns=0,
                clock=None,
                cpu=0.25,
                lag_p99_ns=120_000,
            )
            record = Received(TOPICS.heartbeat, 0, n, 0, True, name, b"")
            self.assembly.command.hear(message, record, self.clock.now())

    def report(self) -> None:
        """Let every driver report another half of a second."""
        self.seq += 1
        self.clock.at_ns += SECOND // 2
        for k, name in enumerate(self.names):
            message = SnapshotMessage(
                driver_id=name,
                boot_id="b",
                term=1,
                run_id=self.run_id,
                seq=self.seq,
                window=(self.seq - 1) // 2,
                cells=self._cells[(k + self.seq) % VARIANTS],
                in_flight=2,
                connections=4,
                cpu=0.25,
                clock_offset_ns=0,
                start_skew_ns=0,
            )
            self.assembly.take(message, Received(TOPICS.metrics, 0, 0, 0, False, name, b""))


async def build(drivers: int) -> House:
    """Return an orchestrator whose run is under way on all drivers."""
    clock = HandClock()
    bus = MemoryBus(MemoryLog(lambda: clock.at_ns // 1_000_000))
    await bus.ensure_topics(TOPICS.configs)
    writer, epoch, memory = await take_the_lead(bus, TOPICS, "orchestrator", clock)
    assembly = Assembly(
        bus=bus,
        topics=TOPICS,
        clock=clock,
        timing=Timing(),
        archive=Archive("sqlite://"),
        allowlist=DEFAULT,
        max_queued=5,
        writer=writer,
        epoch=epoch,
        memory=memory,
    )
    await assembly.catch_up()
    house = House(clock, assembly, drivers)
    house.beat(1)
    house.run_id = (await assembly.desk.submit(plan(drivers), None, "")).run_id
    await assembly.conductor.turn()
    house.beat(2)
    await assembly.conductor.turn()
    director = assembly.directory.find(house.run_id)
    assert director is not None
    assert director.run.state == "RUNNING", director.run.state
    for _ in range(WARM_SNAPSHOTS):
        house.report()
    return house


async def watch(gaps: list[float]) -> None:
    """Note by how much longer than a millisecond the loop takes to come back after one."""
    while True:
        begun = time.perf_counter()
        await asyncio.sleep(0.001)
        gaps.append(time.perf_counter() - begun - 0.001)


@contextlib.contextmanager
def watched(gaps: list[float]) -> Iterator[None]:
    """Watch the loop meanwhile."""
    task = asyncio.ensure_future(watch(gaps))
    try:
        yield
    finally:
        task.cancel()


class Collections:
    """The CPU time of each full garbage collection, in seconds."""

    def __init__(self) -> None:
        self.took: list[float] = []
        self._begun = 0.0
        gc.callbacks.append(self._note)

    def _note(self, phase: str, info: dict[str, Any]) -> None:
        if phase == "start":
            self._begun = time.process_time()
        elif info["generation"] == 2:
            self.took.append(time.process_time() - self._begun)


def timed(act: Callable[[], object]) -> float:
    """Return how many seconds an act takes."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def show(name: str, seconds: list[float]) -> None:
    """Print a distribution in ms."""
    p50, p99, most = (1000 * value for value in np.quantile(seconds, (0.5, 0.99, 1)))
    print(f"{name:34} p50 {p50:7.1f}  p99 {p99:7.1f}  max {most:7.1f} ms")


async def measure(drivers: int, scrapes: int) -> None:
    """Scrape and print."""
    house = await build(drivers)
    desk = house.assembly.desk
    settings = parse_settings(["--kafka", "localhost:9092"], {})
    app = create_app(desk, Archive("sqlite://"), house.assembly.feeds, settings)
    collections = Collections()
    took: list[float] = []
    used: list[float] = []
    held: list[float] = []
    text = ""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url=f"http://127.0.0.1:{settings.port}"
    ) as client:
        for _ in range(scrapes):
            house.report()
            gaps: list[float] = [0.0]
            with watched(gaps):
                await asyncio.sleep(0)
                begun, cpu = time.perf_counter(), time.process_time()
                answer = await client.get("/metrics")
                took.append(time.perf_counter() - begun)
                used.append(time.process_time() - cpu)
            answer.raise_for_status()
            held.append(max(gaps))
            text = answer.text
    gathered = []
    for _ in range(10):
        house.report()
        gathered.append(timed(desk.figures))
    series = sum(not line.startswith("#") for line in text.splitlines())
    print(f"{drivers:,} drivers: {series:,} series, {len(text) / 1000:,.0f} kB, {scrapes} scrapes")
    show("a scrape", took)
    show("its CPU, and that of the watch", used)
    show("longest hold of the loop in one", held)
    show("of that, gathering figures", gathered)
    if collections.took:
        longest = 1000 * max(collections.took)
        print(f"{len(collections.took)} full garbage collections, at most {longest:.0f} ms of CPU")
    print("aim: below 100 ms")


def main() -> None:
    """Measure and print."""
    calm_collector()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drivers", type=int, default=1000, help="how many there are (1000)")
    parser.add_argument("--scrapes", type=int, default=50, help="how often it is asked (50)")
    chosen = parser.parse_args()
    uvloop.run(measure(chosen.drivers, chosen.scrapes))


if __name__ == "__main__":
    main()
