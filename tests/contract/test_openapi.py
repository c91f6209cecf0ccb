"""What the API says of itself: a committed snapshot, and models that fit what is really sent.

After a deliberate change: ``python tests/contract/test_openapi.py`` writes the snapshot anew.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator

from orchestrator.api import create_app
from orchestrator.api.plan_models import Plan as PlanModel
from orchestrator.api.report_models import Dropped, Failed, Missed, Report
from orchestrator.api.view_models import (
    EndData,
    FleetData,
    RunView,
    SnapshotData,
    StateData,
    WindowData,
)
from orchestrator.archive import Archive
from orchestrator.feed import Feeds
from orchestrator.operations import OperationFigures, Operations
from orchestrator.run_view import (
    end_data,
    fleet_data,
    snapshot_data,
    state_data,
    view_of,
    window_data,
)
from orchestrator.settings import parse_settings
from spate.aggregator import Aggregator
from spate.figures import DROPPED_CAUSES, FAILED_KINDS, MISSED_CAUSES, Figures
from spate.grant import Range
from spate.histogram import Histogram
from spate.live import live_view
from spate.messages import SnapshotMessage
from spate.plan import Plan, parse_plan
from spate.report import LedgerFacts, RunFacts, TermFacts, build_report
from spate.report_windows import window_row
from spate.schedule import plan_schedule

SNAPSHOT = Path(__file__).parent / "openapi.json"

LOADS: dict[str, dict[str, Any]] = {
    "avalanche": {"test_type": "avalanche", "message_count_per_driver": 10},
    "tsunami": {"test_type": "tsunami", "message_count_per_driver": 10, "message_delay_ms": 2.5},
    "arrivals": {
        "test_type": "arrivals",
        "stages": [{"name": "ramp", "duration": "1s", "from": 0, "to": 20, "measured": True}],
    },
}


class Nothing:
    """As much of the operations as putting the API together needs."""

    def figures(self) -> OperationFigures:
        """Return no figures."""
        return OperationFigures()


@cache
def description() -> dict[str, Any]:
    """Return the OpenAPI document; nothing is asked of the operations for that."""
    settings = parse_settings(["--kafka", "localhost:9092"], {})
    app = create_app(cast("Operations", Nothing()), Archive("sqlite://"), Feeds(0), settings)
    document: dict[str, Any] = json.loads(json.dumps(app.openapi()))
    document["info"]["version"] = "0"
    return document


def text_of(document: dict[str, Any]) -> str:
    """Return the document as it is committed."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def make_plan(load: str) -> Plan:
    """Return a plan with one threshold of each sort."""
    return parse_plan(
        {
            "name": "smoke",
            "labels": {"team": "x"},
            "target": "http://127.0.0.1:8000",
            "requests": [{"name": "ping", "method": "GET", "path": "/ping"}],
            "load": LOADS[load],
            "thresholds": ["response_time.p99 < 300ms", "failed.rate < 1%"],
        }
    )


class Ran:
    """A run of which one driver has reported one second."""

    def __init__(self, load: str = "tsunami", *, heard: bool = True) -> None:
        self.plan = make_plan(load)
        self.aggregator = Aggregator(self.plan, plan_schedule(self.plan, 1), "smoke-1")
        owned = Range(0, 0, 1, self.aggregator.schedule.count)
        term = TermFacts("driver-1", "boot", 0, live=False, left_cleanly=True, ranges=(owned,))
        self.ledger = LedgerFacts(owned.size, terms=(term,) if heard else ())
        if heard:
            self.aggregator.add(self._snapshot(owned.size))

    def facts(self, *, ended: bool) -> RunFacts:
        """Return the run, ended or not."""
        return RunFacts(
            run_id="smoke-1",
            plan=self.plan,
            state="FINISHED" if ended else "RUNNING",
            stopped=False,
            reason=None,
            created_at_ns=1_795_374_439_000_000_000,
            started_at_ns=1_795_374_440_000_000_000,
            ended_at_ns=1_795_374_441_000_000_000 if ended else None,
            drivers=1,
            events=(
                {"offset_s": 0.5, "kind": "joined", "driver_id": "driver-1", "text": "joined"},
            ),
        )

    def report(self) -> dict[str, Any]:
        """Return the report."""
        return build_report(self.facts(ended=True), self.aggregator, self.ledger)

    def view(self) -> dict[str, Any]:
        """Return the view while it is under way."""
        return live_view(self.facts(ended=False), self.aggregator, self.ledger)

    def windows(self) -> list[dict[str, Any]]:
        """Return the rows so far."""
        return [window_row(self.aggregator, self.ledger, 0)]

    def _snapshot(self, n: int) -> SnapshotMessage:
        times = Histogram.of([1_000_000 * (k + 1) for k in range(n)])
        figures = Figures(
            decided=n,
            sent=n,
            succeeded=n - 1,
            failed={"status_5xx": 1},
            status_codes={"200": n - 1, "500": 1},
            bytes_sent=100,
            bytes_received=200,
            response_time=times,
            response_time_succeeded=times,
            service_time=times,
            lag=times,
            wait_time=times,
            connect_time=times,
        )
        return SnapshotMessage(
            driver_id="driver-1",
            boot_id="boot",
            term=0,
            run_id="smoke-1",
            seq=0,
            window=0,
            cells=(figures.to_cell(0, 0),),
            in_flight=0,
            connections=1,
            cpu=0.25,
            clock_offset_ns=-10,
            start_skew_ns=20,
        )


