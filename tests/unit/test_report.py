"""The report is a pure function of run, ledger and snapshots, and its numbers add up."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spate.aggregator import Aggregator
from spate.choice import RequestChoice
from spate.figures import FAILED_KINDS, MISSED_CAUSES, Figures
from spate.grant import Range
from spate.histogram import Histogram
from spate.messages import RunState, SnapshotMessage
from spate.plan import Plan, parse_plan
from spate.report import (
    LedgerFacts,
    RunFacts,
    TermFacts,
    build_report,
    live_view,
    window_row,
)
from spate.schedule import plan_schedule
from spate.window_archive import pack_windows, unpack_windows

MS = 1_000_000
SECOND = 1_000_000_000
CREATED_NS = 1_795_000_000_123_456_789

STAGES = {
    "test_type": "arrivals",
    "stages": [
        {"name": "warm", "duration": "1s", "from": 10, "measured": False},
        {"name": "main", "duration": "2s"},
    ],
}
CLOSED = {"test_type": "avalanche", "message_count_per_driver": 30}


def plan_of(load: dict[str, Any] = STAGES, thresholds: tuple[str, ...] = ()) -> Plan:
    """A plan of two requests and, unless said otherwise, 30 arrivals in two stages."""
    return parse_plan(
        {
            "name": "checkout-smoke",
            "labels": {"team": "shop"},
            "target": "http://127.0.0.1:8000",
            "requests": [{"name": "a", "path": "/a"}, {"name": "b", "path": "/b"}],
            "load": load,
            "thresholds": list(thresholds),
        }
    )


class Story:
    """A run told arrival by arrival; the snapshots and the ledger follow from it."""

    def __init__(self, plan: Plan | None = None) -> None:
        self.plan = plan or plan_of()
        self.schedule = plan_schedule(self.plan, 1)
        self.aggregator = Aggregator(self.plan, self.schedule, "r")
        self.seqs: dict[str, int] = defaultdict(int)
        weights = [request.weight for request in self.plan.requests]
        self.choice = RequestChoice(self.plan.seed, weights)

    def tell(
        self, indices: range | list[int], what: str = "succeeded", **fields: Any
    ) -> SnapshotMessage:
        """Let a driver (``d``, boot ``b``, term 1) report one outcome for some arrivals."""
        cells: dict[tuple[int, int], list[int]] = defaultdict(list)
        for index in indices:
            cells[self.choice.request(index), self.schedule.stage_of(index)].append(index)
        driver_id = fields.get("driver_id", "d")
        self.seqs[driver_id] += 1
        usual = {
            "driver_id": "d",
            "boot_id": "b",
            "term": 1,
            "run_id": "r",
            "seq": self.seqs[driver_id],
            "window": 0,
            "in_flight": 0,
            "connections": 1,
            "cpu": 0.25,
            "clock_offset_ns": 5,
            "start_skew_ns": 6,
        }
        message = SnapshotMessage.model_validate(
            {
                **usual,
                "cells": tuple(
                    outcome(what, len(some)).to_cell(*key) for key, some in cells.items()
                ),
                **fields,
            }
        )
        assert self.aggregator.add(message) == "merged"
        return message

    def report(
        self,
        ledger: LedgerFacts,
        state: RunState = "FINISHED",
        events: tuple[dict[str, Any], ...] = (),
        started: bool = True,
        elapsed_ns: int = 5 * SECOND,
    ) -> dict[str, Any]:
        """The report of a run that began a second after it was made."""
        return build_report(self.facts(state, events, started, elapsed_ns), self.aggregator, ledger)

    def facts(
        self,
        state: RunState = "FINISHED",
        events: tuple[dict[str, Any], ...] = (),
        started: bool = True,
        elapsed_ns: int | None = 5 * SECOND,
    ) -> RunFacts:
        """What is said of the run."""
        begun = CREATED_NS + SECOND
        return RunFacts(
            run_id="r",
            plan=self.plan,
            state=state,
            stopped=False,
            reason=None,
            created_at_ns=CREATED_NS,
            started_at_ns=begun if started else None,
            ended_at_ns=None if elapsed_ns is None else begun + elapsed_ns,
            drivers=1,
            events=events,
        )


def outcome(what: str, n: int) -> Figures:
    """The figures of ``n`` arrivals that ended the same way."""
    if what in MISSED_CAUSES:
        return Figures(missed={what: n})
    times = Histogram.of([20 * MS] * n)
    sent = Figures(
        decided=n,
        sent=n,
        status_codes={"200": n},
        bytes_received=100 * n,
        response_time=times,
        service_time=times,
        lag=Histogram.of([1000] * n),
    )
    if what in FAILED_KINDS:
        return sent.merge(Figures(failed={what: n}))
    return sent.merge(Figures(succeeded=n, response_time_succeeded=times))


def term(ranges: list[Range], **fields: Any) -> TermFacts:
    """Term 1 of driver ``d``, closed, not left."""
    usual: dict[str, Any] = {
        "driver_id": "d",
        "boot_id": "b",
        "term": 1,
        "live": False,
        "left_cleanly": False,
        "ranges": tuple(ranges),
    }
    return TermFacts(**{**usual, **fields})


def whole(n: int = 30) -> LedgerFacts:
    """All arrivals are owned by the one term."""
    return LedgerFacts(n, (), (term([Range(1, 0, 1, n)]),))


def adds_up(accounting: dict[str, Any]) -> bool:
    """The identity, from the JSON alone."""
    parts = [accounting["succeeded"], accounting["unconfirmed"]]
    parts += [n for group in ("failed", "dropped", "missed") for n in accounting[group].values()]
    return bool(accounting["planned"] == sum(parts))


def reasons(report: dict[str, Any]) -> list[str]:
    """Why not to trust it."""
    return [doubt["reason"] for doubt in report["verdict"]["degraded"]]


def test_a_good_run_passes_without_a_doubt() -> None:
    """All that was planned succeeded; every row adds up to it."""
    story = Story()
    story.tell(range(10))
    story.tell(range(10, 30), window=2)
    report = story.report(whole())
    assert report["version"] == 1
    assert report["verdict"] == {"passed": True, "thresholds": [], "degraded": []}
    assert report["accounting"]["planned"] == report["accounting"]["succeeded"] == 30
    assert (report["accounting"]["sent"], report["accounting"]["answered"]) == (30, 30)
    assert report["status_codes"] == {"200": 30}
    assert [stage["accounting"]["planned"] for stage in report["stages"]] == [10, 20]
    assert [stage["measured"] for stage in report["stages"]] == [False, True]
    assert sum(request["accounting"]["planned"] for request in report["requests"]) == 30
    assert report["response_time"]["p50_ns"] == report["response_time"]["max_ns"] == 20 * MS
    assert report["response_time"]["histogram"] == [[19_988_480, 20_004_864, 30]]
    assert report["wait_time"]["mean_ns"] is None
    json.dumps(report, allow_nan=False)


def test_the_run_is_told_with_rfc_3339_instants_and_its_whole_plan() -> None:
    """Milliseconds are cut off, not rounded; the plan reads back."""
    run = Story().report(whole())["run"]
    assert (run["id"], run["name"], run["labels"]) == ("r", "checkout-smoke", {"team": "shop"})
    assert (run["state"], run["stopped"], run["reason"], run["drivers"]) == (
        "FINISHED",
        False,
        None,
        1,
    )
    assert (run["created_at"], run["started_at"]) == (
        "2026-11-18T11:06:40.123Z",
        "2026-11-18T11:06:41.123Z",
    )
    assert parse_plan(run["plan"]) == plan_of()


def test_every_kind_and_cause_is_present() -> None:
    """A reader never has to ask whether a key is there."""
    accounting = Story().report(whole())["accounting"]
    assert tuple(accounting["failed"]) == FAILED_KINDS
    assert tuple(accounting["missed"]) == MISSED_CAUSES
    assert {type(n) for n in accounting["failed"].values()} == {int}


def test_what_a_lost_driver_did_not_report_is_unconfirmed_everywhere() -> None:
    """In the total, its row, and the requests and stages its arrivals belong to."""
    story = Story()
    story.tell(range(0, 30, 2))
    story.tell(range(1, 9, 2), driver_id="e")
    ledger = LedgerFacts(
        30,
        (("fenced", Range(9, 25, 2, 3)),),
        (
            term([Range(1, 0, 2, 15)]),
            term([Range(2, 1, 2, 12)], driver_id="e"),
        ),
    )
    lost = {"offset_s": 1.5, "kind": "lost", "driver_id": "e", "text": "e was lost"}
    report = story.report(ledger, events=(lost,))
    assert report["accounting"]["unconfirmed"] == 8
    assert report["accounting"]["missed"]["fenced"] == 3
    rows = {row["driver_id"]: row["accounting"] for row in report["drivers"]}
    assert {name: row["planned"] for name, row in rows.items()} == {"d": 15, "e": 12}
    assert {name: row["unconfirmed"] for name, row in rows.items()} == {"d": 0, "e": 8}
    assert [stage["accounting"]["unconfirmed"] for stage in report["stages"]] == [1, 7]
    expected = [sum(story.choice.request(k) == r for k in range(9, 25, 2)) for r in (0, 1)]
    assert [r["accounting"]["unconfirmed"] for r in report["requests"]] == expected
    assert reasons(report) == ["driver_lost", "unconfirmed", "missed"]
    assert report["verdict"]["passed"]
    assert report["events"] == [lost]


INDEX = st.integers(0, 29)
FATES = st.lists(
    st.sampled_from(["succeeded", "timeout", "status_5xx", "handover", "silent", "ledger"]),
    min_size=30,
    max_size=30,
)


@settings(max_examples=25)
@given(FATES, st.integers(1, 3), st.sampled_from([STAGES, CLOSED]))
def test_every_row_adds_up_whatever_happened(
    fates: list[str], drivers: int, load: dict[str, Any]
) -> None:
    """Whole, requests, stages and drivers; and the drivers' rows with the ledger's make planned."""
    story = Story(plan_of(load))
    for driver in range(drivers):
        for what in set(fates) - {"silent", "ledger"}:
            mine = [k for k in range(driver, 30, drivers) if fates[k] == what]
            story.tell(mine, what, driver_id=f"d{driver}", window=driver)
    single = [[Range(k, k, 1, 1)] for k in range(30)]
    ledger = LedgerFacts(
        30,
        tuple(("no_driver", single[k][0]) for k in range(30) if fates[k] == "ledger"),
        tuple(
            term(
                [r for k in range(driver, 30, drivers) if fates[k] != "ledger" for r in single[k]],
                driver_id=f"d{driver}",
            )
            for driver in range(drivers)
        ),
    )
    report = story.report(ledger)
    rows = [report, *report["requests"], *report["stages"], *report["drivers"]]
    assert all(adds_up(row["accounting"]) for row in rows)
    assert "accounting" not in reasons(report)
    by_driver = sum(row["accounting"]["planned"] for row in report["drivers"])
    assert by_driver + fates.count("ledger") == 30
    assert report["accounting"]["unconfirmed"] == fates.count("silent")
    for part in ("requests", "stages"):
        for key in ("planned", "succeeded", "unconfirmed", "sent", "answered"):
            assert sum(r["accounting"][key] for r in report[part]) == report["accounting"][key]
    windows = report["windows"]
    assert sum(row["succeeded"] for row in windows) == report["accounting"]["succeeded"]
    if load is STAGES:
        assert sum(row["planned"] for row in windows) == 30
        missed = sum(report["accounting"]["missed"].values())
        assert sum(row["missed"] for row in windows) == missed


def test_a_term_that_reports_more_than_it_owned_is_an_error() -> None:
    """The identity does not hold by construction."""
    story = Story()
    story.tell(range(30))
    ledger = LedgerFacts(30, (("handover", Range(2, 29, 1, 1)),), (term([Range(1, 0, 1, 29)]),))
    report = story.report(ledger)
    texts = [doubt["text"] for doubt in report["verdict"]["degraded"]]
    assert "The numbers do not add up: d (term 1) reported 1 more than it owned." in texts
    assert any("planned 30 is not the sum of its outcomes, 31" in text for text in texts)
    assert set(reasons(report)) == {"accounting", "missed"}
    assert report["verdict"]["passed"]


def test_a_term_nobody_granted_is_an_error_if_it_reports_anything() -> None:
    """A term that only says that it lives is none."""
    story = Story()
    story.tell(range(30))
    story.tell([], term=7)
    assert reasons(story.report(whole())) == []
    story.tell([3], "handover", term=8)
    report = story.report(whole())
    assert set(reasons(report)) == {"accounting", "missed"}
    text = report["verdict"]["degraded"][0]["text"]
    assert text == "The numbers do not add up: d (term 8) reported 1 arrivals and owned none."


@pytest.mark.parametrize(
    ("left", "state", "expected"),
    [
        (True, "FINISHED", ["accounting", "unconfirmed"]),
        (True, "ABORTED", ["unconfirmed"]),
        (False, "FINISHED", ["unconfirmed"]),
    ],
)
def test_a_driver_that_left_in_good_order_owes_nothing(
    left: bool, state: RunState, expected: list[str]
) -> None:
    """Except at an abort, when nobody finishes what is in flight."""
    story = Story()
    story.tell(range(28))
    ledger = LedgerFacts(30, (), (term([Range(1, 0, 1, 30)], left_cleanly=left),))
    assert reasons(story.report(ledger, state)) == expected


def test_arrivals_that_nobody_answers_for_are_an_error() -> None:
    """The ledger must cover the plan."""
    story = Story()
    story.tell(range(29))
    ledger = LedgerFacts(30, (), (term([Range(1, 0, 1, 29)]),))
    first = story.report(ledger)["verdict"]["degraded"][0]
    assert first["reason"] == "accounting"
    assert (
        "29 arrivals have an owner or were given up, not all 30 that were planned" in first["text"]
    )


def test_a_term_that_reported_nothing_owes_all_of_it() -> None:
    """Its driver has a row though no snapshot of it ever came."""
    report = Story().report(whole())
    (row,) = report["drivers"]
    assert (row["accounting"]["planned"], row["accounting"]["unconfirmed"]) == (30, 30)
    assert (row["cpu"], row["clock_offset_ns"], row["start_skew_ns"]) == (None, None, None)
    assert row["response_time"]["count"] == 0


def test_thresholds_see_the_measured_stages_only() -> None:
    """What failed while warming up does not count; names of requests are found."""
    plan = plan_of(
        thresholds=(
            "failed.count == 0",
            "sent.count == 20",
            "response_time.p99{request=a} < 1s",
            "unconfirmed.rate == 0%",
        )
    )
    story = Story(plan)
    story.tell(range(10), "reset")
    story.tell(range(10, 30), window=1)
    verdict = story.report(whole())["verdict"]
    assert [row["passed"] for row in verdict["thresholds"]] == [True] * 4
    assert [row["value"] for row in verdict["thresholds"]] == [0, 20, 20 * MS, 0]
    assert verdict["passed"]


@pytest.mark.parametrize(
    ("state", "threshold", "passed"),
    [
        ("FINISHED", "failed.count == 0", True),
        ("FINISHED", "failed.count > 0", False),
        ("ABORTED", "failed.count == 0", False),
        ("FAILED", "failed.count == 0", False),
    ],
)
def test_only_a_finished_run_with_all_thresholds_passed_passes(
    state: RunState, threshold: str, passed: bool
) -> None:
    """An aborted run has shown nothing."""
    story = Story(plan_of(thresholds=(threshold,)))
    story.tell(range(30))
    assert story.report(whole(), state)["verdict"]["passed"] is passed


def test_a_run_that_sent_nothing_does_not_pass() -> None:
    """Neither without thresholds, nor with one that holds of nothing."""
    for thresholds in ((), ("failed.count == 0",)):
        story = Story(plan_of(thresholds=thresholds))
        story.tell(range(30), "aborted")
        report = story.report(whole())
        assert not report["verdict"]["passed"]
        assert reasons(report) == ["nothing_sent", "stopped"]


def test_windows_count_planned_and_given_up_where_they_were_due() -> None:
    """Ten a second; the ledger gave up the last five of second 1."""
    story = Story()
    story.tell(range(8), in_flight=2)
    story.tell([8, 9], "reset", window=1, in_flight=3, driver_id="e")
    ledger = LedgerFacts(
        30,
        (("handover", Range(2, 15, 1, 5)),),
        (
            term([Range(1, 0, 1, 8), Range(3, 10, 1, 5), Range(4, 20, 1, 10)]),
            term([Range(5, 8, 1, 2)], driver_id="e"),
        ),
    )
    rows = story.report(ledger)["windows"]
    keys = ("offset_s", "planned", "sent", "succeeded", "failed", "missed", "in_flight", "drivers")
    assert [tuple(row[key] for key in keys) for row in rows] == [
        (0, 10, 8, 8, 0, 0, 2, 1),
        (1, 10, 2, 0, 2, 5, 3, 1),
        (2, 10, 0, 0, 0, 0, 0, 0),
    ]
    assert [row["p50_ns"] for row in rows] == [20 * MS, 20 * MS, None]
    assert (rows[0]["lag_p99_ns"], rows[0]["bytes_received"]) == (1000, 800)
    assert rows[1] == window_row(story.aggregator, ledger, 1)
    first, second = unpack_windows(pack_windows(story.aggregator))
    assert (first["offset_s"], second["offset_s"]) == (0, 1)
    assert second["response_time"] == [[19_988_480, 20_004_864, 2]]


def test_windows_divide_what_failed_by_kind() -> None:
    """Only the kinds that occurred are told, in the order of their closed set, over all drivers."""
    story = Story()
    story.tell([0, 1], "status_5xx")
    story.tell([2], "timeout", driver_id="e")
    story.tell([3, 4, 5], "status_5xx", driver_id="e")
    story.tell(range(6, 10), window=1)
    rows = story.report(whole())["windows"]
    assert [list(row["failed_kinds"].items()) for row in rows] == [
        [("timeout", 1), ("status_5xx", 5)],
        [],
        [],
    ]
    assert [row["failed"] for row in rows] == [6, 0, 0]


def test_in_closed_load_planned_is_what_was_decided() -> None:
    """Nothing is due at any time: what the ledger gave up is in no window."""
    story = Story(plan_of(CLOSED))
    story.tell(range(20), window=1)
    ledger = LedgerFacts(30, (("no_driver", Range(2, 20, 1, 10)),), (term([Range(1, 0, 1, 20)]),))
    rows = story.report(ledger)["windows"]
    assert [(row["planned"], row["missed"]) for row in rows] == [(0, 0), (20, 0)]


@pytest.mark.parametrize(
    ("elapsed_ns", "heard", "seconds"),
    [
        (5 * SECOND, None, 3),
        (SECOND, None, 1),
        (SECOND + 1, None, 2),
        (0, None, 1),
        (SECOND, 4, 5),
        (5 * SECOND, 1, 3),
    ],
)
def test_windows_end_where_the_run_ended(elapsed_ns: int, heard: int | None, seconds: int) -> None:
    """Up to the last due, not beyond the end, and never short of what was heard."""
    story = Story()
    if heard is not None:
        story.tell([0], window=heard)
    report = story.report(whole(), "ABORTED", elapsed_ns=elapsed_ns)
    assert [row["offset_s"] for row in report["windows"]] == list(range(seconds))


def test_a_run_that_never_began_has_no_windows() -> None:
    """Its plan is all missed, or its count was never fixed."""
    ledger = LedgerFacts(30, (("aborted", Range(1, 0, 1, 30)),), ())
    report = Story().report(ledger, "ABORTED", started=False)
    assert (report["windows"], report["drivers"]) == ([], [])
    assert report["accounting"]["missed"]["aborted"] == 30
    assert report["run"]["started_at"] is None
    unfixed = Story().report(LedgerFacts(0), "FAILED")
    assert (unfixed["accounting"]["planned"], reasons(unfixed)) == (0, [])
    assert unfixed["windows"] == []


def test_a_drivers_row_has_its_levels_and_its_peak() -> None:
    """CPU is the highest mean of a second; offset and skew as told."""
    story = Story()
    story.tell(range(30), cpu=0.5)
    story.tell([], cpu=0.75, window=1, clock_offset_ns=-9)
    (row,) = story.report(whole())["drivers"]
    assert (row["cpu"], row["clock_offset_ns"], row["start_skew_ns"]) == (0.75, -9, 6)


def test_the_live_view_says_what_is_to_come() -> None:
    """Live terms owe nothing yet; lost ones leave unconfirmed what they did not report."""
    story = Story()
    story.tell(range(5), in_flight=1)
    story.tell(range(20, 22), driver_id="e", window=1)
    ledger = LedgerFacts(
        30,
        (("handover", Range(2, 28, 1, 2)),),
        (
            term([Range(1, 0, 1, 20)], live=True),
            term([Range(3, 20, 1, 4)], driver_id="e"),
        ),
    )
    event = {"offset_s": 0.5, "kind": "lost", "driver_id": "e", "text": "gone"}
    facts = story.facts("RUNNING", (event,), elapsed_ns=None)
    view = live_view(facts, story.aggregator, ledger)
    accounting = view["accounting"]
    assert (accounting["succeeded"], accounting["unconfirmed"], accounting["to_come"]) == (7, 2, 19)
    assert accounting["missed"]["handover"] == 2
    assert view["window"] == window_row(story.aggregator, ledger, 0)
    assert view["run"]["ended_at"] is None
    assert (view["verdict"], view["events"]) == (None, [event])
    assert view["response_time"]["count"] == 7
    assert "histogram" not in view["response_time"]
    assert [(row["driver_id"], row["reported"], row["in_flight"]) for row in view["drivers"]] == [
        ("d", 5, 1),
        ("e", 2, 0),
    ]
    json.dumps(view, allow_nan=False)


def test_the_live_view_of_a_run_not_heard_of_is_empty() -> None:
    """Everything is to come; there is no window yet."""
    story = Story()
    facts = story.facts("PREPARING", started=False, elapsed_ns=None)
    view = live_view(facts, story.aggregator, LedgerFacts(30))
    assert (view["accounting"]["to_come"], view["window"], view["drivers"]) == (30, None, [])
