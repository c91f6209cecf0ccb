"""An aggregator that was written down and read back is the same aggregator."""

from __future__ import annotations

import random
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spate.aggregator import Aggregator
from spate.aggregator_state import AggregatorState, Kept
from spate.buckets import MAX_NS, bucket_of, low_ns
from spate.checkpoint import (
    MOST_PART_BYTES,
    CheckpointError,
    read_checkpoint,
    write_checkpoint,
)
from spate.checkpoint_parts import cut, join
from spate.figures import Figures
from spate.histogram import Histogram
from spate.messages import Cell, SnapshotMessage, WireHistogram
from spate.packed_figures import pack, unpack
from spate.plan import Plan, parse_plan
from spate.schedule import plan_schedule
from spate.window_state import WindowState

RUN = "0198-run"
SMALL_BYTES = 60
"""A limit that cuts everything into many parts."""


def plan(requests: int = 2) -> Plan:
    """A plan of some requests and two stages, the first of which is not measured."""
    return parse_plan(
        {
            "name": "some-by-two",
            "target": "http://127.0.0.1:8000",
            "requests": [{"name": f"r{n}", "path": f"/{n}"} for n in range(requests)],
            "load": {
                "test_type": "arrivals",
                "stages": [
                    {"name": "warm", "duration": "1s", "from": 10, "measured": False},
                    {"name": "main", "duration": "200s"},
                ],
            },
        }
    )


PLAN = plan()
SCHEDULE = plan_schedule(PLAN, 1)


def aggregator(snapshots: Sequence[SnapshotMessage] = ()) -> Aggregator:
    """An aggregator of the run that merged these."""
    ours = Aggregator(PLAN, SCHEDULE, RUN)
    for each in snapshots:
        ours.add(each)
    return ours


def read(parts: Mapping[str, bytes]) -> tuple[Aggregator, dict[int, int]] | None:
    """What the parts say of the run."""
    return read_checkpoint(parts, PLAN, SCHEDULE, RUN)


def whole(parts: Mapping[str, bytes]) -> Aggregator:
    """The aggregator of a whole set."""
    found = read(parts)
    assert found is not None
    return found[0]


def snapshot(seq: int = 1, window: int = 0, **fields: Any) -> SnapshotMessage:
    """A snapshot of one success, of driver ``d``, boot ``b``, term 1, unless said otherwise."""
    times = Histogram.of([5_000_000, 7_000_000 + seq])
    figures = Figures(decided=2, sent=2, succeeded=2, response_time=times, lag=times)
    usual = {
        "driver_id": "d",
        "boot_id": "b",
        "term": 1,
        "run_id": RUN,
        "seq": seq,
        "window": window,
        "cells": (figures.to_cell(0, 1),),
        "in_flight": seq,
        "connections": 1,
        "cpu": 0.1,
        "clock_offset_ns": None,
        "start_skew_ns": None,
    }
    return SnapshotMessage.model_validate({**usual, **fields})


def views(ours: Aggregator) -> tuple[Any, ...]:
    """Everything an aggregator tells."""
    terms = dict(ours.terms())
    drivers = ours.by_driver()
    return (
        ours.totals(),
        ours.by_request(),
        ours.by_stage(),
        [ours.measured(request) for request in (None, 0, 1)],
        drivers,
        {driver_id: ours.driver_figures(driver_id) for driver_id in drivers},
        ours.cpu_peaks(),
        terms,
        [(ours.reported(*term), ours.sent(*term)) for term in terms],
        list(ours.windows()),
        ours.last_window,
        [ours.changed_since(mark) for mark in range(ours.revision + 1)],
        (ours.gaps, ours.revision),
        (ours.merged, ours.duplicates, ours.foreign, ours.late),
        [ours.seen_all(d, b, 0, seq) for d in "de" for b in "bc" for seq in range(8)],
    )


