"""Network policies: everything is denied but what is needed."""

from __future__ import annotations

from typing import Any

import pytest
from tests.chart.chart import CASES, Chart, of_kind, pods

DNS = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
MONITORING = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}


def component(name: str) -> dict[str, Any]:
    """Return the peer that stands for a component's pods."""
    labels = {
        "app.kubernetes.io/name": "spate",
        "app.kubernetes.io/instance": "rel",
        "app.kubernetes.io/component": name,
    }
    return {"podSelector": {"matchLabels": labels}}


def policy(chart: Chart, case: str, name: str) -> Any:
    """Return the spec of a policy."""
    return of_kind(chart.case(case), "NetworkPolicy")[name]["spec"]


@pytest.mark.parametrize("case", [case for case in CASES if case != "minimal"])
def test_every_pod_has_a_policy_for_both_directions(chart: Chart, case: str) -> None:
    """No pod of the chart is left out, and no policy speaks of one direction only."""
    objects = chart.case(case)
    policies = [each["spec"] for each in of_kind(objects, "NetworkPolicy").values()]
    assert all(each["policyTypes"] == ["Ingress", "Egress"] for each in policies)
    for pod in pods(objects):
        choosing = [
            each
            for each in policies
            if each["podSelector"]["matchLabels"].items() <= pod.labels.items()
        ]
        assert len(choosing) == 1, pod.owner


def test_policies_can_be_left_out(chart: Chart) -> None:
    """One value takes them all away."""
    assert of_kind(chart.case("minimal"), "NetworkPolicy") == {}


def test_kafka_hears_orchestrator_and_drivers(chart: Chart) -> None:
    """And calls nobody."""
    spec = policy(chart, "default", "kafka")
    assert spec["ingress"] == [
        {"ports": [{"port": 9092}], "from": [component("orchestrator"), component("driver")]}
    ]
    assert spec["egress"] == []


def test_the_target_hears_drivers_and_prometheus(chart: Chart) -> None:
    """And calls nobody."""
    spec = policy(chart, "default", "target")
    assert spec["ingress"] == [
        {"ports": [{"port": 8000}], "from": [component("driver"), MONITORING]}
    ]
    assert spec["egress"] == []


def test_drivers_hear_prometheus_and_call_everybody(chart: Chart) -> None:
    """Targets may be anywhere; a pod with several processes is scraped at several ports."""
    spec = policy(chart, "monitors", "driver")
    assert spec["ingress"] == [{"ports": [{"port": 9101, "endPort": 9103}], "from": [MONITORING]}]
    assert spec["egress"] == [{}]
    silent = chart.objects({"networkPolicy": {"metricsFrom": []}})
    assert of_kind(silent, "NetworkPolicy")["driver"]["spec"]["ingress"] == []


def test_drivers_may_be_held_to_their_targets(chart: Chart) -> None:
    """With rules of one's own there are just these, DNS, Kafka and the bundled target."""
    assert policy(chart, "processes", "driver")["egress"] == [
        DNS,
        {"ports": [{"port": 9092}], "to": [component("kafka")]},
        {"ports": [{"port": 8000}], "to": [component("target")]},
        {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]},
    ]


def test_the_orchestrator_calls_dns_kafka_and_the_cluster(chart: Chart) -> None:
    """And its own namespace and Prometheus call it."""
    spec = policy(chart, "default", "orchestrator")
    assert spec["egress"] == [
        DNS,
        {"ports": [{"port": 9092}], "to": [component("kafka")]},
        {"ports": [{"port": 443}, {"port": 6443}]},
    ]
    assert spec["ingress"] == [
        {"ports": [{"port": 8080}], "from": [{"podSelector": {}}, MONITORING]}
    ]


def test_the_orchestrator_calls_what_the_values_add(chart: Chart) -> None:
    """Kafka elsewhere at all ports of its servers, PostgreSQL, and no cluster without rights."""
    assert policy(chart, "external-tls-sasl", "orchestrator")["egress"][1] == {
        "ports": [{"port": 9094}, {"port": 9095}]
    }
    assert policy(chart, "postgres", "orchestrator")["egress"][-1] == {"ports": [{"port": 6432}]}
    assert policy(chart, "strimzi", "orchestrator")["egress"][1] == {
        "ports": [{"port": 9092}],
        "to": [
            {
                "podSelector": {
                    "matchLabels": {"strimzi.io/cluster": "kafka", "strimzi.io/kind": "Kafka"}
                }
            }
        ],
    }
    alone = chart.objects({"orchestrator": {"kubernetes": {"enabled": False}}})
    assert len(of_kind(alone, "NetworkPolicy")["orchestrator"]["spec"]["egress"]) == 2


def test_what_is_exposed_is_open_unless_peers_are_named(chart: Chart) -> None:
    """An ingress would be pointless otherwise."""
    assert policy(chart, "exposed", "orchestrator")["ingress"] == [{"ports": [{"port": 8080}]}]
    assert policy(chart, "processes", "orchestrator")["ingress"] == [
        {
            "ports": [{"port": 8080}],
            "from": [
                {"podSelector": {}},
                {"namespaceSelector": {"matchLabels": {"team": "load"}}},
                MONITORING,
            ],
        }
    ]


def test_the_test_pod_calls_the_orchestrator(chart: Chart) -> None:
    """And nobody calls it."""
    spec = policy(chart, "default", "orchestrator-test")
    assert spec["ingress"] == []
    assert spec["egress"] == [
        DNS,
        {"ports": [{"port": 8080}], "to": [component("orchestrator")]},
    ]
