"""Bad plans, bad calls and forbidden targets, against the real server with a run under way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from tests.integration.stack import Stack, Target
from tests.integration.sums import assert_adds_up

pytestmark = pytest.mark.kafka

JsonObject = dict[str, Any]

GOOD: JsonObject = {
    "name": "good",
    "target": "http://127.0.0.1:1",
    "requests": [{"name": "ping", "path": "/ping"}],
    "load": {"test_type": "tsunami", "message_count_per_driver": 10, "message_delay_ms": 10},
}


def with_load(**changes: object) -> JsonObject:
    """Return the good plan with another load."""
    return GOOD | {"load": GOOD["load"] | changes}


def with_request(**changes: object) -> JsonObject:
    """Return the good plan with another request."""
    return GOOD | {"requests": [GOOD["requests"][0] | changes]}


def without(key: str) -> JsonObject:
    """Return the good plan without a key."""
    return {name: value for name, value in GOOD.items() if name != key}


BAD_PLANS: dict[str, tuple[JsonObject, list[str]]] = {
    "a wrong type": (GOOD | {"name": 5}, ["name"]),
    "a name that is none": (GOOD | {"name": "Not A Name"}, ["name"]),
    "an unknown key": (GOOD | {"colour": "red"}, ["colour"]),
    "no target": (without("target"), ["target"]),
    "a URL that is none": (GOOD | {"target": "127.0.0.1:8000"}, ["target"]),
    "a target with a path": (GOOD | {"target": "http://127.0.0.1:8000/ping"}, ["target"]),
    "a port that is none": (GOOD | {"target": "http://127.0.0.1:70000"}, ["target"]),
    "no requests": (GOOD | {"requests": []}, ["requests"]),
    "too many requests": (
        GOOD | {"requests": [{"path": f"/{n}"} for n in range(33)]},
        ["requests"],
    ),
    "a name twice": (GOOD | {"requests": GOOD["requests"] * 2}, ["requests[1].name"]),
    "a method that is none": (with_request(method="get"), ["requests[0].method"]),
    "a header with a line break": (
        with_request(headers={"X-Bad": "a\r\nb"}),
        ["requests[0].headers.X-Bad"],
    ),
    "a template": (with_request(body="${env:HOME}"), ["requests[0].body"]),
    "an expectation that is none": (
        with_request(expect={"status": ["2xx", 999]}),
        ["requests[0].expect.status[1]"],
    ),
    "no test type": (GOOD | {"load": {}}, ["load.test_type"]),
    "another test type": (with_load(test_type="flood"), ["load.test_type"]),
    "a negative count": (
        with_load(message_count_per_driver=-1),
        ["load.message_count_per_driver"],
    ),
    "a huge count": (
        with_load(message_count_per_driver=10**20),
        ["load.message_count_per_driver"],
    ),
    "a key of another test type": (with_load(stages=[]), ["load.stages"]),
    "a time-out beyond the longest": (GOOD | {"limits": {"timeout": "21s"}}, ["limits.timeout"]),
    "no connections": (GOOD | {"limits": {"connections": 0}}, ["limits.connections"]),
    "a threshold that is none": (
        GOOD | {"thresholds": ["response_time.p98 < 1s"]},
        ["thresholds[0]"],
    ),
    "a threshold of an unknown request": (
        GOOD | {"thresholds": ["response_time.p99{request=pong} < 1s"]},
        ["thresholds[0]"],
    ),
    "everything at once": (
        {
            "name": "",
            "target": "ftp://127.0.0.1",
            "requests": [{"path": "ping", "weight": 0}, {"method": "GET", "pth": "/"}],
            "load": {"test_type": "arrivals", "stages": [{"duration": "1s", "to": -5}]},
            "drivers": {"min": 0, "on_loss": "panic"},
        },
        [
            "drivers.min",
            "drivers.on_loss",
            "load.stages[0].from",
            "load.stages[0].to",
            "name",
            "requests[0].path",
            "requests[0].weight",
            "requests[1].path",
            "requests[1].pth",
            "target",
        ],
    ),
}


@dataclass(frozen=True)
class BadCall:
    """A call that must be refused. ``{run}`` is under way, ``{ended}`` has ended."""

    method: str
    path: str
    status: int
    kind: str
    paths: list[str] = field(default_factory=list)
    content: str | bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


JSON = {"Content-Type": "application/json"}


def start(plan: object) -> str:
    """Return the body that starts a plan."""
    return json.dumps({"plan": plan})


BAD_CALLS: dict[str, BadCall] = {
    "no body": BadCall("POST", "/runs", 422, "bad-request", [""], b"", JSON),
    "no JSON": BadCall("POST", "/runs", 422, "bad-request", [""], "{plan", JSON),
    "a list": BadCall("POST", "/runs", 422, "bad-request", [""], "[]", JSON),
    "no plan": BadCall("POST", "/runs", 422, "bad-request", ["plan"], "{}", JSON),
    "no object": BadCall("POST", "/runs", 422, "bad-request", ["plan"], '{"plan": 1}', JSON),
    "an unknown key": BadCall(
        "POST", "/runs", 422, "bad-request", ["when"], '{"plan": {}, "when": "now"}', JSON
    ),
    "a key twice": BadCall(
        "POST", "/runs", 422, "bad-request", ["name"], '{"plan": {"name":"a","name":"b"}}', JSON
    ),
    "NaN": BadCall(
        "POST",
        "/runs",
        422,
        "bad-request",
        ["load.message_delay_ms"],
        start(with_load(message_delay_ms=float("nan"))),
        JSON,
    ),
    "no UTF-8": BadCall("POST", "/runs", 422, "bad-request", [""], b'{"plan": "\xff"}', JSON),
    "YAML": BadCall(
        "POST",
        "/runs",
        415,
        "unsupported-media-type",
        [],
        "plan: {}",
        {"Content-Type": "text/yaml"},
    ),
    "a megabyte": BadCall(
        "POST", "/runs", 413, "", [], start(GOOD | {"description": "x" * 1_000_000}), JSON
    ),
    "a forbidden address": BadCall(
        "POST",
        "/runs",
        403,
        "target-not-allowed",
        ["target"],
        start(GOOD | {"target": "http://192.0.2.1"}),
        JSON,
    ),
    "the metadata service": BadCall(
        "POST",
        "/runs",
        403,
        "target-not-allowed",
        ["target"],
        start(GOOD | {"target": "http://169.254.169.254"}),
        JSON,
    ),
    "a name that nobody knows": BadCall(
        "POST",
        "/runs",
        403,
        "target-not-allowed",
        ["target"],
        start(GOOD | {"target": "http://nowhere.invalid"}),
        JSON,
    ),
    "a key of another body": BadCall(
        "POST",
        "/runs",
        409,
        "key-conflict",
        [],
        start(GOOD),
        {**JSON, "Idempotency-Key": "the-run-under-way"},
    ),
    "a key that is none": BadCall(
        "POST",
        "/runs",
        422,
        "bad-request",
        ["Idempotency-Key"],
        start(GOOD),
        {**JSON, "Idempotency-Key": "not a key"},
    ),
    "an unknown run": BadCall("GET", "/runs/no-such-run", 404, "unknown-run"),
    "a report too early": BadCall("GET", "/runs/{run}/report", 409, ""),
    "stop of an unknown run": BadCall("POST", "/runs/no-such-run/stop", 404, "unknown-run"),
    "stop after the end": BadCall("POST", "/runs/{ended}/stop", 409, "wrong-state"),
    "abort after the end": BadCall("POST", "/runs/{ended}/abort", 409, "wrong-state"),
    "stop with orders": BadCall(
        "POST", "/runs/{run}/stop", 422, "bad-request", [""], '{"now": true}', JSON
    ),
    "a method that is not there": BadCall("DELETE", "/runs/{run}", 405, "method-not-allowed"),
    "a place that is not there": BadCall("GET", "/nowhere", 404, "not-found"),
    "a limit of 0": BadCall("GET", "/runs?limit=0", 422, "bad-request", ["limit"]),
    "a limit that is none": BadCall("GET", "/runs?limit=many", 422, "bad-request", ["limit"]),
    "an unknown state": BadCall("GET", "/runs?state=BUSY", 422, "bad-request", ["state.0"]),
    "a cursor that is none": BadCall("GET", "/runs?cursor=x", 422, "bad-request", ["cursor"]),
    "an unknown parameter": BadCall("GET", "/runs?colour=red", 422, "bad-request", ["colour"]),
    "a negative fleet": BadCall(
        "PUT", "/fleet", 422, "bad-request", ["replicas"], '{"replicas": -1}', JSON
    ),
    "a fleet that is none": BadCall(
        "PUT", "/fleet", 409, "not-on-kubernetes", [], '{"replicas": 2}', JSON
    ),
    "no drivers to plan for": BadCall(
        "POST",
        "/plans/validate",
        422,
        "bad-request",
        ["drivers"],
        json.dumps({"plan": GOOD, "drivers": 0}),
        JSON,
    ),
    "another site's page": BadCall(
        "POST",
        "/runs",
        403,
        "origin-not-allowed",
        [],
        start(GOOD),
        {**JSON, "Origin": "http://elsewhere.example"},
    ),
    "another host": BadCall(
        "GET", "/runs", 403, "host-not-allowed", headers={"Host": "elsewhere.example"}
    ),
}


@dataclass(frozen=True)
class Busy:
    """A stack with a run under way, and one that has ended."""

    stack: Stack
    run_id: str
    ended_id: str

    def send(self, call: BadCall) -> httpx.Response:
        """Make a call."""
        path = call.path.format(run=self.run_id, ended=self.ended_id)
        return self.stack.client.request(
            call.method, f"/api/v1{path}", content=call.content, headers=call.headers
        )


@pytest.fixture(scope="module")
def target(fleet: Stack) -> Target:
    """A target of this module's own."""
    return fleet.start_target()


