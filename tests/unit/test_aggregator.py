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
from spate.window_state import Peaks

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


def busy(window: int, seq: int, *, ms: int = 5, n: int = 1, **fields: Any) -> SnapshotMessage:
    """A snapshot with some of everything that windows keep the highest of."""
    times = Histogram.of([ms * 1_000_000] * n)
    figures = Figures(
        decided=n,
        sent=n,
        succeeded=n - n // 3,
        failed={"reset": n // 3},
        dropped={"in_flight_limit": n // 2},
        response_time=times,
        lag=times,
    )
    usual = {"in_flight": n, "cpu": n / 10}
    return snapshot(figures.to_cell(0, 0), window=window, seq=seq, **{**usual, **fields})


TOLD = st.lists(
    st.tuples(st.integers(0, 130), st.sampled_from("de"), st.integers(1, 9), st.integers(1, 90)),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(TOLD, st.sampled_from([0, 3_700, 14_500, 43_400]))
def test_windows_that_were_merged_are_sums_and_keep_what_was_highest(
    told: list[tuple[int, str, int, int]], after: int
) -> None:
    """Figures are exact whatever the width, and the highest seconds too of what came in time.

    What is checked against is made of the seconds themselves.
    """
    ours, seconds = aggregator(), aggregator()
    for seq, (window, driver_id, n, ms) in enumerate(told):
        message = busy(window, seq, n=n, ms=ms, driver_id=driver_id)
        assert (ours.add(message), seconds.add(message)) == ("merged", "merged")
    ours.add(busy(131 + after, 99))
    for merged in ours.windows():
        if merged.second > 130:
            continue
        span = range(merged.second, merged.second + merged.width_s)
        parts = [seconds.window(second) for second in span]
        assert merged.figures == Figures.merge_all(part.figures for part in parts)
        if merged.peaks is None:
            assert [merged] == parts
            continue
        peaks = merged.peaks
        assert peaks.sent == max(part.figures.sent for part in parts)
        assert peaks.dropped == max(part.figures.dropped_total for part in parts)
        assert peaks.in_flight == max(sum(part.in_flight.values()) for part in parts)
        assert peaks.drivers == max(len(part.drivers) for part in parts)
        worst = max(parts, key=lambda part: part.figures.failed_total)
        assert dict(peaks.failed) == {k: n for k, n in worst.figures.failed.items() if n}
        p99s = [part.figures.response_time.quantile_ns(0.99) for part in parts]
        assert peaks.p99_ns == peaks.lag_p99_ns == max(p99 for p99 in p99s if p99 is not None)
    before = seconds.cpu_peaks()
    assert {name: ours.cpu_peaks()[name] for name in before} == {
        **before,
        **({"d": max(before.get("d", 0), 0.1)} if "d" in before else {}),
    }


def test_what_comes_after_its_second_was_merged_is_added_and_is_a_second_of_its_own() -> None:
    """Sums are exact; for the highest second it counts alone, for the others are not known."""
    ours = aggregator()
    ours.add(busy(2, 1, n=4, ms=7))
    ours.add(busy(5_000, 2))
    ours.add(busy(2, 3, n=6, ms=5, driver_id="e"))
    ours.add(busy(1_000, 4, n=3, driver_id="e"))  # nothing else was heard of that window
    window = ours.window(3)
    assert (window.second, window.width_s, window.figures.sent) == (0, 5, 10)
    assert window.peaks is not None
    assert (window.peaks.sent, window.peaks.in_flight, window.peaks.drivers) == (6, 6, 1)
    assert dict(window.peaks.failed) == {"reset": 2}
    assert window.peaks.p99_ns == 7_000_000
    other = ours.window(1_000).peaks
    assert other is not None
    assert (other.sent, other.in_flight) == (3, 3)
    assert ours.cpu_peaks() == {"d": 0.4, "e": 0.6}
    assert ours.totals().sent == sum(each.figures.sent for each in ours.windows())
    assert ours.by_driver()["e"].in_flight == 0


def test_a_driver_not_heard_for_an_hour_has_nothing_in_flight() -> None:
    """Its level is not known any more, for its second was merged with others."""
    ours = aggregator()
    ours.add(busy(2, 1, n=4, driver_id="e"))
    ours.add(busy(3_500, 1, n=5))
    assert {name: each.in_flight for name, each in ours.by_driver().items()} == {"d": 5, "e": 4}
    ours.add(busy(7_000, 2, n=5))
    assert {name: each.in_flight for name, each in ours.by_driver().items()} == {"d": 5, "e": 0}


def test_a_window_of_long_ago_of_which_nothing_was_heard_is_empty() -> None:
    """It is as wide as others of its age."""
    ours = aggregator()
    ours.add(busy(50_000, 1))
    empty = ours.window(61)
    assert (empty.second, empty.width_s, empty.figures) == (60, 60, Figures.zero())
    assert empty.peaks == Peaks()


def test_a_feed_is_told_of_windows_that_were_merged() -> None:
    """The new window is one that changed; those that are in it are there no longer."""
    ours = aggregator()
    for seq, window in enumerate((0, 1, 2, 5), start=1):
        ours.add(busy(window, seq))
    mark = ours.revision
    ours.add(busy(3_604, 9))
    assert ours.changed_since(mark) == [0, 3_604]
    assert ours.changed_since(0) == [0, 5, 3_604]


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
