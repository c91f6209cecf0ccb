"""What a service says of a metric before there is a value: name, kind, labels, and its meaning.

Each service declares its metrics in one table. The scrape is held against it, and docs/metrics.md
is written from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MetricKind = Literal["counter", "gauge", "histogram", "summary"]
"""A summary is told by its quantiles alone: the label ``quantile`` is kept for this kind."""


@dataclass(frozen=True, slots=True)
class DeclaredMetric:
    """One metric. ``name`` is as in a query, so a counter's ends in ``_total``.

    ``text`` is one sentence, or two; it is the help text of the exposition.
    """

    name: str
    kind: MetricKind
    text: str
    labels: tuple[str, ...] = ()
