"""Values that are wrong are refused, with a sentence that names them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.chart.chart import Chart, RefusedError


def at(path: str, value: Any) -> dict[str, Any]:
    """Return values in which the one at a path with dots is given."""
    head, dot, rest = path.partition(".")
    return {head: at(rest, value) if dot else value}


EXTERNAL = {"mode": "external", "external": {"bootstrapServers": "kafka:9092"}}


def external(**changes: Any) -> dict[str, Any]:
    """Return the values of an external Kafka, changed."""
    return {"kafka": EXTERNAL | {"external": EXTERNAL["external"] | changes}}  # type: ignore[operator]


WRONG = [
    # What is not there.
    (at("drivers.replicas", 3), "additional properties 'drivers' not allowed"),
    (at("driver.replica", 3), "at '/driver': additional properties 'replica' not allowed"),
    (at("driver.resources.limit", {}), "at '/driver/resources': additional properties 'limit'"),
    (at("kafka.bundled.heap", "1g"), "at '/kafka/bundled': additional properties 'heap'"),
    (at("monitoring.alertmanager", {}), "at '/monitoring': additional properties"),
    # Of the wrong type or out of bounds.
    (at("driver.replicas", "three"), "at '/driver/replicas'"),
    (at("driver.replicas", -1), "at '/driver/replicas'"),
    (at("driver.processes", "auto"), "at '/driver/processes': got string, want integer"),
    (at("driver.processes", 0), "at '/driver/processes'"),
    (at("driver.cpus", "all"), "at '/driver/cpus'"),
    (at("driver.cpus", 0), "at '/driver/cpus': got number, want string"),
    (at("driver.terminationGracePeriodSeconds", 34), "at '/driver/terminationGracePeriodSeconds'"),
    (at("driver.secretsFrom", "tokens"), "at '/driver/secretsFrom': got string, want array"),
    (at("driver.labels", {"a": "b,c=d"}), "at '/driver/labels/a'"),
    (at("driver.podDisruptionBudget.maxUnavailable", "lots"), "/podDisruptionBudget/maxUnavail"),
    (at("driver.autoscaling.targetCPUUtilizationPercentage", 0), "CPUUtilizationPercentage'"),
    (at("driver.image.digest", "sha256:1"), "at '/driver/image/digest'"),
    (at("image.pullPolicy", "Sometimes"), "at '/image/pullPolicy'"),
    (at("image.tag", "1 0"), "at '/image/tag'"),
    (at("logLevel", "loud"), "at '/logLevel'"),
    (at("logFormat", "xml"), "at '/logFormat'"),
    (at("maxDrivers", 0), "at '/maxDrivers'"),
    (at("names.driver", "Driver"), "at '/names/driver'"),
    (at("allowedTargets", ["http://shop:80"]), "at '/allowedTargets/0'"),
    (at("allowedTargets", "shop"), "at '/allowedTargets': got string, want array"),
    (at("orchestrator.service.type", "Public"), "at '/orchestrator/service/type'"),
    (at("orchestrator.maxQueued", -1), "at '/orchestrator/maxQueued'"),
    (at("orchestrator.persistence.size", "big"), "at '/orchestrator/persistence/size'"),
    (at("orchestrator.extraEnv", [{"value": "x"}]), "at '/orchestrator/extraEnv/0'"),
    (at("orchestrator.archive.port", 70000), "at '/orchestrator/archive/port'"),
    (at("target.errorRate", 1.5), "at '/target/errorRate'"),
    (at("target.latency", "20ms"), "at '/target/latency'"),
    (at("target.stall", "soon"), "at '/target/stall'"),
    (at("kafka.mode", "zookeeper"), "at '/kafka/mode'"),
    (at("kafka.topicPrefix", "a b"), "at '/kafka/topicPrefix'"),
    (at("kafka.bundled.clusterId", "short"), "at '/kafka/bundled/clusterId'"),
    (at("kafka.bundled.maxHeap", "512"), "at '/kafka/bundled/maxHeap'"),
    (external(bootstrapServers="kafka"), "at '/kafka/external/bootstrapServers'"),
    (external(security="tls"), "at '/kafka/external/security'"),
    (at("ingress.hosts", ["https://spate.example.com"]), "at '/ingress/hosts/0'"),
    (at("monitoring.podMonitor.interval", 5), "at '/monitoring/podMonitor/interval'"),
    (at("networkPolicy.apiServerPorts", []), "at '/networkPolicy/apiServerPorts'"),
    # Each right alone, and not together.
    (at("target.enabled", False), "allowedTargets is empty and target.enabled is false"),
    (
        at("driver", {"replicas": 3, "autoscaling": {"enabled": True}}),
        "driver.replicas and driver.autoscaling.enabled both set the number of drivers",
    ),
    (
        at("driver.autoscaling", {"enabled": True, "minReplicas": 20}),
        "driver.autoscaling.minReplicas is 20, more than driver.autoscaling.maxReplicas",
    ),
    (
        at("driver.autoscaling", {"enabled": True, "maxReplicas": 101}),
        "driver.autoscaling.maxReplicas is 101, more than maxDrivers, which is 100",
    ),
    (
        at("driver", {"autoscaling": {"enabled": True}, "resources": {"requests": {"cpu": None}}}),
        "driver.autoscaling.enabled needs driver.resources.requests.cpu",
    ),
    (
        at("driver.cpus", "auto"),
        "driver.cpus is auto, and driver.resources.requests.cpu and driver.resources.limits.cpu",
    ),
    (
        at("driver", {"cpus": "auto", "resources": {"limits": {"cpu": "200m"}}}),
        "driver.cpus is auto, and driver.resources.requests.cpu and driver.resources.limits.cpu",
    ),
    (
        at(
            "driver",
            {
                "cpus": "auto",
                "processes": 3,
                "resources": {"requests": {"cpu": 2}, "limits": {"cpu": 2}},
            },
        ),
        "driver.processes is 3, more than driver.resources.requests.cpu, which is 2",
    ),
    (at("driver.replicas", 101), "driver.replicas is 101, more than maxDrivers, which is 100"),
    (
        at("driver.rollingUpdate.maxSurge", 0),
        "driver.rollingUpdate.maxSurge and driver.rollingUpdate.maxUnavailable are both 0",
    ),
    (at("kafka.mode", "external"), "kafka.external.bootstrapServers is empty"),
    (external(security="sasl_ssl"), "kafka.external.sasl.username is empty"),
    (
        external(security="sasl_ssl", sasl={"username": "spate"}),
        "kafka.external.existingSecret is empty, and kafka.external.security is sasl_ssl",
    ),
    (external(sasl={"username": "spate"}), "kafka.external.sasl.username is given, and"),
    (
        external(existingSecret="kafka", tls={"ca": True}),
        "kafka.external.tls.ca is true, and kafka.external.security is plaintext",
    ),
    (
        external(security="ssl", tls={"clientCertificate": True}),
        "kafka.external.tls.clientCertificate is true, and kafka.external.existingSecret is empty",
    ),
    (external(existingSecret="kafka"), "kafka.external.existingSecret is given, and nothing of it"),
    (
        at("kafka.external.bootstrapServers", "kafka:9092"),
        "kafka.external.bootstrapServers is given, and kafka.mode is bundled",
    ),
    (
        at("kafka.external.security", "ssl"),
        "kafka.external.security is given, and kafka.mode is bundled",
    ),
    (
        {"kafka": {"mode": "strimzi", "external": {"existingSecret": "kafka"}}},
        "kafka.external.existingSecret is given, and kafka.mode is strimzi",
    ),
    (
        {"kafka": {"mode": "strimzi", "strimzi": {"replicas": 1}}},
        "kafka.strimzi.minInsyncReplicas is 2, more than kafka.strimzi.replicas, which is 1",
    ),
    (
        {"kafka": {"mode": "strimzi", "strimzi": {"replicas": 4}}},
        "kafka.strimzi.replicas is 4: write an odd number",
    ),
    (
        at("orchestrator.service.nodePort", 30080),
        "orchestrator.service.nodePort is given, and orchestrator.service.type is ClusterIP",
    ),
    (at("ingress.enabled", True), "ingress.enabled is true, and ingress.hosts is empty"),
    (
        at("httpRoute", {"enabled": True, "hostnames": ["spate.example.com"]}),
        "httpRoute.enabled is true, and httpRoute.parentRefs is empty",
    ),
    (
        at("httpRoute", {"enabled": True, "parentRefs": [{"name": "gateway"}]}),
        "httpRoute.enabled is true, and httpRoute.hostnames is empty",
    ),
    (
        at(
            "orchestrator",
            {"archive": {"existingSecret": "db"}, "persistence": {"existingClaim": "mine"}},
        ),
        "orchestrator.archive.existingSecret and orchestrator.persistence.existingClaim both",
    ),
    (at("names.driver", "target"), "names gives two components the same name"),
    (
        at("driver.extraEnv", [{"name": "SPATE_DRIVER_ID", "value": "me"}]),
        "driver.extraEnv names SPATE_DRIVER_ID, which the chart sets itself",
    ),
    (
        at("orchestrator.extraEnv", [{"name": "SPATE_HOST", "value": "::"}]),
        "orchestrator.extraEnv names SPATE_HOST, which the chart sets itself",
    ),
    (
        at("kafka.bundled.podLabels", {"app.kubernetes.io/component": "driver"}),
        "kafka.bundled.podLabels has app.kubernetes.io/component",
    ),
]


@pytest.mark.parametrize(("values", "sentence"), WRONG, ids=[said for _, said in WRONG])
def test_wrong_values_are_refused_by_name(
    chart: Chart, values: dict[str, Any], sentence: str
) -> None:
    """Helm renders nothing, and says which value is wrong."""
    assert sentence in chart.refusal(values)


def test_contradictions_are_told_together(chart: Chart) -> None:
    """Whoever made three mistakes is told of three."""
    said = chart.refusal(
        {
            "driver": {"replicas": 200},
            "ingress": {"enabled": True},
            "orchestrator": {"service": {"nodePort": 30080}},
        }
    )
    assert said.count("\n* ") == 3


def test_a_number_of_nothing_is_no_contradiction(chart: Chart) -> None:
    """Null is how a default is taken away, and it is allowed where it means something."""
    values = {"driver": {"replicas": None}, "orchestrator": {"service": {"nodePort": None}}}
    assert chart.objects(values) == chart.objects()


def test_a_cluster_that_is_too_old_is_refused(chart: Chart) -> None:
    """With the version that is needed."""
    with pytest.raises(RefusedError, match=r"kubeVersion: >=1\.30\.0-0"):
        chart.objects({}, "--kube-version", "1.29.3")
