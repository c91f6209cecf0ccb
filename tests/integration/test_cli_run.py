"""The ``spate`` command as a process against a small orchestrator of this test, over sockets."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.unit.journaling import snapshot

from spate.aggregator import Aggregator
from spate.grant import Range
from spate.messages import RunState
from spate.plan import parse_plan
from spate.report import LedgerFacts, RunFacts, build_report
from spate.report_facts import TermFacts
from spate.schedule import plan_schedule
from spate_cli.main import main
from spate_cli.quantities import NOTHING

RUN = "small-1"
PLAN: dict[str, Any] = {
    "name": "small",
    "target": "http://127.0.0.1:8000",
    "requests": [{"path": "/ping"}],
    "load": {"test_type": "tsunami", "message_count_per_driver": 30, "message_delay_ms": 100},
}


def make_report(state: RunState = "FINISHED", thresholds: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the report of a run of one request, which went well and was not timed."""
    plan = parse_plan({**PLAN, "thresholds": list(thresholds)})
    facts = RunFacts(RUN, plan, state, False, None, 0, 10**9, 2 * 10**9, 1)
    aggregator = Aggregator(plan, plan_schedule(plan, 1), RUN)
    aggregator.add(snapshot(1).model_copy(update={"run_id": RUN}))
    owner = TermFacts("d1", "b", 1, live=False, left_cleanly=True, ranges=(Range(0, 0, 1, 1),))
    return build_report(facts, aggregator, LedgerFacts(1, terms=(owner,)))


def window(offset_s: int) -> dict[str, Any]:
    """Return a window of ten requests."""
    counts = {"planned": 10, "sent": 10, "succeeded": 10, "failed": 0, "dropped": 0, "missed": 0}
    return {"offset_s": offset_s, **counts, "in_flight": 1, "p50_ns": 10**6, "p99_ns": 10**7}


SNAPSHOT = {"run": {"id": RUN, "state": "RUNNING", "drivers": 1}, "windows": [window(0)]}
END = {"state": "FINISHED", "passed": True}


class Stream:
    """What a script of the test may do with one stream."""

    def __init__(self, handler: BaseHTTPRequestHandler, orchestrator: Orchestrator) -> None:
        self.last_event_id = handler.headers.get("Last-Event-ID")
        self.orchestrator = orchestrator
        self._out = handler.wfile

    def send(self, number: int, kind: str, data: dict[str, Any]) -> None:
        """Send an event."""
        text = f"id: {RUN}:{number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"
        self._out.write(text.encode())


Script = Callable[[Stream], None]


def happy(stream: Stream) -> None:
    """Send a run of three windows."""
    stream.send(0, "snapshot", SNAPSHOT)
    stream.send(1, "window", {"windows": [window(1)]})
    stream.send(2, "fleet", {"event": {"kind": "joined", "driver_id": "d", "text": "d joined"}})
    stream.send(3, "window", {"windows": [window(2)]})
    stream.send(4, "end", END)


