"""Every pod is restricted, and only the orchestrator has rights, which are few."""

from __future__ import annotations

import pytest
from tests.chart.chart import CASES, NAMESPACE, Chart, of_kind, pods

ORCHESTRATOR_RULES = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "watch"]},
    {
        "apiGroups": ["apps"],
        "resources": ["deployments/scale"],
        "resourceNames": ["driver"],
        "verbs": ["get", "patch"],
    },
]
ALLOWED_VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim", "secret"}


@pytest.mark.parametrize("case", CASES)
def test_pods_are_restricted(chart: Chart, case: str) -> None:
    """Each pod is what the Pod Security Standard `restricted` asks for, and more."""
    found = list(pods(chart.case(case)))
    assert len(found) >= 3
    for pod in found:
        uid = 1000 if pod.component == "kafka" else 10001
        assert pod.spec["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": uid,
            "runAsGroup": uid,
            "fsGroup": uid,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        }, pod.owner
        assert pod.container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, pod.owner
        assert {"hostNetwork", "hostPID", "hostIPC"} & set(pod.spec) == set()
        kinds = {kind for volume in pod.spec["volumes"] for kind in volume if kind != "name"}
        assert kinds <= ALLOWED_VOLUMES


@pytest.mark.parametrize("case", CASES)
def test_no_scratch_space_is_without_end(chart: Chart, case: str) -> None:
    """Every emptyDir has a limit, and /tmp is one."""
    for pod in pods(chart.case(case)):
        limits = [
            each["emptyDir"].get("sizeLimit") for each in pod.spec["volumes"] if "emptyDir" in each
        ]
        assert None not in limits
        mounts = {each["mountPath"]: each["name"] for each in pod.container["volumeMounts"]}
        assert mounts["/tmp"] == "tmp"
        assert set(mounts.values()) <= {each["name"] for each in pod.spec["volumes"]} | {"data"}


@pytest.mark.parametrize("case", CASES)
def test_tokens_and_service_links_are_off(chart: Chart, case: str) -> None:
    """Only the orchestrator has a token, and only where it may use it."""
    objects = chart.case(case)
    for pod in pods(objects):
        wants = pod.component == "orchestrator" and case != "minimal"
        assert pod.spec["automountServiceAccountToken"] is wants, pod.owner
        assert pod.spec["enableServiceLinks"] is False
    accounts = of_kind(objects, "ServiceAccount")
    assert {each["automountServiceAccountToken"] for each in accounts.values()} == {False}
    used = {pod.spec["serviceAccountName"] for pod in pods(objects)}
    assert used == set(accounts) | {"default"}, "a test needs no account"


def test_the_orchestrator_may_do_what_it_does(chart: Chart) -> None:
    """It looks at pods and Deployments and scales the drivers; that is all, and nobody else may."""
    objects = chart.case("default")
    [role] = of_kind(objects, "Role").values()
    assert role["rules"] == ORCHESTRATOR_RULES
    [binding] = of_kind(objects, "RoleBinding").values()
    assert binding["roleRef"]["name"] == role["metadata"]["name"] == "orchestrator"
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "orchestrator", "namespace": NAMESPACE}
    ]


@pytest.mark.parametrize("case", CASES)
def test_nothing_counts_for_the_whole_cluster(chart: Chart, case: str) -> None:
    """There is no ClusterRole, and no Role but the one."""
    kinds = {each["kind"] for each in chart.case(case)}
    assert {kind for kind in kinds if kind.startswith("Cluster")} == set()
    assert ("Role" in kinds, "RoleBinding" in kinds) == (case != "minimal",) * 2


def test_an_autoscaler_takes_the_right_to_scale(chart: Chart) -> None:
    """Who does not own the number may not change it."""
    [role] = of_kind(chart.case("autoscaling-pdb"), "Role").values()
    assert role["rules"] == [*ORCHESTRATOR_RULES[:2], ORCHESTRATOR_RULES[2] | {"verbs": ["get"]}]


def test_no_password_is_rendered(chart: Chart) -> None:
    """Secrets are named, never made, and reach a container as files or by reference."""
    for case in CASES:
        assert of_kind(chart.case(case), "Secret") == {}
    for pod in pods(chart.case("external-tls-sasl")):
        mounted = {each["mountPath"]: each for each in pod.container["volumeMounts"]}
        if pod.component in ("orchestrator", "driver"):
            assert mounted["/etc/spate/kafka"]["readOnly"] is True
            assert {"name": "kafka", "secret": {"secretName": "kafka-credentials"}} in pod.spec[
                "volumes"
            ]
        else:
            assert "/etc/spate/kafka" not in mounted
