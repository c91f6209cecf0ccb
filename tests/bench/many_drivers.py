"""Prints what one orchestrator costs, and how old what it shows is, by the number of drivers.

``python -m tests.bench.many_drivers [--drivers 10,100,300,1000] [--seconds 40] [--rate 10]`` starts
a real Kafka and a real orchestrator, and simulates the drivers in this process: real messages, two
heartbeats and two snapshots a second of each, no HTTP. Figures are of the time in which the run was
under way.

* *CPU*: of the orchestrator, in cores; and per driver and half second, in which a driver says one
  heartbeat and one snapshot: it is the same for every number of drivers if growth is linear.
* *waited*: the share of the time in which the orchestrator could have worked and had no core.
  Kafka, the simulation and the orchestrator share this machine, with whatever else runs there:
  where this is not small, staleness is the machine's.
* *staleness*: from the end of an arrival to the event of the live stream that counts it. The half
  second before a driver says what it did is in it; *after a snapshot* it is not. *Calm* is of those
  events before which the orchestrator waited for less than 15 % of two seconds, and the simulation
  was not late.
* *late*: how late the simulation was with what it had to send, at p99.

Nothing is gated on them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import psutil
import uvloop
from tests.bench.simulation.fleet import EVERY_S, SimulatedFleet
from tests.bench.simulation.quantile import at

from localkafka import LocalKafka, fetch, stop
from localkafka.broker import free_port
from spate.kafkabus import KafkaBus
from spate.topics import topic_table
from spate_cli.sse import EventParser

_CALM_S: Final = 2.0
_MOST_WAITED: Final = 0.15
_MOST_LATE_S: Final = 0.1


class Load(NamedTuple):
    """How many requests a second each driver is to send, and for how many seconds."""

    rate: float
    seconds: int


class Processes(NamedTuple):
    """What works here: the orchestrator, this process, and Kafka."""

    orchestrator: psutil.Process
    simulation: psutil.Process
    kafka: psutil.Process

    def used_s(self) -> list[float]:
        """Return the CPU seconds of each so far, and how long the first waited for a core."""
        spent = [each.cpu_times() for each in self]
        schedule = Path(f"/proc/{self.orchestrator.pid}/schedstat").read_text(encoding="ascii")
        return [*(times.user + times.system for times in spent), int(schedule.split()[1]) / 1e9]


class Calm:
    """Tells whether there was a core for everybody in the last two seconds."""

    def __init__(self) -> None:
        self._waited: deque[tuple[float, float]] = deque()

    def holds(self, now_s: float, waited_s: float, late_s: Sequence[float]) -> bool:
        """Note how long the orchestrator has waited by now; ``late_s`` is of the simulation."""
        self._waited.append((now_s, waited_s))
        while now_s - self._waited[0][0] > _CALM_S:
            self._waited.popleft()
        began_s, before_s = self._waited[0]
        short = now_s - began_s < _CALM_S / 2
        late = max(late_s, default=0.0) > _MOST_LATE_S
        return not short and not late and (waited_s - before_s) / (now_s - began_s) < _MOST_WAITED


class Watched(NamedTuple):
    """What the live stream showed of a run, and what that cost; ``used`` as ``used_s``, a second.

    ``ages_s`` are from the end of each arrival to the event that counted it, ``after_s`` from the
    snapshot that told it, ``calm_s`` some of the ages; ``sizes`` are the events' lengths in bytes.
    """

    lasted_s: float
    used: list[float]
    ages_s: list[float]
    after_s: list[float]
    calm_s: list[float]
    sizes: list[int]
    shown: int


async def measure(kafka: str, broker: int, folder: Path, drivers: int, load: Load) -> None:
    """Run a tsunami on so many simulated drivers, and print a line."""
    prefix, port = f"many{drivers}.", free_port()
    topics = topic_table(prefix)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "orchestrator", "--kafka", kafka, "--topic-prefix", prefix),
        *("--port", str(port), "--archive", f"sqlite:///{folder}/archive-{drivers}.db"),
        stderr=(folder / f"orchestrator-{drivers}.log").open("wb"),
    )
    processes = Processes(*(psutil.Process(pid) for pid in (process.pid, None, broker)))
    bus = KafkaBus(kafka)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as api:
            await until(api, "/readyz", lambda _: True)
            fleet = SimulatedFleet(bus, topics, drivers)
            simulation = asyncio.create_task(fleet.run())
            await until(api, "/api/v1/fleet", lambda body: body["eligible"] == drivers)
            answer = await api.post("/api/v1/runs", json={"plan": plan(drivers, load)})
            answer.raise_for_status()
            watched = await watch(api, answer.json()["run"]["id"], processes, fleet)
            show(drivers, watched, processes, fleet)
            simulation.cancel()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()
        await bus.close()


def plan(drivers: int, load: Load) -> dict[str, Any]:
    """Return a tsunami on all drivers."""
    return {
        "name": "many",
        "target": "http://127.0.0.1:8000",
        "requests": [{"path": "/"}],
        "load": {
            "test_type": "tsunami",
            "message_count_per_driver": round(load.rate * load.seconds),
            "message_delay_ms": 1000 / load.rate,
        },
        "drivers": {"min": drivers},
    }


async def watch(
    api: httpx.AsyncClient, run_id: str, processes: Processes, fleet: SimulatedFleet
) -> Watched:
    """Follow the stream to the end of the run."""
    ages_s: list[float] = []
    after_s: list[float] = []
    calm_s: list[float] = []
    calm = Calm()
    sizes: list[int] = []
    shown, begun_s, last_s = 0, 0.0, 0.0
    before = now = processes.used_s()
    async for kind, data in events(api, run_id):
        if kind == "end":
            break
        body = json.loads(data)
        if kind != "window":
            continue
        last_s = time.monotonic()
        if not begun_s:
            begun_s, before = last_s, processes.used_s()
            fleet.late_s.clear()
        now = processes.used_s()
        sizes.append(len(data))
        total = body["accounting"]["succeeded"]
        after_s += fleet.ages_after_s(shown, total)
        ages_s += fleet.ages_s(shown, total)
        if calm.holds(last_s, now[-1], fleet.late_s[-100:]):
            calm_s += fleet.ages_s(shown, total)
        shown = total
    if not ages_s:
        raise TimeoutError
    lasted_s = last_s - begun_s
    used = [(end - start) / lasted_s for start, end in zip(before, now, strict=True)]
    return Watched(lasted_s, used, ages_s, after_s, calm_s, sizes, shown)


def show(drivers: int, watched: Watched, processes: Processes, fleet: SimulatedFleet) -> None:
    """Print the line of one number of drivers."""
    cores, simulation, kafka, waited = watched.used
    memory = processes.orchestrator.memory_info().rss / 2**20
    a_beat = cores * EVERY_S / drivers * 1e6
    calm = f"{at(watched.calm_s, 0.99):6.2f}" if watched.calm_s else "     -"
    ages = [at(watched.ages_s, q) for q in (0.5, 0.99)] + [at(watched.after_s, 0.99)]
    print(
        f"{drivers:7} {cores:6.2f} {a_beat:7.0f} {waited:7.0%} {memory:7.0f}"
        f" {ages[0]:6.2f} {ages[1]:6.2f} {ages[2]:9.2f} {calm}"
        f" {len(watched.sizes) / watched.lasted_s:9.1f} {max(watched.sizes) / 1000:5.0f}"
        f" {simulation:6.2f} {at(fleet.late_s, 0.99):7.2f} {kafka:6.2f}"
        f"   {watched.shown:,} of {fleet.done[-1][1]:,}",
        flush=True,
    )


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


async def all_sizes(kafka: str, broker: int, folder: Path, sizes: str, load: Load) -> None:
    """Measure each number of drivers, on topics of its own."""
    print(
        "         orchestrator                   staleness, s                  events        "
        "   simulation     Kafka\n"
        "drivers    CPU  a beat  waited  memory    p50    p99   after a   calm  a second  most "
        "   CPU    late    CPU\n"
        "         cores      µs              MiB               snap. p99    p99             kB "
        " cores  p99, s  cores   arrivals shown"
    )
    for drivers in [int(each) for each in sizes.split(",")]:
        try:
            await measure(kafka, broker, folder, drivers, load)
        except TimeoutError:
            print(f"{drivers:7} are too many for this machine")
            return


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drivers", default="10,100,300,1000", help="numbers (10,100,300,1000)")
    parser.add_argument("--rate", type=float, default=10.0, help="requests a second of each (10)")
    parser.add_argument("--seconds", type=int, default=40, help="how long each run is (40)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kafka = LocalKafka(Path(folder) / "kafka", classpath=fetch(lambda *_: None))
        broker = kafka.start()
        try:
            load = Load(chosen.rate, chosen.seconds)
            work = all_sizes(kafka.bootstrap, broker.pid, Path(folder), chosen.drivers, load)
            uvloop.run(work)
        finally:
            stop(broker)


if __name__ == "__main__":
    main()