def cell(seed: int) -> Cell:
    """Something of everything that can happen, or nothing of it."""
    rng = random.Random(seed)

    def counts(*names: str) -> dict[str, int]:
        return {name: rng.randint(0, 300) for name in names if rng.random() < 0.5}

    def times() -> Histogram:
        return Histogram.of(
            [int(10 ** rng.uniform(0, 13)) - 5 for _ in range(rng.choice((0, 1, 9)))]
        )

    figures = Figures(
        decided=rng.randint(0, 300),
        sent=rng.randint(0, 300),
        succeeded=rng.randint(0, 300),
        failed=counts("timeout", "reset", "status_5xx"),
        dropped=counts("no_connection"),
        missed=counts("fenced"),
        status_codes=counts("200", "503"),
        bytes_sent=rng.randint(0, 1 << 53),
        bytes_received=rng.randint(0, 300),
        response_time=times(),
        response_time_succeeded=times(),
        service_time=times(),
        lag=times(),
        wait_time=times(),
        connect_time=times(),
    )
    return figures.to_cell(rng.randint(0, 1), rng.randint(0, 1))


SNAPSHOTS = st.lists(
    st.builds(
        snapshot,
        st.integers(0, 7),
        st.sampled_from([0, 1, 59, 60, 61, 150, 7_199]),
        driver_id=st.sampled_from("de"),
        boot_id=st.sampled_from("bc"),
        run_id=st.sampled_from([RUN, RUN, RUN, "another"]),
        term=st.integers(1, 2),
        cells=st.lists(st.integers(0, 999).map(cell), max_size=2),
        in_flight=st.integers(0, 300),
        cpu=st.floats(0, 8),
        clock_offset_ns=st.none() | st.integers(),
        start_skew_ns=st.none() | st.integers(-9, 9),
    ),
    max_size=10,
)
OFFSETS = st.dictionaries(st.integers(0, 7), st.integers(0, 1 << 60))


@settings(max_examples=60, deadline=None)
@given(SNAPSHOTS, SNAPSHOTS, OFFSETS)
def test_what_was_read_back_goes_on_like_what_was_written(
    before: list[SnapshotMessage], after: list[SnapshotMessage], offsets: dict[int, int]
) -> None:
    """All views are equal, and stay so with more snapshots, new ones, repeats and foreign ones."""
    ours = aggregator(before)
    found = read(write_checkpoint(ours, offsets))
    assert found is not None
    again, offsets_again = found
    assert (views(ours), offsets) == (views(again), offsets_again)
    for each in [*before[:3], *after]:
        assert ours.add(each) == again.add(each)
    assert views(ours) == views(again)


@settings(max_examples=40, deadline=None)
@given(st.lists(SNAPSHOTS, min_size=2, max_size=4), st.booleans(), st.integers(SMALL_BYTES, 3_000))
def test_later_parts_lie_over_earlier_ones(
    turns: list[list[SnapshotMessage]], restarts: bool, limit_bytes: int
) -> None:
    """Each increment over all before is the whole, also if another process wrote each of them."""
    ours, theirs, since = aggregator(), aggregator(), 0
    stored: dict[str, bytes] = {}
    for turn, snapshots in enumerate(turns):
        for each in snapshots:
            ours.add(each)
            theirs.add(each)
        stored |= write_checkpoint(ours, {0: turn}, since, limit_bytes=limit_bytes)
        since = ours.revision
        found = read(stored)
        assert found is not None
        assert (views(theirs), {0: turn}) == (views(found[0]), found[1])
        if restarts:
            ours = found[0]


def test_only_minutes_that_changed_are_written_again() -> None:
    """The head is always in it, a minute if one of its seconds changed after ``since``."""
    ours = aggregator([snapshot(n, window) for n, window in enumerate((0, 59, 60, 130))])
    assert set(write_checkpoint(ours, {})) == {
        "head-0",
        "windows-0-0",
        "windows-1-0",
        "windows-2-0",
    }
    since = ours.revision
    assert set(write_checkpoint(ours, {}, since)) == {"head-0"}
    ours.add(snapshot(9, 100))
    assert set(write_checkpoint(ours, {}, since)) == {"head-0", "windows-1-0"}


def test_no_part_is_longer_than_the_limit() -> None:
    """What is longer is cut; every name can be part of a key."""
    ours = aggregator([snapshot(n, n) for n in range(70)])
    parts = write_checkpoint(ours, {}, limit_bytes=SMALL_BYTES)
    assert max(len(part) for part in parts.values()) == SMALL_BYTES
    assert [name for name in parts if not re.fullmatch("[a-z0-9-]+", name)] == []
    assert views(ours) == views(whole(parts))


