"""A fresh install works, in a namespace that admits restricted pods only."""

from __future__ import annotations

from tests.e2e.kube import name_of
from tests.e2e.release import NAME, Release


def test_everything_runs_where_only_restricted_pods_may(release: Release) -> None:
    """All pods of the release run in a namespace with `enforce: restricted`, none restarted."""
    [namespace] = release.kube.get("namespace", release.kube.namespace)
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    pods = {
        component: release.kube.pods(component)
        for component in ("orchestrator", "driver", "target", "kafka")
    }
    assert {component: len(found) for component, found in pods.items()} == {
        "orchestrator": 1,
        "driver": 2,
        "target": 1,
        "kafka": 1,
    }
    restarts = {
        name_of(pod): [each["restartCount"] for each in pod["status"]["containerStatuses"]]
        for found in pods.values()
        for pod in found
    }
    assert {name: [0] for name in restarts} == restarts


def test_the_image_of_the_drivers_has_the_lane(release: Release) -> None:
    """It was compiled for the Python that runs there."""
    pod = name_of(release.kube.pods("driver")[0])
    asks = ("python", "-c", "import driver._lane as lane; print(lane)")
    word = release.kube.kubectl("exec", pod, "--", *asks)
    assert "_lane" in word


def test_helm_test_is_green(release: Release) -> None:
    """`helm test` runs a plan of 50 requests from inside and is content."""
    said = release.kube.helm("test", NAME, "--logs", "--timeout", "3m")
    print(said)
    assert "Phase:          Succeeded" in said


def test_the_orchestrator_may_do_no_more_than_it_does(release: Release) -> None:
    """Its account reads pods and deployments and scales `driver`: nothing else, nowhere else."""
    kube = release.kube
    allowed = [
        *((verb, "pods") for verb in ("get", "list", "watch")),
        *((verb, "deployments.apps") for verb in ("get", "list", "watch")),
        *((verb, "deployments.apps/driver", "--subresource=scale") for verb in ("get", "patch")),
    ]
    refused = [
        *((verb, "secrets") for verb in ("get", "list", "watch", "create")),
        *((verb, "configmaps") for verb in ("get", "list")),
        *((verb, "pods") for verb in ("create", "delete", "patch")),
        ("create", "pods", "--subresource=exec"),
        ("get", "pods", "--subresource=log"),
        *((verb, "deployments.apps/driver") for verb in ("patch", "update", "delete")),
        ("patch", "deployments.apps/orchestrator", "--subresource=scale"),
        ("patch", "deployments.apps/target", "--subresource=scale"),
        ("list", "nodes"),
        ("list", "namespaces"),
        ("list", "pods", "--namespace=kube-system"),
        ("get", "deployments.apps", "--namespace=default"),
        ("list", "pods", "--all-namespaces"),
        ("create", "roles.rbac.authorization.k8s.io"),
    ]
    found = {words: kube.may("orchestrator", *words) for words in (*allowed, *refused)}
    assert found == dict.fromkeys(allowed, True) | dict.fromkeys(refused, False)


def test_nobody_else_has_a_token(release: Release) -> None:
    """Only the orchestrator's pod holds a service account's token."""
    holders = {
        component
        for component in ("orchestrator", "driver", "target", "kafka")
        for pod in release.kube.pods(component)
        for container in pod["spec"]["containers"]
        for mount in container.get("volumeMounts", [])
        if mount["mountPath"].startswith("/var/run/secrets/kubernetes.io")
    }
    assert holders == {"orchestrator"}
