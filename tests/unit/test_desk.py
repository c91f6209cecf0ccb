"""The desk answers what users ask, with sentences where it refuses."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.orchestra import make_plan
from tests.unit.scripted_driver import ScriptedDriver
from tests.unit.stage import TOPICS, Stage, perform

from orchestrator.archive import KeyOwner
from orchestrator.operations import (
    KeyConflictError,
    NotOnKubernetesError,
    QueueFullError,
    TargetNotAllowedError,
    UnavailableError,
    UnknownRunError,
    WrongStateError,
)
from spate.membus import MemoryBus

WAITING = make_plan(drivers={"wait": "1h"})


def test_a_plan_becomes_a_run() -> None:
    """It is in the journal before it is answered, and can be seen at once."""

    async def script(stage: Stage) -> None:
        submitted = await stage.desk.submit(WAITING, None, "")
        assert submitted.created
        assert submitted.run_id.startswith("waves-")
        keys = [r.key for r in stage.log.partition((TOPICS.runs, 0)).since(0, 99)]
        assert f"{submitted.run_id}/plan" in keys
        view = stage.desk.live(submitted.run_id)
        assert view is not None
        assert (view["run"]["state"], view["accounting"]["planned"]) == ("PENDING", 0)
        assert [row.id for row in stage.desk.live_runs()] == [submitted.run_id]
        assert stage.desk.live("nobody") is None

    perform(0, script)


def test_a_key_names_one_run() -> None:
    """The same body gives the same run, also of the archive; another body is refused."""

    async def script(stage: Stage) -> None:
        desk = stage.desk
        both = await asyncio.gather(*(desk.submit(WAITING, "k", "one") for _ in range(2)))
        assert both[0].run_id == both[1].run_id
        assert sorted(each.created for each in both) == [False, True]
        with pytest.raises(KeyConflictError, match="made from another body; use a new key"):
            await desk.submit(WAITING, "k", "two")
        stage.archive.keys["old"] = KeyOwner("archived", "one")
        assert (await desk.submit(WAITING, "old", "one")).run_id == "archived"

    perform(0, script)


@pytest.mark.parametrize("max_queued", [0, 2])
def test_only_so_many_runs_may_wait(max_queued: int) -> None:
    """Beside the one under way, whether it has begun already or begins in a moment."""

    async def script(stage: Stage) -> None:
        for _ in range(1 + max_queued):
            await stage.desk.submit(WAITING, None, "")
        for pause_s in (0, 1):
            await asyncio.sleep(pause_s)
            with pytest.raises(QueueFullError, match="as many runs wait as may wait"):
                await stage.desk.submit(WAITING, None, "")
        await stage.desk.abort(stage.desk.live_runs()[0].id)
        await asyncio.sleep(1)
        await stage.desk.submit(WAITING, None, "")
        await asyncio.sleep(1)
        assert stage.desk.figures().runs_queued == max_queued

    perform(0, script, max_queued=max_queued)


def test_a_target_must_be_allowed() -> None:
    """Nothing is journaled of a plan whose target is not."""

    async def script(stage: Stage) -> None:
        plan = make_plan(target="http://192.0.2.1")
        with pytest.raises(TargetNotAllowedError, match=r"192\.0\.2\.1") as refused:
            await stage.desk.submit(plan, None, "")
        assert [problem.path for problem in refused.value.problems] == ["target"]
        assert stage.desk.live_runs() == []

    perform(0, script)


def test_stop_and_abort_of_what_is_not_there() -> None:
    """Unknown runs and runs that ended are told apart."""

    async def script(stage: Stage) -> None:
        desk = stage.desk
        for verb in (desk.stop, desk.abort):
            with pytest.raises(UnknownRunError, match="no run x is under way or waiting"):
                await verb("x")
        run_id = (await desk.submit(WAITING, None, "")).run_id
        stage.archive.broken = 99
        await desk.stop(run_id)
        await desk.stop(run_id)
        with pytest.raises(WrongStateError, match="is FINISHED: it has ended"):
            await desk.abort(run_id)
        other = (await desk.submit(WAITING, None, "")).run_id
        await desk.abort(other)
        await desk.abort(other)
        with pytest.raises(WrongStateError, match="is ABORTED: it has ended"):
            await desk.stop(other)
        director = stage.house.directory.find(other)
        assert director is not None
        assert not director.run.stopped
        await asyncio.sleep(2)
        await desk.stop(run_id)
        await desk.abort(other)

    perform(0, script)


def test_without_kafka_nothing_is_taken() -> None:
    """What was journaled is still answered."""

    async def script(stage: Stage) -> None:
        desk = stage.desk
        run_id = (await desk.submit(WAITING, None, "")).run_id
        assert desk.readiness().ready
        stage.bus.offline = True
        for call in (desk.submit(WAITING, None, ""), desk.stop(run_id), desk.abort(run_id)):
            with pytest.raises(UnavailableError, match="Kafka is unreachable"):
                await call
        assert desk.live(run_id) is not None
        await asyncio.sleep(30)
        stage.bus.offline = False
        assert desk.readiness().reason == "the journal cannot be written to Kafka"
        await asyncio.sleep(2)
        assert desk.readiness().ready
        await desk.abort(run_id)

    perform(0, script)


def test_drivers_are_shown_as_the_planner_sees_them() -> None:
    """Idle, working, deaf, leaving, lost; an earlier life of one that is back is not shown."""

    async def script(stage: Stage) -> None:
        desk = stage.desk
        drivers = {
            name: ScriptedDriver(MemoryBus(stage.log), TOPICS, name) for name in ("d1", "d2", "d3")
        }
        lives = {name: asyncio.ensure_future(driver.run()) for name, driver in drivers.items()}
        await asyncio.sleep(2)
        assert [(r.driver_id, r.state, r.cpu_count) for r in desk.drivers()] == [
            (name, "idle", 2) for name in drivers
        ]
        assert desk.fleet().eligible == 3
        run_id = (await desk.submit(make_plan(400), None, "")).run_id
        await asyncio.sleep(3)
        drivers["d2"].leave()
        drivers["d3"].mute = True
        await asyncio.sleep(0.5)
        states = {row.driver_id: row.state for row in desk.drivers()}
        assert states == {"d1": "working", "d2": "leaving", "d3": "working"}
        await asyncio.sleep(4)
        assert {row.driver_id: row.state for row in desk.drivers()}["d3"] == "lost"
        lives["d2"].cancel()
        lives["d3"].cancel()
        again = ScriptedDriver(MemoryBus(stage.log), TOPICS, "d3", "other")
        lives["again"] = asyncio.ensure_future(again.run())
        await asyncio.sleep(5)
        assert {r.driver_id: (r.state, r.boot_id) for r in desk.drivers()} == {
            "d1": ("working", "b"),
            "d2": ("leaving", "b"),
            "d3": ("working", "other"),  # R24
        }
        drivers["d1"].deaf = True
        await desk.abort(run_id)
        figures = desk.figures()
        assert figures.run is not None
        assert (figures.run.run_id, figures.run.state) == (run_id, "ABORTED")
        assert figures.drivers == {"working": 1, "leaving": 1, "idle": 1}
        assert figures.snapshots["merged"] > 0
        assert figures.driver_losses == 1
        lives["d1"].cancel()
        await asyncio.sleep(2)
        assert {row.driver_id: row.state for row in desk.drivers()}["d1"] != "idle"
        for life in lives.values():
            life.cancel()
        await asyncio.gather(*lives.values(), return_exceptions=True)

    perform(0, script)


def test_without_a_cluster_nothing_is_scaled() -> None:
    """The text says what to do instead."""

    async def script(stage: Stage) -> None:
        with pytest.raises(NotOnKubernetesError, match="spate local --drivers N"):
            await stage.desk.scale(3)

    perform(0, script)
