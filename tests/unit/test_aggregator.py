"""The aggregator merges each snapshot once, in whatever order they come."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spate.aggregator import MAX_WINDOW, Aggregator, TermId
from spate.figures import Figures
from spate.histogram import Histogram
from spate.messages import Cell, SnapshotMessage
from spate.plan import parse_plan
from spate.schedule import plan_schedule
from spate.seq_set import SeqSet

PLAN = parse_plan(
    {
        "name": "two-by-two",
        "target": "http://127.0.0.1:8000",
        "requests": [{"name": "a", "path": "/a"}, {"name": "b", "path": "/b"}],
        "load": {
            "test_type": "arrivals",
            "stages": [
                {"name": "warm", "duration": "1s", "from": 10, "measured": False},
                {"name": "main", "duration": "2s"},
            ],
        },
    }
)


def aggregator() -> Aggregator:
    """An aggregator of the run ``r``."""
    return Aggregator(PLAN, plan_schedule(PLAN, 1), "r")


def cell(request: int = 0, stage: int = 0, *, ms: int = 5, n: int = 1) -> Cell:
    """``n`` successes of ``ms`` each."""
    times = Histogram.of([ms * 1_000_000] * n)
    figures = Figures(
        decided=n, sent=n, succeeded=n, response_time=times, service_time=times, lag=times
    )
    return figures.to_cell(request, stage)


def snapshot(*cells: Cell, **fields: Any) -> SnapshotMessage:
    """A snapshot of driver ``d``, boot ``b``, term 1, unless said otherwise."""
    usual = {
        "driver_id": "d",
        "boot_id": "b",
        "term": 1,
        "run_id": "r",
        "seq": 1,
        "window": 0,
        "in_flight": 0,
        "connections": 1,
        "cpu": 0.5,
        "clock_offset_ns": None,
        "start_skew_ns": None,
    }
    return SnapshotMessage.model_validate({**usual, "cells": cells, **fields})


@given(st.lists(st.integers(0, 30)))
def test_a_seq_set_is_a_set(numbers: list[int]) -> None:
    """Adding tells what is new; missing is what lies between the lowest and the highest."""
    seen: set[int] = set()
    ours = SeqSet()
    for number in numbers:
        assert (number not in seen) == ours.add(number)
        seen.add(number)
        assert (number + 1 in seen) == (number + 1 in ours)
    assert [k in seen for k in range(32)] == [k in ours for k in range(32)]
    whole = max(seen) - min(seen) + 1 if seen else 0
    assert whole - len(seen) == ours.missing


def test_a_snapshot_is_merged_once() -> None:
    """Repeats are counted as duplicates, other runs as foreign; neither changes the figures."""
    ours = aggregator()
    first = snapshot(cell())
    assert ours.add(first) == "merged"
    assert ours.add(first) == "duplicate"
    assert ours.add(snapshot(cell(), run_id="other", seq=2)) == "foreign"
    assert (ours.merged, ours.duplicates, ours.foreign, ours.late) == (1, 1, 1, 0)
    assert ours.totals().succeeded == 1
    assert ours.revision == 1


def test_boots_number_their_snapshots_independently() -> None:
    """The same seq of another boot, or another driver, is another snapshot."""
    ours = aggregator()
    for fields in ({}, {"boot_id": "c"}, {"driver_id": "e"}):
        assert ours.add(snapshot(cell(), **fields)) == "merged"
    assert ours.totals().succeeded == 3


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 9)), max_size=40))
def test_windows_long_past_are_as_exact_as_new_ones(told: list[tuple[int, int]]) -> None:
    """However much later a snapshot comes: each window is the sum of its own, read or not."""
    ours = aggregator()
    for seq, (window, ms) in enumerate(told):
        assert ours.add(snapshot(cell(ms=ms), seq=seq, window=window)) == "merged"
    sums = {
        second: Figures.merge_all(
            Figures.from_cell(cell(ms=ms)) for window, ms in told if window == second
        )
        for second, _ in told
    }
    assert {window.second: window.figures for window in ours.windows()} == sums
    assert ours.totals() == Figures.merge_all(sums.values())


def test_a_day_of_windows_takes_little_room() -> None:
    """Windows that are past are folded to a fraction of what their histograms take."""
    ours = aggregator()
    times = Histogram.of([1_000 * k * k for k in range(1, 2_000)])
    figures = Figures(succeeded=1_999, response_time=times, service_time=times, lag=times)
    busy = figures.to_cell(0, 0)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for second in range(300):
        ours.add(snapshot(busy, seq=second, window=second))
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    whole = 300 * 3 * 16 * len(times.buckets)
    assert grown < whole / 4


def test_no_process_uses_that_much() -> None:
    """A share of CPU that cannot be is refused before anything is merged."""
    ours = aggregator()
    for cpu in (-0.1, 1e300):
        with pytest.raises(ValueError, match="no process uses"):
            ours.add(snapshot(cell(), cpu=cpu))
    assert (ours.merged, ours.totals().succeeded) == (0, 0)


def test_what_comes_after_the_close_is_late() -> None:
    """The report is final: late snapshots are counted, repeats still as duplicates."""
    ours = aggregator()
    ours.add(snapshot(cell()))
    ours.close()
    assert ours.add(snapshot(cell(), seq=2)) == "late"
    assert ours.add(snapshot(cell(), seq=1)) == "duplicate"
    assert (ours.late, ours.duplicates, ours.totals().succeeded) == (1, 1, 1)


def test_numbers_left_out_are_gaps_until_they_come() -> None:
    """A gap closes when the snapshot that was overtaken arrives."""
    ours = aggregator()
    for seq in (7, 9, 12):
        ours.add(snapshot(seq=seq))
    assert ours.gaps == 3
    ours.add(snapshot(seq=8))
    assert ours.gaps == 2


def test_all_of_a_process_is_seen_when_each_number_came() -> None:
    """One that is missing leaves it open, be it the first, the last or one between."""
    ours = aggregator()
    assert not ours.seen_all("d", "b", 1, 1)
    assert ours.seen_all("d", "b", 1, 0)  # there is none
    for seq in (2, 4):
        ours.add(snapshot(seq=seq))
    assert not ours.seen_all("d", "b", 2, 4)
    ours.add(snapshot(seq=3))
    assert [ours.seen_all("d", "b", 2, last) for last in (4, 5)] == [True, False]
    assert not ours.seen_all("d", "b", 1, 4)


@pytest.mark.parametrize(
    "broken",
    [
        snapshot(cell(request=2)),
        snapshot(cell(stage=2)),
        snapshot(cell(), window=MAX_WINDOW),
        snapshot(cell(), Cell(request=0, stage=0, failed={"bored": 1})),
    ],
)
def test_what_does_not_fit_the_plan_is_refused_whole(broken: SnapshotMessage) -> None:
    """Nothing of it is merged, and the number may come again."""
    ours = aggregator()
    with pytest.raises(ValueError, match=r"plan|window|bored"):
        ours.add(broken)
    assert Figures.zero() == ours.totals()
    assert ours.add(snapshot(cell())) == "merged"


def test_figures_are_kept_by_request_stage_driver_term_and_window() -> None:
    """Every view shows its part of the same arrivals."""
    ours = aggregator()
    ours.add(snapshot(cell(0, 0), cell(1, 1, n=2), term=4))
    ours.add(snapshot(cell(1, 1, n=3), driver_id="e", window=2))
    assert {place: f.succeeded for place, f in ours.by_request().items()} == {0: 1, 1: 5}
    assert {place: f.succeeded for place, f in ours.by_stage().items()} == {0: 1, 1: 5}
    assert tuple(ours.measured(r).succeeded for r in (None, 1, 0)) == (5, 5, 0)
    assert {name: d.figures.succeeded for name, d in ours.by_driver().items()} == {"d": 3, "e": 3}
    assert (ours.reported("d", "b", 4), ours.sent("d", "b", 4)) == (3, 3)
    assert (ours.reported("d", "b", 5), ours.sent("d", "b", 5)) == (0, 0)
    assert [(w.second, w.figures.succeeded) for w in ours.windows()] == [(0, 3), (2, 3)]
    assert ours.last_window == 2
    assert ours.terms()[TermId("d", "b", 4)].by_cell == {(0, 0): 1, (1, 1): 2}
    assert (ours.driver_figures("e").succeeded, ours.driver_figures("x").succeeded) == (3, 0)


def test_nothing_heard_is_nothing() -> None:
    """An aggregator without snapshots has empty views, not errors."""
    ours = aggregator()
    empty = ours.window(7)
    assert (7, Figures.zero(), {}, frozenset()) == (
        empty.second,
        empty.figures,
        empty.in_flight,
        empty.drivers,
    )
    assert ours.last_window is None
    assert (ours.by_driver(), ours.cpu_peaks(), ours.gaps) == ({}, {}, 0)
    assert ours.changed_since(0) == []


def test_levels_are_those_of_the_latest_snapshot() -> None:
    """In flight, CPU and clock offset go by seq within a window; skew is the first one told."""
    ours = aggregator()
    late = snapshot(seq=2, in_flight=8, cpu=0.9, clock_offset_ns=7, start_skew_ns=3)
    early = snapshot(seq=1, in_flight=5, cpu=0.4, clock_offset_ns=6, start_skew_ns=2)
    for message in (late, early, snapshot(seq=3, boot_id="c", in_flight=1, cpu=0.1, window=1)):
        ours.add(message)
    driver = ours.by_driver()["d"]
    assert (
        driver.in_flight,
        driver.cpu,
        driver.clock_offset_ns,
        driver.start_skew_ns,
        driver.last_window,
    ) == (1, 0.1, None, 2, 1)
    assert ours.window(0).in_flight == {"d": 8}
    assert ours.cpu_peaks() == {"d": 0.65}


def test_the_boots_of_a_driver_are_added_up_in_a_window() -> None:
    """A driver that came back within a second is one driver with two processes' load."""
    ours = aggregator()
    ours.add(snapshot(in_flight=5))
    ours.add(snapshot(in_flight=2, boot_id="c"))
    ours.add(snapshot(in_flight=4, driver_id="e"))
    assert ours.window(0).in_flight == {"d": 7, "e": 4}
    assert frozenset({"d", "e"}) == ours.window(0).drivers


