"""The orchestrator conducts whole runs over a log in memory, in time that jumps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from tests.unit.orchestra import (
    FakeArchive,
    LoopClock,
    ScriptedDriver,
    loop_ms,
    make_plan,
    play,
)

from orchestrator.archive import Archive
from orchestrator.assembly import Assembly, forget_archived, take_the_lead
from orchestrator.intake import Intake
from spate.allowlist import DEFAULT_TEXT, Allowlist
from spate.bus import FencedError, Outgoing, ProducerOptions
from spate.membus import MemoryBus, MemoryLog
from spate.messages import ClosedTerm, RangeEnd
from spate.plan import Plan
from spate.timing import Timing
from spate.topics import topic_table

TOPICS = topic_table()


class Stage:
    """A log, an archive, orchestrators and drivers."""

    def __init__(self) -> None:
        self.log = MemoryLog(loop_ms)
        self.archive = FakeArchive()
        self.bus = MemoryBus(self.log)
        self.house: Assembly
        self.tasks: set[asyncio.Task[None]] = set()
        self.drivers: dict[str, ScriptedDriver] = {}
        self.lives: dict[str, asyncio.Task[None]] = {}

    async def open(self, drivers: int) -> None:
        """Start an orchestrator, and so many drivers."""
        await self.lead()
        for k in range(drivers):
            self.join(f"d{k + 1}")
        await asyncio.sleep(2)

    async def lead(self) -> None:
        """Start an orchestrator."""
        self.bus = MemoryBus(self.log)
        clock, archive = LoopClock(), cast("Archive", self.archive)
        writer, epoch, memory = await take_the_lead(self.bus, TOPICS, "orchestrator", clock)
        revision = memory.highest_revision()
        await forget_archived(memory, archive, writer, TOPICS)
        intake = Intake(self.bus, TOPICS)
        await intake.open()
        self.house = Assembly(
            bus=self.bus,
            topics=TOPICS,
            clock=clock,
            timing=Timing(),
            archive=archive,
            allowlist=Allowlist.parse(DEFAULT_TEXT),
            max_queued=5,
            writer=writer,
            intake=intake,
            epoch=epoch,
            memory=memory,
            revision=revision,
        )
        self.tasks = self.house.start()

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
        self.lives[driver_id] = asyncio.ensure_future(driver.run())
        return driver

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
            while self.state(run_id) != state:
                await asyncio.sleep(0.05)

    def state(self, run_id: str) -> str:
        """Return a run's state."""
        director = self.house.directory.find(run_id)
        return director.run.state if director else "archived"

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


def perform(drivers: int, script: Callable[[Stage], Awaitable[None]]) -> None:
    """Play a script before an orchestrator and so many drivers."""

    async def act() -> None:
        stage = Stage()
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


def test_three_runs_back_to_back_use_all_drivers() -> None:
    """A run ends exactly, and the next begins with every driver of the last."""

    async def script(stage: Stage) -> None:
        runs = [await stage.submit() for _ in range(3)]
        for run_id in runs:
            report = await stage.report(run_id)
            assert outcome(report) == ("FINISHED", 60, 60, {}, 0)
            assert [row["driver_id"] for row in report["drivers"]] == ["d1", "d2", "d3"]
            assert {d.worked[run_id] for d in stage.drivers.values()} == {20}
        starts = [stage.archive.reports[run_id]["run"]["started_at"] for run_id in runs]
        ends = [stage.archive.reports[run_id]["run"]["ended_at"] for run_id in runs]
        assert sorted(zip(starts, ends, strict=True)) == list(zip(starts, ends, strict=True))
        assert all(end < start for end, start in zip(ends, starts[1:], strict=False))

    perform(3, script)


def test_hundreds_of_runs_leave_nothing_behind() -> None:
    """What is kept per run is dropped with the run, in memory and in the journal."""

    async def script(stage: Stage) -> None:
        for _ in range(30):
            await stage.report(await stage.submit(make_plan(2)))
        house = stage.house
        await asyncio.sleep(1)
        kept = (house.newsroom._told, house.newsroom._gaps, house.feeds._feeds)
        assert [len(each) for each in kept] == [0, 0, 0]
        assert list(house.directory) == []
        assert house.conductor._ends == {}
        assert len(house.conductor._beats_sent) <= 2
        partition = stage.log.partition((TOPICS.runs, 0))
        latest = {r.key: r.value for r in partition.since(0, 1_000_000)}
        assert sorted(key or "" for key, value in latest.items() if value) == ["boot", "revision"]

    perform(1, script)


