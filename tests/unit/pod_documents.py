"""Pods as the API server of a real cluster describes them, cut down to what matters."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
CREATED, STARTED = "2026-11-22T19:07:19Z", "2026-11-22T19:07:20Z"


def condition(kind: str, status: str, reason: str | None = None, message: str = "") -> Json:
    """Return one condition of a status."""
    made: Json = {"type": kind, "status": status, "lastTransitionTime": STARTED}
    if reason is not None:
        made |= {"reason": reason, "message": message}
    return made


def container(state: Json, *, restarts: int = 0, last: Json | None = None) -> Json:
    """Return the status of a container."""
    return {
        "name": "driver",
        "image": "spate-driver:0.1.0",
        "ready": "running" in state,
        "restartCount": restarts,
        "state": state,
        "lastState": last or {},
    }


def ended(reason: str, exit_code: int, at: str = STARTED, **more: Any) -> Json:
    """Return the state of a container that ended."""
    return {"terminated": {"reason": reason, "exitCode": exit_code, "finishedAt": at, **more}}


def waiting(reason: str, message: str | None = None) -> Json:
    """Return the state of a container that waits."""
    made: Json = {"reason": reason}
    return {"waiting": made if message is None else {**made, "message": message}}


RUNNING: Json = {"running": {"startedAt": STARTED}}


def pod(
    name: str = "driver-5d9c-x2x7b",
    phase: str = "Pending",
    *containers: Json,
    conditions: tuple[Json, ...] = (),
    deleted: bool = False,
    grace_s: int = 30,
    **status: Any,
) -> Json:
    """Return a pod's document."""
    metadata: Json = {"name": name, "namespace": "load", "creationTimestamp": CREATED}
    metadata |= {"resourceVersion": "7", "labels": {"app.kubernetes.io/component": "driver"}}
    if deleted:
        metadata |= {"deletionTimestamp": STARTED, "deletionGracePeriodSeconds": grace_s}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {} if phase == "Pending" and not containers else {"nodeName": "w1"},
        "status": {
            "phase": phase,
            "conditions": list(conditions),
            "containerStatuses": list(containers),
            **({"startTime": STARTED} if containers else {}),
            **status,
        },
    }


SCHEDULED = condition("PodScheduled", "True")
READY = (SCHEDULED, condition("Ready", "True"), condition("ContainersReady", "True"))
NOT_READY = (
    SCHEDULED,
    condition("Ready", "False", "ContainersNotReady", "containers with unready status: [driver]"),
)


def ready(name: str = "driver-5d9c-x2x7b", restarts: int = 0, last: Json | None = None) -> Json:
    """Return a pod that is there."""
    up = container(RUNNING, restarts=restarts, last=last)
    return pod(name, "Running", up, conditions=READY)


def deployment(
    replicas: int | None = 2, ready_replicas: int = 0, *conditions: Json, name: str = "driver"
) -> Json:
    """Return a Deployment's document."""
    spec: Json = {"selector": {"matchLabels": {"app": "spate", "component": "driver"}}}
    status: Json = {"conditions": list(conditions), "replicas": replicas}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "load", "resourceVersion": "5"},
        "spec": spec if replicas is None else {**spec, "replicas": replicas},
        "status": status | ({"readyReplicas": ready_replicas} if ready_replicas else {}),
    }
