"""What each service tells Prometheus is what its table declares: no less, no more, nothing else."""

from __future__ import annotations

import asyncio
import importlib.util
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from tests.unit.test_driver_metrics import readings

from driver.metric_table import DRIVER_METRICS
from driver.metrics import Collector as DriverCollector
from orchestrator.metric_table import ORCHESTRATOR_METRICS, RUN_METRICS
from orchestrator.metrics import Exposition as OrchestratorExposition
from orchestrator.operations import OperationFigures
from orchestrator.run_figures import RunFigures, Trust, WorkerFigures
from spate.aggregator import WindowFigures
from spate.figures import Figures
from spate.histogram import Histogram
from spate.le_counts import BOUNDS_S
from target.metric_table import TARGET_METRICS
from target.metrics import Counts
from target.metrics import Exposition as TargetExposition

MEASURED = Histogram.of([1_000_000, 2_000_000, 3_000_000])
FIGURES = Figures(
    decided=3,
    sent=3,
    succeeded=2,
    failed={"reset": 1},
    status_codes={"200": 2},
    response_time=MEASURED,
    service_time=MEASURED,
    lag=MEASURED,
)
RUN = RunFigures(
    run_id="r-1",
    name="r",
    test_type="tsunami",
    state="RUNNING",
    entered_at_ns=1,
    planned=20,
    due=7,
    planned_rate=5,
    totals=FIGURES,
    missed={"fenced": 4},
    unconfirmed=0,
    by_request={("a", "succeeded"): 2},
    window=WindowFigures(3, FIGURES, {"d1": 2}, frozenset({"d1"})),
    workers={"d1": WorkerFigures(250_000_000, 0.5, 1_000)},
    events={"joined": 2},
    fences=1,
    takeovers=0,
    trust=Trust(("lag",), passed=False),
)
EVERYTHING = OperationFigures(
    drivers={"idle": 1}, bad_messages={"metrics": 1}, fleet_desired=3, fleet_ready=2, run=RUN
)


class Declared(Protocol):
    """A row of a table, of whatever service."""

    @property
    def name(self) -> str:
        """As in a query."""

    @property
    def kind(self) -> str:
        """Counter, gauge or histogram."""

    @property
    def text(self) -> str:
        """What it means."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of its labels."""


TABLES: dict[str, Sequence[Declared]] = {
    "orchestrator": (*ORCHESTRATOR_METRICS, *RUN_METRICS),
    "driver": DRIVER_METRICS,
    "target": TARGET_METRICS,
}


def orchestrator_text(figures: OperationFigures = EVERYTHING, accept: str = "") -> str:
    """Return what an orchestrator of these figures answers."""
    exposition = OrchestratorExposition("1.2.3", lambda: figures, lambda: 2)
    return asyncio.run(exposition.render(accept))[0].decode()


def driver_text() -> str:
    """Return what a driver answers that has something of everything to say."""
    registry = CollectorRegistry()
    registry.register(DriverCollector(readings))
    return generate_latest(registry).decode()


def target_text() -> str:
    """Return what a target answers that was loaded."""
    counts = Counts()
    counts.received("/", 200)
    return TargetExposition(counts).text().decode()


TEXTS = {"orchestrator": orchestrator_text, "driver": driver_text, "target": target_text}


def told(text: str) -> dict[str, tuple[str, str, set[str]]]:
    """Return kind, help text and labels of each family but the process's, by name as in a query."""
    found = {}
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        if not name.startswith("process_"):
            found[name] = (family.type, family.documentation, labels)
    return found


@pytest.mark.parametrize("service", TABLES)
def test_a_scrape_is_the_table(service: str) -> None:
    """Every metric that is told is declared as told, and every declared one is told."""
    declared = {each.name: (each.kind, each.text, set(each.labels)) for each in TABLES[service]}
    assert told(TEXTS[service]()) == declared


@pytest.mark.parametrize("service", TABLES)
def test_names_and_texts_keep_prometheus_rules(service: str) -> None:
    """Unique, by service, a counter ends in _total, and each has a sentence."""
    table = TABLES[service]
    assert len({each.name for each in table}) == len(table)
    prefix = "spate_(orchestrator|run)_" if service == "orchestrator" else f"spate_{service}_"
    for each in table:
        assert re.fullmatch(rf"{prefix}[a-z0-9_]+", each.name), each.name
        assert each.name.endswith("_total") == (each.kind == "counter"), each.name
        assert re.fullmatch(r"[A-Z1].*\.", each.text), each.name
        assert each.kind != "histogram" or each.name.endswith("_seconds"), each.name


