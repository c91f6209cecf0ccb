"""Who owns the number of drivers, and how drivers come and go."""

from __future__ import annotations

from typing import Any

from tests.chart.chart import Chart, Values, of_kind, pod

from driver.main import _DRAIN_LIMIT_NS
from spate.timing import SECOND, Timing


def driver(chart: Chart, values: Values) -> Any:
    """Return the spec of the drivers' Deployment."""
    return of_kind(chart.objects(values), "Deployment")["driver"]["spec"]


def test_the_number_of_drivers_is_left_alone(chart: Chart) -> None:
    """Without a number the field is not there, so whoever scales is not in conflict with Helm."""
    deployments = of_kind(chart.case("default"), "Deployment")
    assert {name for name, each in deployments.items() if "replicas" in each["spec"]} == {
        "orchestrator"
    }
    assert deployments["orchestrator"]["spec"]["replicas"] == 1


def test_a_number_is_that_of_the_first_installation(chart: Chart) -> None:
    """Where there is no Deployment yet, a number is stated as it is; 0 is a number."""
    assert driver(chart, {"driver": {"replicas": 5}})["replicas"] == 5
    assert driver(chart, {"driver": {"replicas": 0}})["replicas"] == 0
    assert "replicas" not in driver(chart, {"driver": {"replicas": None}})


def test_an_autoscaler_owns_the_number(chart: Chart) -> None:
    """The Deployment states none, the autoscaler has its bounds, and Spate is told."""
    objects = chart.case("autoscaling-pdb")
    assert "replicas" not in of_kind(objects, "Deployment")["driver"]["spec"]
    assert of_kind(objects, "HorizontalPodAutoscaler")["driver"]["spec"] == {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "driver"},
        "minReplicas": 2,
        "maxReplicas": 20,
        "metrics": [
            {
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "target": {"type": "Utilization", "averageUtilization": 70},
                },
            }
        ],
    }
    assert pod(objects, "orchestrator").env["SPATE_KUBERNETES_SCALING"] == "off"
    assert pod(chart.case("default"), "orchestrator").env["SPATE_KUBERNETES_SCALING"] == "on"


def test_drains_of_nodes_are_bounded(chart: Chart) -> None:
    """The budget counts drivers, and one that is not ready is in nobody's way."""
    assert of_kind(chart.case("default"), "PodDisruptionBudget") == {}
    objects = chart.case("autoscaling-pdb")
    assert of_kind(objects, "PodDisruptionBudget")["driver"]["spec"] == {
        "maxUnavailable": "25%",
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": dict(pod(objects, "driver").labels)},
    }


def test_a_driver_may_drain_before_it_is_killed(chart: Chart) -> None:
    """The grace period, by default and at the least, is longer than a driver takes to leave."""
    drain_s = _DRAIN_LIMIT_NS / SECOND
    least = drain_s + Timing().drain_margin_ns / SECOND + 5
    assert least == 35
    assert pod(chart.case("default"), "driver").spec["terminationGracePeriodSeconds"] >= least
    too_short = {"driver": {"terminationGracePeriodSeconds": int(least) - 1}}
    assert "at '/driver/terminationGracePeriodSeconds'" in chart.refusal(too_short)
    enough = {"driver": {"terminationGracePeriodSeconds": int(least)}}
    assert pod(chart.objects(enough), "driver").spec["terminationGracePeriodSeconds"] == least


def test_newcomers_have_work_before_others_leave(chart: Chart) -> None:
    """An upgrade starts drivers first, and counts them when they have been given their share."""
    spec = driver(chart, {})
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0},
    }
    assert spec["minReadySeconds"] > Timing().join_every_ns / SECOND
    assert of_kind(chart.case("default"), "Deployment")["orchestrator"]["spec"]["strategy"] == {
        "type": "Recreate"
    }


def test_drivers_ask_for_cpu_and_have_no_limit(chart: Chart) -> None:
    """Throttling would stand in the latencies."""
    assert pod(chart.case("default"), "driver").container["resources"] == {
        "requests": {"cpu": "200m", "memory": "384Mi"},
        "limits": {"memory": "384Mi"},
    }


def test_drivers_are_spread(chart: Chart) -> None:
    """Over nodes, within one generation of pods, and never at the price of not starting."""
    found = pod(chart.case("default"), "driver")
    assert found.spec["topologySpreadConstraints"] == [
        {
            "topologyKey": "kubernetes.io/hostname",
            "maxSkew": 1,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(found.labels)},
            "matchLabelKeys": ["pod-template-hash"],
        }
    ]
    assert "topologySpreadConstraints" not in pod(chart.case("minimal"), "driver").spec


def test_busy_pods_are_not_killed(chart: Chart) -> None:
    """A driver or orchestrator is restarted only after a minute without an answer."""
    for component in ("driver", "orchestrator", "target"):
        probe = pod(chart.case("default"), component).container["livenessProbe"]
        assert probe["periodSeconds"] * probe["failureThreshold"] >= 60
        assert probe["timeoutSeconds"] >= 10


def test_a_pod_says_everything_about_itself(chart: Chart) -> None:
    """Placement, labels, annotations, secrets and pull secrets arrive where they belong."""
    found = pod(chart.case("processes"), "driver")
    assert found.labels["team"] == "load"
    assert found.annotations == {"example.com/owner": "load"}
    assert found.container["image"] == (
        "registry.example.com/load/spate-driver:1.2.3"
        "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    )
    assert found.container["imagePullPolicy"] == "Always"
    assert found.spec["imagePullSecrets"] == [{"name": "registry-credentials"}]
    assert found.spec["nodeSelector"] == {"pool": "load"}
    assert found.spec["priorityClassName"] == "load"
    assert found.spec["tolerations"] == [
        {"key": "load", "operator": "Exists", "effect": "NoSchedule"}
    ]
    assert set(found.spec["affinity"]) == {"podAntiAffinity"}
    assert found.container["envFrom"] == [
        {"prefix": "SPATE_SECRET_", "secretRef": {"name": "shop-tokens"}}
    ]
    assert found.env["SSL_CERT_FILE"] == "/etc/ssl/certs/ca-certificates.crt"
    assert found.env["SPATE_DRIVER_LABELS"] == "node=$(NODE_NAME),pool=large"