class Orchestrator:
    """Answers as told and remembers what it was asked; ``stopped`` is set by stop and abort."""

    def __init__(self, port: int = 0) -> None:
        self.report = make_report()
        self.streams: list[Script] = [happy]
        self.answers: dict[str, tuple[int, dict[str, Any]]] = {
            "POST /api/v1/runs": (201, {"id": RUN}),
            f"POST /api/v1/runs/{RUN}/stop": (202, {}),
            f"POST /api/v1/runs/{RUN}/abort": (202, {}),
        }
        self.asked: list[tuple[str, Any, dict[str, str]]] = []
        self.stopped, self.aborted = threading.Event(), threading.Event()
        orchestrator = self

        class Handler(BaseHTTPRequestHandler):
            """Serves the API."""

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

            def do_GET(self) -> None:
                """Answer, or play the next script."""
                if self.path.endswith("/stream"):
                    self.send_response(200)
                    self.send_header("Content-Type", "text/event-stream")
                    self.end_headers()
                    script = orchestrator.streams.pop(0)
                    script(Stream(self, orchestrator))
                    return
                if self.path == f"/api/v1/runs/{RUN}/report":
                    self._answer((200, orchestrator.report))
                    return
                self._take(None)

            def do_POST(self) -> None:
                """Answer."""
                length = int(self.headers.get("Content-Length") or 0)
                self._take(json.loads(self.rfile.read(length) or b"null"))

            def do_PUT(self) -> None:
                """Answer."""
                self.do_POST()

            def _take(self, body: Any) -> None:
                call = f"{self.command} {self.path}"
                orchestrator.asked.append((call, body, dict(self.headers)))
                if call.endswith(("/stop", "/abort")):
                    orchestrator.stopped.set()
                if call.endswith("/abort"):
                    orchestrator.aborted.set()
                self._answer(orchestrator.answers.get(call, (404, {"title": "Not Found"})))

            def _answer(self, answer: tuple[int, dict[str, Any]]) -> None:
                data = json.dumps(answer[1]).encode()
                self.send_response(answer[0])
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def orchestrator() -> Iterator[Orchestrator]:
    """Give an orchestrator for one test."""
    made = Orchestrator()
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a working directory with a plan in it."""
    (tmp_path / "plan.json").write_text(json.dumps(PLAN), encoding="utf-8")
    return tmp_path


def start(folder: Path, url: str, *arguments: str) -> subprocess.Popen[str]:
    """Start the command in a directory."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("SPATE_")}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "spate_cli", *arguments],
        cwd=folder,
        env={**environ, "SPATE_URL": url, "SPATE_TOKEN": "sesame"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Return code, output and errors of a process."""
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run the command in this process, which is faster; return code, output and errors."""

    def call_main(url: str, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("SPATE_URL", url)
        code = main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call_main


def test_a_run_is_followed_to_its_report(orchestrator: Orchestrator, folder: Path) -> None:
    """Progress is a line a second, then the summary; the report is on disk; the code is 0."""
    orchestrator.answers["POST /api/v1/runs"] = (201, {"run": {"id": RUN}})
    code, out, err = ended(
        start(folder, orchestrator.url, "run", "plan.json", "--set", "load.message_delay_ms=50")
    )
    assert code == 0, err
    seconds = [line.split()[0] for line in out.splitlines() if " sent 10/s of 10/s planned" in line]
    assert seconds == ["00:01", "00:02", "00:03"]
    assert "\nd joined\n" in out
    assert "small: PASSED" in out
    written = json.loads((folder / f"spate-{RUN}" / "report.json").read_text(encoding="utf-8"))
    assert written == orchestrator.report
    call, body, headers = orchestrator.asked[0]
    assert (call, headers["Authorization"]) == ("POST /api/v1/runs", "Bearer sesame")
    assert len(headers["Idempotency-Key"]) == 32
    assert body["plan"]["load"]["message_delay_ms"] == 50


def test_json_is_exactly_the_report(orchestrator: Orchestrator, folder: Path) -> None:
    """Standard output is one JSON document; progress is on standard error."""
    code, out, err = ended(
        start(folder, orchestrator.url, "run", "plan.json", "--format", "json", "--out", "a/b")
    )
    assert (code, json.loads(out)) == (0, orchestrator.report)
    assert "00:01 of 00:03  sent 10/s" in err
    assert (folder / "a/b/report.json").read_text(encoding="utf-8") == out


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (make_report(thresholds=("succeeded.count > 5",)), 1),
        (make_report("FAILED"), 4),
        (make_report("ABORTED"), 4),
    ],
)
def test_the_code_is_the_verdict(
    call: Call,
    orchestrator: Orchestrator,
    folder: Path,
    report: dict[str, Any],
    code: int,
) -> None:
    """Failed thresholds are 1, a run that did not finish is 4; each leaves its report."""
    orchestrator.report = report
    assert call(orchestrator.url, "run", "plan.json")[0] == code
    assert (folder / f"spate-{RUN}" / "report.json").exists()


