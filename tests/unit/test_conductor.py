"""The orchestrator conducts whole runs over a log in memory."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.orchestra import make_plan
from tests.unit.stage import TOPICS, Stage, outcome, perform


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
        kept = (house.newsroom._told, house.feeds._feeds)
        assert [len(each) for each in kept] == [0, 0]
        assert list(house.directory) == []
        assert (house.command._ends, house.command._settled) == ({}, set())
        assert len(house.command._beats_sent) <= 2
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
