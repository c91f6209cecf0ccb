"""Pods are in a run's history, and decide nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.orchestra import make_plan
from tests.unit.small_deployment import SmallDeployment
from tests.unit.stage import Stage, outcome, perform

from orchestrator.operations import NotOnKubernetesError
from orchestrator.pods import Pod
from orchestrator.workload import ClusterView, Workload

UP = tuple(Pod(name, phase="Running", ready=True) for name in ("d1", "d2"))
NO_ROOM = Pod("d3", phase="Pending", reason="Unschedulable", message="0/2", trouble="waiting")
OOM = ("OOMKilled", "it used more memory than its limit")
WAITING = "d3 is not coming (Unschedulable): 0/2"


def view(*pods: Pod, desired: int = 2) -> ClusterView:
    """Return a view of these pods."""
    return ClusterView(
        "load", "driver", known=True, workload=Workload(desired, 2, "a=b"), pods=pods
    )


def told(report: dict[str, Any]) -> list[tuple[str, str | None, str]]:
    """Return the events of a report that are about pods."""
    kinds = ("pod_waiting", "pod_failed", "scaled")
    rows = [(e["kind"], e["driver_id"], e["text"]) for e in report["events"]]
    return [row for row in rows if row[0] in kinds]


def test_what_happens_to_pods_is_in_the_report_and_changes_no_figure() -> None:
    """Drivers that are heard work on, whatever is said of their pods."""
    deployment = SmallDeployment(view(*UP))

    async def script(stage: Stage) -> None:
        run_id = await stage.start(make_plan(400), 1)
        deployment.seen = view(*UP, NO_ROOM, desired=3)
        await asyncio.sleep(1)
        live = stage.desk.live(run_id)
        assert live is not None
        assert told(live) == [
            ("scaled", None, "3 pods are wanted for drivers, before it was 2"),
            ("pod_waiting", "d3", WAITING),
        ]
        killed = replace(UP[0], restarts=1, last_end=OOM)
        deployment.seen = view(killed, UP[1], NO_ROOM, desired=3)
        await asyncio.sleep(1)
        deployment.seen = replace(deployment.seen, problem="the API is away")
        report = await stage.report(run_id)
        assert outcome(report) == ("FINISHED", 800, 800, {}, 0)
        assert (
            told(report)
            == [
                ("scaled", None, "3 pods are wanted for drivers, before it was 2"),
                ("pod_waiting", "d3", WAITING),
                ("pod_failed", "d1", "d1 failed (OOMKilled): it used more memory than its limit"),
                ("pod_failed", "d2", "d2 failed (Deleted): its pod was taken away at once"),
                ("pod_failed", "d1", "d1 failed (Deleted): its pod was taken away at once"),
            ][:3]
            + told(report)[3:]
        )
        assert report["verdict"]["degraded"] == []

    perform(2, script, deployment=deployment)


def test_a_run_goes_on_after_a_restart_without_telling_it_twice() -> None:
    """What was told is in the journal; what is new since is told."""
    deployment = SmallDeployment(view(*UP, NO_ROOM))

    async def script(stage: Stage) -> None:
        run_id = await stage.start(make_plan(600), 6)
        for _ in range(3):
            await stage.restart(1)
            await asyncio.sleep(1)
        deployment.seen = view(*UP, replace(NO_ROOM, reason="ErrImagePull", message="gone"))
        report = await stage.report(run_id)
        assert outcome(report) == ("FINISHED", 1200, 1200, {}, 0)
        assert told(report) == [
            ("pod_waiting", "d3", WAITING),
            ("pod_waiting", "d3", "d3 is not coming (ErrImagePull): gone"),
        ]

    perform(2, script, deployment=deployment)


def test_a_run_without_drivers_says_what_keeps_them() -> None:
    """The reason stands beside the failure."""
    deployment = SmallDeployment(view(NO_ROOM, desired=1))

    async def script(stage: Stage) -> None:
        run_id = await stage.submit(make_plan(drivers={"wait": "5s"}))
        report = await stage.report(run_id)
        assert report["run"]["state"] == "FAILED"
        assert told(report) == [("pod_waiting", "d3", WAITING)]

    perform(0, script, deployment=deployment)


def test_the_desk_knows_pods_and_the_drivers_heard_from_them() -> None:
    """A driver that is lost is not heard."""
    deployment = SmallDeployment(view(*UP, NO_ROOM, desired=3))

    async def script(stage: Stage) -> None:
        fleet = stage.desk.fleet()
        assert (fleet.desired, fleet.ready, fleet.eligible) == (3, 2, 2)
        assert [(p.name, p.drivers) for p in fleet.pods] == [
            ("d1", ["d1"]),
            ("d2", ["d2"]),
            ("d3", []),
        ]
        figures = stage.desk.figures()
        assert (figures.fleet_desired, figures.fleet_ready) == (3, 2)
        stage.drivers["d2"].mute = True
        await asyncio.sleep(5)
        assert [p.drivers for p in stage.desk.fleet().pods] == [["d1"], [], []]
        assert (await stage.desk.scale(7)).desired == 7
        assert deployment.asked == [7]

    perform(2, script, deployment=deployment)


def test_without_a_cluster_there_is_nothing_of_it() -> None:
    """Neither figures nor pods; scaling says what to do instead."""

    async def script(stage: Stage) -> None:
        figures = stage.desk.figures()
        assert (figures.fleet_desired, figures.fleet_ready) == (None, None)
        with pytest.raises(NotOnKubernetesError, match="spate local --drivers N"):
            await stage.desk.scale(3)

    perform(0, script)
