"""What the recorder notes is what happened; what it cuts adds up to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driver.arrival import Arrival
from driver.recorder import Recorder, split_cells
from spate.choice import RequestChoice
from spate.figures import DROPPED_CAUSES, FAILED_KINDS, MISSED_CAUSES, Figures
from spate.histogram import Histogram, low_ns
from spate.messages import Cell, SnapshotMessage, encode
from spate.plan import Plan, parse_plan
from spate.schedule import plan_schedule

MS = 1_000_000

PLAN = parse_plan(
    {
        "name": "two-by-two",
        "target": "http://127.0.0.1:8000",
        "requests": [{"name": "a", "path": "/a"}, {"name": "b", "path": "/b", "weight": 3}],
        "load": {
            "test_type": "arrivals",
            "stages": [
                {"name": "warm", "duration": "1s", "from": 10, "measured": False},
                {"name": "main", "duration": "2s"},
            ],
        },
    }
)
SCHEDULE = plan_schedule(PLAN, 1)


def choice_of(plan: Plan) -> RequestChoice:
    """The plan's choice of requests."""
    return RequestChoice(plan.seed, [request.weight for request in plan.requests])


CHOICE = choice_of(PLAN)


def recorder(raw: list[int] | None = None) -> Recorder:
    """A recorder of the plan, with a raw way out if asked."""
    return Recorder(SCHEDULE, CHOICE, None if raw is None else raw.extend)


def arrival(index: int = 0, *, term: int = 1, lag_ns: int = 5) -> Arrival:
    """An arrival due at 1 s of the clock, decided ``lag_ns`` later."""
    return Arrival(
        index, term, CHOICE.request(index), SCHEDULE.stage_of(index), 1000 * MS, 1000 * MS + lag_ns
    )


def finish(made: Arrival, outcome: str, *, wait_ns: int, service_ns: int, status: int = 0) -> None:
    """Let it be sent and done."""
    made.sent_ns = made.decided_ns + wait_ns
    made.done_ns = made.sent_ns + service_ns
    made.outcome, made.status = outcome, status
    made.bytes_sent, made.bytes_received = 100, 200


def test_a_success_is_counted_with_its_four_durations() -> None:
    """Response = lag + wait + service; every counter of the cell is told."""
    noted = recorder()
    made = arrival()
    noted.decided(made)
    finish(made, "succeeded", wait_ns=7, service_ns=3 * MS, status=200)
    noted.sent(made)
    noted.done(made)
    ((term, (cell,)),) = noted.cut()
    response = Histogram.of([5 + 7 + 3 * MS])
    assert term == 1
    assert Figures(
        decided=1,
        sent=1,
        succeeded=1,
        status_codes={"200": 1},
        bytes_sent=100,
        bytes_received=200,
        response_time=response,
        response_time_succeeded=response,
        service_time=Histogram.of([3 * MS]),
        lag=Histogram.of([5]),
        wait_time=Histogram.of([7]),
    ) == Figures.from_cell(cell)
    assert (made.request, made.stage) == (cell.request, cell.stage)
    assert repr(made) == "Arrival(0, term=1, outcome=succeeded)"


@pytest.mark.parametrize("kind", FAILED_KINDS)
def test_a_failure_after_the_send_has_its_true_times(kind: str) -> None:
    """It enters response, service and wait, but not the response of the succeeded."""
    noted = recorder()
    made = arrival()
    finish(made, kind, wait_ns=7, service_ns=MS, status=503)
    noted.done(made)
    figures = Figures.from_cell(noted.cut()[0][1][0])
    assert {kind: 1} == figures.failed
    assert figures.status_codes == {"503": 1}
    assert Histogram.of([5 + 7 + MS]) == figures.response_time
    assert Histogram.of([MS]) == figures.service_time
    assert Histogram.of([7]) == figures.wait_time
    assert Histogram.zero() == figures.response_time_succeeded


@pytest.mark.parametrize("kind", ["dns", "connect_refused", "connect_timeout", "tls", "blocked"])
def test_a_failure_before_the_send_has_no_response_time(kind: str) -> None:
    """Only its lag is known."""
    noted = recorder()
    made = arrival()
    noted.decided(made)
    made.done_ns, made.outcome = made.decided_ns + MS, kind
    noted.done(made)
    figures = Figures.from_cell(noted.cut()[0][1][0])
    assert {kind: 1} == figures.failed
    assert Figures(decided=1, failed={kind: 1}, lag=Histogram.of([5])) == figures


@pytest.mark.parametrize("outcome", [None, "bored"])
def test_an_outcome_that_is_none_is_a_broken_generator(outcome: str | None) -> None:
    """The process must not go on counting wrongly."""
    made = arrival()
    made.outcome = outcome
    with pytest.raises(KeyError):
        recorder().done(made)


def test_what_is_not_sent_is_counted_by_cause_under_its_request_and_stage() -> None:
    """Index 25 lies in the second stage, whatever request it is."""
    noted = recorder()
    for cause in DROPPED_CAUSES:
        noted.dropped(1, 25, cause)
    for cause in MISSED_CAUSES:
        noted.missed(1, 25, cause)
    ((_, (cell,)),) = noted.cut()
    assert (CHOICE.request(25), 1) == (cell.request, cell.stage)
    assert (dict.fromkeys(DROPPED_CAUSES, 1), dict.fromkeys(MISSED_CAUSES, 1)) == (
        cell.dropped,
        cell.missed,
    )
    with pytest.raises(KeyError):
        noted.dropped(1, 25, "aborted")
    with pytest.raises(KeyError):
        noted.missed(1, 25, "no_connection")


