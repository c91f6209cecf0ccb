"""A stage for whole runs: a log in memory, an orchestrator, drivers, in time that jumps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from tests.unit.orchestra import FakeArchive, LoopClock, loop_ms, make_plan, play
from tests.unit.scripted_driver import ScriptedDriver
from tests.unit.small_deployment import SmallDeployment

from orchestrator.archive import Archive
from orchestrator.assembly import Assembly, end_unreadable, forget_archived, take_the_lead
from orchestrator.desk import Desk
from orchestrator.scaling import Scaling
from spate.allowlist import DEFAULT_TEXT, Allowlist
from spate.membus import MemoryBus, MemoryLog
from spate.plan import Plan
from spate.timing import Timing
from spate.topics import topic_table

TOPICS = topic_table()


class Stage:
    """A log, an archive, orchestrators and drivers."""

    def __init__(self, max_queued: int = 5, deployment: SmallDeployment | None = None) -> None:
        self.max_queued = max_queued
        self.deployment = deployment
        self.log = MemoryLog(loop_ms)
        self.archive = FakeArchive()
        self.bus = MemoryBus(self.log)
        self.house: Assembly
        self.tasks: set[asyncio.Task[None]] = set()
        self.drivers: dict[str, ScriptedDriver] = {}
        self.everybody: list[ScriptedDriver] = []
        self.lives: dict[str, asyncio.Task[None]] = {}

    async def open(self, drivers: int) -> None:
        """Start an orchestrator, and so many drivers."""
        await self.lead()
        for k in range(drivers):
            self.join(f"d{k + 1}")
        await asyncio.sleep(2)

    async def lead(self, ahead_s: float = 0) -> None:
        """Start an orchestrator, whose wall clock may be ahead."""
        self.bus = MemoryBus(self.log)
        clock, archive = LoopClock(ahead_s), cast("Archive", self.archive)
        await self.bus.ensure_topics(TOPICS.configs)
        writer, epoch, memory = await take_the_lead(self.bus, TOPICS, "orchestrator", clock)
        await forget_archived(memory, archive, writer, TOPICS)
        await end_unreadable(memory, epoch, writer, TOPICS)
        self.house = Assembly(
            bus=self.bus,
            topics=TOPICS,
            clock=clock,
            timing=Timing(),
            archive=archive,
            allowlist=Allowlist.parse(DEFAULT_TEXT),
            max_queued=self.max_queued,
            writer=writer,
            epoch=epoch,
            memory=memory,
            scaling=Scaling(self.deployment),
        )
        await self.house.catch_up()
        self.tasks = self.house.start()

    @property
    def desk(self) -> Desk:
        """The orchestrator's desk."""
        return self.house.desk

    async def kill(self) -> None:
        """End the orchestrator without a word."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.bus.close()

    def join(self, driver_id: str, boot_id: str = "b") -> ScriptedDriver:
        """Start a driver."""
        driver = ScriptedDriver(MemoryBus(self.log), TOPICS, driver_id, boot_id)
        self.drivers[driver_id] = driver
        self.everybody.append(driver)
        self.lives[driver_id] = asyncio.ensure_future(driver.run())
        return driver

    async def start(self, plan: Plan, for_s: float = 0) -> str:
        """Submit a plan and let it run for so long; return its run's id."""
        run_id = await self.submit(plan)
        await self.until(run_id, "RUNNING")
        await asyncio.sleep(1 + for_s)
        return run_id

    async def restart(self, after_s: float = 0.5, ahead_s: float = 0) -> None:
        """End the orchestrator without a word, and start another one later."""
        await self.kill()
        await asyncio.sleep(after_s)
        await self.lead(ahead_s)

    async def submit(self, plan: Plan | None = None) -> str:
        """Submit a plan; return its run's id."""
        return (await self.house.desk.submit(plan or make_plan(), None, "")).run_id

    async def report(self, run_id: str, within_s: float = 60) -> dict[str, Any]:
        """Wait for a run's report."""
        async with asyncio.timeout(within_s):
            while run_id not in self.archive.reports:
                self.check()
                await asyncio.sleep(0.1)
        return cast("dict[str, Any]", self.archive.reports[run_id])

    async def until(self, run_id: str, state: str) -> None:
        """Wait for a run's state."""
        async with asyncio.timeout(30):
            while self.state(run_id) != state:  # noqa: ASYNC110 - as a user would
                await asyncio.sleep(0.05)

    def state(self, run_id: str) -> str:
        """Return a run's state."""
        director = self.house.directory.find(run_id)
        return director.run.state if director else "archived"

    def sent(self, run_id: str) -> int:
        """Return how many arrivals were sent; none of them twice (I1)."""
        indices = [i for driver in self.everybody for i in driver.sent.get(run_id, [])]
        assert len(indices) == len(set(indices))
        return len(indices)

    def check(self) -> None:
        """Fail if a part of the orchestrator broke."""
        for task in self.tasks:
            if task.done():
                task.result()

    async def close(self) -> None:
        """End everybody."""
        self.check()
        await self.kill()
        for life in self.lives.values():
            life.cancel()
        await asyncio.gather(*self.lives.values(), return_exceptions=True)


def perform(
    drivers: int,
    script: Callable[[Stage], Awaitable[None]],
    *,
    max_queued: int = 5,
    deployment: SmallDeployment | None = None,
) -> None:
    """Play a script before an orchestrator and so many drivers; no part of it may break."""

    async def act() -> None:
        stage = Stage(max_queued, deployment)
        await stage.open(drivers)
        await script(stage)
        await stage.close()

    play(act())


def outcome(report: dict[str, Any]) -> tuple[str, int, int, dict[str, int], int]:
    """Return state, planned, succeeded, missed and unconfirmed; the books must add up."""
    books = report["accounting"]
    missed = {cause: n for cause, n in books["missed"].items() if n}
    assert books["planned"] == books["succeeded"] + sum(missed.values()) + books["unconfirmed"]
    assert [d for d in report["verdict"]["degraded"] if d["reason"] == "accounting"] == []
    return (
        report["run"]["state"],
        books["planned"],
        books["succeeded"],
        missed,
        books["unconfirmed"],
    )


def texts(report: dict[str, Any], kind: str) -> list[str]:
    """Return the texts of the report's events of a kind."""
    return [event["text"] for event in report["events"] if event["kind"] == kind]