def check(schema: str, instance: Any) -> list[str]:
    """Return what a JSON value has against the schema of that name in the snapshot."""
    document = json.loads(SNAPSHOT.read_text())
    wanted = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    errors = Draft202012Validator(wanted).iter_errors(json.loads(json.dumps(instance)))
    return [f"{error.json_path}: {error.message[:200]}" for error in errors]


def test_the_description_is_the_committed_one() -> None:
    """Clients generate their types from the file; a change must be seen in review."""
    assert description() == json.loads(SNAPSHOT.read_text())


def test_the_calls_are_exactly_those_of_the_interface() -> None:
    """Nothing more, nothing less."""
    calls = {
        f"{method.upper()} {path}"
        for path, methods in description()["paths"].items()
        for method in methods
    }
    assert calls == {
        "POST /api/v1/runs",
        "GET /api/v1/runs",
        "GET /api/v1/runs/{run_id}",
        "GET /api/v1/runs/{run_id}/report",
        "POST /api/v1/runs/{run_id}/stop",
        "POST /api/v1/runs/{run_id}/abort",
        "GET /api/v1/runs/{run_id}/stream",
        "GET /api/v1/drivers",
        "GET /api/v1/fleet",
        "GET /api/v1/about",
        "PUT /api/v1/fleet",
        "POST /api/v1/plans/validate",
        "GET /healthz",
        "GET /readyz",
        "GET /metrics",
    }


def test_every_reference_leads_to_a_schema_and_every_schema_is_used() -> None:
    """The document is whole."""
    document = description()
    text = json.dumps(document)
    for name in document["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in text
    used = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert used - set(document["components"]["schemas"]) == set()


def test_every_problem_is_problem_json() -> None:
    """No call says that it answers errors in any other way."""
    for methods in description()["paths"].values():
        for call in methods.values():
            for status, answer in call["responses"].items():
                if status >= "400":
                    assert list(answer["content"]) == ["application/problem+json"]


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("heard", [True, False])
def test_reports_and_views_are_as_described(load: str, heard: bool) -> None:
    """Every key of what is really sent is described, and nothing described is missing."""
    ran = Ran(load, heard=heard)
    report, view = ran.report(), ran.view()
    for name, model, data in (
        ("Report", Report, report),
        ("RunView", RunView, view),
        ("RunView", RunView, view_of(report)),
        ("SnapshotData", SnapshotData, snapshot_data(view, ran.windows())),
        ("SnapshotData", SnapshotData, snapshot_data(view_of(report), report["windows"])),
        ("StateData", StateData, state_data(view)),
        ("WindowData", WindowData, window_data(view, ran.windows())),
        ("FleetData", FleetData, fleet_data(view["events"][0])),
        ("EndData", EndData, end_data(report)),
    ):
        assert check(name, data) == []
        assert model.model_validate(data).model_dump(by_alias=True, mode="json") == data


def test_the_view_of_an_ended_run_agrees_with_its_live_view() -> None:
    """Same keys, and figures that do not depend on whether it has ended."""
    ran = Ran()
    live, ended = ran.view(), view_of(ran.report())
    assert list(ended) == list(live)
    same = ("accounting", "status_codes", "response_time", "connect_time", "window", "events")
    for key in (*same, "degraded"):
        assert ended[key] == live[key]
    (row,) = live["drivers"]
    assert ended["drivers"] == [{**row, "last_window": None}]


@pytest.mark.parametrize("load", LOADS)
def test_a_plan_in_normal_form_is_as_described(load: str) -> None:
    """As it is shown, and as it may be sent again."""
    document = make_plan(load).to_document()
    assert check("Plan", document) == []
    assert check("PlanInput", document) == []


def test_the_defaults_described_are_those_of_the_plan() -> None:
    """A minimal plan gets the same values from both."""
    minimal = {
        "name": "smoke",
        "target": "http://127.0.0.1:8000",
        "requests": [{"method": "GET", "path": "/ping", "name": "ping"}],
        "load": LOADS["tsunami"],
    }
    described = PlanModel.model_validate(minimal).model_dump(by_alias=True, mode="json")
    assert described == parse_plan(minimal).to_document()
    assert check("PlanInput", minimal) == []


def test_the_closed_sets_are_those_of_the_figures() -> None:
    """Kinds and causes are written down twice; the two agree, in order."""
    assert tuple(Failed.model_fields) == FAILED_KINDS
    assert tuple(Dropped.model_fields) == DROPPED_CAUSES
    assert tuple(Missed.model_fields) == MISSED_CAUSES


def test_the_stream_is_described_as_events() -> None:
    """Its media type is that of server-sent events."""
    answer = description()["paths"]["/api/v1/runs/{run_id}/stream"]["get"]["responses"]["200"]
    assert list(answer["content"]) == ["text/event-stream"]


if __name__ == "__main__":
    SNAPSHOT.write_text(text_of(description()))
