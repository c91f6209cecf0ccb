"""Whatever breaks around the orchestrator, a run ends and its books add up."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.unit.orchestra import make_plan
from tests.unit.scripted_driver import ScriptedDriver
from tests.unit.stage import TOPICS, Stage, outcome, perform, texts

from spate.bus import Outgoing, ProducerOptions
from spate.messages import AnyMessage, ClosedTerm, RangeEnd


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


def test_a_driver_that_does_not_answer_is_left_out() -> None:
    """After 5 s the work is granted afresh to the others; the count stays as it was fixed."""

    async def script(stage: Stage) -> None:
        silent = stage.drivers["d2"]
        receive = silent.receive

        def hear_beats(message: AnyMessage) -> None:
            if message.kind == "beat":
                receive(message)

        silent.receive = hear_beats  # type: ignore[method-assign]
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
        assert stage.house.intake.bad_messages == {"heartbeat": 5, "metrics": 6, "register": 5}

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
