"""The REST API over real HTTP on loopback; behind the port, a small orchestrator in memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.api import ApiServer, create_app
from orchestrator.archive import Archive
from orchestrator.feed import Feeds
from orchestrator.operations import (
    DriverRow,
    Fleet,
    KeyConflictError,
    NotOnKubernetesError,
    OperationFigures,
    QueueFullError,
    Readiness,
    RunRow,
    ScaledElsewhereError,
    Submitted,
    TargetNotAllowedError,
    TooManyDriversError,
    UnavailableError,
    UnknownRunError,
    WrongStateError,
)
from orchestrator.run_figures import RunFigures
from orchestrator.run_view import end_data, snapshot_data, state_data
from orchestrator.settings import parse_settings
from spate.aggregator import Aggregator
from spate.figures import Figures
from spate.histogram import Histogram
from spate.live import live_view
from spate.messages import RunState
from spate.plan import Plan, PlanProblem
from spate.report import LedgerFacts, RunFacts, build_report
from spate.schedule import plan_schedule

JSON = "application/json"
MAX_QUEUED = 3
SECOND = 1_000_000_000
BEGAN_NS = 1_795_374_439 * SECOND

PLAN: dict[str, Any] = {
    "name": "smoke",
    "labels": {"team": "x"},
    "target": "http://127.0.0.1:8000",
    "requests": [{"method": "GET", "path": "/ping"}],
    "load": {"test_type": "tsunami", "message_count_per_driver": 20, "message_delay_ms": 100},
}


@dataclass
class FakeRun:
    """A run of the small orchestrator: nothing is ever sent."""

    id: str
    plan: Plan
    key: str | None
    digest: str
    created_at_ns: int
    state: RunState = "RUNNING"
    stopped: bool = False
    ended_at_ns: int | None = None

    def facts(self) -> RunFacts:
        """Return the run as reports see it."""
        return RunFacts(
            run_id=self.id,
            plan=self.plan,
            state=self.state,
            stopped=self.stopped,
            reason="aborted" if self.state == "ABORTED" else None,
            created_at_ns=self.created_at_ns,
            started_at_ns=self.created_at_ns,
            ended_at_ns=self.ended_at_ns,
            drivers=1,
        )

    def numbers(self) -> tuple[Aggregator, LedgerFacts]:
        """Return what was heard (nothing) and who owns what (nobody)."""
        schedule = plan_schedule(self.plan, 1)
        return Aggregator(self.plan, schedule, self.id), LedgerFacts(schedule.count)

    def view(self) -> dict[str, Any]:
        """Return the body of ``GET /runs/{id}``."""
        return live_view(self.facts(), *self.numbers())


class FakeOperations:
    """The port, in memory. Runs end when a test says so."""

    def __init__(self, archive: Archive, feeds: Feeds) -> None:
        self.archive = archive
        self.feeds = feeds
        self.runs: dict[str, FakeRun] = {}
        self.reachable = True
        self.made = 0
        self.no_scaling: Exception | None = None

    async def submit(self, plan: Plan, idempotency_key: str | None, body_digest: str) -> Submitted:
        """Make a run, or find the one of this key."""
        await self.check_target(plan)
        if not self.reachable:
            raise UnavailableError("Kafka cannot be reached")
        if idempotency_key is not None:
            owner = await self.archive.run_of_key(idempotency_key)
            known = {r.key: (r.id, r.digest) for r in self.runs.values()}.get(idempotency_key)
            found = known or owner
            if found is not None:
                if found[1] != body_digest:
                    raise KeyConflictError("that key was used with another body")
                return Submitted(found[0], created=False)
        if len(self.runs) >= MAX_QUEUED:
            raise QueueFullError("3 runs wait; that is the limit")
        self.made += 1
        run = FakeRun(
            f"run-{self.made}", plan, idempotency_key, body_digest, BEGAN_NS + self.made * SECOND
        )
        self.runs[run.id] = run
        self.feeds.open(run.id, lambda: snapshot_data(run.view(), []))
        return Submitted(run.id, created=True)

    async def check_target(self, plan: Plan) -> None:
        """Allow loopback."""
        if plan.origin.host != "127.0.0.1":
            raise TargetNotAllowedError((PlanProblem("target", "is not on the allowlist"),))

    async def stop(self, run_id: str) -> None:
        """Let the run drain."""
        run = self._run(run_id)
        run.state, run.stopped = "DRAINING", True
        self._tell(run)

    async def abort(self, run_id: str) -> None:
        """End the run; it stays here until a test archives it."""
        run = self._run(run_id)
        run.state, run.ended_at_ns = "ABORTED", run.created_at_ns + SECOND
        self._tell(run)

    def _tell(self, run: FakeRun) -> None:
        feed = self.feeds.find(run.id)
        assert feed is not None
        feed.publish("state", state_data(run.view()))

    def _run(self, run_id: str) -> FakeRun:
        if run_id not in self.runs:
            raise UnknownRunError(f"no run {run_id}")
        if self.runs[run_id].ended_at_ns is not None:
            raise WrongStateError("it has ended")
        return self.runs[run_id]

    async def end(self, run_id: str, state: RunState = "FINISHED") -> dict[str, Any]:
        """Let a run end: report, archive, feed, in this order."""
        run = self.runs[run_id]
        run.state, run.ended_at_ns = state, run.created_at_ns + SECOND
        report = build_report(run.facts(), *run.numbers())
        await self.archive.put(report, b"", idempotency_key=run.key, body_digest=run.digest)
        self.feeds.finish(run_id, end_data(report))
        del self.runs[run_id]
        return report

    def live(self, run_id: str) -> dict[str, Any] | None:
        """Return the view of a run that is not archived."""
        return self.runs[run_id].view() if run_id in self.runs else None

    def live_runs(self) -> list[RunRow]:
        """Return the rows of runs that are not archived."""
        rows = []
        for view in (run.view() for run in self.runs.values()):
            keys = ("id", "name", "labels", "state", "created_at", "started_at", "ended_at")
            rows.append(RunRow(**{key: view["run"][key] for key in keys}, passed=None))
        return rows

    def drivers(self) -> list[DriverRow]:
        """Return one driver."""
        return [
            DriverRow(
                driver_id="driver-1",
                boot_id="b",
                state="idle",
                run_id=None,
                address=None,
                version=None,
                cpu_count=None,
                labels={},
                in_flight=0,
                cpu=0.1,
                lag_p99_ns=None,
                clock_offset_ns=None,
                clock_round_trip_ns=None,
                heard_ago_s=0.2,
            )
        ]

    def fleet(self) -> Fleet:
        """Return a fleet without Kubernetes."""
        return Fleet(
            on_kubernetes=False,
            scaled_by=None,
            desired=None,
            ready=None,
            eligible=2,
            namespace=None,
            deployment=None,
            pods=[],
            problem=None,
            hint="spate local",
        )

    async def scale(self, replicas: int) -> Fleet:
        """Refuse as a test says."""
        raise self.no_scaling or NotOnKubernetesError(
            f"start {replicas} drivers yourself: spate local --drivers"
        )

    def readiness(self) -> Readiness:
        """Say whether Kafka is reachable."""
        return Readiness(self.reachable, "" if self.reachable else "Kafka cannot be reached")

    def figures(self) -> OperationFigures:
        """Return some figures."""
        return OperationFigures(
            drivers={"idle": 1},
            run=RunFigures(
                run_id="run-1",
                name="waves",
                test_type="tsunami",
                state="RUNNING",
                entered_at_ns=1_500_000_000,
                planned=20,
                due=7,
                planned_rate=None,
                totals=Figures(
                    sent=3, succeeded=2, response_time=Histogram.of([900_000, 2 * SECOND])
                ),
                missed={"fenced": 4},
                unconfirmed=0,
                by_request={('say "hi"', "succeeded"): 2},
                window=None,
                workers={},
                events={"joined": 2},
                fences=1,
                takeovers=0,
            ),
            kafka_errors=4,
            snapshots={"duplicate": 2},
            bad_messages={"spate.metrics": 1},
            fleet_desired=3,
            fleet_ready=0,
        )


@dataclass
class Stack:
    """A running server, its parts and a client."""

    operations: FakeOperations
    feeds: Feeds
    server: ApiServer
    serving: asyncio.Task[None]
    client: httpx.AsyncClient
    port: int

    async def start(self, name: str = "smoke", **headers: str) -> str:
        """Start a run and return its id."""
        answer = await self.client.post(
            "/api/v1/runs", json={"plan": {**PLAN, "name": name}}, headers=headers
        )
        assert answer.status_code in (200, 201), answer.text
        run_id: str = answer.json()["run"]["id"]
        return run_id

    async def raw(self, text: bytes) -> bytes:
        """Send bytes on a connection of its own and return all that comes back."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        with contextlib.suppress(ConnectionError):
            writer.write(text)
            await writer.drain()
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return answer


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """The API on a free port."""
    archive = Archive(f"sqlite:///{tmp_path / 'spate.db'}")
    await archive.open()
    feeds = Feeds(base=1000)
    operations = FakeOperations(archive, feeds)
    settings = parse_settings(["--kafka", "localhost:9092", "--allowed-hosts", "spate.test"], {})
    app = create_app(operations, archive, feeds, settings, heartbeat_s=0.2)
    server = ApiServer(app, feeds, "127.0.0.1", 0)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  uvicorn tells it by a flag alone
        await asyncio.sleep(0.01)
    port = server.bound[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        yield Stack(operations, feeds, server, serving, client, port)
    server.should_exit = True
    await serving
    await archive.close()


def is_problem(answer: httpx.Response) -> dict[str, Any]:
    """Return the problem in an answer, after checking its form."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "errors"}
    assert problem["type"].startswith("urn:spate:problem:")
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert problem["detail"]
    assert "Traceback" not in answer.text
    assert all(set(error) == {"path", "message"} for error in problem["errors"])
    return problem


def body(**changes: Any) -> bytes:
    """Return the body of a start with some keys of the plan changed."""
    return json.dumps({"plan": {**PLAN, **changes}}).encode()


RUNS = "/api/v1/runs"
VALIDATE = "/api/v1/plans/validate"
FLEET = "/api/v1/fleet"

BAD_BODIES: list[tuple[str, str, str, bytes, int, list[str]]] = [
    ("nothing", "POST", RUNS, b"", 422, [""]),
    ("blank", "POST", RUNS, b"  \n", 422, [""]),
    ("no JSON", "POST", RUNS, b"{plan", 422, [""]),
    ("cut off", "POST", RUNS, body()[:-3], 422, [""]),
    ("two values", "POST", RUNS, b"{} {}", 422, [""]),
    ("no UTF-8", "POST", RUNS, b'{"plan": "\xff"}', 422, [""]),
    ("UTF-16", "POST", RUNS, body().decode().encode("utf-16"), 422, [""]),
    ("a BOM", "POST", RUNS, b"\xef\xbb\xbf{}", 422, [""]),
    ("a list", "POST", RUNS, b"[]", 422, [""]),
    ("null", "POST", RUNS, b"null", 422, [""]),
    ("a text", "POST", RUNS, b'"plan"', 422, [""]),
    ("no plan", "POST", RUNS, b"{}", 422, ["plan"]),
    ("plan null", "POST", RUNS, b'{"plan": null}', 422, ["plan"]),
    ("plan a list", "POST", RUNS, b'{"plan": []}', 422, ["plan"]),
    ("a key beside plan", "POST", RUNS, body()[:-1] + b', "x": 1}', 422, ["x"]),
    ("drivers at a start", "POST", RUNS, body()[:-1] + b', "drivers": 1}', 422, ["drivers"]),
    ("plan twice", "POST", RUNS, b'{"plan": {}, "plan": {}}', 422, ["plan"]),
    ("a key twice", "POST", RUNS, b'{"plan": {"load": {"a": 1, "a": 2}}}', 422, ["load.a"]),
    ("NaN", "POST", RUNS, b'{"plan": {"seed": NaN}}', 422, ["seed"]),
    ("-Infinity", "POST", RUNS, b'{"plan": {"x": [1, -Infinity]}}', 422, ["x[1]"]),
    ("beyond a float", "POST", RUNS, b'{"plan": {"seed": 1e999}}', 422, ["seed"]),
    ("5,000 digits", "POST", RUNS, b'{"plan": {"seed": ' + b"9" * 5000 + b"}}", 422, ["seed"]),
    ("half a pair", "POST", RUNS, b'{"plan": {"name": "\\ud800"}}', 422, ["name"]),
    ("half a pair as key", "POST", RUNS, b'{"plan": {"\\ud800": 1}}', 422, ["plan"]),
    ("40 deep", "POST", RUNS, b"[" * 40 + b"]" * 40, 422, ["[0]" * 32]),
    ("100,000 deep", "POST", RUNS, b"[" * 100_000 + b"]" * 100_000, 422, [""]),
    ("an unknown key", "POST", RUNS, body(colour="red"), 422, ["colour"]),
    ("two errors", "POST", RUNS, body(name="A B", seed="x"), 422, ["name", "seed"]),
    ("a bad target", "POST", RUNS, body(target="ftp://x"), 422, ["target"]),
    ("a foreign target", "POST", RUNS, body(target="http://192.0.2.1"), 403, ["target"]),
    ("drivers 0", "POST", VALIDATE, body()[:-1] + b', "drivers": 0}', 422, ["drivers"]),
    ("drivers true", "POST", VALIDATE, body()[:-1] + b', "drivers": true}', 422, ["drivers"]),
    ("no plan to check", "POST", VALIDATE, b'{"drivers": 1}', 422, ["plan"]),
    ("no replicas", "PUT", FLEET, b"{}", 422, ["replicas"]),
    ("half a replica", "PUT", FLEET, b'{"replicas": 1.5}', 422, ["replicas"]),
    ("-1 replicas", "PUT", FLEET, b'{"replicas": -1}', 422, ["replicas"]),
    ("a body to stop", "POST", f"{RUNS}/x/stop", b'{"now": true}', 422, [""]),
]


BAD_CALLS: dict[tuple[str, str], int] = {
    ("GET", "/nothing"): 404,
    ("GET", "/api/v1"): 404,
    ("GET", "/api/v1/runs/"): 404,
    ("GET", "/api/v1/runs/no-such-run"): 404,
    ("GET", "/api/v1/runs/%00"): 404,
    ("GET", "/api/v1/runs/" + "x" * 500): 404,
    ("GET", "/api/v1/runs/%2e%2e%2fetc"): 404,
    ("GET", "/api/v1/runs/no-such-run/report"): 404,
    ("GET", "/api/v1/runs/no-such-run/stream"): 404,
    ("POST", "/api/v1/runs/no-such-run/stop"): 404,
    ("POST", "/api/v1/runs/no-such-run/abort"): 404,
    ("DELETE", "/api/v1/runs"): 405,
    ("PUT", "/api/v1/runs/x"): 405,
    ("GET", "/api/v1/runs/x/stop"): 405,
    ("POST", "/api/v1/drivers"): 405,
    ("GET", "/api/v1/plans/validate"): 405,
    ("POST", "/healthz"): 405,
    ("GET", "/api/v1/runs?limit=0"): 422,
    ("GET", "/api/v1/runs?limit=501"): 422,
    ("GET", "/api/v1/runs?limit=ten"): 422,
    ("GET", "/api/v1/runs?limit=1&limit=2"): 422,
    ("GET", "/api/v1/runs?state=running"): 422,
    ("GET", "/api/v1/runs?label==x"): 422,
    ("GET", "/api/v1/runs?name="): 422,
    ("GET", "/api/v1/runs?name=a%00b"): 422,
    ("GET", "/api/v1/runs?name=a&name=b"): 422,
    ("GET", f"/api/v1/runs?name={'a' * 129}"): 422,
    ("GET", "/api/v1/runs?cursor=x"): 422,
    ("GET", "/api/v1/runs?cursor=%C3%A4"): 422,
    ("GET", "/api/v1/runs?cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTphYg"): 422,
    ("GET", "/api/v1/runs?page=2"): 422,
    ("GET", "/api/v1/drivers?x=1"): 422,
    ("GET", "/healthz?x=1"): 422,
}

NOT_JSON = (
    None,
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json; charset=latin-1",
    "application/jsonp",
    "multipart/form-data; boundary=x",
    ";",
    "application/yaml",
)

HOSTS: dict[tuple[str, str], int] = {
    ("localhost", RUNS): 200,
    ("LOCALHOST:8080", RUNS): 200,
    ("127.0.0.1:1", RUNS): 200,
    ("127.9.9.9", RUNS): 200,
    ("[::1]:8080", RUNS): 200,
    ("spate.test", RUNS): 200,
    ("spate.test.:80", RUNS): 200,
    ("evil.example", RUNS): 403,
    ("localhost.evil.example", RUNS): 403,
    ("evil.example:8080", "/"): 403,
    ("evil.example", "/openapi.json"): 403,
    ("10.1.2.3:8080", RUNS): 403,
    ("10.1.2.3:8080", "/healthz"): 200,
    ("[fd00::1]:8080", "/metrics"): 200,
    ("evil.example", "/metrics"): 403,
    ("", RUNS): 403,
    ("localhost, evil.example", RUNS): 403,
    ("user@localhost", RUNS): 403,
    ("localhost:99999", RUNS): 403,
    ("[::1", RUNS): 403,
}

ORIGINS = {
    "http://localhost:8080": 200,
    "https://localhost:8080": 200,
    "http://localhost": 403,
    "http://localhost:8081": 403,
    "http://127.0.0.1:8080": 403,
    "https://evil.example": 403,
    "null": 403,
    "": 403,
    "file://": 403,
    "http://localhost:8080.evil.example": 403,
}


async def test_a_bad_body_is_a_problem_that_names_the_place(stack: Stack) -> None:
    """Whatever is sent: a 4xx with paths, never a 500, and no run."""
    found = {}
    for name, method, path, content, _, _ in BAD_BODIES:
        headers = {"Content-Type": JSON}
        answer = await stack.client.request(method, path, content=content, headers=headers)
        paths = [error["path"] for error in is_problem(answer)["errors"]]
        found[name] = (answer.status_code, paths)
    assert found == {name: (status, paths) for name, _, _, _, status, paths in BAD_BODIES}
    assert stack.operations.made == 0


async def test_a_bad_call_is_a_problem(stack: Stack) -> None:
    """Unknown places, methods and parameters; a 405 says what is allowed."""
    found = {}
    for method, path in BAD_CALLS:
        answer = await stack.client.request(method, path)
        problem = is_problem(answer)
        found[method, path] = answer.status_code
        assert bool(problem["errors"]) == (answer.status_code == 422)
        assert ("allow" in answer.headers) == (answer.status_code == 405)
    assert found == BAD_CALLS


async def test_what_is_not_json_is_a_415(stack: Stack) -> None:
    """A form of another site could be sent without asking; it never reaches us."""
    statuses = {}
    for content_type in NOT_JSON:
        headers = {} if content_type is None else {"Content-Type": content_type}
        answer = await stack.client.post(RUNS, content=body(), headers=headers)
        is_problem(answer)
        statuses[content_type] = answer.status_code
    assert statuses == dict.fromkeys(NOT_JSON, 415)


async def test_json_may_be_written_as_http_permits(stack: Stack) -> None:
    """Case and quotes do not count."""
    for content_type in ("Application/JSON", 'application/json; charset="UTF-8"'):
        headers = {"Content-Type": content_type}
        answer = await stack.client.post(RUNS, content=body(), headers=headers)
        assert answer.status_code == 201


async def test_a_body_that_is_too_large_is_a_413(stack: Stack) -> None:
    """Announced or in chunks, and also where the limit is missed by one byte."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 10_000

    headers = {"Content-Type": JSON}
    exact = body() + b" " * (256 * 1024 - len(body()))
    contents: tuple[Any, ...] = (exact + b" ", b" " * 3_000_000, chunks())
    for content in contents:
        answer = await stack.client.post(RUNS, content=content, headers=headers)
        is_problem(answer)
        assert answer.status_code == 413
    assert (await stack.client.post(RUNS, content=exact, headers=headers)).status_code == 201


async def test_a_large_body_that_waits_for_permission_is_refused_unread(stack: Stack) -> None:
    """``Expect: 100-continue`` is answered by the 413 itself."""
    answer = await stack.raw(
        f"POST {RUNS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\n"
        "Content-Length: 9000000\r\nExpect: 100-continue\r\n\r\n".encode()
    )
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_only_our_own_hosts_are_served(stack: Stack) -> None:
    """Loopback and what was allowed; probes also under the pod's address."""
    found = {}
    for host, path in HOSTS:
        answer = await stack.client.get(path, headers={"Host": host})
        found[host, path] = answer.status_code
        if answer.status_code == 403:
            assert is_problem(answer)["type"] == "urn:spate:problem:host-not-allowed"
    assert found == HOSTS


async def test_no_host_or_two_hosts_are_refused(stack: Stack) -> None:
    """HTTP/1.0 without the header; and the header twice."""
    without = await stack.raw(b"GET /api/v1/runs HTTP/1.0\r\n\r\n")
    twice = await stack.raw(
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    assert [text.split(b"\r\n")[0] for text in (without, twice)] == [b"HTTP/1.1 403 Forbidden"] * 2


async def test_calls_from_other_sites_are_refused(stack: Stack) -> None:
    """A browser says where a page is from; only our own may start anything."""
    found = {}
    for origin in ORIGINS:
        headers = {"Host": "localhost:8080", "Origin": origin}
        answer = await stack.client.post(VALIDATE, json={"plan": PLAN}, headers=headers)
        found[origin] = answer.status_code
        if answer.status_code == 403:
            assert is_problem(answer)["type"] == "urn:spate:problem:origin-not-allowed"
    assert found == ORIGINS


async def test_a_start_is_a_201_that_says_where_the_run_is(stack: Stack) -> None:
    """The body is that of the run itself."""
    answer = await stack.client.post(RUNS, json={"plan": PLAN})
    assert answer.status_code == 201
    assert answer.headers["location"] == "/api/v1/runs/run-1"
    assert answer.json() == (await stack.client.get("/api/v1/runs/run-1")).json()
    assert answer.json()["run"]["created_at"].endswith("Z")


async def test_an_idempotency_key_makes_one_run_even_after_it_has_ended(stack: Stack) -> None:
    """Same key and body, however laid out: 200 and that run; another body: 409."""
    headers = {"Idempotency-Key": "k-1", "Content-Type": JSON}
    first = await stack.client.post(RUNS, content=body(), headers=headers)
    spaced = json.dumps({"plan": dict(reversed(PLAN.items()))}, indent=3).encode()
    again = await stack.client.post(RUNS, content=spaced, headers=headers)
    await stack.operations.end("run-1")
    later = await stack.client.post(RUNS, content=body(), headers=headers)
    other = await stack.client.post(RUNS, content=body(name="other"), headers=headers)
    assert [a.status_code for a in (first, again, later, other)] == [201, 200, 200, 409]
    assert {a.json()["run"]["id"] for a in (first, again, later)} == {"run-1"}
    assert is_problem(other)["type"] == "urn:spate:problem:key-conflict"


async def test_a_bad_idempotency_key_is_refused(stack: Stack) -> None:
    """It must be something that can be written down."""
    for key in ("", "a b", "x" * 201, "\u00e4"):
        headers = {b"Idempotency-Key": key.encode()}
        answer = await stack.client.post(RUNS, json={"plan": PLAN}, headers=headers)
        assert answer.status_code == 422
        assert [e["path"] for e in is_problem(answer)["errors"]] == ["Idempotency-Key"]


async def test_a_full_queue_is_a_409_and_an_unreachable_kafka_a_503(stack: Stack) -> None:
    """Both say so; the second says when to come back."""
    for _ in range(MAX_QUEUED):
        await stack.start()
    full = await stack.client.post(RUNS, json={"plan": PLAN})
    stack.operations.reachable = False
    down = await stack.client.post(RUNS, json={"plan": PLAN})
    ready = await stack.client.get("/readyz")
    assert [full.status_code, down.status_code, ready.status_code] == [409, 503, 503]
    assert is_problem(full)["type"] == "urn:spate:problem:queue-full"
    assert is_problem(down)["detail"] == is_problem(ready)["detail"] == "Kafka cannot be reached"
    assert down.headers["retry-after"] == "1"
    assert (await stack.client.get("/healthz")).json() == {"status": "ok"}


async def test_a_run_is_stopped_aborted_and_reported(stack: Stack) -> None:
    """No report before the end; then it is the same bytes each time, and nothing more happens."""
    run_id = await stack.start()
    path = f"{RUNS}/{run_id}"
    early = await stack.client.get(f"{path}/report")
    stopped = await stack.client.post(f"{path}/stop")
    await stack.operations.end(run_id)
    reports = [(await stack.client.get(f"{path}/report")).content for _ in range(2)]
    late = [await stack.client.post(f"{path}/{order}") for order in ("stop", "abort")]
    view = (await stack.client.get(path)).json()
    assert is_problem(early)["type"] == "urn:spate:problem:not-ended"
    assert [early.status_code, stopped.status_code] == [409, 200]
    assert stopped.json()["run"]["state"] == "DRAINING"
    assert reports[0] == reports[1]
    assert [is_problem(answer)["status"] for answer in late] == [409, 409]
    report = json.loads(reports[0])
    assert view["run"] == {**report["run"], "waiting_for": None}
    assert view["verdict"] == report["verdict"]
    assert view["accounting"] == {**report["accounting"], "to_come": 0}


async def test_an_empty_object_is_accepted_where_no_body_is_needed(stack: Stack) -> None:
    """Some clients always send one."""
    run_id = await stack.start()
    answer = await stack.client.post(f"{RUNS}/{run_id}/stop", json={})
    assert answer.status_code == 200


async def test_whoever_sees_the_end_of_a_run_gets_its_report(stack: Stack) -> None:
    """Between the end and the archive, calls wait for the archive."""
    run_id = await stack.start()
    await stack.client.post(f"{RUNS}/{run_id}/stop")
    await stack.operations.abort(run_id)
    calls = [
        asyncio.create_task(stack.client.get(path))
        for path in (f"{RUNS}/{run_id}/report", f"{RUNS}/{run_id}", RUNS)
    ]
    await asyncio.sleep(0.15)
    assert not any(call.done() for call in calls)
    await stack.operations.end(run_id, "ABORTED")
    report, view, rows = [(await call).json() for call in calls]
    assert report["run"]["state"] == "ABORTED"
    assert view["verdict"] == report["verdict"]
    assert rows["runs"][0]["passed"] is False


async def test_the_list_goes_through_live_and_archived_runs_alike(stack: Stack) -> None:
    """Newest first, in pages that meet, with filters."""
    for n in range(7):
        run_id = await stack.start(f"run{n % 2}")
        if n < 5:
            await stack.operations.end(run_id, "FAILED" if n == 2 else "FINISHED")
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await stack.client.get(RUNS, params={"limit": "2", **cursor})).json()
        seen += [row["id"] for row in page["runs"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    async def ids(query: str) -> list[str]:
        answer = await stack.client.get(f"{RUNS}?{query}")
        return [row["id"] for row in answer.json()["runs"]]

    assert seen == [f"run-{n}" for n in range(7, 0, -1)]
    assert await ids("state=FAILED") == ["run-3"]
    assert await ids("state=FAILED&state=RUNNING") == ["run-7", "run-6", "run-3"]
    assert await ids("label=team=x&limit=3") == ["run-7", "run-6", "run-5"]
    assert await ids("label=team&label=tier=1") == []
    assert await ids("name=RUN1") == ["run-6", "run-4", "run-2"]
    assert await ids("name=n-7") == ["run-7"]
    assert await ids("name=run0&state=FINISHED") == ["run-5", "run-1"]
    assert await ids("name=run%25") == []
    row = (await stack.client.get(f"{RUNS}?state=FAILED")).json()["runs"][0]
    assert row == {
        "id": "run-3",
        "name": "run0",
        "labels": {"team": "x"},
        "state": "FAILED",
        "created_at": "2026-11-22T19:07:22.000Z",
        "started_at": "2026-11-22T19:07:22.000Z",
        "ended_at": "2026-11-22T19:07:23.000Z",
        "passed": False,
    }


async def test_a_plan_is_previewed_for_the_drivers_asked_for(stack: Stack) -> None:
    """Without a number, for those that could start now."""
    asked = await stack.client.post(VALIDATE, json={"plan": PLAN, "drivers": 4})
    now = await stack.client.post(VALIDATE, json={"plan": PLAN})
    assert asked.json()["count"] == 80
    assert now.json()["count"] == 40
    assert asked.json()["peak_rate_per_s"] == pytest.approx(40)
    assert asked.json()["preview"][0] == [0.0, pytest.approx(40)]
    assert asked.json()["preview"][-1][0] == asked.json()["duration_s"]


async def test_a_preview_has_the_corners_of_the_load(stack: Stack) -> None:
    """A ramp is two points, the most stages there may be are 128; closed load has none."""
    ramp = {"test_type": "arrivals", "stages": [{"duration": "2s", "from": 0, "to": 100}]}
    many = [{"duration": "1s", "from": n % 7, "to": n % 5} for n in range(64)]
    loads: list[dict[str, Any]] = [
        ramp,
        {"test_type": "arrivals", "stages": many},
        {"test_type": "avalanche", "message_count_per_driver": 10},
    ]
    previews = []
    for load in loads:
        answer = await stack.client.post(VALIDATE, json={"plan": {**PLAN, "load": load}})
        previews.append(answer.json())
    assert previews[0]["preview"] == [[0.0, 0.0], [2.0, pytest.approx(100)]]
    assert len(previews[1]["preview"]) == 128
    assert previews[1]["peak_rate_per_s"] == pytest.approx(6)
    assert previews[2] == {
        "count": 20,
        "duration_s": None,
        "peak_rate_per_s": None,
        "preview": [],
    }


async def test_what_is_wrong_with_a_plan_is_a_200_that_lists_it(stack: Stack) -> None:
    """Rules and allowlist alike."""
    rules = await stack.client.post(VALIDATE, json={"plan": {**PLAN, "seed": "x", "name": ""}})
    target = await stack.client.post(VALIDATE, json={"plan": {**PLAN, "target": "http://a.b"}})
    assert [rules.status_code, target.status_code] == [200, 200]
    assert [error["path"] for error in rules.json()["errors"]] == ["name", "seed"]
    assert target.json() == {"errors": [{"path": "target", "message": "is not on the allowlist"}]}


async def test_drivers_and_fleet_are_shown_and_scaling_says_what_to_do_instead(
    stack: Stack,
) -> None:
    """Without Kubernetes it is a 409 with a hint."""
    drivers = (await stack.client.get("/api/v1/drivers")).json()
    fleet = (await stack.client.get(FLEET)).json()
    scaled = await stack.client.put(FLEET, json={"replicas": 3})
    assert [row["driver_id"] for row in drivers["drivers"]] == ["driver-1"]
    assert fleet == {
        "on_kubernetes": False,
        "scaled_by": None,
        "desired": None,
        "ready": None,
        "eligible": 2,
        "namespace": None,
        "deployment": None,
        "pods": [],
        "problem": None,
        "hint": "spate local",
    }
    assert scaled.status_code == 409
    assert is_problem(scaled)["detail"] == "start 3 drivers yourself: spate local --drivers"


@pytest.mark.parametrize(
    ("error", "status", "kind", "places"),
    [
        (NotOnKubernetesError("no"), 409, "not-on-kubernetes", []),
        (ScaledElsewhereError("no"), 409, "scaled-elsewhere", []),
        (UnavailableError("no"), 503, "unavailable", []),
        (
            TooManyDriversError((PlanProblem("replicas", "must be at most 2"),)),
            422,
            "too-many-drivers",
            [{"path": "replicas", "message": "must be at most 2"}],
        ),
    ],
)
async def test_why_a_fleet_is_not_scaled(
    stack: Stack, error: Exception, status: int, kind: str, places: list[dict[str, str]]
) -> None:
    """Each cause has its status, and a number that may not be is named."""
    stack.operations.no_scaling = error
    answer = await stack.client.put(FLEET, json={"replicas": 3})
    problem = is_problem(answer)
    assert (answer.status_code, problem["type"]) == (status, f"urn:spate:problem:{kind}")
    assert (problem["detail"], problem["errors"]) == (str(error), places)


async def test_metrics_are_prometheus_text(stack: Stack) -> None:
    """The orchestrator's own figures and its process's."""
    answer = await stack.client.get("/metrics")
    lines = answer.text.splitlines()
    assert answer.headers["content-type"].startswith("text/plain; version=")
    for line in (
        'spate_orchestrator_drivers{state="idle"} 1.0',
        'spate_orchestrator_drivers{state="lost"} 0.0',
        'spate_run_info{name="waves",run_id="run-1",test_type="tsunami"} 1.0',
        'spate_run_state{state="RUNNING"} 1.0',
        'spate_run_state{state="FAILED"} 0.0',
        "spate_run_state_entered_timestamp_seconds 1.5",
        "spate_run_due_arrivals_total 7.0",
        'spate_run_arrivals_total{kind="fenced",outcome="missed"} 4.0',
        'spate_run_arrivals_total{kind="",outcome="succeeded"} 2.0',
        'spate_run_arrivals_total{kind="dns",outcome="failed"} 0.0',
        'spate_run_request_arrivals_total{outcome="succeeded",request="say \\"hi\\""} 2.0',
        'spate_run_response_time_seconds_bucket{le="0.001"} 1.0',
        "spate_run_response_time_seconds_count 2.0",
        "spate_run_response_time_seconds_sum 2.0009",
        'spate_run_events_total{kind="joined"} 2.0',
        "spate_run_fences_total 1.0",
        "spate_orchestrator_kafka_errors_total 4.0",
        'spate_orchestrator_snapshots_total{result="duplicate"} 2.0',
        'spate_orchestrator_snapshots_total{result="merged"} 0.0',
        'spate_orchestrator_bad_messages_total{topic="spate.metrics"} 1.0',
        "spate_orchestrator_kafka_up 1.0",
        "spate_orchestrator_streams 0.0",
        "spate_orchestrator_fleet_desired 3.0",
        "spate_orchestrator_fleet_ready 0.0",
    ):
        assert line in lines
    assert any(line.startswith("spate_orchestrator_build_info{version=") for line in lines)
    assert any(line.startswith("process_cpu_seconds_total ") for line in lines)
    assert not any(line.startswith(("spate_run_passed", "spate_run_window_")) for line in lines)


async def test_the_description_is_a_page_that_needs_nothing_from_afar(stack: Stack) -> None:
    """No address of another site, no inline script, and a policy that would forbid both."""
    for path, kind in (
        ("", "html"),
        ("/docs.js", "javascript"),
        ("/docs.css", "css"),
        # Of the documents that stand in the page's place.
        ("/plain.css", "css"),
        ("/waiting.js", "javascript"),
    ):
        answer = await stack.client.get(f"/docs{path}")
        assert answer.status_code == 200
        assert kind in answer.headers["content-type"]
        assert "//" not in answer.text.replace("// ", "")
        assert "default-src 'self'" in answer.headers["content-security-policy"]
    page = (await stack.client.get("/docs")).text
    assert page.count("<script") == page.count("<script src=") == 1
    assert (await stack.client.get("/openapi.json")).json()["openapi"].startswith("3.1")


SseEvent = tuple[str, str, Any]


class Reader:
    """Reads one stream of server-sent events on a connection of its own."""

    def __init__(self, stack: Stack, run_id: str) -> None:
        self._stack = stack
        self._path = f"{RUNS}/{run_id}/stream"
        self.text = ""
        self.headers: httpx.Headers | None = None

    async def events(self, last_event_id: str | None = None) -> AsyncGenerator[SseEvent]:
        """Yield (id, kind, data) until the stream closes; comments are passed over."""
        headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
        async with (
            httpx.AsyncClient(base_url=self._stack.client.base_url, timeout=10) as client,
            client.stream("GET", self._path, headers=headers) as answer,
        ):
            assert answer.status_code == 200
            self.headers = answer.headers
            fields: dict[str, str] = {}
            async for line in answer.aiter_lines():
                self.text += line + "\n"
                if line.startswith(":"):
                    continue
                if not line:
                    if "data" in fields:
                        yield fields["id"], fields["event"], json.loads(fields["data"])
                    fields = {}
                    continue
                name, _, value = line.partition(": ")
                fields[name] = value

    async def first(self, n: int, last_event_id: str | None = None) -> list[SseEvent]:
        """Return the first ``n`` events and hang up."""
        found = []
        async with contextlib.aclosing(self.events(last_event_id)) as events:
            async for event in events:
                found.append(event)
                if len(found) == n:
                    break
        return found

    async def all(self, last_event_id: str | None = None) -> list[SseEvent]:
        """Return all events until the stream closes."""
        return [event async for event in self.events(last_event_id)]


def publish(stack: Stack, run_id: str, n: int, size: int = 0) -> None:
    """Publish ``n`` events of about this size."""
    feed = stack.feeds.find(run_id)
    assert feed is not None
    for k in range(n):
        feed.publish("window", {"n": k, "fill": "x" * size})


async def until_streams(stack: Stack, n: int) -> None:
    """Wait until so many streams are open."""
    while stack.feeds.subscribers() != n:  # noqa: ASYNC110  a count that only tests wait for
        await asyncio.sleep(0.01)


async def test_a_stream_begins_with_a_snapshot_and_closes_after_the_end(stack: Stack) -> None:
    """Two readers see the same; headers and first bytes are those a proxy and a browser need."""
    run_id = await stack.start()
    readers = [Reader(stack, run_id) for _ in range(2)]
    reading = [asyncio.create_task(reader.all()) for reader in readers]
    await until_streams(stack, 2)
    publish(stack, run_id, 2)
    await stack.client.post(f"{RUNS}/{run_id}/stop")
    await asyncio.sleep(0.3)
    await stack.operations.end(run_id)
    one, two = [await task for task in reading]
    assert one == two
    assert [kind for _, kind, _ in one] == ["snapshot", "window", "window", "state", "end"]
    assert [id_ for id_, _, _ in one] == [f"{run_id}:{n}" for n in range(999, 1004)]
    assert one[0][2]["run"]["id"] == run_id
    assert one[-1][2]["state"] == "FINISHED"
    assert readers[0].text.startswith("retry: 1000\n\n")
    assert ": heartbeat\n" in readers[0].text
    headers = readers[0].headers
    assert headers is not None
    assert headers["content-type"].startswith("text/event-stream")
    assert headers["cache-control"] == "no-cache, no-transform"
    assert headers["x-accel-buffering"] == "no"
    assert "content-length" not in headers


async def test_a_stream_resumes_after_the_last_event_seen(stack: Stack) -> None:
    """Without a snapshot, a gap or a repetition; from long ago or elsewhere, with a snapshot."""
    run_id = await stack.start()
    publish(stack, run_id, 5)
    before = await Reader(stack, run_id).first(1)
    publish(stack, run_id, 3)
    after = await Reader(stack, run_id).first(3, before[0][0])
    strange = await Reader(stack, run_id).first(1, f"{run_id}:5")
    assert before[0][:2] == (f"{run_id}:1004", "snapshot")
    assert [id_ for id_, _, _ in after] == [f"{run_id}:{n}" for n in (1005, 1006, 1007)]
    assert {kind for _, kind, _ in after} == {"window"}
    assert strange[0][:2] == (f"{run_id}:1007", "snapshot")
    await until_streams(stack, 0)


async def test_the_stream_of_an_ended_run_is_its_snapshot_and_its_end(stack: Stack) -> None:
    """At once, and whatever was seen before."""
    run_id = await stack.start()
    report = await stack.operations.end(run_id)
    for last_event_id in (None, f"{run_id}:1000"):
        (_, first, snapshot), (_, second, end) = await Reader(stack, run_id).all(last_event_id)
        assert (first, second) == ("snapshot", "end")
        assert snapshot["windows"] == report["windows"]
        assert snapshot["verdict"] == report["verdict"]
        assert end == end_data(report)


async def test_a_reader_that_does_not_read_costs_a_snapshot_and_no_memory(stack: Stack) -> None:
    """20 MB pass it by; the ring stays bounded, others are not held up, and it comes back in."""
    run_id = await stack.start()
    slow_reader, slow_writer = await asyncio.open_connection("127.0.0.1", stack.port, limit=1000)
    slow_writer.write(f"GET {RUNS}/{run_id}/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    await until_streams(stack, 1)
    quick = asyncio.create_task(Reader(stack, run_id).all())
    await until_streams(stack, 2)
    feed = stack.feeds.find(run_id)
    assert feed is not None
    for _ in range(20):
        publish(stack, run_id, 10, size=100_000)
        await asyncio.sleep(0.005)
    assert feed.end - feed.oldest <= 40
    await stack.operations.end(run_id)
    seen = await quick
    text = (await asyncio.wait_for(slow_reader.read(100_000_000), 20)).decode()
    while not text.endswith("0\r\n\r\n"):
        text += (await asyncio.wait_for(slow_reader.read(100_000_000), 20)).decode()
    slow_writer.close()
    assert seen[-1][1] == "end"
    assert len(text) < 16_000_000
    assert text.count("event: snapshot") >= 2
    assert text.count("event: end") == 1


async def test_the_server_ends_in_time_with_streams_open(stack: Stack) -> None:
    """Readers see the stream close without ``end``, also one that reads nothing."""
    run_id = await stack.start()
    reading = asyncio.create_task(Reader(stack, run_id).all())
    _, stuck = await asyncio.open_connection("127.0.0.1", stack.port, limit=1000)
    stuck.write(f"GET {RUNS}/{run_id}/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    await until_streams(stack, 2)
    for _ in range(20):
        publish(stack, run_id, 5, size=200_000)
        await asyncio.sleep(0.005)
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    stack.server.should_exit = True
    await stack.serving
    took_s = loop.time() - began_s
    stuck.close()
    print(f"the server ended {took_s:.2f} s after it was told")
    assert {kind for _, kind, _ in await reading} == {"snapshot", "window"}
    assert took_s < 8


async def test_a_port_that_is_taken_is_an_os_error(stack: Stack) -> None:
    """The process is not ended over it; whoever serves decides."""
    second = ApiServer(stack.server.config.app, stack.feeds, "127.0.0.1", stack.port)  # type: ignore[arg-type]  # uvicorn's type is wider
    with pytest.raises(OSError, match="in use"):
        await second.serve()


async def test_an_archive_that_fails_is_a_503(stack: Stack) -> None:
    """Its error goes to the log, not to the caller."""
    await stack.operations.archive.close()
    broken = Archive("sqlite:////nowhere/spate.db")
    stack.operations.archive._thread = broken._thread
    stack.operations.archive._engine = None
    answers = [await stack.client.get(path) for path in (RUNS, f"{RUNS}/x", f"{RUNS}/x/report")]
    assert [is_problem(answer)["status"] for answer in answers] == [503, 503, 503]
    assert "nowhere" not in "".join(answer.text for answer in answers)
