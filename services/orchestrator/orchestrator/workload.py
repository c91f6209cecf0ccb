"""The Deployment of the drivers, and the view of it and its pods at one instant; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.pods import Document, Pod, conditions_of, part, parts, text

_OPERATORS = {"In": "in", "NotIn": "notin"}


@dataclass(frozen=True, slots=True)
class Workload:
    """What the Deployment says: how many pods are wanted, how many are ready, which are its own.

    ``selector`` is a label selector as a query takes it. ``obstacle`` is reason and message where
    pods cannot even be made: a quota, or a rule of admission.
    """

    desired: int
    ready: int
    selector: str
    obstacle: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ClusterView:
    """The Deployment and its pods as last seen.

    ``workload`` is None if there is no such Deployment, or while nothing is ``known`` yet.
    ``problem`` is a sentence where the view cannot be trusted to be the present one.
    """

    namespace: str | None
    deployment: str
    known: bool = False
    workload: Workload | None = None
    pods: tuple[Pod, ...] = ()
    problem: str | None = None


def read_workload(document: Document) -> Workload:
    """Return what a Deployment's document says; without ``replicas`` Kubernetes means one."""
    spec, status = part(document, "spec"), part(document, "status")
    replicas, ready = spec.get("replicas"), status.get("readyReplicas")
    blocked = conditions_of(status).get("ReplicaFailure", {})
    obstacle = None
    if text(blocked, "status") == "True":
        obstacle = text(blocked, "reason") or "FailedCreate", text(blocked, "message") or ""
    return Workload(
        desired=replicas if isinstance(replicas, int) else 1,
        ready=ready if isinstance(ready, int) else 0,
        selector=selector_text(part(spec, "selector")),
        obstacle=obstacle,
    )


def selector_text(selector: Mapping[str, Any]) -> str:
    """Return a Deployment's selector as the ``labelSelector`` of a query."""
    labels = part(selector, "matchLabels")
    terms = [f"{key}={value}" for key, value in labels.items()]
    for expression in parts(selector, "matchExpressions"):
        key, operator = expression.get("key"), expression.get("operator")
        values = expression.get("values")
        if operator in _OPERATORS and isinstance(values, list):
            terms.append(f"{key} {_OPERATORS[operator]} ({','.join(map(str, values))})")
        elif operator == "Exists":
            terms.append(f"{key}")
        elif operator == "DoesNotExist":
            terms.append(f"!{key}")
    return ",".join(sorted(terms))