def test_terms_are_never_mixed_and_the_oldest_comes_first() -> None:
    """What was decided under an older term is reported under it, after it closed too."""
    noted = recorder()
    for term in (3, 1):
        noted.decided(arrival(term=term))
    noted.decided(arrival(term=1))
    assert [(term, sum(cell.decided for cell in cells)) for term, cells in noted.cut()] == [
        (1, 2),
        (3, 1),
    ]
    assert noted.cut() == []


def test_an_arrival_may_be_decided_and_done_in_different_cuts() -> None:
    """Each step counts in the interval in which it happened."""
    noted = recorder()
    made = arrival()
    noted.decided(made)
    assert noted.cut()[0][1][0].lag.sum_ns == 5  # type: ignore[union-attr]  # it is there
    noted.sent(made)
    finish(made, "succeeded", wait_ns=1, service_ns=1)
    noted.done(made)
    ((_, (cell,)),) = noted.cut()
    assert (cell.decided, cell.sent, cell.succeeded, cell.lag) == (0, 1, 1, None)


def test_connect_times_are_told_under_the_newest_term() -> None:
    """Connections made before any work wait for the first term."""
    noted = recorder()
    noted.connected(4 * MS, 0, 0)
    assert noted.cut() == []
    noted.decided(arrival(1, term=2))
    cells = dict(noted.cut())[2]
    assert Histogram.of([4 * MS]) == Figures.merge_all(map(Figures.from_cell, cells)).connect_time
    noted.connected(5 * MS, 1, 1)
    noted.connected(6 * MS, 1, 1)
    ((term, (cell,)),) = noted.cut()
    assert (term, cell.request, cell.stage) == (2, 1, 1)
    assert Histogram.of([5 * MS, 6 * MS]) == Figures.from_cell(cell).connect_time


def test_the_lag_of_the_latest_cut_is_known() -> None:
    """Heartbeats carry it: None before a cut and when nothing was decided."""
    noted = recorder()
    assert noted.lag_p99_ns() is None
    noted.decided(arrival(lag_ns=9))
    noted.cut()
    assert noted.lag_p99_ns() == 9
    noted.cut()
    assert noted.lag_p99_ns() is None


STEPS = st.lists(
    st.tuples(
        st.integers(0, 29),
        st.integers(1, 3),
        st.sampled_from(["succeeded", "timeout", "reset", "status_5xx", "cut"]),
        st.integers(0, 10_000 * MS),
    ),
    max_size=60,
)


@given(STEPS)
def test_merged_cuts_are_one_histogram_of_the_raw_times(
    steps: list[tuple[int, int, str, int]],
) -> None:
    """However the time is cut and the arrivals are divided, bit for bit."""
    raw: list[int] = []
    noted = recorder(raw)
    cells: list[Cell] = []
    times = []
    for index, term, what, service_ns in steps:
        if what == "cut":
            cells += [cell for _, some in noted.cut() for cell in some]
            continue
        made = arrival(index, term=term)
        finish(made, what, wait_ns=1, service_ns=service_ns)
        noted.done(made)
        times.append(6 + service_ns)
    cells += [cell for _, some in noted.cut() for cell in some]
    assert sorted(times) == sorted(raw)
    merged = Figures.merge_all(map(Figures.from_cell, cells))
    assert Histogram.of(times) == merged.response_time
    assert len(times) == merged.reported


def snapshot_of(cells: tuple[Cell, ...]) -> SnapshotMessage:
    """The message that carries these cells."""
    return SnapshotMessage(
        driver_id="d" * 63,
        boot_id="b" * 36,
        term=1,
        run_id="r" * 40,
        seq=1 << 40,
        window=1,
        cells=cells,
        in_flight=0,
        connections=0,
        cpu=0.5,
        clock_offset_ns=None,
        start_skew_ns=None,
    )


def wide_cell(request: int, buckets: int, **counts: object) -> Cell:
    """A cell whose six histograms have this many buckets each."""
    wide = Histogram.of(low_ns(range(20_000, 20_000 + buckets)))
    figures = Figures(
        response_time=wide,
        response_time_succeeded=wide,
        service_time=wide,
        lag=wide,
        wait_time=wide,
        connect_time=wide,
        **counts,  # type: ignore[arg-type]  # the test names existing fields
    )
    return figures.to_cell(request, 0)


@pytest.mark.parametrize(
    "cells",
    [
        (),
        (Cell(request=0, stage=0, decided=1),),
        tuple(wide_cell(k, 300) for k in range(12)),
        (wide_cell(0, 9_000, succeeded=9, failed=dict.fromkeys(FAILED_KINDS, 10**15)),),
        (wide_cell(0, 20, status_codes={str(k): 10**12 for k in range(100, 1000)}),),
    ],
)
def test_split_cells_encode_within_the_bound_and_add_up(cells: tuple[Cell, ...]) -> None:
    """Groups keep the order; a cell too large alone is divided without losing anything."""
    bound = 100_000
    groups = split_cells(cells, bound)
    assert all(len(encode(snapshot_of(group))) <= bound + 500 for group in groups)
    assert all(groups)
    for request in range(12):
        before = [Figures.from_cell(c) for c in cells if c.request == request]
        after = [Figures.from_cell(c) for g in groups for c in g if c.request == request]
        assert Figures.merge_all(before) == Figures.merge_all(after)
    flat = [cell.request for group in groups for cell in group]
    assert sorted(flat) == flat


def test_cells_that_fit_together_stay_together() -> None:
    """The usual snapshot is one group of the very same cells."""
    cells = tuple(Cell(request=k, stage=0, decided=1) for k in range(3))
    assert [cells] == split_cells(cells, 256_000)


def test_a_bound_too_small_is_refused() -> None:
    """Some cells could not be divided that far."""
    with pytest.raises(ValueError, match="no cell fits"):
        split_cells((), 10_000)
