"""The report has exactly the form that its schema, and so every reader of it, relies on."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from spate.aggregator import Aggregator
from spate.choice import RequestChoice
from spate.figures import DROPPED_CAUSES, FAILED_KINDS, HISTOGRAMS, MISSED_CAUSES, Figures
from spate.grant import Range
from spate.histogram import Histogram
from spate.messages import RunState, SlowTrace, SnapshotMessage
from spate.plan import parse_plan
from spate.report import LedgerFacts, RunFacts, TermFacts, build_report
from spate.schedule import plan_schedule

SCHEMA = json.loads((Path(__file__).parent / "report.schema.json").read_text())
SECOND = 1_000_000_000

LOADS: dict[str, dict[str, Any]] = {
    "avalanche": {"test_type": "avalanche", "message_count_per_driver": 300},
    "tsunami": {"test_type": "tsunami", "message_count_per_driver": 300, "message_delay_ms": 2.5},
    "arrivals": {
        "test_type": "arrivals",
        "stages": [
            {"name": "ramp", "duration": "1500ms", "from": 0, "to": 133.3, "measured": False},
            {"name": "hold", "duration": "2s"},
        ],
    },
}


def report_of(load: str, state: RunState = "FINISHED", second: int = 3) -> dict[str, Any]:
    """A run with everything in it: every outcome, a lost driver, thresholds and doubts.

    ``second`` is the last one of which anything is heard.
    """
    plan = parse_plan(
        {
            "name": "everything",
            "labels": {"team": "shop"},
            "target": "http://127.0.0.1:8000",
            "requests": [
                {"name": "a", "path": "/a"},
                {"name": "b", "path": "/b", "method": "POST", "body": "x", "weight": 2},
            ],
            "load": LOADS[load],
            "options": {"traceparent": 0.5},
            "thresholds": ["response_time.p99 < 300ms", "failed.rate < 1%", "wait_time.max < 1s"],
        }
    )
    schedule = plan_schedule(plan, 1)
    aggregator = Aggregator(plan, schedule, "r")
    choice = RequestChoice(plan.seed, [1, 2])
    times = Histogram.of([1, 2_047, 40_000_000])
    everything = Figures(
        decided=3,
        sent=3,
        succeeded=3,
        failed=dict.fromkeys(FAILED_KINDS, 1),
        dropped=dict.fromkeys(DROPPED_CAUSES, 1),
        missed=dict.fromkeys(MISSED_CAUSES, 1),
        status_codes={"200": 3, "503": 1},
        bytes_received=77,
        response_time=times,
        lag=times,
    )
    for seq, window in ((1, 1), (3, second)):
        aggregator.add(
            SnapshotMessage(
                driver_id="driver-1",
                boot_id="b",
                term=1,
                run_id="r",
                seq=seq,
                window=window,
                cells=(everything.to_cell(choice.request(0), schedule.stage_of(0)),),
                in_flight=2,
                connections=1,
                cpu=0.95,
                clock_offset_ns=-5,
                start_skew_ns=None,
                traces=(
                    SlowTrace(index=seq, offset_ns=7, response_ns=seq, outcome="timeout", status=0),
                    SlowTrace(index=9, offset_ns=7, response_ns=9, outcome="succeeded", status=200),
                ),
            )
        )
    n = schedule.count
    ledger = LedgerFacts(
        n,
        (("no_driver", Range(2, 200, 1, n - 200)),),
        (
            TermFacts("driver-1", "b", 1, False, True, (Range(1, 0, 1, 150),)),
            TermFacts("driver-2", "c", 1, False, False, (Range(3, 150, 1, 50),)),
        ),
    )
    event = {"offset_s": 1.25, "kind": "lost", "driver_id": "driver-2", "text": "not heard"}
    note = {"offset_s": 0.0, "kind": "state", "driver_id": None, "text": "RUNNING"}
    started_at_ns = None if state == "FAILED" else 1
    facts = RunFacts("r", plan, state, False, "why", 0, started_at_ns, 5 * SECOND, 1, (note, event))
    return build_report(facts, aggregator, ledger)


def through_json(report: dict[str, Any]) -> Any:
    """What a reader of the file gets; NaN is refused."""
    return json.loads(json.dumps(report, allow_nan=False))


def errors(document: Any) -> list[str]:
    """Where the document breaks the schema."""
    found = Draft202012Validator(SCHEMA).iter_errors(document)
    return sorted(f"{error.json_path}: {error.message}" for error in found)


def test_the_schema_is_one() -> None:
    """Its own form is checked, too."""
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("state", ["FINISHED", "ABORTED", "FAILED"])
def test_a_report_keeps_to_the_schema(load: str, state: RunState) -> None:
    """For each kind of load and each end, with every doubt there is."""
    document = through_json(report_of(load, state))
    assert errors(document) == []
    reasons = {doubt["reason"] for doubt in document["verdict"]["degraded"]}
    always = {"accounting", "driver_lost", "unconfirmed", "missed", "gaps", "lag", "dropped"}
    assert reasons >= (always - {"accounting"} if state == "ABORTED" else always)


def test_a_report_of_a_run_of_hours_keeps_to_the_schema() -> None:
    """Its windows are wider than a second, and keep what was highest; strictly so."""
    document = through_json(report_of("avalanche", second=50_000))
    assert errors(document) == []
    first = document["windows"][0]
    assert (first["width_s"], first["peak"]["sent"], first["peak"]["dropped"]) == (60, 3, 2)
    for broken in ({**first["peak"], "surprise": 1}, {"sent": 1}):
        first["peak"] = broken
        assert errors(document)


def test_a_report_made_before_windows_were_thinned_keeps_to_the_schema() -> None:
    """It says neither how wide they are nor what was highest in them."""
    document = through_json(report_of("arrivals"))
    for row in document["windows"]:
        del row["width_s"], row["peak"]
    assert errors(document) == []


def test_a_report_of_a_run_that_never_began_keeps_to_the_schema() -> None:
    """Nothing planned, nothing heard, nothing measured."""
    plan = parse_plan(
        {
            "name": "p",
            "target": "http://127.0.0.1:8000",
            "requests": [{"path": "/"}],
            "load": LOADS["tsunami"],
        }
    )
    aggregator = Aggregator(plan, plan_schedule(plan, 1), "r")
    facts = RunFacts("r", plan, "FAILED", False, "no driver came", 0, None, 1, 0)
    assert errors(through_json(build_report(facts, aggregator, LedgerFacts(0)))) == []


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every object in a document; of lists the first entry stands for all."""
    found = [path] if isinstance(value, dict) else []
    entries = value.items() if isinstance(value, dict) else enumerate(value[:1])
    for key, inner in entries:
        if isinstance(inner, dict | list):
            found += paths(inner, (*path, key))
    return found


