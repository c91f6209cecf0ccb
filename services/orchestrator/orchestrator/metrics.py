"""The orchestrator's ``/metrics``: gathered on its loop, turned into text on a thread.

With a thousand drivers the text has thousands of lines, and heartbeats must not wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from orchestrator.metric_table import ORCHESTRATOR_METRICS
from orchestrator.operations import DRIVER_STATES, OperationFigures
from orchestrator.run_metrics import run_families
from spate.scrape import Scrape

SNAPSHOT_RESULTS: Final = ("merged", "duplicate", "late", "foreign")


class Exposition:
    """Answers scrapes: the orchestrator's own figures, those of a run, and of its process."""

    def __init__(
        self,
        version: str,
        figures: Callable[[], OperationFigures],
        subscribers: Callable[[], int],
    ) -> None:
        self._version = version
        self._figures = figures
        self._subscribers = subscribers
        self._process = ProcessCollector(registry=None)

    async def render(self, accept: str) -> tuple[bytes, str]:
        """Return the text of all metrics as of now, and its content type, by an Accept header."""
        gathered = Gathered(self._version, self._figures(), self._subscribers())
        return await asyncio.to_thread(_encode, (gathered, self._process), accept)


class Gathered(Collector):
    """The families of one scrape."""

    def __init__(self, version: str, figures: OperationFigures, streams: int) -> None:
        self._version = version
        self._figures = figures
        self._streams = streams

    def collect(self) -> Iterator[Metric]:
        """Yield those of the orchestrator itself, then those of the run, if there is one."""
        yield from self._own()
        if self._figures.run is not None:
            yield from run_families(self._figures.run)

    def _own(self) -> Iterator[Metric]:
        now, scrape = self._figures, Scrape(ORCHESTRATOR_METRICS)
        scrape.tell("spate_orchestrator_build_info", 1, self._version)
        for state in DRIVER_STATES:
            scrape.tell("spate_orchestrator_drivers", now.drivers.get(state, 0), state)
        scrape.tell_some("spate_orchestrator_fleet_desired", now.fleet_desired)
        scrape.tell_some("spate_orchestrator_fleet_ready", now.fleet_ready)
        scrape.tell("spate_orchestrator_runs_queued", now.runs_queued)
        scrape.tell("spate_orchestrator_streams", self._streams)
        for result in SNAPSHOT_RESULTS:
            n = now.snapshots.get(result, 0)
            scrape.tell("spate_orchestrator_snapshots_total", n, result)
        scrape.tell("spate_orchestrator_snapshot_gaps", now.gaps)
        scrape.tell("spate_orchestrator_kafka_errors_total", now.kafka_errors)
        scrape.tell("spate_orchestrator_kafka_up", now.kafka_up)
        scrape.tell("spate_orchestrator_kafka_ack_age_seconds", now.ack_age_s)
        for topic, n in sorted(now.bad_messages.items()):
            scrape.tell("spate_orchestrator_bad_messages_total", n, topic)
        scrape.tell("spate_orchestrator_driver_losses_total", now.driver_losses)
        return scrape.collect()


def _encode(collectors: tuple[Collector, ...], accept: str) -> tuple[bytes, str]:
    """Return the collectors' families as text.

    The registry is one scrape's own, so that none waits for another's.
    """
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type
