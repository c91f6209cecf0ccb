"""One answer to Prometheus: samples, each held against the table in which it was declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.metrics_core import Metric

from spate.declared_metric import DeclaredMetric
from spate.le_counts import BOUNDS_S, LeCounts

_FAMILIES: Final = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
    "summary": SummaryMetricFamily,
}


class Scrape:
    """Takes samples in any order; ``collect`` gives families in the order of the table.

    A metric of which nothing is told is left out: it is absent, not zero.
    """

    def __init__(self, table: Iterable[DeclaredMetric]) -> None:
        self._declared = {metric.name: metric for metric in table}
        self._told: dict[str, Metric] = {}

    def tell(self, name: str, value: float, *labels: str) -> None:
        """Give all but a histogram a value under these labels' values, in the table's order.

        Raises:
            KeyError: if there is no such metric in the table.
            ValueError: if it is a histogram, or has other labels.
        """
        family = self._family(name, labels)
        if isinstance(family, (CounterMetricFamily, GaugeMetricFamily)):
            family.add_metric(labels, value)
        elif isinstance(family, SummaryMetricFamily):
            names = self._declared[name].labels
            family.add_sample(name, dict(zip(names, labels, strict=True)), value)
        else:
            raise ValueError(f"{name} is a histogram, not one value")  # noqa: TRY004 - of the table

    def tell_some(self, name: str, value: float | None, *labels: str) -> None:
        """Do the same, unless the value is not known.

        Raises:
            KeyError, ValueError: as ``tell``.
        """
        if value is not None:
            self.tell(name, value, *labels)

    def tell_durations(self, name: str, durations: LeCounts) -> None:
        """Give a histogram its buckets, count and sum.

        Raises:
            KeyError: if there is no such metric in the table.
            ValueError: if it is no histogram, or has labels.
        """
        family = self._family(name, ())
        if not isinstance(family, HistogramMetricFamily):
            raise ValueError(f"{name} is no histogram")  # noqa: TRY004 - of the table
        bounds = (*(str(bound) for bound in BOUNDS_S), "+Inf")
        buckets = list(zip(bounds, durations.cumulative(), strict=True))
        family.add_metric((), buckets, durations.sum_s)

    def collect(self) -> Iterator[Metric]:
        """Yield the families of which something was told: what an encoder asks for."""
        return (self._told[name] for name in self._declared if name in self._told)

    def _family(self, name: str, labels: tuple[str, ...]) -> Metric:
        declared = self._declared[name]
        if len(labels) != len(declared.labels):
            raise ValueError(f"{name} has the labels {declared.labels}, not {labels}")
        if name not in self._told:
            make = _FAMILIES[declared.kind]
            self._told[name] = make(name, declared.text, labels=declared.labels)
        return self._told[name]