OPEN_OBJECTS = {"labels", "headers", "status_codes"}
"""Objects whose keys are data."""

PARTIAL_OBJECTS = {"failed_kinds"}
"""Objects that hold only what occurred."""


def test_the_schema_is_strict_everywhere() -> None:
    """A key too many, or one missing, is an error in every object of a report."""
    document = through_json(report_of("arrivals"))
    for path in paths(document):
        if path and path[-1] in OPEN_OBJECTS:
            continue
        changed = copy.deepcopy(document)
        place = changed
        for step in path:
            place = place[step]
        place["surprise"] = 1
        assert errors(changed), path
        if path and path[-1] in PARTIAL_OBJECTS:
            continue
        del place["surprise"]
        del place[next(iter(place))]
        assert errors(changed), path


def test_the_schema_names_the_closed_sets() -> None:
    """A new kind or cause needs a new schema."""
    accounting = SCHEMA["$defs"]["accounting"]["properties"]
    assert tuple(accounting["failed"]["properties"]) == FAILED_KINDS
    assert tuple(accounting["dropped"]["properties"]) == DROPPED_CAUSES
    assert tuple(accounting["missed"]["properties"]) == MISSED_CAUSES
    assert set(SCHEMA["properties"]) >= set(HISTOGRAMS)
    assert tuple(SCHEMA["$defs"]["window"]["properties"]["failed_kinds"]["properties"]) == (
        FAILED_KINDS
    )


def test_a_report_made_before_windows_had_kinds_keeps_to_the_schema() -> None:
    """Archived reports never change, so they stay readable."""
    document = through_json(report_of("arrivals"))
    assert any(row["failed_kinds"] for row in document["windows"])
    for row in document["windows"]:
        del row["failed_kinds"]
    assert errors(document) == []