@pytest.fixture(scope="module")
def busy(fleet: Stack, target: Target) -> Iterator[Busy]:
    """A run of a minute, stopped after the tests: exact, as none of the refusals touched it."""
    ended = fleet.run(GOOD | {"target": target.url})
    before = target.requests()
    answer = fleet.client.post(
        "/api/v1/runs",
        json={"plan": with_load(message_count_per_driver=6_000) | {"target": target.url}},
        headers={"Idempotency-Key": "the-run-under-way"},
    )
    run_id = answer.json()["run"]["id"]
    fleet.until_state(run_id, "RUNNING")
    yield Busy(fleet, run_id, ended["run"]["id"])
    assert fleet.view(run_id)["run"]["state"] == "RUNNING"
    assert fleet.call("POST", f"/runs/{run_id}/stop").status_code == 200
    report = fleet.report(run_id)
    assert_adds_up(report)
    assert (report["run"]["state"], report["run"]["drivers"]) == ("FINISHED", 3)
    accounting = report["accounting"]
    assert accounting["succeeded"] == accounting["sent"] == target.requests() - before
    assert accounting["planned"] - accounting["sent"] == accounting["missed"]["aborted"]
    # Until it was stopped, every second had its load.
    whole = report["windows"][:-1]
    assert [row["planned"] for row in whole] == [300] * len(whole)
    assert all(row["sent"] >= 200 for row in whole[:-1])
    listed = fleet.call("GET", "/runs?limit=2").json()["runs"]
    assert [row["id"] for row in listed] == [run_id, ended["run"]["id"]]


