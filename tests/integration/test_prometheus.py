"""A real Prometheus watches a real run: every query of every dashboard, the alerts, the report.

Under ``SPATE_SHOTS`` each dashboard is drawn there.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deploy.grafana.__main__ import BOARDS
from deploy.grafana.board import Board
from tests.integration.boards import documents, marks, panels, variables
from tests.integration.drawing import draw
from tests.integration.prometheus import Series, program
from tests.integration.watched import NAMESPACE, RATE_PER_S, Watched, watched_run

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

JsonObject = dict[str, Any]

DOCUMENTS = documents()
QUERIES = {
    f"{uid} {panel['title']} {target['refId']}": (panel, target["expr"])
    for uid, document in DOCUMENTS.items()
    for panel in panels(document)
    for target in panel["targets"]
}

ELSEWHERE = {"Pods"}
"""Panels that show nothing here: there are no pods. What else may be empty is provoked."""

BOUNDS = {
    "percentunit": (0, 2),
    "s": (-60, 60),
    "reqps": (0, 4 * RATE_PER_S),
    "cps": (0, 1_000),
    "Bps": (0, 1e6),
    "bytes": (0, 2e9),
    "locale": (0, 20_000),
    "short": (0, 2_000_000),
    "none": (0, 100),
}
"""Between what a value of a unit may lie in this run."""


@pytest.fixture(scope="module")
def watched(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """The run, after its end, with the Prometheus that watched it."""
    if program() is None:
        pytest.skip("there is no Prometheus here (on Debian: apt install prometheus)")
    with watched_run(kafka, tmp_path_factory.mktemp("watched")) as found:
        yield found


def numbers(found: list[Series]) -> list[float]:
    """Return the values of all series that are numbers: 0 / 0 is none."""
    return [value for each in found for value in each.values if not math.isnan(value)]


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_says_something(watched: Watched, query: str) -> None:
    """Asked as Grafana asks, for this run and for all; the values are of a plausible size."""
    panel, expression = QUERIES[query]
    found = watched.span.ask(watched.prometheus, expression)
    if panel["title"] in ELSEWHERE:
        assert found == []
        return
    values = numbers(found)
    assert values, expression
    low, high = BOUNDS[panel["fieldConfig"]["defaults"]["unit"]]
    assert low <= min(values) <= max(values) <= high
    every = watched.span.of(run=".*", namespace=".*").ask(watched.prometheus, expression)
    assert [each.labels for each in every] == [each.labels for each in found]
    nobody = watched.span.of(run="nobody", namespace="nobody")
    assert nobody.ask(watched.prometheus, expression) == []


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_what_may_be_empty_says_why(watched: Watched, board: Board) -> None:
    """In a closed run in which all is well every other panel shows something."""
    empty = {
        panel.title
        for panel in board.panels()
        if not any(watched.calm.ask(watched.prometheus, q.expression) for q in panel.queries)
    }
    print(board.uid, "empty in a calm run:", sorted(empty))
    assert empty <= {panel.title for panel in board.panels() if panel.empty}
    if board.uid == "spate-run":
        assert {"Planned", "Failed by kind"} <= empty


@pytest.mark.parametrize("uid", DOCUMENTS)
def test_variables_have_values(watched: Watched, uid: str) -> None:
    """The namespace and the run can be chosen."""
    asked = variables(DOCUMENTS[uid])
    assert asked.keys() == {"namespace", "run"}
    values = {
        name: watched.prometheus.label_values(label, watched.span.filled(selector))
        for name, (selector, label) in asked.items()
    }
    assert values == {
        "namespace": [NAMESPACE],
        "run": sorted([watched.run_id, watched.calm.variables["run"]]),
    }


def test_all_namespaces_are_also_none_at_all(watched: Watched) -> None:
    """`.*` matches a series without the label, so the dashboards work outside of Kubernetes."""
    [found] = watched.prometheus.at('up{job="plain", namespace=~".*"}', watched.end_s)
    assert "namespace" not in found.labels


def test_annotations_mark_what_happened(watched: Watched) -> None:
    """Start, end, the loss, what the fleet did: at the instants that the report has."""
    seen = {
        name: watched.span.ask(watched.prometheus, expression)
        for name, expression in marks(DOCUMENTS["spate-run"]).items()
    }
    assert all(seen.values()), seen
    [started], [ended] = seen["Run started"], seen["Run ended"]
    for series in (started, ended):
        assert (series.labels["run_id"], series.labels["name"]) == (watched.run_id, "watched")
        assert len(set(series.values)) == 1
    # RUNNING is entered when the start is set, which lies a little ahead.
    ahead_s = watched.instant_s("started_at") - started.values[0] / 1000
    assert 0 < ahead_s < 5
    assert abs(watched.instant_s("ended_at") - ended.values[0] / 1000) < 5
    kinds = {series.labels["kind"] for series in seen["Fleet"]}
    assert {"took_over", "joined"} <= kinds
    [lost] = seen["Driver lost"]
    assert lost.values == [1]
    [event] = [each for each in watched.report["events"] if each["kind"] == "lost"]
    instant_s = watched.instant_s("started_at") + event["offset_s"]
    assert 0 <= lost.points[0][0] - instant_s < 15


def test_counters_are_those_of_the_report(watched: Watched) -> None:
    """In the end exactly; as Prometheus reckons increases, within two per cent."""
    prometheus, accounting = watched.prometheus, watched.report["accounting"]
    sent = prometheus.one("spate_run_requests_sent_total", watched.end_s)
    assert sent == accounting["sent"]
    over_s = math.ceil(watched.end_s - watched.span.start_s)
    grown = prometheus.one(f"increase(spate_run_requests_sent_total[{over_s}s])", watched.end_s)
    assert grown == pytest.approx(accounting["sent"], rel=0.02)
    for outcome in ("failed", "dropped", "missed"):
        found = prometheus.at(f'spate_run_arrivals_total{{outcome="{outcome}"}}', watched.end_s)
        said = {each.labels["kind"]: each.values[0] for each in found}
        assert said == accounting[outcome]
        assert sum(said.values()) > 0
    assert prometheus.one("spate_run_planned_arrivals", watched.end_s) == accounting["planned"]
    assert (
        prometheus.one("spate_run_unconfirmed_arrivals", watched.end_s) == accounting["unconfirmed"]
    )


def test_the_account_adds_up_in_prometheus(watched: Watched) -> None:
    """Planned is what has an outcome and what is unconfirmed, at the end to the last one."""
    assert (
        watched.prometheus.one(
            "spate_run_planned_arrivals - on (job, instance) sum by (job, instance) "
            "(spate_run_arrivals_total) - on (job, instance) spate_run_unconfirmed_arrivals",
            watched.end_s,
        )
        == 0
    )


@pytest.mark.parametrize(
    ("metric", "figure"),
    [("response_time", "response_time"), ("service_time", "service_time"), ("lag", "lag")],
)
def test_quantiles_of_buckets_lie_beside_the_exact_ones(
    watched: Watched, metric: str, figure: str
) -> None:
    """What Prometheus estimates is in the bucket that the report's p99 is in."""
    buckets = f"spate_run_{metric}_seconds_bucket"
    estimated_s = watched.prometheus.one(f"histogram_quantile(0.99, {buckets})", watched.end_s)
    bounds = sorted(
        float(each.labels["le"]) for each in watched.prometheus.at(buckets, watched.end_s)
    )
    exact_s = watched.report[figure]["p99_ns"] / 1e9
    # An exact bucket is 0.1 % wide, and belongs to one side of a bound as a whole.
    [(low, high)] = [
        (low, high) for low, high in itertools.pairwise([0.0, *bounds]) if low < exact_s <= high
    ]
    assert low * 0.999 <= estimated_s <= high * 1.001
    count = watched.prometheus.one(f"spate_run_{metric}_seconds_count", watched.end_s)
    assert count == watched.report[figure]["count"]


