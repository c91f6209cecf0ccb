"""The slowest traced requests: a merge that no order, repetition or restart changes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driver.arrival import Arrival
from driver.traced_recorder import TracedRecorder
from spate.aggregator import Aggregator
from spate.checkpoint import MOST_PART_BYTES, read_checkpoint, write_checkpoint
from spate.checkpoint_parts import cut, join
from spate.choice import RequestChoice
from spate.messages import SlowTrace, SnapshotMessage
from spate.packed_figures import pack, unpack
from spate.plan import parse_plan
from spate.report import LedgerFacts, RunFacts, build_report
from spate.schedule import plan_schedule
from spate.slow_traces import MOST, TraceRow, slowest
from spate.summary import render_summary
from spate.traceparent import TraceSampling, trace_id

PLAN = parse_plan(
    {
        "name": "traced",
        "target": "http://127.0.0.1:8000",
        "requests": [{"name": "a", "path": "/a"}, {"name": "b", "path": "/b", "weight": 3}],
        "load": {
            "test_type": "tsunami",
            "message_count_per_driver": 1_000,
            "message_delay_ms": 1,
        },
        "options": {"traceparent": 0.25},
    }
)
SCHEDULE = plan_schedule(PLAN, 1)
CHOICE = RequestChoice(PLAN.seed, [1, 3])
SAMPLING = TraceSampling("r", PLAN.seed, PLAN.options.traceparent)

ROWS = st.lists(
    st.builds(
        TraceRow,
        st.integers(0, 60),
        st.integers(0, 200),
        st.sampled_from(["driver-1", "driver-2"]),
        st.integers(0, 3),
        st.sampled_from(["succeeded", "timeout"]),
        st.sampled_from([0, 200]),
    ),
    max_size=60,
)


@given(ROWS, ROWS, ROWS)
def test_the_merge_knows_no_order(a: list[TraceRow], b: list[TraceRow], c: list[TraceRow]) -> None:
    """Associative, commutative, idempotent, and exact: as if all came at once."""
    at_once = slowest([*a, *b, *c])
    assert slowest([*slowest([*a, *b]), *c]) == at_once
    assert slowest([*a, *slowest([*c, *b])]) == at_once
    assert slowest([*at_once, *at_once]) == at_once
    assert len(at_once) <= MOST
    times = sorted((row.response_ns for row in {*a, *b, *c}), reverse=True)
    assert [row.response_ns for row in at_once] == times[:MOST]


def snapshot(seq: int, traces: Sequence[SlowTrace], driver_id: str = "d") -> SnapshotMessage:
    """A snapshot that tells of these, and nothing else."""
    return SnapshotMessage(
        driver_id=driver_id,
        boot_id="b",
        term=1,
        run_id="r",
        seq=seq,
        window=0,
        cells=(),
        in_flight=0,
        connections=0,
        cpu=0.0,
        clock_offset_ns=None,
        start_skew_ns=None,
        traces=tuple(traces),
    )


def trace(index: int, response_ns: int, outcome: str = "succeeded", status: int = 200) -> SlowTrace:
    """A traced request."""
    return SlowTrace(
        index=index,
        offset_ns=index * 1_000_000,
        response_ns=response_ns,
        outcome=outcome,
        status=status,
    )


def aggregator(snapshots: Sequence[SnapshotMessage] = ()) -> Aggregator:
    """An aggregator of the run that merged these."""
    ours = Aggregator(PLAN, SCHEDULE, "r")
    for each in snapshots:
        ours.add(each)
    return ours


@given(st.randoms(use_true_random=False))
def test_repeats_order_and_a_restart_change_nothing(dice: random.Random) -> None:
    """Snapshots that come again count once; a checkpoint goes on where it was written."""
    snapshots = [
        snapshot(seq, [trace(seq * 10 + k, dice.randrange(99)) for k in range(4)])
        for seq in range(1, 16)
    ]
    wanted = aggregator(snapshots).state.traces
    shuffled = [*snapshots, *dice.sample(snapshots, 5)]
    dice.shuffle(shuffled)
    half = dice.randrange(len(shuffled))
    found = read_checkpoint(
        write_checkpoint(aggregator(shuffled[:half]), {0: 1}), PLAN, SCHEDULE, "r"
    )
    assert found is not None
    for each in shuffled[half:]:
        found[0].add(each)
    assert found[0].state.traces == wanted
    assert len(wanted) == MOST


def test_a_checkpoint_from_before_there_were_traces_is_read() -> None:
    """An orchestrator that was upgraded in a run goes on with what its predecessor wrote."""
    ours = aggregator([snapshot(1, [trace(2, 5)])])
    parts = write_checkpoint(ours, {0: 1})
    packed = join(parts, "head", "r")
    assert packed is not None
    head, figures = unpack(packed)
    assert len(head.pop("traces")) == 1
    found = read_checkpoint(
        parts | cut("head", "r", pack(head, figures), MOST_PART_BYTES), PLAN, SCHEDULE, "r"
    )
    assert found is not None
    assert (found[0].merged, found[0].state.traces) == (1, ())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [(trace(1_000, 1), "no arrival 1000"), (trace(1, 1, "slow"), "no outcome 'slow'")],
)
def test_what_cannot_be_is_refused(wrong: SlowTrace, said: str) -> None:
    """And nothing of the snapshot is merged."""
    ours = aggregator()
    with pytest.raises(ValueError, match=said):
        ours.add(snapshot(1, [trace(2, 5), wrong]))
    assert (ours.merged, ours.state.traces) == (0, ())


def report(traces: Sequence[SlowTrace]) -> dict[str, Any]:
    """The report of a run in which these were told of."""
    facts = RunFacts("r", PLAN, "FINISHED", False, None, 0, 1, 2, 1)
    return build_report(facts, aggregator([snapshot(1, traces)]), LedgerFacts(0))


def test_the_report_names_trace_request_and_answer() -> None:
    """The id is worked out from run and index, the request from the plan's own choice."""
    slow, fast = trace(7, 400_000_000, "status_5xx", 503), trace(8, 90_000_000, "timeout", 0)
    assert report([fast, slow])["traces"] == [
        {
            "trace_id": trace_id("r", 7),
            "index": 7,
            "request": "ab"[CHOICE.request(7)],
            "driver_id": "d",
            "offset_s": 0.007,
            "response_ns": 400_000_000,
            "outcome": "status_5xx",
            "status": 503,
        },
        {
            "trace_id": trace_id("r", 8),
            "index": 8,
            "request": "ab"[CHOICE.request(8)],
            "driver_id": "d",
            "offset_s": 0.008,
            "response_ns": 90_000_000,
            "outcome": "timeout",
            "status": None,
        },
    ]


