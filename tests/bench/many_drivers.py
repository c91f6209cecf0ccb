"""Prints what one orchestrator costs, and how old what it shows is, by the number of drivers.

``python -m tests.bench.many_drivers [--drivers 10,100,300,1000] [--seconds 20] [--rate 10]`` starts
a real Kafka and a real orchestrator, and simulates the drivers in this process: real messages, two
heartbeats and two snapshots a second of each, no HTTP. *Staleness* is the time from the end of an
arrival to the event of the live stream that counts it; half a second of it is the snapshots' own
interval. Kafka, the simulation and the orchestrator share this machine, so read the columns against
each other. Nothing is gated on them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import uvloop
from tests.bench.simulation.fleet import SimulatedFleet

from localkafka import LocalKafka, fetch, stop
from localkafka.broker import free_port
from spate.kafkabus import KafkaBus
from spate.topics import topic_table
from spate_cli.sse import EventParser


async def measure(kafka: str, folder: Path, drivers: int, rate: float, seconds: int) -> None:
    """Run a tsunami on so many simulated drivers, and print a line."""
    prefix, port = f"many{drivers}.", free_port()
    topics = topic_table(prefix)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "orchestrator", "--kafka", kafka, "--topic-prefix", prefix),
        *("--port", str(port), "--archive", f"sqlite:///{folder}/archive-{drivers}.db"),
        stderr=(folder / f"orchestrator-{drivers}.log").open("wb"),
    )
    bus = KafkaBus(kafka)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as api:
            await until(api, "/readyz", lambda _: True)
            fleet = SimulatedFleet(bus, topics, drivers)
            simulation = asyncio.create_task(fleet.run())
            await until(api, "/api/v1/fleet", lambda body: body["eligible"] == drivers)
            answer = await api.post("/api/v1/runs", json={"plan": plan(drivers, rate, seconds)})
            answer.raise_for_status()
            await watch(api, answer.json()["run"]["id"], process.pid, fleet, drivers)
            simulation.cancel()
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
        await bus.close()


def plan(drivers: int, rate: float, seconds: int) -> dict[str, Any]:
    """Return a tsunami on all drivers."""
    return {
        "name": "many",
        "target": "http://127.0.0.1:8000",
        "requests": [{"path": "/"}],
        "load": {
            "test_type": "tsunami",
            "message_count_per_driver": round(rate * seconds),
            "message_delay_ms": 1000 / rate,
        },
        "drivers": {"min": drivers},
    }


async def watch(
    api: httpx.AsyncClient, run_id: str, pid: int, fleet: SimulatedFleet, drivers: int
) -> None:
    """Follow the stream to the end of the run, and print what it cost."""
    process = psutil.Process(pid)
    ages_s: list[float] = []
    sizes: list[int] = []
    shown, begun, spent_s = 0, 0.0, 0.0
    async for kind, data in events(api, run_id):
        if kind == "end":
            break
        body = json.loads(data)
        if kind != "window":
            continue
        if not begun:
            begun, spent_s = time.monotonic(), cpu_s(process)
        sizes.append(len(data))
        now, total = time.monotonic(), body["accounting"]["succeeded"]
        totals = [done for _, done in fleet.done]
        new = fleet.done[bisect_left(totals, shown + 1) : bisect_left(totals, total) + 1]
        ages_s += [now - at for at, _ in new]
        shown = total
    if not ages_s:
        raise TimeoutError
    lasted_s = time.monotonic() - begun
    memory = process.memory_info().rss / 2**20
    ages_s.sort()
    p50, p99 = (ages_s[int(len(ages_s) * q)] for q in (0.5, 0.99))
    print(
        f"{drivers:7} {(cpu_s(process) - spent_s) / lasted_s:8.2f} {memory:9.0f} "
        f"{p50:9.2f} {p99:9.2f} {len(sizes) / lasted_s:9.1f} {max(sizes) / 1000:11.0f}"
        f"   {shown:,} of {fleet.done[-1][1]:,}",
        flush=True,
    )


def cpu_s(process: psutil.Process) -> float:
    """Return the CPU seconds that a process has used."""
    times = process.cpu_times()
    return float(times.user + times.system)


async def events(api: httpx.AsyncClient, run_id: str) -> AsyncIterator[tuple[str, str]]:
    """Yield the events of a run's live stream, by kind and data."""
    parser = EventParser()
    async with api.stream("GET", f"/api/v1/runs/{run_id}/stream", timeout=120) as stream:
        async for piece in stream.aiter_bytes():
            for event in parser.feed(piece):
                yield event.kind, event.data


async def until(api: httpx.AsyncClient, path: str, wanted: Any) -> None:
    """Ask again and again, for two minutes at most."""
    async with asyncio.timeout(120):
        while True:
            try:
                answer = await api.get(path)
                if answer.is_success and wanted(answer.json()):
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.2)


async def all_sizes(kafka: str, folder: Path, chosen: argparse.Namespace) -> None:
    """Measure each number of drivers, on topics of its own."""
    print(
        "drivers      CPU   memory    staleness, s     events  largest of\n"
        "           cores      MiB      p50      p99  a second    them, kB   arrivals shown"
    )
    for drivers in [int(each) for each in chosen.drivers.split(",")]:
        try:
            await measure(kafka, folder, drivers, chosen.rate, chosen.seconds)
        except TimeoutError:
            print(f"{drivers:7} are too many for this machine")
            return


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drivers", default="10,100,300,1000", help="numbers (10,100,300,1000)")
    parser.add_argument("--rate", type=float, default=10.0, help="requests a second of each (10)")
    parser.add_argument("--seconds", type=int, default=20, help="how long each run is (20)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kafka = LocalKafka(Path(folder) / "kafka", classpath=fetch(lambda *_: None))
        broker = kafka.start()
        try:
            uvloop.run(all_sizes(kafka.bootstrap, Path(folder), chosen))
        finally:
            stop(broker)


if __name__ == "__main__":
    main()
