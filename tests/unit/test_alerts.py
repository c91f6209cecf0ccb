"""Alerts speak of metrics that there are, have a runbook each, and are tried both ways."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.promql import KNOWN, faults, strangers

from spate.report_facts import RunFacts
from spate.timing import SECOND, Timing
from spate.trust import LAG_FLOOR_NS, LAG_LIMIT_NS, lag_limit_ns

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"
GROUPS: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in GROUPS for rule in group["rules"]
}

each_alert = pytest.mark.parametrize("name", ALERTS)


def test_there_is_one_copy_of_the_rules() -> None:
    """deploy/prometheus/alerts.yaml leads to the file in the chart."""
    chart = ROOT / "deploy" / "helm" / "spate" / "files" / "alerts.yaml"
    assert (FOLDER / "alerts.yaml").resolve() == chart


def test_names_are_unique() -> None:
    """No alert hides another of the same name, and each is known for ours."""
    assert sum(len(group["rules"]) for group in GROUPS) == len(ALERTS)
    assert [name for name in ALERTS if not name.startswith("Spate")] == []


@each_alert
def test_every_metric_exists(name: str) -> None:
    """Every name and label of an expression is in the code's tables, every value possible."""
    assert faults(ALERTS[name]["expr"]) == []
    assert strangers(ALERTS[name]["expr"]) == []


def test_limits_are_those_of_the_code() -> None:
    """An alert does not say otherwise than the verdict, nor than the protocol."""
    floor_s, limit_s = LAG_FLOOR_NS / SECOND, LAG_LIMIT_NS / SECOND
    tenth = f'{{quantile="0.5"}} / 10, {floor_s:g}, {limit_s:g})'
    assert tenth in ALERTS["SpateGeneratorLate"]["expr"]
    between_ns = (LAG_FLOOR_NS + LAG_LIMIT_NS) // 2
    assert lag_limit_ns(between_ns * 10) == between_ns
    [cpu_limit] = [each.default for each in fields(RunFacts) if each.name == "cpu_limit"]
    busy = f"(spate_driver_cpu_ratio > {cpu_limit:g})"
    assert busy in ALERTS["SpateDriverBusy"]["expr"]
    fence_s = Timing().fence_after_ns / SECOND
    assert ALERTS["SpateKafkaSlow"]["expr"].count(f"_ack_age_seconds > {fence_s:g})") == 2


@each_alert
def test_an_alert_says_what_and_how_bad(name: str) -> None:
    """Severity, a heading without a full stop, and sentences."""
    rule = ALERTS[name]
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in ("warning", "critical")
    notes = rule["annotations"]
    assert notes.keys() == {"summary", "description", "runbook_url"}
    assert not notes["summary"].endswith(".")
    assert notes["description"].endswith(".")


@each_alert
def test_an_alert_has_a_runbook(name: str) -> None:
    """A page of its own with the four questions, which names metrics of its expression."""
    assert ALERTS[name]["annotations"]["runbook_url"] == f"docs/runbooks/{name}.md"
    text = (RUNBOOKS / f"{name}.md").read_text()
    assert re.findall(r"^#+ (.+)$", text, re.MULTILINE) == [
        name,
        "What it means",
        "What it does to the numbers",
        "What to look at",
        "What to do",
    ]
    named = set(re.findall(r"\bspate_\w+", text))
    assert named - set(KNOWN) == set()
    assert named & set(re.findall(r"\bspate_\w+", ALERTS[name]["expr"])) != set()


def test_runbooks_are_listed() -> None:
    """There is one for each alert and no other, and the index names them all."""
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    listed = re.findall(r"^\| \[(\w+)\]", (RUNBOOKS / "README.md").read_text(), re.MULTILINE)
    assert pages == set(ALERTS)
    assert sorted(listed) == sorted(ALERTS)


def test_runbooks_point_at_panels_that_exist() -> None:
    """What stands in quotes after a dashboard's name is the title of one of its panels."""
    titles = {}
    for board in ("run", "fleet"):
        text = (ROOT / "deploy/grafana/dashboards" / f"spate-{board}.json").read_text()
        titles[board] = {
            panel["title"] for panel in yaml.safe_load(text)["panels"] if panel["type"] != "row"
        }
    pointers = 0
    for path in RUNBOOKS.glob("*.md"):
        for point in re.split(r"^\* ", path.read_text(), flags=re.MULTILINE):
            for board in re.findall(r"\*Spate / (Run|Fleet)\*", point):
                said = {name.rstrip(",") for name in re.findall(r'"([^"]+)"', point)}
                assert said - titles[board.lower()] == set(), path.name
                pointers += len(said)
    assert pointers > 15


@each_alert
def test_an_alert_is_tried_both_ways(name: str) -> None:
    """Promtool's tests (tests/integration) see it fire, and see it silent."""
    tried = [
        bool(each["exp_alerts"])
        for path in (FOLDER / "tests").glob("*.yaml")
        for test in yaml.safe_load(path.read_text())["tests"]
        for each in test["alert_rule_test"]
        if each["alertname"] == name
    ]
    assert set(tried) == {True, False}
