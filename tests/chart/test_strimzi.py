"""Strimzi is told of the topics that the code uses, by the chart and by the plain files."""

from __future__ import annotations

from typing import Any

import yaml
from tests.chart.chart import FOLDER, Chart, of_kind, pod
from tests.chart.schemas import problems
from tests.chart.scripts import script

from spate.topics import topic_table

ROOT = FOLDER.parents[2]
PLAIN = ROOT / "deploy" / "kafka" / "strimzi"


def plain(name: str) -> list[Any]:
    """Return the objects of a plain file."""
    return list(yaml.safe_load_all((PLAIN / name).read_text()))


def topics(prefix: str) -> dict[str, tuple[int, int, dict[str, str]]]:
    """Return partitions, replicas and settings of each topic as the code has them."""
    return {
        config.name: (config.partitions, 3, dict(config.settings))
        for config in topic_table(prefix).configs
    }


def told(objects: list[Any]) -> dict[str, tuple[int, int, dict[str, str]]]:
    """Return the same of KafkaTopic objects."""
    return {
        spec["topicName"]: (spec["partitions"], spec["replicas"], spec["config"])
        for spec in (each["spec"] for each in objects)
    }


def test_the_written_files_are_the_table() -> None:
    """deploy/helm/topics.py writes them; nobody has changed them or the table since."""
    for path, text in script("topics").texts().items():
        assert (ROOT / path).read_text() == text


def test_the_chart_makes_the_topics_of_the_code(chart: Chart) -> None:
    """With the prefix of the values, each under a name that Kubernetes takes."""
    objects = of_kind(chart.case("strimzi"), "KafkaTopic")
    assert told(list(objects.values())) == topics("Load_1.")
    assert "load-1.test-config" in objects
    without = {"kafka": {"mode": "strimzi", "topicPrefix": ""}}
    assert told(list(of_kind(chart.objects(without), "KafkaTopic").values())) == topics("")


def test_the_plain_files_make_the_same(chart: Chart) -> None:
    """Without Helm: the same cluster, nodes and topics as the chart's defaults make."""
    rendered = chart.objects({"kafka": {"mode": "strimzi"}})
    plain_topics = plain("topics.yaml")
    assert told(plain_topics) == topics("spate.")
    kafka, nodes = plain("kafka.yaml")
    assert [
        found for each in (kafka, nodes, *plain_topics) for found in problems(with_labels(each))
    ] == []
    assert nodes["spec"] == of_kind(rendered, "KafkaNodePool")["broker"]["spec"]
    spec = of_kind(rendered, "Kafka")["kafka"]["spec"]
    for peer in spec["kafka"]["listeners"][0]["networkPolicyPeers"]:
        del peer["podSelector"]["matchLabels"]["app.kubernetes.io/instance"]  # no release there
    assert kafka["spec"] == spec
    clusters = {each["metadata"]["labels"]["strimzi.io/cluster"] for each in (nodes, *plain_topics)}
    assert clusters == {kafka["metadata"]["name"]}


def with_labels(found: Any) -> Any:
    """Return an object that has labels, if none."""
    return found | {"metadata": {"labels": {}} | found["metadata"]}


def test_services_use_the_cluster_that_is_made(chart: Chart) -> None:
    """They are told the service that Strimzi makes for the cluster, and no broker is bundled."""
    objects = chart.case("strimzi")
    assert pod(objects, "driver").env["SPATE_KAFKA_BOOTSTRAP"] == (
        "kafka-kafka-bootstrap.load.svc:9092"
    )
    assert of_kind(objects, "StatefulSet") == {}
    labels = {
        each["metadata"]["labels"]["strimzi.io/cluster"]
        for kind in ("KafkaNodePool", "KafkaTopic")
        for each in of_kind(objects, kind).values()
    }
    assert labels == set(of_kind(objects, "Kafka"))


def test_what_was_acknowledged_is_kept(chart: Chart) -> None:
    """A record is on two of three nodes before it counts, and no node without it may lead."""
    config = of_kind(chart.case("strimzi"), "Kafka")["kafka"]["spec"]["kafka"]["config"]
    assert config["default.replication.factor"] == 3
    assert config["min.insync.replicas"] == 2
    assert config["unclean.leader.election.enable"] is False
    assert config["auto.create.topics.enable"] is False