@pytest.mark.parametrize("verb", ["stop", "abort"])
def test_a_run_under_way_ends_when_asked(verb: str) -> None:
    """What was not sent is missed(aborted), whether it is stopped or aborted; twice is as once."""

    async def script(stage: Stage) -> None:
        run_id = await stage.submit(make_plan(200))
        await stage.until(run_id, "RUNNING")
        await asyncio.sleep(3)
        for _ in range(2):
            await getattr(stage.house.desk, verb)(run_id)
        report = await stage.report(run_id, within_s=3)
        sent = sum(driver.worked[run_id] for driver in stage.drivers.values())
        state = {"stop": "FINISHED", "abort": "ABORTED"}[verb]
        assert outcome(report) == (state, 400, sent, {"aborted": 400 - sent}, 0)
        assert 0 < sent < 400
        assert report["run"]["stopped"] is (verb == "stop")

    perform(2, script)


@pytest.mark.parametrize("verb", ["stop", "abort"])
def test_a_run_ends_before_its_first_arrival(verb: str) -> None:
    """Between the order to start and the start all is missed(aborted)."""

    async def script(stage: Stage) -> None:
        run_id = await stage.submit()
        await stage.until(run_id, "RUNNING")
        await getattr(stage.house.desk, verb)(run_id)
        report = await stage.report(run_id, within_s=3)
        assert outcome(report)[1:] == (40, 0, {"aborted": 40}, 0)

    perform(2, script)


@pytest.mark.parametrize("verb", ["stop", "abort"])
@pytest.mark.parametrize("drivers", [0, 2])
def test_a_run_ends_while_it_prepares(verb: str, drivers: int) -> None:
    """All that was planned is missed(aborted); without drivers, planned for the fewest allowed."""

    async def script(stage: Stage) -> None:
        for driver in stage.drivers.values():
            driver.deaf = True
        run_id = await stage.submit()
        await stage.until(run_id, "PREPARING")
        await getattr(stage.house.desk, verb)(run_id)
        report = await stage.report(run_id, within_s=3)
        planned = 20 * max(1, drivers)
        assert outcome(report)[1:] == (planned, 0, {"aborted": planned}, 0)

    perform(drivers, script)


def test_a_waiting_run_is_aborted_without_a_look_at_the_one_under_way() -> None:
    """Runs go one at a time, in order; one that waits can be ended."""

    async def script(stage: Stage) -> None:
        first, second, third = [await stage.submit() for _ in range(3)]
        await stage.until(first, "RUNNING")
        assert (stage.state(second), stage.state(third)) == ("PENDING", "PENDING")
        await stage.house.desk.abort(second)
        assert outcome(await stage.report(second, within_s=2))[0] == "ABORTED"
        assert stage.state(third) == "PENDING"
        assert outcome(await stage.report(first))[2] == 20
        assert outcome(await stage.report(third))[2] == 20

    perform(1, script)


def test_a_driver_that_leaves_hands_back_its_work() -> None:
    """What a SIGTERMed driver had not begun is missed(no_driver), and nothing is unconfirmed."""

    async def script(stage: Stage) -> None:
        run_id = await stage.submit(make_plan(200))
        await stage.until(run_id, "RUNNING")
        await asyncio.sleep(3)
        stage.drivers["d1"].leave()
        stage.lives["d1"].cancel()
        report = await stage.report(run_id)
        sent = stage.drivers["d1"].worked[run_id]
        assert outcome(report) == ("FINISHED", 400, 200 + sent, {"no_driver": 200 - sent}, 0)
        assert texts(report, "left") == ["d1 was told to go and handed back what it had not begun"]
        assert texts(report, "lost") == []

    perform(2, script)


def test_a_killed_driver_leaves_what_it_may_have_sent_unconfirmed() -> None:
    """Its unreported claim is unconfirmed, the rest is missed; the others go on."""

    async def script(stage: Stage) -> None:
        run_id = await stage.submit(make_plan(200))
        await stage.until(run_id, "RUNNING")
        await asyncio.sleep(3)
        stage.lives["d1"].cancel()
        report = await stage.report(run_id)
        state, planned, succeeded, missed, unconfirmed = outcome(report)
        sent = stage.drivers["d1"].worked[run_id]
        assert (state, planned, succeeded) == ("FINISHED", 400, 200 + sent)
        assert missed == {"no_driver": 200 - sent - unconfirmed}
        assert 30 <= unconfirmed <= 50  # two seconds of twenty a second
        assert texts(report, "lost") == ["d1 was not heard for 3 s and is taken for lost"]

    perform(2, script)