def test_a_feed_asks_for_what_changed_since_it_last_looked() -> None:
    """A window that a late snapshot changes is named again."""
    ours = aggregator()
    for seq, window in enumerate((0, 1, 2), start=1):
        ours.add(snapshot(seq=seq, window=window))
    mark = ours.revision
    assert ours.changed_since(0) == [0, 1, 2]
    assert ours.changed_since(mark) == []
    ours.add(snapshot(seq=4, window=2))
    ours.add(snapshot(seq=5, window=0))
    assert ours.changed_since(mark) == [0, 2]


SNAPSHOTS = st.lists(
    st.tuples(
        st.sampled_from("de"),
        st.integers(1, 4),
        st.integers(0, 2),
        st.integers(0, 1),
        st.integers(0, 1),
        st.integers(1, 50),
    ),
    max_size=6,
    unique_by=lambda row: row[:2],
)


@settings(max_examples=30)
@given(SNAPSHOTS.flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))))
def test_the_order_of_snapshots_changes_nothing(orders: tuple[list[Any], list[Any]]) -> None:
    """Partitions are read in no particular order to each other."""
    views = []
    for rows in orders:
        ours = aggregator()
        for driver_id, seq, window, request, stage, ms in rows:
            ours.add(
                snapshot(
                    cell(request, stage, ms=ms),
                    driver_id=driver_id,
                    seq=seq,
                    window=window,
                    in_flight=ms,
                    cpu=ms / 50,
                    clock_offset_ns=ms,
                    start_skew_ns=ms,
                )
            )
        views.append(
            (
                ours.totals(),
                ours.by_request(),
                ours.by_stage(),
                ours.by_driver(),
                ours.cpu_peaks(),
                dict(ours.terms()),
                list(ours.windows()),
                ours.gaps,
            )
        )
    assert views[0] == views[1]
