"""A run's report says when not to trust it, and only then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spate.accounting import Accounting
from spate.aggregator import Aggregator
from spate.figures import Figures
from spate.histogram import Histogram
from spate.messages import RunState, SnapshotMessage
from spate.plan import parse_plan
from spate.report_facts import RunFacts
from spate.schedule import plan_schedule
from spate.trust import Doubt, doubts, doubts_so_far, lag_limit_ns

MS = 1_000_000
LOADS: dict[str, dict[str, Any]] = {
    "open": {"test_type": "tsunami", "message_count_per_driver": 10, "message_delay_ms": 1},
    "closed": {"test_type": "avalanche", "message_count_per_driver": 10},
}


def found(
    *,
    load: str = "open",
    lag_ms: float = 0.1,
    response_ms: int = 50,
    cpu: float = 0.5,
    seqs: tuple[int, ...] = (1,),
    drivers: int = 1,
    events: tuple[dict[str, Any], ...] = (),
    figures: Figures | None = None,
    unconfirmed: int = 0,
    problems: tuple[str, ...] = (),
    sent: int = 1,
    state: RunState = "FINISHED",
    reason: str | None = None,
) -> list[Doubt]:
    """The doubts about a run of one snapshot per driver."""
    plan = parse_plan(
        {
            "name": "p",
            "target": "http://127.0.0.1:8000",
            "requests": [{"path": "/"}],
            "load": LOADS[load],
        }
    )
    aggregator = Aggregator(plan, plan_schedule(plan, 1), "r")
    times = Figures(
        lag=Histogram.of([round(lag_ms * MS)]), response_time=Histogram.of([response_ms * MS])
    )
    for driver in range(1, drivers + 1):
        for seq in seqs:
            aggregator.add(
                SnapshotMessage(
                    driver_id=f"driver-{driver}",
                    boot_id="b",
                    term=1,
                    run_id="r",
                    seq=seq,
                    window=0,
                    cells=((figures or times).to_cell(0, 0),),
                    in_flight=0,
                    connections=0,
                    cpu=cpu,
                    clock_offset_ns=None,
                    start_skew_ns=None,
                )
            )
    facts = RunFacts("r", plan, state, False, reason, 0, 0, 1, drivers, events)
    accounting = Accounting.of(10, aggregator.totals(), missed={}, unconfirmed=unconfirmed)
    return doubts(facts, aggregator, replace(accounting, sent=sent), problems)


def test_a_good_run_leaves_no_doubt() -> None:
    """Small lag, idle CPU, everything reported."""
    assert found() == []


@pytest.mark.parametrize(
    ("p50_ms", "limit_ms"), [(None, 1), (0, 1), (9, 1), (20, 2), (99, 9.9), (500, 10)]
)
def test_the_lag_limit_follows_the_response_time(p50_ms: int | None, limit_ms: float) -> None:
    """max(1 ms, 10 % of the p50), at most 10 ms."""
    assert lag_limit_ns(None if p50_ms is None else p50_ms * MS) == limit_ms * MS


@pytest.mark.parametrize(
    ("lag_ms", "response_ms", "late"),
    [(4, 50, False), (6, 50, True), (9, 500, False), (11, 500, True), (0.9, 1, False)],
)
def test_lag_beyond_its_limit_is_named(lag_ms: float, response_ms: int, late: bool) -> None:
    """Closed load is held to the same."""
    for load in LOADS:
        reasons = [
            doubt.reason for doubt in found(load=load, lag_ms=lag_ms, response_ms=response_ms)
        ]
        assert reasons == (["lag"] if late else [])


def test_nothing_decided_has_no_lag() -> None:
    """A driver that only missed arrivals is not late."""
    assert found(figures=Figures(missed={"aborted": 1}), state="ABORTED") == []


def test_what_was_missed_is_named_by_cause() -> None:
    """What was called off is none of it."""
    missed = Figures(missed={"handover": 2, "aborted": 7, "fenced": 1_000})
    (doubt,) = found(figures=missed, state="ABORTED")
    assert doubt.reason == "missed"
    assert doubt.text.startswith("1,002 arrivals were missed (fenced 1,000, handover 2): ")


@pytest.mark.parametrize(
    ("state", "reason", "said"),
    [
        ("DRAINING", "stopped by a user", "1,007 arrivals were called off: stopped by a user."),
        ("FINISHED", None, "1,007 arrivals were called off: the run was stopped."),
        ("ABORTED", "aborted by a user", None),
        ("FAILED", "broken", None),
    ],
)
def test_what_was_called_off_is_counted_where_the_run_went_on_to_its_end(
    state: RunState, reason: str | None, said: str | None
) -> None:
    """A run that was stopped is less than was planned; of others the state says so."""
    doubts_found = found(figures=Figures(missed={"aborted": 1_007}), state=state, reason=reason)
    assert doubts_found == ([] if said is None else [Doubt("stopped", said)])


@pytest.mark.parametrize(("state", "doubted"), [("FINISHED", True), ("FAILED", False)])
def test_a_finished_run_that_sent_nothing_tested_nothing(state: RunState, doubted: bool) -> None:
    """It comes first: whatever else is said is said of nothing."""
    reasons = [doubt.reason for doubt in found(sent=0, unconfirmed=1, state=state)]
    assert reasons == (["nothing_sent", "unconfirmed"] if doubted else ["unconfirmed"])


def test_many_late_drivers_are_summed_up() -> None:
    """Three are named, the others counted."""
    (doubt,) = found(lag_ms=20, drivers=5)
    assert doubt.text.startswith("Lag p99 above 5 ms: driver-5 20 ms, driver-4 20 ms, driver-3")
    assert "and 2 more" in doubt.text


def test_a_busy_cpu_is_a_doubt_in_open_load_only() -> None:
    """In closed load a driver at full speed is the point."""
    (doubt,) = found(cpu=0.97)
    assert (doubt.reason, "driver-1 97%" in doubt.text) == ("cpu", True)
    assert found(load="closed", cpu=0.97) == []
    assert found(cpu=0.9) == []


def test_what_was_dropped_or_is_unconfirmed_or_missing_is_counted() -> None:
    """Each with its number."""
    dropped = found(figures=Figures(dropped={"in_flight_limit": 3}))
    assert [(d.reason, d.text[:10]) for d in dropped] == [("dropped", "3 arrivals")]
    unconfirmed = found(unconfirmed=1234)
    assert [(d.reason, "1,234" in d.text) for d in unconfirmed] == [("unconfirmed", True)]
    gaps = found(seqs=(1, 4))
    assert [(d.reason, d.text[:1]) for d in gaps] == [("gaps", "2")]


def test_lost_drivers_are_named_once() -> None:
    """Other events are no reason."""
    events = tuple(
        {"offset_s": 1.0, "kind": kind, "driver_id": driver_id, "text": ""}
        for kind, driver_id in (("lost", "d2"), ("joined", "d3"), ("lost", "d2"), ("lost", "d1"))
    )
    assert found(events=events) == [Doubt("driver_lost", "Lost in the run: d1, d2.")]


def test_what_does_not_add_up_comes_first() -> None:
    """Each problem is a doubt of its own, as JSON with reason and text."""
    gravest, *_ = found(problems=("one thing",), unconfirmed=1)
    assert gravest.to_json() == {
        "reason": "accounting",
        "text": "The numbers do not add up: one thing.",
    }


def test_a_run_under_way_is_doubted_for_the_latest_snapshots_of_its_drivers() -> None:
    """The same reasons as at the end, but for a peak of the CPU that is over."""
    plan = parse_plan(
        {
            "name": "p",
            "target": "http://127.0.0.1:8000",
            "requests": [{"path": "/"}],
            "load": LOADS["open"],
        }
    )
    aggregator = Aggregator(plan, plan_schedule(plan, 1), "r")
    facts = RunFacts("r", plan, "RUNNING", False, None, 0, 0, None, 1)
    accounting = Accounting.of(10, Figures.zero(), missed={"fenced": 1}, unconfirmed=0)
    reasons = []
    for second, cpu in enumerate((0.95, 0.2)):
        aggregator.add(
            SnapshotMessage(
                driver_id="driver-1",
                boot_id="b",
                term=1,
                run_id="r",
                seq=second,
                window=second,
                cells=(),
                in_flight=0,
                connections=0,
                cpu=cpu,
                clock_offset_ns=None,
                start_skew_ns=None,
            )
        )
        reasons.append([doubt.reason for doubt in doubts_so_far(facts, aggregator, accounting)])
    assert reasons == [["missed", "cpu"], ["missed"]]
    final = [doubt.reason for doubt in doubts(facts, aggregator, accounting, ())]
    assert "cpu" in final