def test_a_plan_may_say_that_a_loss_ends_the_run() -> None:
    """With ``on_loss: abort`` the first loss aborts."""

    async def script(stage: Stage) -> None:
        run_id = await stage.submit(make_plan(200, drivers={"on_loss": "abort"}))
        await stage.until(run_id, "RUNNING")
        stage.lives["d1"].cancel()
        report = await stage.report(run_id)
        assert outcome(report)[0] == "ABORTED"
        assert report["run"]["reason"] == "d1 was lost, and the plan says on_loss: abort"

    perform(2, script)


def test_a_driver_killed_during_an_abort_does_not_hold_the_end_up() -> None:
    """The run settles once the silent driver is lost for long enough."""

    async def script(stage: Stage) -> None:
        run_id = await stage.submit(make_plan(200))
        await stage.until(run_id, "RUNNING")
        await asyncio.sleep(3)
        stage.lives["d1"].cancel()
        await stage.house.desk.abort(run_id)
        report = await stage.report(run_id, within_s=10)
        assert outcome(report)[0] == "ABORTED"

    perform(2, script)


def test_the_drain_limit_ends_a_run_whose_driver_never_reports() -> None:
    """A driver that stays busy is waited for so long as a request may take, and 5 s more."""

    async def script(stage: Stage) -> None:
        run_id = await stage.submit(make_plan(200, limits={"timeout": "3s"}))
        await stage.until(run_id, "RUNNING")
        await asyncio.sleep(3)
        driver = stage.drivers["d1"]
        driver.in_flight = 1
        driver.send = lambda topic, message: (  # type: ignore[method-assign]
            None if topic == TOPICS.metrics else ScriptedDriver.send(driver, topic, message)
        )
        before = stage.drivers["d1"].worked[run_id]
        await asyncio.sleep(1)
        began_s = asyncio.get_running_loop().time()
        await stage.house.desk.stop(run_id)
        report = await stage.report(run_id)
        took_s = asyncio.get_running_loop().time() - began_s
        assert outcome(report)[4] == driver.worked[run_id] - before
        assert 8 <= took_s <= 9.5

    perform(1, script)


def test_a_frozen_orchestrator_loses_nobody() -> None:
    """It reads what was said meanwhile before it reads its own beat."""

    async def script(stage: Stage) -> None:
        run_id = await stage.submit(make_plan(400))
        await stage.until(run_id, "RUNNING")
        control = stage.house.intake.control

        async def slow(timeout_s: float) -> Any:
            stage.house.intake.control = control  # type: ignore[method-assign]
            await asyncio.sleep(10)
            return await control(timeout_s)

        stage.house.intake.control = slow  # type: ignore[method-assign]
        report = await stage.report(run_id)
        assert outcome(report) == ("FINISHED", 800, 800, {}, 0)
        assert texts(report, "lost") == []

    perform(2, script)


def test_a_broker_that_is_away_only_delays_the_orchestrator() -> None:
    """Orders are repeated until they are in the log, and a run goes on where it was."""

    async def script(stage: Stage) -> None:
        run_id = await stage.submit(make_plan(400))
        await stage.until(run_id, "RUNNING")
        await asyncio.sleep(2)
        stage.bus.offline = True
        await asyncio.sleep(20)
        assert not stage.house.desk.readiness().ready
        stage.bus.offline = False
        assert outcome(await stage.report(run_id)) == ("FINISHED", 800, 800, {}, 0)
        assert stage.house.desk.readiness().ready

    perform(2, script)


def test_too_few_drivers_fail_the_run_with_a_sentence() -> None:
    """After ``drivers.wait`` the run ends; nothing was sent."""

    async def script(stage: Stage) -> None:
        run_id = await stage.submit(make_plan(drivers={"min": 2, "wait": "5s"}))
        report = await stage.report(run_id, within_s=8)
        assert outcome(report) == ("FAILED", 40, 0, {"no_driver": 40}, 0)
        assert report["run"]["reason"] == (
            "too few drivers: the plan needs 2, and after 5 s 1 was there"
        )

    perform(1, script)


def test_a_driver_that_does_not_answer_is_left_out() -> None:
    """After 5 s the work is granted afresh to the others; the count stays as it was fixed."""

    async def script(stage: Stage) -> None:
        silent = stage.drivers["d2"]
        receive = silent.receive
        silent.receive = lambda m: receive(m) if m.kind == "beat" else None  # type: ignore[method-assign]
        report = await stage.report(await stage.submit())
        assert outcome(report) == ("FINISHED", 40, 40, {}, 0)
        assert [row["driver_id"] for row in report["drivers"]] == ["d1"]
        assert report["run"]["drivers"] == 2

    perform(2, script)


