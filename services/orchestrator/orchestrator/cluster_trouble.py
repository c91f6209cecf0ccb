"""What went wrong between the orchestrator and its cluster, in sentences; pure."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

Doing = Literal["deployments", "pods", "scale"]
"""What was tried: to watch one of these, or to scale."""

_RIGHTS: dict[Doing, str] = {
    "deployments": "get, list and watch deployments",
    "pods": "get, list and watch pods",
    "scale": "get and patch deployments/scale of {deployment}",
}


class ClusterError(Exception):
    """The API refused or did not answer: ``status`` is None where nothing came back."""

    def __init__(self, status: int | None, message: str) -> None:
        super().__init__(message)
        self.status = status

    @property
    def may_pass(self) -> bool:
        """Whether the same call may work a moment later."""
        return self.status in (
            None,
            HTTPStatus.CONFLICT,
            HTTPStatus.TOO_MANY_REQUESTS,
        ) or (self.status >= HTTPStatus.INTERNAL_SERVER_ERROR)


class ExpiredError(ClusterError):
    """What was seen is too long ago to be gone on from: everything must be listed again."""

    def __init__(self, message: str) -> None:
        super().__init__(HTTPStatus.GONE, message)


class NoWayError(ClusterError):
    """Where the API is, or with which credentials, could not be read."""

    def __init__(self, message: str) -> None:
        super().__init__(None, message)


def trouble(error: ClusterError, doing: Doing, namespace: str | None, deployment: str) -> str:
    """Return a sentence that says what is wrong and what to check."""
    where = f"namespace {namespace}" if namespace else "its namespace"
    said = f"({error})"
    if isinstance(error, NoWayError):
        return (
            f"the way to the Kubernetes API is not known {said}; run in a pod with a service "
            "account, or let KUBECONFIG name a file"
        )
    match error.status:
        case None:
            return (
                f"the Kubernetes API does not answer {said}; check that it runs and that "
                "NetworkPolicies let the orchestrator reach it"
            )
        case HTTPStatus.UNAUTHORIZED:
            return (
                f"the Kubernetes API does not accept the orchestrator's credentials {said}; check "
                "that its service account exists and its token is mounted"
            )
        case HTTPStatus.FORBIDDEN:
            rights = _RIGHTS[doing].format(deployment=deployment)
            return (
                f"the orchestrator may not {rights} in {where} {said}; check the Role and the "
                "RoleBinding of its service account"
            )
        case HTTPStatus.NOT_FOUND if doing == "scale":
            return missing(namespace, deployment)
        case HTTPStatus.CONFLICT:
            return f"others changed Deployment {deployment} at the same time {said}; try again"
        case status:
            return (
                f"the Kubernetes API answered {status} {said}; look at the API server and its "
                "admission webhooks"
            )


def missing(namespace: str | None, deployment: str) -> str:
    """Return the sentence for a Deployment that is not there."""
    return (
        f"there is no Deployment {deployment} in namespace {namespace}; check "
        "--kubernetes-deployment and --kubernetes-namespace"
    )
