"""The orchestrator's own figures for Prometheus, rendered when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from orchestrator.operations import DRIVER_STATES, OperationFigures
from spate.messages import STATE_ORDER


class OrchestratorCollector(Collector):
    """Turns ``figures()`` and the number of open streams into metric families."""

    def __init__(
        self,
        version: str,
        figures: Callable[[], OperationFigures],
        subscribers: Callable[[], int],
    ) -> None:
        self._version = version
        self._figures = figures
        self._subscribers = subscribers

    def describe(self) -> Iterator[Metric]:
        """Name nothing beforehand: registering must not ask for figures."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield all families as of now."""
        figures = self._figures()
        build = GaugeMetricFamily(
            "spate_orchestrator_build_info", "1, labelled by version.", labels=["version"]
        )
        build.add_metric([self._version], 1)
        yield build

        drivers = GaugeMetricFamily(
            "spate_orchestrator_drivers", "Drivers heard, by state.", labels=["state"]
        )
        for state in DRIVER_STATES:
            drivers.add_metric([state], figures.drivers.get(state, 0))
        yield drivers

        if figures.fleet_desired is not None:
            text = "Driver pods that are wanted."
            yield _gauge("spate_orchestrator_fleet_desired", text, figures.fleet_desired)
        if figures.fleet_ready is not None:
            text = "Driver pods that are ready."
            yield _gauge("spate_orchestrator_fleet_ready", text, figures.fleet_ready)

        yield _gauge("spate_orchestrator_runs_queued", "Runs that wait.", figures.runs_queued)
        yield _gauge(
            "spate_orchestrator_streams", "Live streams that are open.", self._subscribers()
        )

        run = GaugeMetricFamily(
            "spate_run_state",
            "1 for the state of the run under way, 0 for the others.",
            labels=["run_id", "state"],
        )
        if figures.run_id is not None:
            for name in STATE_ORDER:
                run.add_metric([figures.run_id, name], float(name == figures.run_state))
        yield run

        kafka = CounterMetricFamily("spate_orchestrator_kafka_errors", "Errors met with Kafka.")
        kafka.add_metric([], figures.kafka_errors)
        yield kafka

        snapshots = CounterMetricFamily(
            "spate_orchestrator_snapshots",
            "Snapshots read, by what became of them.",
            labels=["result"],
        )
        snapshots.add_metric(["merged"], figures.snapshots_merged)
        snapshots.add_metric(["duplicate"], figures.snapshots_duplicate)
        snapshots.add_metric(["late"], figures.snapshots_late)
        yield snapshots

        yield _gauge(
            "spate_orchestrator_snapshots_gaps",
            "Snapshots of the run under way that are missing between others now.",
            figures.snapshots_gaps,
        )

        bad = CounterMetricFamily(
            "spate_orchestrator_bad_messages",
            "Records that were no message of ours.",
            labels=["topic"],
        )
        for topic, n in sorted(figures.bad_messages.items()):
            bad.add_metric([topic], n)
        yield bad


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def make_registry(
    version: str, figures: Callable[[], OperationFigures], subscribers: Callable[[], int]
) -> CollectorRegistry:
    """Return a registry of the orchestrator's figures and those of its process."""
    registry = CollectorRegistry()
    registry.register(OrchestratorCollector(version, figures, subscribers))
    ProcessCollector(namespace="spate_orchestrator", registry=registry)
    return registry
