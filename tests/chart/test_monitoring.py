"""Dashboards and alerts come out of the chart as they are in their files."""

from __future__ import annotations

import json
from typing import Any

import yaml
from tests.chart.chart import FOLDER, NAMESPACE, Chart, Values, of_kind

DASHBOARDS = {path.name: path.read_text() for path in (FOLDER / "files/dashboards").glob("*.json")}
ALERTS = yaml.safe_load((FOLDER / "files/alerts.yaml").read_text())


def dashboards(chart: Chart, **values: Any) -> dict[str, Any]:
    """Return the ConfigMaps of the dashboards by name."""
    given: Values = {"monitoring": {"dashboards": {"enabled": True, **values}}}
    found = of_kind(chart.objects(given), "ConfigMap")
    return {name: each for name, each in found.items() if name.endswith("-dashboard")}


def rule(chart: Chart, **values: Any) -> Any:
    """Return the PrometheusRule."""
    given: Values = {"monitoring": {"prometheusRule": {"enabled": True, **values}}}
    [found] = of_kind(chart.objects(given), "PrometheusRule").values()
    return found


def test_nothing_is_made_unless_asked_for(chart: Chart) -> None:
    """What needs others' operators and sidecars is off by default."""
    objects = chart.case("default")
    assert of_kind(objects, "PrometheusRule") == {}
    assert [name for name in of_kind(objects, "ConfigMap") if "dashboard" in name] == []


def test_dashboards_are_the_files(chart: Chart) -> None:
    """Each ConfigMap holds one file to the byte, so braces and dollar signs survive templating."""
    made = dashboards(chart)
    assert len(made) == 3
    assert {name: text for each in made.values() for name, text in each["data"].items()} == (
        DASHBOARDS
    )
    assert all("$__rate_interval" in text and "{{" in text for text in DASHBOARDS.values())


def test_the_sidecar_finds_dashboards(chart: Chart) -> None:
    """By the label that it looks for, in the release's namespace; all of it can be changed."""
    for each in dashboards(chart).values():
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert each["metadata"]["namespace"] == NAMESPACE
        assert "annotations" not in each["metadata"]
    changed = dashboards(
        chart,
        labels={"grafana_dashboard": None, "board": "yes"},
        annotations={"grafana_folder": "Spate"},
        namespace="monitoring",
    )
    for each in changed.values():
        assert each["metadata"]["labels"]["board"] == "yes"
        assert "grafana_dashboard" not in each["metadata"]["labels"]
        assert each["metadata"]["annotations"] == {"grafana_folder": "Spate"}
        assert each["metadata"]["namespace"] == "monitoring"


def test_alerts_are_the_file(chart: Chart) -> None:
    """The PrometheusRule has the groups of the file, templates of messages and all."""
    assert rule(chart)["spec"] == ALERTS
    assert "{{ $labels.driver_id }}" in json.dumps(ALERTS)


def test_prometheus_finds_alerts(chart: Chart) -> None:
    """By labels of its own choice."""
    labels = {"release": "kube-prometheus-stack"}
    assert labels.items() <= rule(chart, labels=labels)["metadata"]["labels"].items()


def test_runbooks_can_be_anywhere(chart: Chart) -> None:
    """The beginning of each runbook's address is a value; nothing else changes with it."""
    moved = rule(chart, runbooks="https://git.example/spate/blob/main/")["spec"]
    addresses = [
        each["annotations"].pop("runbook_url")
        for group in moved["groups"]
        for each in group["rules"]
    ]
    plain = json.loads(json.dumps(ALERTS))
    paths = [
        each["annotations"].pop("runbook_url")
        for group in plain["groups"]
        for each in group["rules"]
    ]
    assert addresses == [f"https://git.example/spate/blob/main/{path}" for path in paths]
    assert moved == plain


def test_an_address_that_is_none_is_refused(chart: Chart) -> None:
    """What begins an address ends with a slash, and says how to get there."""
    for wrong in ("git.example/spate/", "https://git.example/spate"):
        values = {"monitoring": {"prometheusRule": {"enabled": True, "runbooks": wrong}}}
        assert "/monitoring/prometheusRule/runbooks" in chart.refusal(values)