def test_strict_does_not_take_doubts(call: Call, orchestrator: Orchestrator) -> None:
    """A degraded run passes, but not with --strict."""
    orchestrator.report["verdict"]["degraded"] = [{"reason": "lag", "text": "driver-1 is late"}]
    orchestrator.streams = [happy, happy]
    assert call(orchestrator.url, "run", "plan.json")[0] == 0
    assert call(orchestrator.url, "run", "plan.json", "--strict")[0] == 1


@pytest.mark.parametrize(
    ("status", "code"), [(401, 3), (403, 3), (409, 4), (413, 2), (422, 2), (503, 4)]
)
def test_a_refusal_has_its_code(
    call: Call, orchestrator: Orchestrator, folder: Path, status: int, code: int
) -> None:
    """What the orchestrator says is printed with all places; nothing is written."""
    places = [("target", "is not allowed"), ("seed", "is odd")]
    errors = [{"path": path, "message": message} for path, message in places]
    problem = {"title": "No", "detail": "not so", "errors": errors}
    orchestrator.answers["POST /api/v1/runs"] = (status, problem)
    found, out, err = call(orchestrator.url, "run", "plan.json")
    assert (found, out) == (code, "")
    assert "  target: is not allowed\n  seed: is odd\n" in err
    assert not (folder / f"spate-{RUN}").exists()


