"""What an expression in PromQL speaks of, once Grafana's variables have been put in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

import promql_parser as promql

from driver.metric_table import DRIVER_METRICS
from orchestrator.metric_table import ORCHESTRATOR_METRICS, RUN_METRICS
from orchestrator.metrics import SNAPSHOT_RESULTS
from orchestrator.operations import DRIVER_STATES
from orchestrator.run import EventKind
from orchestrator.run_metrics import QUANTILES
from spate.figures import DROPPED_CAUSES, FAILED_KINDS, MISSED_CAUSES
from spate.messages import STATE_ORDER
from target.metric_table import TARGET_METRICS

GRAFANA = {
    "$__rate_interval": "20s",
    "$__interval": "5s",
    "$run": ".*",
    "$namespace": ".*",
}
"""Variables of the dashboards, and something that may stand in their place."""

SCRAPED = frozenset({"job", "instance", "namespace", "pod"})
"""Labels that come with the scrape, on every series."""

VALUES = {
    "outcome": {"succeeded", "failed", "dropped", "missed"},
    "kind": {*FAILED_KINDS, *DROPPED_CAUSES, *MISSED_CAUSES, *get_args(EventKind)},
    "state": {*STATE_ORDER, *DRIVER_STATES},
    "quantile": set(QUANTILES),
    "result": set(SNAPSHOT_RESULTS),
}
"""What may stand under a label: closed sets of the code."""

_PROCESS = (
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
    "process_start_time_seconds",
    "process_open_fds",
    "process_max_fds",
)


def _known() -> dict[str, frozenset[str]]:
    """Return every series that a scrape can bring, with the labels of its own."""
    found: dict[str, frozenset[str]] = {name: frozenset() for name in _PROCESS}
    for metric in (*DRIVER_METRICS, *ORCHESTRATOR_METRICS, *RUN_METRICS, *TARGET_METRICS):
        labels = frozenset(metric.labels)
        if metric.kind == "histogram":
            found[f"{metric.name}_bucket"] = labels | {"le"}
            found[f"{metric.name}_sum"] = found[f"{metric.name}_count"] = labels
        else:
            found[metric.name] = labels
    return found


KNOWN: Mapping[str, frozenset[str]] = _known()
"""Every series that a scrape of the three services can bring, with the labels of its own."""


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric, and the values or patterns that some of its labels must have."""

    name: str
    labels: tuple[tuple[str, str], ...]


def filled(expression: str) -> str:
    """Return an expression without variables.

    Raises:
        AssertionError: if it holds one that is not known.
    """
    for name, value in GRAFANA.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


def selectors(expression: str) -> list[Selector]:
    """Return what an expression selects.

    Raises:
        ValueError: if it is not valid.
    """
    return [
        Selector(
            node.name or "",
            tuple((each.name, each.value) for each in node.matchers.matchers),
        )
        for node in _nodes(expression)
        if isinstance(node, promql.VectorSelector)
    ]


def grouped(expression: str) -> set[str]:
    """Return every label by which an expression groups, matches or is joined."""
    return {
        name.strip()
        for names in re.findall(r"(?:by|on|ignoring|group_left)\s*\(([^)]*)\)", expression)
        for name in names.split(",")
        if name.strip()
    }


def _nodes(expression: str) -> Iterator[promql.Expr]:
    found: list[promql.Expr] = []
    promql.walk(promql.parse(expression), pre_visit=found.append)
    return iter(found)


def faults(expression: str) -> list[str]:
    """Return what an expression speaks of that no scrape brings."""
    found, labels = [], set(SCRAPED)
    for each in selectors(expression):
        own = KNOWN.get(each.name)
        if own is None:
            found.append(f"there is no metric {each.name}")
            continue
        labels |= own
        found += [
            f"{each.name} has no label {name}"
            for name, _ in each.labels
            if name not in own | SCRAPED
        ]
    return found + [f"no metric has the label {name}" for name in grouped(expression) - labels]


def strangers(expression: str) -> list[str]:
    """Return the values with which an expression compares labels that cannot have them."""
    return [
        f"{each.name} has no {label} {value}"
        for each in selectors(expression)
        for label, pattern in each.labels
        for value in pattern.split("|")
        if label in VALUES and value not in VALUES[label]
    ]