def test_the_summary_names_the_three_slowest() -> None:
    """Ids are never cut; without traces there is no word of them."""
    text = render_summary(report([trace(n, n * 1_000_000) for n in range(1, 6)]))
    lines = [line for line in text.splitlines() if trace_id("r", 5) in line]
    assert len(lines) == 1
    assert lines[0].split()[1] == "5.00"
    assert [n for n in range(1, 6) if trace_id("r", n) in text] == [3, 4, 5]
    assert max(map(len, text.splitlines())) <= 100
    assert "slowest traces" not in render_summary(report([]))
    old = {key: value for key, value in report([]).items() if key != "traces"}
    assert "slowest traces" not in render_summary(old)


def done(index: int, response_ns: int, *, sent: bool = True) -> Arrival:
    """An arrival that came to its end."""
    made = Arrival(index, 1, CHOICE.request(index), 0, 1_000, 1_000)
    made.sent_ns = 1_000 if sent else 0
    made.done_ns = 1_000 + response_ns
    made.outcome = "succeeded" if sent else "connect_refused"
    made.status = 200 if sent else 0
    return made


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=300), st.integers(1, 40))
def test_a_driver_tells_all_that_may_count(ends: list[tuple[int, bool]], every: int) -> None:
    """What it tells at its cuts has the slowest of all traced and sent, each told once."""
    recorder = TracedRecorder(SCHEDULE, CHOICE, SAMPLING)
    told: list[Arrival] = []
    wanted: list[int] = []
    for index, (response_ns, sent) in enumerate(ends):
        recorder.done(done(index, response_ns, sent=sent))
        if sent and SAMPLING.chosen(index):
            wanted.append(response_ns)
        if index % every == 0:
            news = recorder.take_slowest()
            assert len(news) <= MOST
            told += news
            recorder.cut()
    told += recorder.take_slowest()
    assert recorder.take_slowest() == []
    assert all(SAMPLING.chosen(arrival.index) and arrival.sent_ns for arrival in told)
    assert len({arrival.index for arrival in told}) == len(told)
    found = sorted((arrival.done_ns - 1_000 for arrival in told), reverse=True)
    assert found[:MOST] == sorted(wanted, reverse=True)[:MOST]
