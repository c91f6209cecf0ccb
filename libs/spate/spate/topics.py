"""The one table of Spate's topics: names, partitions, settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spate.bus import TopicConfig

DEFAULT_PREFIX = "spate."
METRICS_PARTITIONS = 4

MESSAGE_MAX_BYTES = 2 * 1024 * 1024
"""The largest record that producers send and topics take; parts of messages stay below 1 MB."""

_MINUTE_MS = 60 * 1000
_HOUR_MS = 60 * _MINUTE_MS
_MIB = 1024 * 1024

_ALWAYS = {"max.message.bytes": str(MESSAGE_MAX_BYTES)}

# Retention and compaction only touch segments that are closed, so segments must be short.
_KEPT_A_DAY = _ALWAYS | {
    "cleanup.policy": "delete",
    "retention.ms": str(24 * _HOUR_MS),
    "segment.ms": str(_HOUR_MS),
    "segment.bytes": str(64 * _MIB),
}
_LATEST_PER_KEY = _ALWAYS | {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.1",
    "segment.ms": str(10 * _MINUTE_MS),
    "segment.bytes": str(16 * _MIB),
}
# The log's own clock is the judge of who lives.
_STAMPED_BY_LOG = {"message.timestamp.type": "LogAppendTime"}


@dataclass(frozen=True, slots=True)
class Topics:
    """The full names of the topics, and ``configs``: how each must exist."""

    register: str
    test_config: str
    trigger: str
    heartbeat: str
    metrics: str
    runs: str
    configs: tuple[TopicConfig, ...]

    def config(self, name: str) -> TopicConfig:
        """Return how the topic of this full name must exist.

        Raises:
            KeyError: if it is none of ours.
        """
        for config in self.configs:
            if config.name == name:
                return config
        raise KeyError(name)


def topic_table(
    prefix: str = DEFAULT_PREFIX, metrics_partitions: int = METRICS_PARTITIONS
) -> Topics:
    """Return all topics with their names prefixed.

    Every topic but ``metrics`` has one partition: the order of the log is the judge.
    """
    settings: Mapping[str, Mapping[str, str]] = {
        "register": _LATEST_PER_KEY,
        "test_config": _KEPT_A_DAY,
        "trigger": _KEPT_A_DAY,
        "heartbeat": _KEPT_A_DAY | _STAMPED_BY_LOG,
        "metrics": _KEPT_A_DAY,
        "runs": _LATEST_PER_KEY,
    }
    configs = tuple(
        TopicConfig(prefix + name, metrics_partitions if name == "metrics" else 1, wanted)
        for name, wanted in settings.items()
    )
    return Topics(**{name: prefix + name for name in settings}, configs=configs)