@pytest.mark.parametrize("service", TABLES)
def test_one_series_alone_names_the_run(service: str) -> None:
    """A label per run on every series would grow without end."""
    named = [each.name for each in TABLES[service] if "run_id" in each.labels]
    assert named == (["spate_run_info"] if service == "orchestrator" else [])


def test_all_histograms_have_the_same_bounds() -> None:
    """So that quantiles of driver and run can be compared."""
    bounds = {
        (sample.name, tuple(s.labels["le"] for s in family.samples if "le" in s.labels))
        for text in (orchestrator_text(), driver_text())
        for family in text_string_to_metric_families(text)
        if family.type == "histogram"
        for sample in family.samples[:1]
    }
    assert len(bounds) == 6
    assert {each for _, each in bounds} == {(*(str(b) for b in BOUNDS_S), "+Inf")}


@pytest.mark.parametrize("text", [orchestrator_text, target_text])
def test_processes_speak_of_themselves(text: object) -> None:
    """Under the standard's names."""
    assert callable(text)
    assert "\nprocess_cpu_seconds_total " in text()
    assert "\nprocess_resident_memory_bytes " in text()


def test_what_is_not_known_of_a_run_is_absent() -> None:
    """No due times in closed load, no window before there is one, no verdict before the end."""
    bare = replace(
        RUN, planned=None, due=None, planned_rate=None, window=None, workers={}, trust=Trust()
    )
    text = orchestrator_text(replace(EVERYTHING, run=bare))
    missing = {each.name for each in RUN_METRICS} - set(told(text))
    assert missing == {
        "spate_run_planned_arrivals",
        "spate_run_due_arrivals_total",
        "spate_run_planned_rate",
        "spate_run_window_response_time_seconds",
        "spate_run_window_service_time_seconds",
        "spate_run_window_lag_seconds",
        "spate_run_snapshot_age_seconds",
        "spate_run_driver_cpu_ratio",
        "spate_run_driver_lag_p99_seconds",
        "spate_run_passed",
        "spate_run_degraded",
    }
    assert "\nspate_run_in_flight 0.0\n" in text
    assert "\nspate_run_" not in orchestrator_text(replace(EVERYTHING, run=None))


def test_a_window_without_answers_has_no_quantiles() -> None:
    """Nothing is not 0 seconds; and a worker's lag may not be known."""
    window = WindowFigures(3, Figures(decided=1), {"d1": 1}, frozenset({"d1"}))
    workers = {"d1": WorkerFigures(0, 0.5, None)}
    text = orchestrator_text(replace(EVERYTHING, run=replace(RUN, window=window, workers=workers)))
    assert "spate_run_window_" not in text
    assert "spate_run_driver_lag_p99_seconds" not in text
    assert "\nspate_run_in_flight 1.0\n" in text


def test_a_scraper_may_ask_for_openmetrics() -> None:
    """The form is chosen by the Accept header."""
    text = orchestrator_text(accept="application/openmetrics-text; version=1.0.0")
    assert text.endswith("# EOF\n")


@cache
def page_script() -> Any:
    """Return deploy/metrics_page.py as a module; it is no part of a package."""
    path = Path(__file__).parents[2] / "deploy" / "metrics_page.py"
    spec = importlib.util.spec_from_file_location("metrics_page", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_lists_what_is_declared() -> None:
    """docs/metrics.md is as deploy/metrics_page.py writes it."""
    script = page_script()
    page = script.PAGE.read_text(encoding="utf-8")
    assert script.renewed(page) == page, "run .venv/bin/python deploy/metrics_page.py"
    for table in TABLES.values():
        for each in table:
            assert f"| `{each.name}` | {each.kind} |" in page


def test_a_page_without_marks_is_refused() -> None:
    """Rather than written without its tables."""
    with pytest.raises(ValueError, match=r"metrics\.md must hold the lines"):
        page_script().renewed("# Metrics\n")
