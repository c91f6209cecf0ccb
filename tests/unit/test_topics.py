"""The table of topics is complete, and the copy for operators says the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from spate.topics import MESSAGE_MAX_BYTES, topic_table

COPY = Path(__file__).parents[2] / "deploy" / "kafka" / "topics.yaml"


def test_names_are_prefixed() -> None:
    """Each name is the prefix and the topic's word."""
    topics = topic_table("p-")
    assert [
        topics.register,
        topics.test_config,
        topics.trigger,
        topics.heartbeat,
        topics.metrics,
        topics.runs,
    ] == ["p-register", "p-test_config", "p-trigger", "p-heartbeat", "p-metrics", "p-runs"]
    assert [config.name for config in topics.configs] == [
        topics.register,
        topics.test_config,
        topics.trigger,
        topics.heartbeat,
        topics.metrics,
        topics.runs,
    ]


def test_only_metrics_has_several_partitions() -> None:
    """The order of every other topic is one order."""
    counts = {c.name: c.partitions for c in topic_table("", metrics_partitions=7).configs}
    assert counts.pop("metrics") == 7
    assert set(counts.values()) == {1}


def test_only_heartbeat_is_stamped_by_the_log() -> None:
    """The protocol compares append times there (assumption A1)."""
    stamped = {
        config.name
        for config in topic_table("").configs
        if config.settings.get("message.timestamp.type") == "LogAppendTime"
    }
    assert stamped == {"heartbeat"}


def test_what_is_state_is_compacted_and_the_rest_is_kept_a_day() -> None:
    """A run longer than the retention of its topics is refused (assumption A5)."""
    policies = {c.name: c.settings["cleanup.policy"] for c in topic_table("").configs}
    assert {name for name, policy in policies.items() if policy == "compact"} == {
        "register",
        "runs",
    }
    kept = {
        c.settings["retention.ms"] for c in topic_table("").configs if "retention.ms" in c.settings
    }
    assert kept == {str(24 * 60 * 60 * 1000)}


def test_every_topic_takes_the_largest_record() -> None:
    """What a producer may send, the topic takes."""
    assert {c.settings["max.message.bytes"] for c in topic_table("").configs} == {
        str(MESSAGE_MAX_BYTES)
    }


def test_segments_end_long_before_retention_does() -> None:
    """Only closed segments are deleted or compacted."""
    for config in topic_table("").configs:
        assert int(config.settings["segment.ms"]) <= 60 * 60 * 1000
        assert int(config.settings["segment.bytes"]) >= 8 * MESSAGE_MAX_BYTES


def test_a_topic_is_found_by_its_full_name() -> None:
    """A foreign name is an error."""
    topics = topic_table("p.")
    assert topics.config("p.runs").name == "p.runs"
    with pytest.raises(KeyError):
        topics.config("runs")


def test_the_copy_for_operators_is_the_table() -> None:
    """``deploy/kafka/topics.yaml`` lists the default names, partitions and settings."""
    assert yaml.safe_load(COPY.read_text()) == [
        {"name": c.name, "partitions": c.partitions, "settings": dict(c.settings)}
        for c in topic_table().configs
    ]
