"""What a whole stack logs, as a collector takes it in: every line is JSON, a run's name the run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from signal import Signals
from typing import Any

import pytest
from tests.integration.stack import Stack

from spate.logs import FIELDS

pytestmark = pytest.mark.kafka

SECRET = "b0c5-of-nobodys-business"
HEADER = "X-Private-Header"
_ALWAYS = set(FIELDS[:5])


@pytest.fixture(scope="module")
def stack(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with two drivers that logs JSON, as in a cluster, and as much as it can."""
    flags = ("--log-format", "json", "--log-level", "debug")
    folder = tmp_path_factory.mktemp("logs")
    with Stack(kafka, folder, orchestrator_flags=flags) as stack:
        for driver_id in ("driver-1", "driver-2"):
            stack.start_driver(driver_id, *flags, SPATE_SECRET_TOKEN=SECRET)
        stack.await_drivers("driver-1", "driver-2")
        yield stack


def lines(stack: Stack, name: str) -> list[dict[str, Any]]:
    """Return what a process logged; all of it must be lines of JSON."""
    return [json.loads(line) for line in stack.log(name).splitlines()]


def test_a_run_is_told_line_by_line(stack: Stack) -> None:
    """Accepted, every state, and the account that the report has; drivers tell their part."""
    target = stack.start_target()
    run_id = stack.submit(
        {
            "name": "told",
            "target": target.url,
            "requests": [{"path": "/ping", "headers": {HEADER: "Bearer ${secret:TOKEN}"}}],
            "load": {
                "test_type": "tsunami",
                "message_count_per_driver": 200,
                "message_delay_ms": 10,
            },
        }
    )
    report = stack.report(run_id)
    said = lines(stack, "orchestrator")
    there = [line["driver_id"] for line in said if line["message"].endswith(" is there")]
    assert sorted(there) == ["driver-1", "driver-2"]
    ours = [line for line in said if line.get("run_id") == run_id]
    assert [line for line in said if run_id in line["message"] and line not in ours] == []
    assert ours[0]["message"] == f"run {run_id} is accepted: tsunami on {target.url}"
    assert [line["state"] for line in ours if "state" in line] == [
        *("PREPARING", "READY", "RUNNING", "FINISHED", "FINISHED"),
    ]
    account = ours[-1]
    assert (account["level"], account["passed"]) == ("INFO", True)
    assert account["message"] == (
        f"run {run_id} ended FINISHED and passed: planned 400 = "
        "succeeded 400 + failed 0 + dropped 0 + missed 0 + unconfirmed 0"
    )
    assert account["accounting"] == {
        "planned": 400,
        "sent": report["accounting"]["sent"],
        "succeeded": 400,
        "failed": 0,
        "dropped": 0,
        "missed": 0,
        "unconfirmed": 0,
    }
    for driver_id in ("driver-1", "driver-2"):
        stack.until(
            lambda name=driver_id: f"run {run_id} is FINISHED" in stack.log(name),  # type: ignore[misc]  # a default of its own
            f"{driver_id} does not say that the run has ended",
        )
        told = lines(stack, driver_id)
        assert {line["driver_id"] for line in told} == {driver_id}
        assert {line["service"] for line in told} == {"driver"}
        assert [line["message"] for line in told if line.get("run_id") == run_id] == [
            f"run {run_id} is taken up",
            *(f"run {run_id} is {state}" for state in ("READY", "RUNNING", "FINISHED")),
        ]


def test_a_driver_that_leaves_is_told_of(stack: Stack) -> None:
    """By itself, to its end, and by the orchestrator, with its name as a field."""
    stack.start_driver("driver-3", "--log-format", "json")
    stack.await_drivers("driver-1", "driver-2", "driver-3")
    log = next(Path(stack.directory).glob("driver-3-*.log"))
    stack.kick("driver-3", Signals.SIGTERM)
    assert stack.ended("driver-3") == 0
    gone = "driver driver-3 has left"
    stack.until(lambda: gone in stack.log("orchestrator"), "the orchestrator does not say so")
    told = [json.loads(line)["message"] for line in log.read_text().splitlines()]
    assert told[-2:] == ["leaving: finishing what is in flight", "gone: nothing is left to report"]
    heard = [line for line in lines(stack, "orchestrator") if line.get("driver_id") == "driver-3"]
    assert [line["message"] for line in heard] == ["driver driver-3 is there", gone]


def test_every_line_parses_and_none_holds_a_secret(stack: Stack) -> None:
    """Whatever the level: fields are those promised, and no header of a plan is among them."""
    logs = sorted(Path(stack.directory).glob("*.log"))
    assert len(logs) >= 4
    for log in logs:
        text = log.read_text()
        assert (SECRET in text, HEADER.lower() in text.lower()) == (False, False), log.name
        if not log.name.startswith("target"):
            found = [json.loads(line) for line in text.splitlines()]
            assert len(found) >= 3
            assert [line for line in found if not _ALWAYS <= set(line) <= set(FIELDS)] == []
