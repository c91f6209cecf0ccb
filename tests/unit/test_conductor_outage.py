"""Kafka is away for a while: everybody waits, nothing is sent twice, and users are told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from tests.unit.orchestra import make_plan
from tests.unit.stage import Stage, outcome, perform, texts

from orchestrator.operations import UnavailableError
from spate.bus import Ack, Outgoing

LONG = make_plan(1200)
"""A minute, with twenty arrivals a second for each of the first drivers."""


def test_a_broker_that_the_orchestrator_misses_only_delays_it() -> None:
    """Orders are repeated until they are in the log, and a run goes on where it was."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(make_plan(800), 1)
        stage.bus.offline = True
        await asyncio.sleep(20)
        assert not stage.desk.readiness().ready
        stage.bus.offline = False
        report = await stage.report(run_id)
        assert outcome(report) == ("FINISHED", 1600, 1600, {}, 0)
        assert len(texts(report, "problem")) == 1
        assert stage.desk.readiness().ready

    perform(2, script)


def test_a_slow_log_costs_nothing() -> None:
    """The start is ordered so far ahead that everybody hears of it, and may send, in time."""

    async def script(stage: Stage) -> None:
        stage.log.delay_s = 0.9
        await asyncio.sleep(3)
        run_id = await stage.start(make_plan(100), 1)
        assert outcome(await stage.report(run_id)) == ("FINISHED", 200, 200, {}, 0)

    perform(2, script)


def test_a_log_that_is_away_for_twenty_seconds_costs_just_that() -> None:
    """R3a: all drivers stop by themselves and go on when it is back; nothing is unconfirmed."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 3)
        stage.log.offline = True
        await asyncio.sleep(20)
        view = stage.desk.live(run_id)
        assert view is not None
        assert view["run"]["waiting_for"] == "Kafka"
        stage.log.offline = False
        report = await stage.report(run_id, within_s=90)
        state, planned, succeeded, missed, unconfirmed = outcome(report)
        assert (state, planned, unconfirmed) == ("FINISHED", 2400, 0)
        assert succeeded == stage.sent(run_id)
        assert 700 <= sum(missed.values()) <= 900  # 18 s of 40 a second, and the way back
        assert set(missed) <= {"fenced", "handover", "no_driver"}
        (away,) = texts(report, "problem")
        assert away.startswith("Kafka could not be reached for ")

    perform(2, script)


def test_a_log_that_is_away_for_more_than_a_minute_ends_the_run() -> None:
    """When it is back: a load with such a hole is none."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(make_plan(4000), 3)
        waiting = await stage.submit()
        stage.log.offline = True
        await asyncio.sleep(70)
        stage.log.offline = False
        report = await stage.report(run_id, within_s=30)
        state, _, succeeded, missed, unconfirmed = outcome(report)
        assert (state, list(missed), unconfirmed) == ("ABORTED", ["aborted"], 0)
        assert succeeded == stage.sent(run_id)
        assert report["run"]["reason"].startswith("Kafka could not be reached for 69.")
        assert outcome(await stage.report(waiting)) == ("FINISHED", 40, 40, {}, 0)

    perform(2, script)


def test_a_log_that_is_away_while_a_run_prepares_is_waited_for() -> None:
    """R25: the wait for drivers is that much longer."""

    async def script(stage: Stage) -> None:
        run_id = await stage.submit(make_plan(drivers={"min": 2, "wait": "5s"}))
        await stage.until(run_id, "PREPARING")
        await asyncio.sleep(1)
        stage.log.offline = True
        await asyncio.sleep(20)
        stage.log.offline = False
        await asyncio.sleep(1)
        assert stage.state(run_id) == "PREPARING"
        stage.join("d2")
        assert outcome(await stage.report(run_id)) == ("FINISHED", 40, 40, {}, 0)

    perform(1, script)