@pytest.mark.parametrize(
    ("metric", "quantile", "column"),
    [
        ("response_time", "0.99", "p99_ns"),
        ("response_time", "1", "max_ns"),
        ("lag", "0.99", "lag_p99_ns"),
    ],
)
def test_window_quantiles_are_those_of_the_report(
    watched: Watched, metric: str, quantile: str, column: str
) -> None:
    """To the nanosecond, but where a window was scraped before all of it had come."""
    start_s, end_s = watched.instant_s("started_at"), watched.instant_s("ended_at")
    [found] = watched.prometheus.over(
        f'spate_run_window_{metric}_seconds{{quantile="{quantile}"}}', start_s, end_s, 1
    )
    exact = {row[column] for row in watched.report["windows"]}
    same = [value for value in found.values if round(value * 1e9) in exact]
    print(f"{metric} {quantile}: {len(same)} of {len(found.values)} are the report's")
    assert len(same) >= 0.8 * len(found.values)
    assert len(set(same)) > 20


def test_the_target_counts_what_drivers_say_they_sent(watched: Watched) -> None:
    """Three counts of the same requests: the target's, the drivers' and the run's."""
    prometheus, accounting = watched.prometheus, watched.report["accounting"]
    counted = prometheus.one("sum (spate_target_requests_total)", watched.end_s)
    assert counted == watched.target_count
    assert accounting["answered"] <= counted <= accounting["sent"] + accounting["unconfirmed"]
    drivers = sum(
        max(each.values)
        for each in prometheus.over(
            "spate_driver_requests_sent_total", watched.span.start_s, watched.end_s, 1
        )
    )
    # Of the one that was killed the last second or so was not scraped.
    assert drivers == pytest.approx(accounting["sent"], rel=0.03)