def test_nonsense_in_the_log_is_counted_and_passed_over() -> None:
    """Records that are no messages, of no run, or that cannot be, stop nothing."""

    async def script(stage: Stage) -> None:
        producer = stage.bus.producer(ProducerOptions())
        huge = stage.drivers["d1"].snapshot(0, ()).model_dump_json().encode()
        for topic in (TOPICS.heartbeat, TOPICS.metrics, TOPICS.register):
            for value in (b"", b"{}", b"\xff", b'{"kind":"heartbeat"}', b"[" * 10_000):
                producer.send(Outgoing(topic, value, "x", 0))
        for value in (huge.replace(b'"seq":0', b'"seq":' + b"9" * 400), huge):
            producer.send(Outgoing(TOPICS.metrics, value, "x", 0))
        assert outcome(await stage.report(await stage.submit()))[2] == 20
        assert stage.house.intake.bad_messages == {"heartbeat": 5, "metrics": 5, "register": 5}

    perform(1, script)


def test_a_driver_that_says_what_cannot_be_fails_the_run() -> None:
    """More decided than owned: the books cannot be trusted, and the run ends all the same."""

    async def script(stage: Stage) -> None:
        run_id = await stage.submit(make_plan(200))
        await stage.until(run_id, "RUNNING")
        await asyncio.sleep(1.5)
        driver = stage.drivers["d1"]
        driver.close_term()
        lie = RangeEnd(id=driver._closed[0].ranges[0].id, decided=999)
        driver._closed = [ClosedTerm(run_id=run_id, term=1, ranges=(lie,))]
        report = await stage.report(run_id, within_s=10)
        assert report["run"]["state"] == "FAILED"
        assert report["run"]["reason"].startswith(
            "the accounting cannot be trusted: d1 (term 1) ended range"
        )

    perform(1, script)


def test_a_restart_fails_the_run_under_way_and_keeps_those_that_wait() -> None:
    """What was granted is unconfirmed; drivers obey the new orchestrator at once."""

    async def script(stage: Stage) -> None:
        first = await stage.submit(make_plan(400))
        second = await stage.submit()
        await stage.until(first, "RUNNING")
        await asyncio.sleep(8)
        await stage.kill()
        await stage.lead()
        state, planned, succeeded, missed, unconfirmed = outcome(await stage.report(first))
        assert (state, planned) == ("FAILED", 800)
        sent = sum(driver.worked[first] for driver in stage.drivers.values())
        assert succeeded < sent <= succeeded + unconfirmed
        assert set(missed) == {"aborted"}
        assert outcome(await stage.report(second)) == ("FINISHED", 40, 40, {}, 0)
        await stage.kill()
        await stage.lead()
        assert list(stage.house.directory) == []
        third = await stage.report(await stage.submit())
        assert outcome(third) == ("FINISHED", 40, 40, {}, 0)

    perform(2, script)


def test_a_second_orchestrator_ends_the_first() -> None:
    """The first sees the newer boot entry, whether its producer was fenced or renewed."""

    async def script(stage: Stage) -> None:
        first = stage.tasks
        await stage.lead()
        done, _ = await asyncio.wait(first, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        with pytest.raises(FencedError, match="another orchestrator has taken over"):
            done.pop().result()
        for task in first:
            task.cancel()
        await asyncio.gather(*first, return_exceptions=True)
        assert outcome(await stage.report(await stage.submit()))[2] == 20

    perform(1, script)


def test_an_archive_that_fails_is_asked_again() -> None:
    """The report is written when it can be, the same; the next run does not wait for it."""

    async def script(stage: Stage) -> None:
        stage.archive.broken = 2
        first, second = await stage.submit(), await stage.submit()
        await stage.until(second, "RUNNING")
        assert first not in stage.archive.reports or stage.archive.broken == 0
        assert outcome(await stage.report(first))[2] == 20
        assert outcome(await stage.report(second))[2] == 20

    perform(1, script)


def test_a_joiner_shows_in_the_events() -> None:
    """A driver that appears during a run is told of, and stays without work until the next."""

    async def script(stage: Stage) -> None:
        run_id = await stage.submit(make_plan(200))
        await stage.until(run_id, "RUNNING")
        await asyncio.sleep(2)
        stage.join("d2")
        report = await stage.report(run_id)
        assert texts(report, "joined") == ["d2 appeared"]
        after = await stage.report(await stage.submit())
        assert outcome(after) == ("FINISHED", 40, 40, {}, 0)

    perform(1, script)