def test_a_log_that_goes_away_while_a_run_ends_delays_its_end() -> None:
    """Snapshots come again until they are in the log (R11); all is accounted for."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(make_plan(60), 2.2)
        stage.log.offline = True
        await asyncio.sleep(15)
        assert run_id not in stage.archive.reports
        stage.log.offline = False
        state, planned, succeeded, missed, unconfirmed = outcome(await stage.report(run_id))
        assert (state, planned, unconfirmed) == ("FINISHED", 120, 0)
        assert succeeded == stage.sent(run_id)
        assert set(missed) <= {"fenced", "no_driver", "handover"}

    perform(2, script)


def test_a_plan_that_kafka_does_not_take_is_refused_and_never_runs() -> None:
    """In five seconds; not even when Kafka is back, nor for the next orchestrator."""

    async def script(stage: Stage) -> None:
        stage.log.delay_s = 0.1
        submitting = asyncio.ensure_future(stage.desk.submit(make_plan(), None, ""))
        await asyncio.sleep(0.05)
        began_s = asyncio.get_running_loop().time()
        stage.log.offline = True
        with pytest.raises(UnavailableError, match="may still do so: then the run is taken back"):
            await submitting
        assert asyncio.get_running_loop().time() - began_s == pytest.approx(5, abs=0.1)
        await asyncio.sleep(5)
        stage.log.offline, stage.log.delay_s = False, 0
        await asyncio.sleep(10)
        assert stage.desk.live_runs() == []
        assert {run for driver in stage.everybody for run in driver.worked} == set()
        await stage.restart()
        assert stage.desk.live_runs() == []

    perform(1, script)


@pytest.mark.parametrize(("verb", "end"), [("stop", "FINISHED"), ("abort", "ABORTED")])
def test_an_order_that_kafka_does_not_take_is_carried_out_later(verb: str, end: str) -> None:
    """The user is told so in five seconds."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 3)
        stage.log.delay_s = 0.1
        await asyncio.sleep(1)
        ordering = asyncio.ensure_future(getattr(stage.desk, verb)(run_id))
        await asyncio.sleep(0)
        stage.log.offline = True
        with pytest.raises(UnavailableError, match="carried out as soon as Kafka is back"):
            await ordering
        assert stage.state(run_id) == "RUNNING"
        stage.log.offline, stage.log.delay_s = False, 0
        report = await stage.report(run_id, within_s=20)
        sent = stage.sent(run_id)
        assert outcome(report)[:3] == (end, 2400, sent)
        assert outcome(report)[4] == 0

    perform(2, script)


def test_an_order_that_came_too_late_is_told_to_nobody() -> None:
    """The run had ended by another order when Kafka was back."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 1)
        stage.log.delay_s = 0.1
        await asyncio.sleep(1)
        orders = [asyncio.ensure_future(stage.desk.abort(run_id)) for _ in range(2)]
        await asyncio.sleep(0)
        stage.log.offline = True
        for order in orders:
            with pytest.raises(UnavailableError):
                await order
        stage.log.offline, stage.log.delay_s = False, 0
        assert outcome(await stage.report(run_id, within_s=20))[0] == "ABORTED"

    perform(2, script)


@pytest.mark.parametrize(("verb", "state"), [("stop", "DRAINING"), ("abort", "ABORTED")])
def test_an_order_that_is_repeated_is_answered_once_it_is_in_the_log(verb: str, state: str) -> None:
    """Not before: who was told 503 and asks again would take the first order for done."""

    async def script(stage: Stage) -> None:
        order, writer = getattr(stage.desk, verb), stage.house.conductor._writer
        commit, taken = writer.commit, asyncio.Event()

        async def late(records: Sequence[Outgoing]) -> tuple[Ack, ...]:
            if stage.state(run_id) == state:
                await taken.wait()
            return await commit(records)

        run_id = await stage.start(LONG, 3)
        writer.commit = late  # type: ignore[method-assign]
        for _ in range(2):
            with pytest.raises(UnavailableError, match="carried out as soon as Kafka is back"):
                await order(run_id)
        assert stage.state(run_id) == state
        third = asyncio.ensure_future(order(run_id))
        await asyncio.sleep(1)
        assert not third.done()
        taken.set()
        await third
        assert (await stage.report(run_id, within_s=20))["run"]["stopped"] is (verb == "stop")

    perform(2, script)


def test_ends_of_the_metrics_that_cannot_be_fetched_are_asked_for_again() -> None:
    """R29: without them nobody knows whether everything was read."""

    async def script(stage: Stage) -> None:
        fetch, asked = stage.house.intake.metrics_ends, 0

        async def fail_first() -> dict[int, int] | None:
            nonlocal asked
            asked += 1
            return None if asked < 3 else await fetch()

        stage.house.intake.metrics_ends = fail_first  # type: ignore[method-assign]
        assert outcome(await stage.report(await stage.submit())) == ("FINISHED", 20, 20, {}, 0)
        assert asked == 3

    perform(1, script)
