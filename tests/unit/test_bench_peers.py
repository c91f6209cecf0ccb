"""How the tools of the benchmark are asked, and how what they say is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.bench.peers import k6, locust, vegeta
from tests.bench.peers.hey import Hey
from tests.bench.peers.load import Load, TrialError
from tests.bench.peers.oha import Oha
from tests.bench.peers.peer import Peer, look_for, told, version_in
from tests.bench.peers.spate import Spate, plan_of
from tests.bench.peers.wrk import Wrk

from spate.plan import parse_plan

CLOSED = Load("http://127.0.0.1:8000/small", 64, 2.0, expected_per_s=1_000)
OPEN = Load("http://127.0.0.1:8000/small", 64, 2.5, rate_per_s=640, fine=True)
MS = 1e6


def installed(peer: type[Peer], folder: Path, place: str) -> Peer:
    """Return a tool that finds a program where ``--fetch`` puts it."""
    program = folder / place
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return peer(folder)


# ---- Spate -------------------------------------------------------------------------------------


def test_the_closed_loop_of_spate_is_an_avalanche() -> None:
    """It is told how many requests its expected rate makes in the time."""
    plan = parse_plan(plan_of(CLOSED)).to_document()
    assert plan["load"] == {"test_type": "avalanche", "message_count_per_driver": 2_000}
    assert plan["target"] == "http://127.0.0.1:8000"
    assert plan["requests"][0]["path"] == "/small"
    assert plan["limits"]["connections"] == 64


def test_the_open_loop_of_spate_is_arrivals() -> None:
    """A rate is one stage that begins and ends with it."""
    (stage,) = parse_plan(plan_of(OPEN)).to_document()["load"]["stages"]
    assert (stage["from"], stage["to"], stage["duration"]) == (640, 640, "2.5s")


def test_spate_verifies_the_target(tmp_path: Path) -> None:
    """The plan holds the certificate authority of an https address."""
    ca = tmp_path / "ca.pem"
    ca.write_text("PEM")
    plan = plan_of(Load("https://127.0.0.1/small", 1, 1.0, ca=ca))
    assert plan["tls"] == {"ca": "PEM"}


def test_spate_says_what_its_report_says(tmp_path: Path) -> None:
    """Whatever did not succeed has failed; a quantile of nothing is left out."""
    durations = {f"{key}_ns": 5 for key in ("p50", "p90", "p99", "p999")}
    report = {
        "run": {"started_at": "2026-01-01T00:00:00.500Z", "ended_at": "2026-01-01T00:00:02.000Z"},
        "accounting": {
            "sent": 9,
            "failed": {"reset": 1, "tls": 2},
            "dropped": {"no_connection": 4},
            "missed": {},
            "unconfirmed": 3,
        },
        "response_time": {**durations, "max_ns": None},
        "lag": {**durations, "max_ns": 6},
    }
    said = Spate(tmp_path).said(json.dumps(report), tmp_path)
    assert (said.requests, said.failed, said.seconds) == (9, 10, 1.5)
    assert said.latency_ns == dict.fromkeys(("p50", "p90", "p99", "p999"), 5.0)
    assert said.lag_ns["max"] == 6.0
    with pytest.raises(TrialError, match="no report"):
        Spate(tmp_path).said("", tmp_path)


# ---- wrk and hey -------------------------------------------------------------------------------


def test_wrk_says_what_its_script_prints(tmp_path: Path) -> None:
    """Microseconds become nanoseconds."""
    line = {"requests": 7, "failed": 1, "us": 2_000_000, "p50": 1, "p90": 2, "p99": 3}
    said = Wrk(tmp_path).said(f"2 threads\n{json.dumps({**line, 'p999': 4, 'max': 5})}\n", tmp_path)
    assert (said.requests, said.failed, said.seconds) == (7, 1, 2.0)
    assert said.latency_ns == {"p50": 1e3, "p90": 2e3, "p99": 3e3, "p999": 4e3, "max": 5e3}
    with pytest.raises(TrialError, match="no figures"):
        Wrk(tmp_path).said("unable to connect", tmp_path)


def test_hey_divides_a_rate_among_its_workers(tmp_path: Path) -> None:
    """640 a second are ten for each of 64, and a fine load asks for the list of all responses."""
    hey = installed(Hey, tmp_path, "bin/hey")
    command = hey.command(OPEN, tmp_path)
    assert command[command.index("-q") + 1] == "10"
    assert command[command.index("-o") + 1] == "csv"
    assert command[command.index("-z") + 1] == "2.5s"
    assert "-q" not in hey.command(CLOSED, tmp_path)


def test_hey_says_what_its_summary_says(tmp_path: Path) -> None:
    """Answers that are no success and errors have failed."""
    output = (
        "\nSummary:\n  Total:\t2.0007 secs\n  Slowest:\t0.0100 secs\n\nLatency distribution:\n"
        "  10%% in 0.0001 secs\n  50%% in 0.0018 secs\n  90%% in 0.0034 secs\n"
        "  99%% in 0.0051 secs\n\nStatus code distribution:\n  [200]\t90 responses\n"
        "  [503]\t8 responses\n\nError distribution:\n"
        '  [2]\tGet "http://127.0.0.1:1/": connect: connection refused\n'
    )
    said = Hey(tmp_path).said(output, tmp_path)
    assert (said.requests, said.failed, said.seconds) == (98, 10, 2.0007)
    assert said.latency_ns == pytest.approx(
        {"p50": 1.8 * MS, "p90": 3.4 * MS, "p99": 5.1 * MS, "max": 10 * MS}
    )
    with pytest.raises(TrialError, match="no summary"):
        Hey(tmp_path).said("", tmp_path)


def test_hey_says_what_its_list_says(tmp_path: Path) -> None:
    """Every response is a row of the list."""
    head = "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,o"
    rows = ["0.0010,0,0,0,0,0,200,0.1", "0.0030,0,0,0,0,0,503,0.2"]
    said = Hey(tmp_path).said("\n".join([head, *rows]), tmp_path)
    assert (said.requests, said.failed) == (2, 1)
    assert (said.latency_ns["p50"], said.latency_ns["max"]) == (1 * MS, 3 * MS)


# ---- oha and vegeta ----------------------------------------------------------------------------


def test_oha_corrects_its_latencies_at_a_rate(tmp_path: Path) -> None:
    """It is asked to do so, and to wait for what is under way at the end."""
    oha = installed(Oha, tmp_path, "oha/bin/oha")
    assert {"--latency-correction", "-w", "640", "2500ms"} <= set(oha.command(OPEN, tmp_path))
    assert not {"-q", "-w"} & set(oha.command(CLOSED, tmp_path))
    trusting = Load("https://127.0.0.1/", 1, 1.0, ca=tmp_path / "ca.pem")
    assert str(tmp_path / "ca.pem") in oha.command(trusting, tmp_path)


def test_oha_says_what_its_json_says(tmp_path: Path) -> None:
    """What was cut off at the end has not failed; what nothing was measured of is left out."""
    data = {
        "summary": {"total": 1.5, "slowest": 0.004},
        "latencyPercentiles": {"p50": 0.001, "p90": 0.002, "p99": 0.003, "p99.9": None},
        "statusCodeDistribution": {"200": 95, "500": 2},
        "errorDistribution": {"aborted due to deadline": 64, "connection refused": 1},
    }
    said = Oha(tmp_path).said(json.dumps(data), tmp_path)
    assert (said.requests, said.failed, said.seconds) == (97, 3, 1.5)
    assert said.latency_ns == pytest.approx(
        {"p50": 1 * MS, "p90": 2 * MS, "p99": 3 * MS, "max": 4 * MS}
    )
    with pytest.raises(TrialError, match="no figures"):
        Oha(tmp_path).said("", tmp_path)


def test_the_closed_loop_of_vegeta_is_a_rate_of_nought(tmp_path: Path) -> None:
    """With as many workers as there are connections."""
    tool = installed(vegeta.Vegeta, tmp_path, "bin/vegeta")
    assert {"-rate=0", "-max-workers=64", "-workers=64"} <= set(tool.command(CLOSED, tmp_path))
    assert "-rate=640/1s" in tool.command(OPEN, tmp_path)
    assert (tmp_path / "targets.txt").read_text() == "GET http://127.0.0.1:8000/small\n"


def test_vegeta_says_what_its_reports_say(tmp_path: Path) -> None:
    """Quantiles are those of its report, the p99.9 is that of its plot."""
    tool = installed(vegeta.Vegeta, tmp_path, "bin/vegeta")
    report = {
        "requests": 10,
        "duration": 2_000_000_000,
        "latencies": {"mean": 3, "50th": 1, "90th": 2, "95th": 3, "99th": 4, "max": 6},
        "status_codes": {"200": 8, "0": 2},
    }
    plot = (
        "Value(ms)  Percentile  TotalCount  1/(1-Percentile)\n1.5  0.5  5  2\n2.5  0.9990  9  10\n"
    )
    (tmp_path / "bin" / "vegeta").write_text(
        f"#!/bin/sh\ncase $2 in *json) echo '{json.dumps(report)}';; *) echo '{plot}';; esac\n"
    )
    said = tool.said("", tmp_path)
    assert (said.requests, said.failed, said.seconds) == (10, 2, 2.0)
    assert said.latency_ns == {"p50": 1, "p90": 2, "p99": 4, "max": 6, "p999": 2.5 * MS}
    (tmp_path / "bin" / "vegeta").write_text("#!/bin/sh\necho broken\n")
    with pytest.raises(TrialError, match="cannot report"):
        tool.said("", tmp_path)
    assert vegeta.tail_of("") == {}


# ---- k6 and Locust -----------------------------------------------------------------------------


def test_the_script_of_k6(tmp_path: Path) -> None:
    """The closed loop has as many users as connections; a rate is an executor of arrivals."""
    closed, fixed = (k6.script_of(load, tmp_path / "s.json") for load in (CLOSED, OPEN))
    assert '"executor": "constant-vus", "vus": 64, "duration": "2000ms"' in closed
    assert '"executor": "constant-arrival-rate", "rate": 640, "timeUnit": "1s"' in fixed
    assert 'http.get("http://127.0.0.1:8000/small")' in closed
    assert closed.count("{") == closed.count("}")


def test_k6_says_what_its_summary_says(tmp_path: Path) -> None:
    """Milliseconds become nanoseconds, and a rate of failures their number."""
    trend = {"med": 1.0, "p(90)": 2.0, "p(99)": 3.0, "p(99.9)": 4.0, "max": 5.0, "avg": 9.0}
    metrics = {
        "http_reqs": {"values": {"count": 200, "rate": 1.0}},
        "http_req_failed": {"values": {"rate": 0.25}},
        "http_req_duration": {"values": trend},
    }
    (tmp_path / "summary.json").write_text(json.dumps({"metrics": metrics}))
    said = k6.K6(tmp_path).said("", tmp_path)
    assert (said.requests, said.failed) == (200, 50)
    assert said.latency_ns == {"p50": 1e6, "p90": 2e6, "p99": 3e6, "p999": 4e6, "max": 5e6}
    (tmp_path / "summary.json").unlink()
    with pytest.raises(TrialError, match="no summary"):
        k6.K6(tmp_path).said("", tmp_path)


def test_the_script_of_locust(tmp_path: Path) -> None:
    """The users of a closed loop do not wait; those of a rate share it. It is Python."""
    closed, fixed = (locust.script_of(load) for load in (CLOSED, OPEN))
    assert "wait_time = constant(0)" in closed
    assert "wait_time = constant_throughput(10)" in fixed
    assert "host = 'http://127.0.0.1:8000'" in fixed
    compile(closed, "locustfile.py", "exec")
    tool = installed(locust.Locust, tmp_path, "locust/bin/locust")
    command = tool.command(OPEN, tmp_path)
    assert command[command.index("--run-time") + 1] == "2s"
    assert (tmp_path / "locustfile.py").read_text() == fixed


def test_locust_says_what_its_rows_say(tmp_path: Path) -> None:
    """Rows add up; their times are rounded, but the greatest is not."""
    row = {"num_requests": 4, "num_failures": 1, "response_times": {"1": 3, "20": 1}}
    rows = [{**row, "max_response_time": 19.6}, {**row, "max_response_time": 19.5}]
    (tmp_path / "run.json").write_text(json.dumps(rows))
    said = locust.Locust(tmp_path).said("", tmp_path)
    assert (said.requests, said.failed) == (8, 2)
    assert said.latency_ns == {
        "p50": 1 * MS,
        "p90": 20 * MS,
        "p99": 20 * MS,
        "p999": 20 * MS,
        "max": 19.6 * MS,
    }
    assert locust.from_rows([]).latency_ns == {}
    (tmp_path / "run.json").unlink()
    with pytest.raises(TrialError, match="no figures"):
        locust.Locust(tmp_path).said("", tmp_path)


# ---- all ---------------------------------------------------------------------------------------


def test_a_missing_tool_is_named_with_the_way_to_it(tmp_path: Path) -> None:
    """``found`` refuses."""

    class Missing(Wrk):
        def program(self) -> Path | None:
            return None

    with pytest.raises(TrialError, match="wrk is not here; apt-get install wrk"):
        Missing(tmp_path).found()


def test_a_fetched_program_is_before_the_systems(tmp_path: Path) -> None:
    """A file that cannot be executed is none."""
    assert look_for("sh", tmp_path) != tmp_path / "sh"
    (tmp_path / "sh").write_text("")
    assert look_for("sh", tmp_path) != tmp_path / "sh"
    (tmp_path / "sh").chmod(0o755)
    assert look_for("sh", tmp_path) == tmp_path / "sh"
    assert look_for("no-such-program", tmp_path) is None


def test_versions() -> None:
    """The first number with a point in it is the version; a program that is not there has none."""
    assert version_in("wrk debian/4.1.0-3+b2 [epoll] 2.0") == "4.1.0"
    assert version_in("") == "of unknown version"
    assert told("/no/such/program") == ""


def test_no_tool_is_configured_behind_our_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Variables by which tools take their settings do not reach them."""
    monkeypatch.setenv("GOMAXPROCS", "4")
    monkeypatch.setenv("SPATE_URL", "http://elsewhere")
    monkeypatch.setenv("LANG", "C")
    environ = Wrk(tmp_path).environ()
    assert environ["LANG"] == "C"
    assert not {"GOMAXPROCS", "SPATE_URL"} & set(environ)
