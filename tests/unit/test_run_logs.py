"""What the logs of orchestrator and driver are told of a run, and what not again and again."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from tests.unit.driver_bench import Bench, turns

from driver.closure import CloseCause, Closure
from driver.run_log import RunLog
from orchestrator.run import Run
from orchestrator.run_log import log_accepted, log_account, log_events, sum_up
from spate.grant import Range
from spate.messages import ClosedTerm
from spate.plan import parse_plan
from spate.timing import MS

PLAN = {
    "name": "told",
    "target": "http://127.0.0.1:1",
    "requests": [{"path": "/"}],
    "load": {"test_type": "avalanche", "message_count_per_driver": 1},
}

Line = tuple[str, str, str | None, str | None]


@pytest.fixture(autouse=True)
def heard(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is heard; another test's tool may have switched off loggers it does not know."""
    caplog.set_level(logging.INFO)
    for name in ("orchestrator", "driver"):
        monkeypatch.setattr(logging.getLogger(name), "disabled", False)


def lines(caplog: pytest.LogCaptureFixture) -> list[Line]:
    """Return level, text, run_id and driver_id of what was logged, and forget it."""
    found = [
        (
            each.levelname,
            each.getMessage(),
            getattr(each, "run_id", None),
            getattr(each, "driver_id", None),
        )
        for each in caplog.records
    ]
    caplog.clear()
    return found


def run() -> Run:
    """Return a run that waits."""
    return Run(id="r-1", plan=parse_plan(PLAN), digest="d", created_at_ns=0)


def test_events_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """What was told stays told; what needs somebody's eyes is a warning."""
    told = run()
    log_accepted(told)
    told.move("PREPARING", 1)
    since = log_events(told, 0)
    told.note(2, "joined", "d-1", "d-1 appeared")
    told.note_lost("d-2", 3_000_000_000, 3)
    told.move("ABORTED", 4, "aborted by a user")
    since = log_events(told, since)
    assert (since, log_events(told, since)) == (4, 4)
    assert lines(caplog) == [
        ("INFO", "run r-1 is accepted: avalanche on http://127.0.0.1:1", "r-1", None),
        (
            "INFO",
            "run r-1: PREPARING: waiting for drivers, and until they know their parts",
            "r-1",
            None,
        ),
        ("INFO", "run r-1: d-1 appeared", "r-1", "d-1"),
        ("WARNING", "run r-1: d-2 was not heard for 3 s and is taken for lost", "r-1", "d-2"),
        ("WARNING", "run r-1: ABORTED: aborted by a user", "r-1", None),
    ]


def test_the_account_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """Kinds and causes are summed up; the numbers are a field as well."""
    accounting: dict[str, Any] = {
        "planned": 20,
        "sent": 12,
        "answered": 11,
        "succeeded": 8,
        "failed": {"reset": 1, "timeout": 2},
        "dropped": {"in_flight_limit": 4},
        "missed": {"fenced": 3, "aborted": 0},
        "unconfirmed": 2,
    }
    log_account(
        {
            "run": {"id": "r-1", "state": "FINISHED"},
            "verdict": {"passed": False},
            "accounting": accounting,
        }
    )
    (record,) = caplog.records
    assert record.getMessage() == (
        "run r-1 ended FINISHED and did not pass: planned 20 = "
        "succeeded 8 + failed 3 + dropped 4 + missed 3 + unconfirmed 2"
    )
    assert vars(record)["accounting"] == sum_up(accounting)
    assert (vars(record)["run_id"], vars(record)["passed"]) == ("r-1", False)


async def test_a_driver_tells_of_its_run(caplog: pytest.LogCaptureFixture) -> None:
    """Taken up, begun and ended: each once, however often it is heard."""
    bench = Bench()
    await bench.begin()
    for _ in range(3):
        bench.beat("RUNNING")
    bench.beat("FINISHED")
    bench.beat("FINISHED")
    assert lines(caplog) == [
        ("INFO", "run r is taken up", "r", None),
        ("INFO", "run r is RUNNING", "r", None),
        ("INFO", "run r is FINISHED", "r", None),
    ]


async def test_an_absence_of_kafka_is_two_lines(caplog: pytest.LogCaptureFixture) -> None:
    """A term that held work ends with a warning; those after it hold none and end in silence."""
    bench = Bench()
    await bench.begin()
    caplog.clear()
    bench.fate = "silence"
    for _ in range(5):
        bench.fake.ns += 3_000 * MS
        bench.driver.send_heartbeat()
        await turns()
    assert bench.session.term > 3
    term = bench.session.term
    bench.fate = "acknowledged"
    bench.driver.send_heartbeat()
    bench.grant(Range(2, 500, 1, 500))
    await turns()
    bench.beat("RUNNING", 15_000 * MS)
    assert lines(caplog) == [
        (
            "WARNING",
            "run r: term 1 is over (licence): nothing is sent until work is granted anew",
            "r",
            None,
        ),
        ("INFO", f"run r: work is granted anew, for term {term}", "r", None),
    ]


async def test_ends_that_were_asked_for_are_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    """The end of a run, of the process, and a refusal close terms as well."""
    bench = Bench()
    await bench.begin()
    caplog.clear()
    bench.session.endings.told = (ClosedTerm(run_id="r", term=1, ranges=()),)
    log = RunLog(bench.session)
    asked: tuple[CloseCause, ...] = ("state", "leaving", "refused")
    for cause in asked:
        log.closed(Closure(1, cause))
    assert lines(caplog) == []


async def test_a_refusal_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """With its reason, which never holds a secret's value."""
    bench = Bench()
    await bench.begin()
    caplog.clear()
    log = RunLog(bench.session)
    log.look()
    caplog.clear()
    bench.session.refuse("the secret TOKEN is not there")
    log.look()
    log.look()
    text = "run r: no part is taken in it: the secret TOKEN is not there"
    assert lines(caplog) == [("WARNING", text, "r", None)]