def test_nobody_there_is_4(call: Call) -> None:
    """An orchestrator that does not answer at the start is said, without a trace."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        code, _, err = call(url, "runs")
    assert code == 4
    assert err.startswith(f"spate: {url} does not answer (")
    assert "Traceback" not in err


def test_a_break_is_resumed(orchestrator: Orchestrator, folder: Path) -> None:
    """A stream that closes is opened again after the last event seen."""
    seen: list[str | None] = []

    def first(stream: Stream) -> None:
        seen.append(stream.last_event_id)
        stream.send(6, "snapshot", SNAPSHOT)
        stream.send(7, "window", window(1))

    def second(stream: Stream) -> None:
        seen.append(stream.last_event_id)
        stream.send(8, "window", window(2))
        stream.send(9, "end", END)

    orchestrator.streams = [first, second]
    code, out, _ = ended(start(folder, orchestrator.url, "run", "plan.json"))
    assert (code, seen) == (0, [None, f"{RUN}:7"])
    assert out.count(" sent 10/s of 10/s planned") == 3


def test_an_orchestrator_may_be_gone_for_a_while(folder: Path) -> None:
    """While it is away the command says that the load goes on; when it is back it follows on."""
    first = Orchestrator()
    gone = threading.Event()

    def broken(stream: Stream) -> None:
        stream.send(0, "snapshot", SNAPSHOT)
        gone.set()

    first.streams = [broken]
    process = start(folder, first.url, "run", "plan.json")
    assert gone.wait(20)
    first.close()
    time.sleep(1.5)
    second = Orchestrator(first.port)
    try:
        code, out, err = ended(process)
    finally:
        second.close()
    assert code == 0, err
    assert "the load goes on without it; trying again for another " in out
    assert "the orchestrator answers again" in out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_the_run_first(
    orchestrator: Orchestrator, folder: Path, number: signal.Signals
) -> None:
    """A signal is passed on as stop; the report is still delivered, and the code is 130."""
    running = threading.Event()

    def patient(stream: Stream) -> None:
        stream.send(0, "snapshot", SNAPSHOT)
        running.set()
        assert stream.orchestrator.stopped.wait(20)
        stream.send(1, "end", END)

    orchestrator.streams = [patient]
    process = start(folder, orchestrator.url, "run", "plan.json")
    assert running.wait(20)
    time.sleep(0.2)
    process.send_signal(number)
    code, out, err = ended(process)
    assert (code, orchestrator.aborted.is_set()) == (130, False), err
    assert "small: PASSED" in out
    assert (folder / f"spate-{RUN}" / "report.json").exists()


def test_a_second_interrupt_aborts(orchestrator: Orchestrator, folder: Path) -> None:
    """The second signal is passed on as abort, the third one leaves; the code is 130."""
    running = threading.Event()

    def stubborn(stream: Stream) -> None:
        stream.send(0, "snapshot", SNAPSHOT)
        running.set()
        assert stream.orchestrator.aborted.wait(20)
        time.sleep(5)

    orchestrator.streams = [stubborn]
    process = start(folder, orchestrator.url, "run", "plan.json")
    assert running.wait(20)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert orchestrator.stopped.wait(10)
    process.send_signal(signal.SIGINT)
    assert orchestrator.aborted.wait(10)
    process.send_signal(signal.SIGINT)
    code, out, _ = ended(process)
    assert code == 130
    assert f"left; the run may go on: spate stop {RUN}" in out


def test_questions_are_answered_in_tables(call: Call, orchestrator: Orchestrator) -> None:
    """Runs, drivers, fleet, report and stop print what the orchestrator says."""
    row = {"id": RUN, "name": "small", "state": "RUNNING", "passed": None, "started_at": "now"}
    driver = {"driver_id": "d-1", "state": "idle", "in_flight": 0, "cpu": 0.5, "heard_ago_s": 0.3}
    orchestrator.answers |= {
        "GET /api/v1/runs?limit=5&name=smo&state=RUNNING": (200, {"runs": [row]}),
        "GET /api/v1/drivers": (200, {"drivers": [driver]}),
        "GET /api/v1/fleet": (200, {"on_kubernetes": False, "desired": None, "ready": None}),
        "PUT /api/v1/fleet": (200, {"desired": 3, "ready": 1}),
    }
    asked = {
        "runs --limit 5 --state RUNNING --name smo": f"\n{RUN}  small  RUNNING  ",
        "drivers": "\nd-1     idle   ",
        "drivers --format json": '{"drivers": [{"driver_id": "d-1"',
        "scale 3": "drivers: 3 desired, 1 ready\n",
        f"stop {RUN} --abort": f"run {RUN} is aborted\n",
        f"report {RUN}": "small: PASSED",
        f"report {RUN} --format json": '{"version": 1',
    }
    for line, expected in asked.items():
        code, out, err = call(orchestrator.url, *line.split())
        assert code == 0, err
        assert expected in out
    code, _, err = call(orchestrator.url, "stop", "nothing")
    assert (code, err) == (4, "spate: Not Found\n")


def test_a_plan_can_be_judged_by_the_orchestrator(call: Call, orchestrator: Orchestrator) -> None:
    """Validate --url prints what the plan would do there, or all that is wrong."""
    path = "POST /api/v1/plans/validate"
    flags = ("validate", "plan.json", "--url", orchestrator.url, "--drivers", "2")
    orchestrator.answers[path] = (200, {"count": 60, "duration_s": 3.0, "peak_rate_per_s": 20.0})
    assert call("", *flags)[:2] == (
        0,
        "small: 60 requests by 2 drivers in 3.00 s at up to 20/s\n",
    )
    assert orchestrator.asked[-1][1] == {"plan": PLAN, "drivers": 2}
    orchestrator.answers[path] = (
        200,
        {"errors": [{"path": "target", "message": "is not allowed"}]},
    )
    code, _, err = call("", *flags)
    assert (code, err) == (2, "spate: the plan has 1 problem:\n  target: is not allowed\n")


def test_the_process_of_a_stack_ends_with_its_parent(tmp_path: Path) -> None:
    """A process on the leash is killed with its parent, and is the command itself before."""
    script = (
        "import os, subprocess, sys, time\n"
        "from spate_cli import processes\n"
        "child = subprocess.Popen([sys.executable, '-I', '-S', processes._LEASH,"
        " str(os.getpid()), sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-P", "-c", script], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert parent.stdout is not None
    child = Path(f"/proc/{int(parent.stdout.readline())}")
    deadline = time.monotonic() + 10
    while not _is_the_command(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert _is_the_command(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    while _lives(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _lives(child)


def _is_the_command(process: Path) -> bool:
    """Tell whether the leash has become the command; in between it has no command line."""
    line = (process / "cmdline").read_bytes()
    return b"time.sleep" in line and b"leash" not in line


def _lives(process: Path) -> bool:
    """Tell whether a process of /proc runs; one that nobody has buried yet does not."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_pods_that_are_not_heard_are_listed_with_their_reason(
    call: Call, orchestrator: Orchestrator
) -> None:
    """Below the drivers; those that are heard are not said twice."""
    driver = {"driver_id": "d-a", "state": "idle", "in_flight": 0, "cpu": 0.5, "heard_ago_s": 0.3}
    silent = {"drivers": [], "ready": False, "phase": "Pending", "restarts": 0, "node": None}
    pods = [
        {"name": "d-a", "drivers": ["d-a"], "ready": True},
        {**silent, "name": "d-b", "reason": "Unschedulable", "message": "2 Insufficient cpu."},
        {"name": "d-c", "drivers": [], "ready": True, "phase": "Running", "restarts": 1},
    ]
    fleet = {"on_kubernetes": True, "desired": 3, "ready": 2, "pods": pods, "problem": "it is old"}
    where = {"namespace": "load", "deployment": "driver", "hint": None}
    orchestrator.answers |= {
        "GET /api/v1/drivers": (200, {"drivers": [driver]}),
        "GET /api/v1/fleet": (200, fleet | where),
        "PUT /api/v1/fleet": (200, fleet | where),
    }
    code, out, err = call(orchestrator.url, "drivers")
    assert code == 0, err
    assert out.split("\n\n", 1)[1] == (
        "drivers: 3 desired, 2 ready (Deployment driver in namespace load)\n"
        "it is old\n"
        "\n"
        "POD  PHASE    REASON         RESTARTS  NODE  WHAT IS KNOWN\n"
        f"d-b  Pending  Unschedulable  0         {NOTHING}     2 Insufficient cpu.\n"
        f"d-c  Running  {NOTHING}              1         {NOTHING}     "
        "it is ready, and its driver is not heard over Kafka\n"
    )
    code, out, _ = call(orchestrator.url, "scale", "3")
    assert code == 0
    assert out == (
        "drivers: 3 desired, 2 ready (Deployment driver in namespace load)\n"
        "`spate drivers` shows how far they are, and what keeps a pod from coming\n"
    )
    orchestrator.answers["PUT /api/v1/fleet"] = (200, {"desired": 3, "ready": 3})
    assert call(orchestrator.url, "scale", "3")[:2] == (0, "drivers: 3 desired, 3 ready\n")