def problem(answer: httpx.Response) -> JsonObject:
    """Return an answer's problem, which must be well formed."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document: JsonObject = answer.json()
    assert document.keys() == {"type", "title", "status", "detail", "errors"}
    assert (document["status"], bool(document["detail"])) == (answer.status_code, True)
    return document


@pytest.mark.parametrize("what", BAD_PLANS)
def test_a_bad_plan_is_told_all_its_errors(busy: Busy, what: str) -> None:
    """422 with each error and its path, also by the validator; nothing runs."""
    plan, paths = BAD_PLANS[what]
    answer = busy.send(BadCall("POST", "/runs", 422, "bad-plan", paths, start(plan), JSON))
    document = problem(answer)
    assert (answer.status_code, document["type"]) == (422, "urn:spate:problem:bad-plan")
    assert sorted(error["path"] for error in document["errors"]) == paths
    assert all(error["message"] for error in document["errors"])
    validated = busy.stack.call("POST", "/plans/validate", {"plan": plan})
    assert (validated.status_code, validated.json()["errors"]) == (200, document["errors"])


@pytest.mark.parametrize("what", BAD_CALLS)
def test_a_bad_call_is_told_what_is_wrong(busy: Busy, what: str) -> None:
    """A precise 4xx problem, with the place of each error."""
    call = BAD_CALLS[what]
    answer = busy.send(call)
    document = problem(answer)
    assert answer.status_code == call.status, document
    if call.kind:
        assert document["type"] == f"urn:spate:problem:{call.kind}"
    assert [error["path"] for error in document["errors"]] == call.paths, document


def test_a_driver_has_an_allowlist_of_its_own(
    kafka: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What the orchestrator allows and the driver does not is failed(blocked), and never sent."""
    with Stack(kafka, tmp_path_factory.mktemp("narrow")) as stack:
        stack.start_driver("driver-1", "--allowed-targets", "10.0.0.0/8")
        target = stack.start_target()
        stack.await_drivers("driver-1")
        report = stack.run(GOOD | {"target": target.url})
        assert_adds_up(report)
        accounting = report["accounting"]
        assert {kind: n for kind, n in accounting["failed"].items() if n} == {"blocked": 10}
        assert (accounting["sent"], target.requests()) == (0, 0)
        assert report["response_time"]["count"] == 0
