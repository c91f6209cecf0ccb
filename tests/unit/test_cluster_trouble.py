"""What goes wrong with a cluster is a sentence that names what to check."""

from __future__ import annotations

import pytest

from orchestrator.cluster_trouble import ClusterError, Doing, ExpiredError, NoWayError, trouble


@pytest.mark.parametrize(
    ("error", "doing", "said", "passes"),
    [
        (ClusterError(403, "no rule"), "pods", "may not get, list and watch pods in namespace", 0),
        (ClusterError(403, "no rule"), "scale", "may not get and patch deployments/scale of dr", 0),
        (ClusterError(403, "no rule"), "deployments", "check the Role and the RoleBinding", 0),
        (ClusterError(401, "Unauthorized"), "pods", "does not accept the orchestrator's cred", 0),
        (ClusterError(404, "not found"), "scale", "there is no Deployment driver in names", 0),
        (ClusterError(404, "not found"), "pods", "the Kubernetes API answered 404 (not found)", 0),
        (ClusterError(409, "modified"), "scale", "others changed Deployment driver at the same", 1),
        (ClusterError(429, "slowly"), "pods", "the Kubernetes API answered 429 (slowly)", 1),
        (ClusterError(500, "webhook"), "scale", "look at the API server and its admission web", 1),
        (ClusterError(None, "refused"), "pods", "the Kubernetes API does not answer (refused)", 1),
        (ExpiredError("too old"), "pods", "the Kubernetes API answered 410 (too old)", 0),
        (NoWayError("no file"), "pods", "the way to the Kubernetes API is not known (no file)", 1),
    ],
)
def test_every_trouble_has_its_sentence(
    error: ClusterError, doing: Doing, said: str, passes: int
) -> None:
    """And some of it may pass by itself."""
    assert said in trouble(error, doing, "load", "driver")
    assert error.may_pass == bool(passes)


def test_a_namespace_that_is_not_known_yet_is_not_named() -> None:
    """It is read with the credentials, which may be what is missing."""
    said = trouble(ClusterError(403, "no"), "pods", None, "driver")
    assert "in its namespace (no)" in said
