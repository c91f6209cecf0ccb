"""Prints what a core of its own would give the orchestrator, by the number of drivers.

``python -m tests.bench.one_core [--drivers 10,100,300,1000] [--seconds 35]`` runs the orchestrator
and the simulated drivers over a log in memory, in time that jumps: nothing takes time but what the
orchestrator's parts use of the CPU. So it does not matter what else this machine does, but for its
caches: the figures are rather too high than too low. Kafka's client and the HTTP server are not in
them; ``many_drivers`` has those.

* Per part: how often a second, CPU each, CPU per driver and half second, in which a driver says one
  heartbeat and one snapshot (it is the same for every number of drivers if growth is linear), and
  the longest.
* *Together*: in cores. *Staleness*: from the end of an arrival to the event of the live feed that
  counts it; up to half a second of it is the wait for the snapshot.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, cast

from tests.bench.simulation.fleet import EVERY_S, SimulatedFleet
from tests.bench.simulation.quantile import at
from tests.unit.orchestra import JumpingLoop, make_plan, play
from tests.unit.stage import TOPICS, Stage

from orchestrator import intake
from orchestrator.assembly import Assembly
from orchestrator.collector import calm_collector
from orchestrator.command import Command
from orchestrator.newsroom import Newsroom
from spate.bus import Bus
from spate.membus import MemoryBus

_RATE_PER_S = 10


@dataclass(slots=True)
class Part:
    """What one part of the orchestrator has used of the CPU."""

    calls: int = 0
    used_s: float = 0.0
    longest_s: float = 0.0


@dataclass(slots=True)
class Meter:
    """Lets the loop's time go on by what the parts use."""

    parts: dict[str, Part] = field(default_factory=dict)

    def watch(self, owner: Any, name: str) -> None:
        """Measure a function from now on."""
        setattr(owner, name, self._measured(name, getattr(owner, name)))

    def _measured(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(work)
        def measured(*args: Any, **named: Any) -> Any:
            began_s = time.thread_time()
            try:
                return work(*args, **named)
            finally:
                used_s = time.thread_time() - began_s
                cast("JumpingLoop", asyncio.get_running_loop())._jump.time_s += used_s
                part = self.parts.setdefault(name, Part())
                part.calls += 1
                part.used_s += used_s
                part.longest_s = max(part.longest_s, used_s)

        return measured


async def follow(stage: Stage, fleet: SimulatedFleet, run_id: str, ages_s: list[float]) -> None:
    """Note how old each arrival was when an event of the live feed counted it."""
    feed = stage.house.feeds.find(run_id)
    assert feed is not None
    shown = 0
    with feed.subscribe() as subscription:
        while (events := await subscription.take(1)) is not None:
            for event in events:
                if event.kind == "window":
                    total = json.loads(event.data)["accounting"]["succeeded"]
                    ages_s += fleet.ages_s(shown, total)
                    shown = total


async def measure(drivers: int, seconds: int, meter: Meter) -> None:
    """Run a tsunami on so many drivers, and print what was used after its first two seconds."""
    stage = Stage()
    await stage.lead()
    fleet = SimulatedFleet(cast("Bus", MemoryBus(stage.log)), TOPICS, drivers, real=False)
    simulation = asyncio.create_task(fleet.run())
    await asyncio.sleep(3)
    count = (seconds + 8) * _RATE_PER_S
    plan = make_plan(count, 1000 // _RATE_PER_S, drivers={"min": drivers})
    run_id = await stage.submit(plan)
    ages_s: list[float] = []
    following = asyncio.create_task(follow(stage, fleet, run_id, ages_s))
    await stage.until(run_id, "RUNNING")
    await asyncio.sleep(2)
    meter.parts.clear()
    ages_s.clear()
    began_s = asyncio.get_running_loop().time()
    await asyncio.sleep(seconds)
    show(drivers, asyncio.get_running_loop().time() - began_s, meter, ages_s)
    following.cancel()
    simulation.cancel()
    await stage.kill()


def show(drivers: int, lasted_s: float, meter: Meter, ages_s: list[float]) -> None:
    """Print a table of the parts, and the sum."""
    print(f"{drivers:,} drivers\n  part         a second    µs each    µs a beat  longest, ms")
    beats = drivers * lasted_s / EVERY_S
    for name, part in sorted(meter.parts.items(), key=lambda each: -each[1].used_s):
        print(
            f"  {name:12} {part.calls / lasted_s:8,.0f} {part.used_s / part.calls * 1e6:10,.0f}"
            f" {part.used_s / beats * 1e6:12.1f} {part.longest_s * 1000:12.1f}"
        )
    used_s = sum(part.used_s for part in meter.parts.values())
    p50, p99 = at(ages_s, 0.5), at(ages_s, 0.99)
    print(
        f"  {'together':12} {used_s / lasted_s:8.2f} cores {used_s / beats * 1e6:17.1f}"
        f"     staleness p50 {p50:.2f} s, p99 {p99:.2f} s, most {max(ages_s):.2f} s",
        flush=True,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drivers", default="10,100,300,1000", help="numbers (10,100,300,1000)")
    parser.add_argument("--seconds", type=int, default=35, help="a checkpoint comes in 30 s (35)")
    chosen = parser.parse_args()
    calm_collector()
    meter = Meter()
    for owner, name in (
        (Command, "hear"),
        (Command, "turn"),
        (Command, "level"),
        (Newsroom, "tick"),
        (Assembly, "take"),
        (intake, "decode"),
        (intake, "read_parts"),
    ):
        meter.watch(owner, name)
    for drivers in [int(each) for each in chosen.drivers.split(",")]:
        play(measure(drivers, chosen.seconds, meter))


if __name__ == "__main__":
    main()
