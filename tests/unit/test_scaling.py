"""The fleet's size as people see it, and who may change it."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from tests.unit.small_deployment import SmallDeployment

from orchestrator.cluster_trouble import ClusterError
from orchestrator.fleet_size import NO_CLUSTER, SCALED_ELSEWHERE
from orchestrator.operations import (
    Fleet,
    NotOnKubernetesError,
    OperationError,
    PodRow,
    ScaledElsewhereError,
    TooManyDriversError,
    UnavailableError,
)
from orchestrator.pods import Pod
from orchestrator.scaling import Scaling
from orchestrator.workload import ClusterView, Workload

SEEN = ClusterView(
    namespace="load",
    deployment="driver",
    known=True,
    workload=Workload(2, 1, "a=b"),
    pods=(
        Pod("d-x", node="w1", phase="Running", ready=True, created_at="c", started_at="s"),
        Pod("d-y", reason="Unschedulable", message="0/2", trouble="waiting"),
    ),
)


FLEET = Fleet(
    on_kubernetes=True,
    scaled_by="spate",
    desired=2,
    ready=1,
    eligible=1,
    namespace="load",
    deployment="driver",
    pods=[
        PodRow(
            name="d-x",
            drivers=["d-x-0", "d-x-1"],
            node="w1",
            phase="Running",
            ready=True,
            terminating=False,
            restarts=0,
            reason=None,
            message=None,
            created_at="c",
            started_at="s",
        ),
        PodRow(
            name="d-y",
            drivers=[],
            node=None,
            phase="Unknown",
            ready=False,
            terminating=False,
            restarts=0,
            reason="Unschedulable",
            message="0/2",
            created_at=None,
            started_at=None,
        ),
    ],
    problem=None,
    hint=None,
)


def test_the_fleet_is_pods_and_the_drivers_heard_from_them() -> None:
    """A pod of which nothing is heard has no drivers."""
    heard = ["d-x-1", "d-x-0", "elsewhere"]
    assert Scaling(SmallDeployment(SEEN)).fleet(1, sorted(heard)) == FLEET


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        (SEEN, None),
        (replace(SEEN, problem="the API is away"), "the API is away"),
        (ClusterView("load", "driver"), "the cluster has not answered yet"),
        (
            replace(SEEN, workload=Workload(2, 1, "a=b", ("FailedCreate", "exceeded quota"))),
            "pods cannot be made (FailedCreate): exceeded quota",
        ),
        (replace(SEEN, workload=None), None),
    ],
)
def test_why_the_view_may_not_be_as_it_is(seen: ClusterView, problem: str | None) -> None:
    """A view that is old, or not there yet, says so."""
    assert Scaling(SmallDeployment(seen)).fleet(0, []).problem == problem


def test_hints_say_what_to_do() -> None:
    """Where there is no cluster, nobody is wanted, or an autoscaler has the say."""
    nobody = replace(SEEN, workload=Workload(0, 0, "a=b"))
    assert asdict(Scaling().fleet(3, [])) == {
        **dict.fromkeys(asdict(FLEET)),
        "on_kubernetes": False,
        "eligible": 3,
        "pods": [],
        "hint": NO_CLUSTER,
    }
    assert Scaling(SmallDeployment(nobody)).fleet(0, []).hint == (
        "no drivers are wanted; `spate scale 2` starts two, and so does "
        "`kubectl -n load scale deployment driver --replicas=2`"
    )
    elsewhere = Scaling(SmallDeployment(nobody), enabled=False).fleet(0, [])
    assert (elsewhere.scaled_by, elsewhere.hint) == ("autoscaler", SCALED_ELSEWHERE)


async def test_who_asked_is_told_what_is_wanted_now() -> None:
    """The view follows a moment later."""
    deployment = SmallDeployment(SEEN)
    fleet = await Scaling(deployment, max_drivers=5).scale(5, 1, ["d-x-0", "d-x-1"])
    assert deployment.asked == [5]
    assert fleet == replace(FLEET, desired=5)


@pytest.mark.parametrize(
    ("scaling", "error", "said"),
    [
        (Scaling(), NotOnKubernetesError, "does not run on Kubernetes"),
        (Scaling(SmallDeployment(SEEN), enabled=False), ScaledElsewhereError, "an autoscaler sets"),
        (
            Scaling(SmallDeployment(SEEN), max_drivers=2),
            TooManyDriversError,
            "replicas must be at most 2; --max-drivers allows more",
        ),
        (
            Scaling(SmallDeployment(SEEN, ClusterError(403, "no rule"))),
            UnavailableError,
            "may not get and patch deployments/scale of driver in namespace load",
        ),
        (
            Scaling(SmallDeployment(SEEN, ClusterError(None, "no route"))),
            UnavailableError,
            "the Kubernetes API does not answer",
        ),
        (
            Scaling(SmallDeployment(SEEN, ClusterError(404, "gone"))),
            NotOnKubernetesError,
            "there is no Deployment driver in namespace load",
        ),
    ],
)
async def test_what_cannot_be_done_is_said_in_a_sentence(
    scaling: Scaling, error: type[OperationError], said: str
) -> None:
    """It names what to check or to do instead."""
    with pytest.raises(error, match=said):
        await scaling.scale(3, 0, [])