def test_where_nobody_is_heard_it_is_said_how_to_start_drivers(
    call: Call, orchestrator: Orchestrator
) -> None:
    """Without a cluster; on one the pods say it."""
    hint = {"on_kubernetes": False, "hint": "start more with `spate local`"}
    orchestrator.answers |= {
        "GET /api/v1/drivers": (200, {"drivers": []}),
        "GET /api/v1/fleet": (200, hint),
    }
    assert call(orchestrator.url, "drivers")[:2] == (
        0,
        "DRIVER  STATE  RUN  IN FLIGHT  CPU  LAG P99  HEARD\nstart more with `spate local`\n",
    )


def test_a_fleet_that_cannot_be_scaled_says_why(call: Call, orchestrator: Orchestrator) -> None:
    """The sentence is the orchestrator's; exit code 2 is for a number that may not be."""
    problem = {"title": "There is no Deployment to scale", "detail": "start more yourself"}
    orchestrator.answers["PUT /api/v1/fleet"] = (409, problem)
    assert call(orchestrator.url, "scale", "3")[::2] == (
        4,
        "spate: There is no Deployment to scale: start more yourself\n",
    )
    orchestrator.answers["PUT /api/v1/fleet"] = (422, {"title": "Too many", "detail": "at most 2"})
    assert call(orchestrator.url, "scale", "3")[::2] == (2, "spate: Too many: at most 2\n")
