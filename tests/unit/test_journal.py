"""The journal holds what a process needs to carry on, and reads it back whatever else is there."""

from __future__ import annotations

import json
import random

from tests.unit.journaling import make_run, read, snapshot, under_way
from tests.unit.orchestra import WALL_NS, now

from orchestrator.bookmarks import Bookmarks
from orchestrator.journal import (
    boot_record,
    checkpoint_records,
    forget_records,
    ledger_records,
    plan_record,
    retraction,
)
from spate.bus import Outgoing


def test_the_newest_record_of_each_key_counts() -> None:
    """Who leads, and what was submitted."""
    run = make_run()
    memory = read(
        boot_record("runs", "p", 1), plan_record("runs", run), boot_record("runs", "q", 2)
    )
    assert (memory.leader, memory.bad_records, memory.highest_revision()) == ("q", 0, 0)
    assert memory.runs["r"].plan == {
        "plan": run.plan.to_document(),
        "digest": run.digest,
        "created_at_ns": WALL_NS,
        "idempotency_key": "k",
        "body_digest": "b",
    }
    assert memory.runs["r"].ledger() is None


def test_books_are_written_whole() -> None:
    """R14: run, orders, ledger and processes, where the log was read to, and what it needs."""
    world = under_way()
    world.director.bookmarks.metrics_from = {0: 3, 1: 4}
    (record,) = ledger_records("runs", world.director, world.fleet, 77)
    state = read(record).runs["r"].ledger()
    assert state is not None
    assert (state["heartbeat_offset"], state["metrics_from"], state["metrics_ends"]) == (
        77,
        [[0, 3], [1, 4]],
        None,
    )
    assert (state["revision"], state["granted"]) == (3, 1)
    assert state["run"]["state"] == "RUNNING"
    assert [row["heartbeat"]["driver_id"] for row in state["boots"]] == ["d1", "d2"]
    assert state["ledger"]["count"] == 20


def test_large_books_go_in_parts() -> None:
    """A set counts only if all its parts are of one writing."""
    world = under_way()
    noise = random.Random(1)
    for _ in range(30_000):
        world.run.note(0, "problem", None, f"{noise.getrandbits(400):x}")
    records = ledger_records("runs", world.director, world.fleet, 0)
    assert len(records) > 1
    assert max(len(r.value or b"") for r in records) < 1_000_000
    memory = read(plan_record("runs", world.run), *records)
    assert memory.runs["r"].ledger() is not None
    assert memory.runs["r"].bookmarks().ledger_parts == len(records)
    assert world.director.bookmarks.ledger_parts == len(records)
    stale = json.loads(records[-1].value or b"") | {"revision": 1}
    mixed = read(*records, Outgoing("runs", json.dumps(stale).encode(), records[-1].key))
    assert mixed.runs["r"].ledger() is None
    assert read(*records[:-1]).runs["r"].ledger() is None
    assert read(*records[1:]).runs["r"].ledger() is None


def test_books_that_shrank_leave_no_part_behind() -> None:
    """What was written before may still be there, and is forgotten with the rest."""
    world = under_way()
    world.director.bookmarks.ledger_parts = 3
    ledger_records("runs", world.director, world.fleet, 0)
    assert world.director.bookmarks.ledger_parts == 3


def test_only_what_changed_of_the_figures_is_written() -> None:
    """The minutes that changed, and the head; nothing if nothing was merged."""
    world = under_way()
    assert checkpoint_records("runs", world.director, {0: 1}) == []
    for seq, window in ((1, 0), (2, 70)):
        world.director.merge(snapshot(seq, window), 0, seq, now(2))
    first = checkpoint_records("runs", world.director, {0: 3})
    assert [r.key for r in first] == [
        "r/aggregator/head-0",
        "r/aggregator/windows-0-0",
        "r/aggregator/windows-1-0",
    ]
    assert checkpoint_records("runs", world.director, {0: 3}) == []
    world.director.merge(snapshot(3, 71), 0, 3, now(2))
    second = checkpoint_records("runs", world.director, {0: 4})
    assert [r.key for r in second] == ["r/aggregator/head-0", "r/aggregator/windows-1-0"]
    assert read(*first, *second).runs["r"].bookmarks().checkpoint == {
        "head-0",
        "windows-0-0",
        "windows-1-0",
    }


def test_before_there_are_books_there_are_no_figures() -> None:
    """A run that gathers has counted nothing."""
    world = under_way()
    world.director.aggregator = None
    assert checkpoint_records("runs", world.director, {}) == []


def test_everything_that_was_written_is_forgotten() -> None:
    """A tombstone for each key; the revision stays, for drivers live on and obey what is newer."""
    world = under_way()
    world.director.merge(snapshot(1), 0, 1, now(2))
    records = [
        plan_record("runs", world.run),
        *ledger_records("runs", world.director, world.fleet, 0),
        *checkpoint_records("runs", world.director, {0: 2}),
    ]
    tombstones = forget_records("runs", "r", world.director.bookmarks, 17)
    assert {r.key for r in tombstones if r.value is None} == {r.key for r in records}
    memory = read(*records, *tombstones)
    assert (memory.runs, memory.highest_revision(), memory.bad_records) == ({}, 17, 0)
    again = read(*records).runs["r"].bookmarks()
    assert forget_records("runs", "r", again, 17) == tombstones


def test_the_highest_revision_is_of_all_runs() -> None:
    """Of those under way, and of those that were forgotten."""
    world = under_way()
    books = ledger_records("runs", world.director, world.fleet, 0)
    assert read(*books).highest_revision() == 3
    assert read(*books, *forget_records("runs", "x", Bookmarks(), 2)).highest_revision() == 3
    gone = forget_records("runs", "x", Bookmarks(), 9)
    assert read(*gone, *forget_records("runs", "y", Bookmarks(), 5)).highest_revision() == 9


def test_a_run_that_is_forgotten_leaves_its_revision_in_memory() -> None:
    """Drivers remember it; orders below it would go unheard."""
    world = under_way()
    memory = read(*ledger_records("runs", world.director, world.fleet, 0))
    memory.forget("r")
    assert (memory.runs, memory.highest_revision()) == ({}, 3)


def test_a_retracted_plan_never_was() -> None:
    """Its submission was refused before it was written."""
    run = make_run()
    assert read(plan_record("runs", run), retraction("runs", "r")).runs == {}
    assert read(retraction("runs", "r")).runs == {}


def test_nonsense_is_counted() -> None:
    """It neither stops the start nor hides other runs."""
    values = {
        "boot": b"{}",
        "revision": b'{"revision": "x"}',
        "a/plan": b"{",
        "b/ledger/0": b"{}",
        "c/ledger/x": b"{}",
        "d/ledger/0": b"[]",
        "e/something": b"{}",
        "": b"",
        "f/plan": b"[" * 100_000,
    }
    run = plan_record("runs", make_run())
    memory = read(*(Outgoing("runs", value, key) for key, value in values.items()), run)
    assert memory.bad_records == 7
    assert [run_id for run_id, found in memory.runs.items() if found.plan] == ["r"]


def test_books_that_are_no_books_are_none() -> None:
    """Cut off, garbled, or something else."""
    world = under_way()
    (part,) = ledger_records("runs", world.director, world.fleet, 0)
    entry = json.loads(part.value or b"")
    for data in ("", "@@@", "AAAA", entry["data"][:-8], "eJyLjgUAARUAuQ=="):
        spoiled = Outgoing("runs", json.dumps(entry | {"data": data}).encode(), part.key)
        assert read(spoiled).runs["r"].ledger() is None
