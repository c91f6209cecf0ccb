"""The fleet as people see it: how many drivers are wanted, and what became of each pod; pure."""

from __future__ import annotations

from collections.abc import Collection

from orchestrator.operations import Fleet, PodRow
from orchestrator.pods import drivers_of
from orchestrator.workload import ClusterView

NO_CLUSTER = (
    "this orchestrator does not run on Kubernetes and cannot start drivers; start more with "
    "`spate local --drivers N`, or `python -m driver --kafka HOST:PORT --driver-id NAME`"
)
SCALED_ELSEWHERE = (
    "an autoscaler sets the number of drivers (--kubernetes-scaling off); change its limits instead"
)


def fleet_without_cluster(eligible: int) -> Fleet:
    """Return the fleet of an orchestrator that has no cluster."""
    return Fleet(
        on_kubernetes=False,
        scaled_by=None,
        desired=None,
        ready=None,
        eligible=eligible,
        namespace=None,
        deployment=None,
        pods=[],
        problem=None,
        hint=NO_CLUSTER,
    )


def fleet_size(view: ClusterView, eligible: int, heard: Collection[str], *, scaling: bool) -> Fleet:
    """Return the fleet; ``heard`` are the ids of drivers that are not lost."""
    workload = view.workload
    pods = [
        PodRow(
            name=pod.name,
            drivers=drivers_of(pod.name, heard),
            node=pod.node,
            phase=pod.phase,
            ready=pod.ready,
            terminating=pod.terminating,
            restarts=pod.restarts,
            reason=pod.reason,
            message=pod.message,
            created_at=pod.created_at,
            started_at=pod.started_at,
        )
        for pod in view.pods
    ]
    return Fleet(
        on_kubernetes=True,
        scaled_by="spate" if scaling else "autoscaler",
        desired=None if workload is None else workload.desired,
        ready=None if workload is None else workload.ready,
        eligible=eligible,
        namespace=view.namespace,
        deployment=view.deployment,
        pods=pods,
        problem=_problem(view),
        hint=_hint(view, scaling=scaling),
    )


def _problem(view: ClusterView) -> str | None:
    if view.problem is not None:
        return view.problem
    if not view.known:
        return "the cluster has not answered yet"
    if view.workload is not None and view.workload.obstacle is not None:
        reason, message = view.workload.obstacle
        return f"pods cannot be made ({reason}): {message}"
    return None


def _hint(view: ClusterView, *, scaling: bool) -> str | None:
    if not scaling:
        return SCALED_ELSEWHERE
    if view.workload is not None and view.workload.desired == 0:
        return (
            "no drivers are wanted; `spate scale 2` starts two, and so does "
            f"`kubectl -n {view.namespace} scale deployment {view.deployment} --replicas=2`"
        )
    return None