def test_a_limit_without_room_is_refused() -> None:
    """Nothing can be cut into pieces of nothing."""
    with pytest.raises(ValueError, match="no room"):
        write_checkpoint(aggregator(), {}, limit_bytes=28)


def test_parts_fit_into_a_record_of_kafka() -> None:
    """Histograms that are full of large counts are cut at 900,000 bytes."""
    lows = low_ns(np.arange(int(bucket_of(MAX_NS)) + 1))
    # Counts of 35 random bits can hardly be compressed, and add up to less than 2^53.
    rng = random.Random(1)
    wire = WireHistogram(
        low_ns=tuple(lows.tolist()),
        n=tuple(rng.randint(1, 1 << 35) for _ in lows),
        sum_ns=1,
        min_ns=0,
        max_ns=MAX_NS,
    )
    full = Cell(request=0, stage=0, response_time=wire, service_time=wire, lag=wire, wait_time=wire)
    ours = aggregator([snapshot(1, cells=(full,)), snapshot(2, cells=(full,))])
    parts = write_checkpoint(ours, {})
    assert max(len(part) for part in parts.values()) == MOST_PART_BYTES
    assert views(ours) == views(whole(parts))


def test_a_set_that_is_not_whole_is_none() -> None:
    """Whichever part is missing: without it nothing is known for sure."""
    parts = write_checkpoint(
        aggregator([snapshot(1, 0), snapshot(2, 60)]), {}, limit_bytes=SMALL_BYTES
    )
    for name in parts:
        assert read({other: part for other, part in parts.items() if other != name}) is None
    assert read({}) is None


@pytest.mark.parametrize("limit_bytes", [SMALL_BYTES, MOST_PART_BYTES])
def test_a_set_with_a_stale_part_is_none(limit_bytes: int) -> None:
    """A part of an earlier writing does not belong to a later one, nor the other way round."""
    ours = aggregator([snapshot(1, 0), snapshot(2, 60)])
    writings = [write_checkpoint(ours, {}, limit_bytes=limit_bytes)]
    for seq in (3, 4):
        ours.add(snapshot(seq, 0))
        ours.add(snapshot(seq + 10, 60))
        writings.append(write_checkpoint(ours, {}, limit_bytes=limit_bytes))
    for before, after in pairwise(writings):
        assert after.keys() & before.keys() >= {"head-0", "windows-0-0", "windows-1-0"}
        for name in after.keys() & before.keys():
            assert read({**after, name: before[name]}) is None
            assert read({**after, **before, name: after[name]}) is None


def test_parts_left_over_from_a_longer_set_count_for_nothing() -> None:
    """A compacted topic keeps the third piece of what has only two by now."""
    ours = aggregator([snapshot()])
    parts = write_checkpoint(ours, {})
    assert views(ours) == views(whole({**parts, "head-1": b"", "windows-7-0": b""}))