def test_alerts_fire_for_what_happened(watched: Watched) -> None:
    """A driver was lost, and load was not sent; nothing else was missing or stood still."""
    fired = {
        each.labels["alertname"]
        for each in watched.prometheus.over(
            'ALERTS{alertstate="firing"}', watched.span.start_s, watched.end_s, 1
        )
    }
    print("fired:", sorted(fired))
    assert {"SpateDriverLost", "SpateLoadNotSent"} <= fired
    assert fired.isdisjoint(
        {
            "SpateOrchestratorMissing",
            "SpateKafkaDown",
            "SpateRunStuck",
            "SpateRunStalled",
            "SpateSnapshotsMissing",
        }
    )


def test_somebody_is_woken_when_the_orchestrator_is_gone(watched: Watched) -> None:
    """In the namespace whose drivers have none, after the 15 s of the rule, and no sooner."""
    alone = watched.alone
    fires = 'ALERTS{alertname="SpateOrchestratorMissing", alertstate="firing"}'
    ever_s = math.ceil(alone.end_s - watched.span.start_s)
    fired = watched.prometheus.at(f"{fires}[{ever_s}s]", alone.end_s)
    [found] = [each for each in fired if each.labels.get("namespace") == NAMESPACE]
    assert alone.start_s + 15 <= found.points[0][0]


@pytest.mark.parametrize("uid", DOCUMENTS)
def test_dashboards_can_be_drawn(watched: Watched, uid: str, tmp_path: Path) -> None:
    """Each panel with what its queries said; ``SPATE_SHOTS`` keeps the pictures."""
    document = DOCUMENTS[uid]
    found = {
        (panel["id"], target["refId"]): watched.span.ask(watched.prometheus, target["expr"])
        for panel in panels(document)
        for target in panel["targets"]
    }
    picture = Path(os.environ.get("SPATE_SHOTS", tmp_path)) / f"{uid}.png"
    empty = draw(document, found, watched.span, picture)
    assert set(empty) <= ELSEWHERE
    assert picture.read_bytes().startswith(b"\x89PNG")
