"""What the target counts by itself: the ground truth that a run's report is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from target.indices import Indices
from target.metric_table import TARGET_METRICS

MOST_PATHS = 256
LONGEST_PATH = 200
OTHER_PATHS = "other"


class Counts:
    """Counters of one target; only its event loop touches them.

    ``by_path`` holds at most ``MOST_PATHS`` different paths; requests for more are counted under
    ``other``, so a scan of random paths cannot fill the memory.
    """

    def __init__(self, indices: Indices | None = None) -> None:
        self.requests = 0
        self.by_path: dict[str, int] = {}
        self.by_status: dict[int, int] = {}
        self.malformed = 0
        self.connections = 0
        self.connections_accepted = 0
        self.unanswered = 0
        self.body_bytes = 0
        self.indices = indices

    def path_key(self, path: bytes) -> str:
        """Return the key under which requests for this path are counted."""
        name = path.decode("ascii", "replace")
        if name in self.by_path:
            return name
        if len(name) > LONGEST_PATH or len(self.by_path) >= MOST_PATHS:
            return OTHER_PATHS
        return name

    def received(self, key: str, status: int) -> None:
        """Count a load request that was received in full and will be answered with ``status``."""
        self.requests += 1
        self.by_path[key] = self.by_path.get(key, 0) + 1
        self.by_status[status] = self.by_status.get(status, 0) + 1

    def document(self) -> dict[str, object]:
        """Return the JSON document of ``/count``."""
        document: dict[str, object] = {
            "requests": self.requests,
            "by_path": dict(sorted(self.by_path.items())),
            "by_status": {str(code): n for code, n in sorted(self.by_status.items())},
            "malformed": self.malformed,
        }
        if self.indices is not None:
            document["runs"] = self.indices.document()
        return document


class _CountsCollector(Collector):
    """Turns the counts into metric families at each scrape: nothing is counted twice."""

    def __init__(self, counts: Counts, version: str) -> None:
        self._counts = counts
        self._version = version

    def collect(self) -> Iterator[Metric]:
        """Yield the families of one scrape, one for each row of ``TARGET_METRICS``."""
        counts = self._counts
        told: dict[str, dict[tuple[str, ...], int]] = {
            "spate_target_build_info": {(self._version,): 1},
            "spate_target_requests_total": {
                (str(code),): n for code, n in sorted(counts.by_status.items())
            },
            "spate_target_malformed_total": {(): counts.malformed},
            "spate_target_connections_accepted_total": {(): counts.connections_accepted},
            "spate_target_body_bytes_total": {(): counts.body_bytes},
            "spate_target_connections": {(): counts.connections},
            "spate_target_unanswered": {(): counts.unanswered},
        }
        for declared in TARGET_METRICS:
            make = CounterMetricFamily if declared.kind == "counter" else GaugeMetricFamily
            family = make(declared.name, declared.text, labels=declared.labels)
            for labels, value in told.pop(declared.name).items():
                family.add_metric(labels, value)
            yield family


class Exposition:
    """The Prometheus text of ``/metrics``: the target's counts and its process."""

    def __init__(self, counts: Counts) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_CountsCollector(counts, version("spate")))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """Return the metrics in the text format, version 0.0.4."""
        return generate_latest(self._registry)