def written_by_the_second(told: Sequence[SnapshotMessage]) -> dict[str, bytes]:
    """What was written before windows were thinned: one driver, a window a snapshot."""
    head, figures = unpack(join(write_checkpoint(aggregator(told), {0: 3}), "head", RUN) or b"")
    head["drivers"] = [row[:-1] for row in head["drivers"]]
    minutes: dict[int, list[tuple[int, SnapshotMessage]]] = {}
    for revision, each in enumerate(told, start=1):
        minutes.setdefault(each.window // 60, []).append((revision, each))
    head["chunks"] = [[minute, rows[-1][0]] for minute, rows in minutes.items()]
    parts = cut("head", RUN, pack(head, figures), MOST_PART_BYTES)
    for minute, rows in minutes.items():
        windows = [
            [
                each.window,
                revision,
                [[each.driver_id, each.boot_id, each.seq, each.in_flight, 100_000, 1]],
            ]
            for revision, each in rows
        ]
        sums = [Figures.merge_all(Figures.from_cells(each.cells)) for _, each in rows]
        document = pack({"revision": rows[-1][0], "windows": windows}, sums)
        parts |= cut(f"windows-{minute}", RUN, document, MOST_PART_BYTES)
    return parts


@pytest.mark.parametrize("last", [70, 3_700, 50_000])
def test_what_was_written_before_windows_were_thinned_is_read(last: int) -> None:
    """As it was, but for windows that are too narrow by now; then all is to be written anew."""
    told = [snapshot(n, window) for n, window in enumerate((0, 1, 2, 61, 63, last))]
    again = whole(written_by_the_second(told))
    ours = aggregator(told)
    assert list(again.windows()) == list(ours.windows())
    assert again.cpu_peaks() == {"d": 0.1}
    assert again.state.stored == (len(told) if last < 3_600 else 0)
    stored = written_by_the_second(told) | write_checkpoint(again, {}, again.state.stored)
    assert views(whole(stored)) == views(again)
    for each in (snapshot(20, 62), snapshot(21, last + 1)):
        assert ours.add(each) == again.add(each) == "merged"
    assert list(again.windows()) == list(ours.windows())
    assert (again.totals(), again.by_driver()) == (ours.totals(), ours.by_driver())
    assert views(whole(stored | write_checkpoint(again, {}, len(told)))) == views(again)


def test_a_run_of_hours_is_read_as_it_was() -> None:
    """Windows of all widths, with their peaks, and what comes late for them."""
    told = [snapshot(n, n * 700, in_flight=n) for n in range(70)]
    ours, since = aggregator(), 0
    stored: dict[str, bytes] = {}
    for each in told:
        ours.add(each)
        stored |= write_checkpoint(ours, {}, since)
        since = ours.revision
    again = whole(stored)
    assert views(ours) == views(again)
    assert {window.width_s for window in again.windows()} == {1, 5, 15, 60}
    for window in (0, 7_000, 30_000, 48_400):
        late = snapshot(window + 1_000, window, in_flight=99)
        assert ours.add(late) == again.add(late) == "merged"
    assert views(ours) == views(again)


def test_windows_that_cannot_be_are_refused() -> None:
    """Wider than they should be, or where none begins."""
    ours = aggregator([snapshot(n, window) for n, window in enumerate((0, 7, 50_000))])
    for start, width in ((0, 15), (7, 60), (50_000, 60)):
        state = AggregatorState(seen=ours.state.seen)
        window = WindowState.of(Figures.zero(), {})
        kept = {0: Kept(60, 1, window), 50_000: Kept(1, 2, window), start: Kept(width, 3, window)}
        with pytest.raises(ValueError, match=f"no window of {width} s begins at {start}"):
            state.keep(kept)


def test_numbers_of_any_size_are_kept() -> None:
    """A process may say what it will of its levels."""
    ours = aggregator([snapshot(1, 0, in_flight=1 << 53), snapshot(2, 100)])
    again = whole(write_checkpoint(ours, {}))
    assert again.window(0).in_flight == {"d": 1 << 53}
    assert views(ours) == views(again)


def test_closing_is_not_written_down() -> None:
    """Whether a run has ended is the journal's to say; what came late stays counted."""
    ours = aggregator([snapshot(1)])
    ours.close()
    ours.add(snapshot(2))
    again = whole(write_checkpoint(ours, {}))
    assert again.late == 1
    assert again.add(snapshot(2)) == "merged"


PARTS = write_checkpoint(aggregator([snapshot(1, 0), snapshot(2, 60)]), {0: 3})
VIEWS = views(whole(PARTS))


@given(st.sampled_from(sorted(PARTS)), st.binary(max_size=40))
def test_garbage_is_not_understood(name: str, garbage: bytes) -> None:
    """It raises instead of being taken for a set that is not whole."""
    with pytest.raises(CheckpointError):
        read({**PARTS, name: garbage})


@given(st.sampled_from(sorted(PARTS)), st.data())
def test_a_damaged_part_never_gives_another_aggregator(name: str, data: st.DataObject) -> None:
    """One bit is wrong: it raises, seems not whole, or does not matter."""
    part = bytearray(PARTS[name])
    part[data.draw(st.integers(0, len(part) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = read({**PARTS, name: bytes(part)})
    except CheckpointError:
        return
    assert found is None or views(found[0]) == VIEWS


def test_a_damaged_content_raises() -> None:
    """The checksum tells."""
    part = PARTS["windows-0-0"]
    with pytest.raises(CheckpointError, match="damaged"):
        read({**PARTS, "windows-0-0": part[:-1] + bytes([part[-1] ^ 1])})


def test_parts_of_another_run_raise() -> None:
    """Each part names its run."""
    with pytest.raises(CheckpointError, match=f"of run {RUN}, not of another"):
        read_checkpoint(PARTS, PLAN, SCHEDULE, "another")
    other = write_checkpoint(Aggregator(PLAN, SCHEDULE, "another"), {})
    with pytest.raises(CheckpointError, match=f"of run another, not of {RUN}"):
        read({**PARTS, **other})


def test_figures_of_another_plan_raise() -> None:
    """A request or a stage that the plan does not have."""
    few = plan(1)
    parts = write_checkpoint(aggregator([snapshot(cells=(Cell(request=1, stage=0),))]), {})
    with pytest.raises(CheckpointError, match="no request 1"):
        read_checkpoint(parts, few, SCHEDULE, RUN)


def part(data: bytes, *, magic: bytes = b"SPCP", version: int = 1, place: int = 0) -> bytes:
    """One part that is well-formed, whatever its data."""
    header = (magic, version, place, 1, zlib.crc32(data), len(RUN))
    return struct.pack(">4sHIIIH", *header) + RUN.encode() + data


def test_another_version_raises() -> None:
    """A newer release may mean something else by the same words."""
    with pytest.raises(CheckpointError, match="of version 2, not 1"):
        read({**PARTS, "windows-1-0": part(b"", version=2)})


def test_what_is_no_part_raises() -> None:
    """Something else lies under the name of a part."""
    with pytest.raises(CheckpointError, match="no part of a checkpoint"):
        read({**PARTS, "head-0": part(b"", magic=b"else")})


def test_a_part_under_a_wrong_name_raises() -> None:
    """A part knows its place."""
    with pytest.raises(CheckpointError, match="says it is number 1"):
        read({**PARTS, "head-0": part(b"", place=1)})


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]\n",
        b"{}\n",
        b'{"document":{},"figures":[]}\n',
        b'{"document":{},"figures":[]}\nmore',
        b'{"document":{},"figures":[[0,0,0,{},{},{},{},0,0,[3,3,3,1,1,0]]]}\nab',
        b'{"document":{},"figures":[[0,0,0,{},{},{},{},0,0,[1,1,1,1,1,0]]]}\n\xffabc',
        b'{"document":[],"figures":[]}\n',
        pack({"revision": 1, "windows": [[0, 1, []]]}, []),
        pack({"revision": 1, "windows": [[0, 1]]}, [Figures.zero()]),
        pack({"revision": 1, "windows": [[0, 1, [["d", "b", 1, 2, 3, 4, 5]]]]}, [Figures.zero()]),
        b'{"revision":1,"spans":[]}\nmore',
        b'{"revision":1,"spans":[{"start_s":0}]}\n',
        b'{"revision":1,"spans":[{"start_s":0,"width_s":1,"revision":1,"bytes":[1,1],"digest":[]}]}\nab',
        b'{"document":{"revision":1,"windows":[[0,1,[]]]},"figures":[[0,0,0,[1],0,0,0,0,0,null]]}\n',
    ],
)
def test_documents_that_say_something_else_raise(document: bytes) -> None:
    """Well-formed on the outside, but nothing that was ever written."""
    for name in ("head", "windows-0"):
        with pytest.raises(CheckpointError):
            read({**PARTS, **cut(name, RUN, document, MOST_PART_BYTES)})


def test_figures_end_where_their_buckets_do() -> None:
    """A byte too few or too many means that something else was packed."""
    figures = [Figures(lag=Histogram.of([1, 2, 700])), Figures.zero()]
    packed = pack({"a": 1}, figures)
    assert unpack(packed) == ({"a": 1}, figures)
    with pytest.raises(ValueError, match="1 bytes more"):
        unpack(packed + b"x")
    with pytest.raises(ValueError, match="3 buckets expected, not 2"):
        unpack(packed[:-1])


def test_what_cannot_be_decompressed_raises() -> None:
    """The checksum is right, what it covers is not."""
    with pytest.raises(CheckpointError):
        read({**PARTS, "head-0": part(b"not compressed")})
