"""What the journal holds becomes runs again: each goes on where the last process ended (R13)."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import pytest
from tests.unit.direction import World
from tests.unit.journaling import Successor, make_run, read, snapshot, under_way
from tests.unit.orchestra import WALL_NS, now

from orchestrator.director import Director
from orchestrator.facts import ledger_facts, run_facts
from orchestrator.journal import checkpoint_records, ledger_records, plan_record
from orchestrator.ledger_state import dump_ledger
from spate.bus import Outgoing
from spate.report import build_report

FIELDS = ["plan", "digest", "created_at_ns", "idempotency_key", "body_digest"]
REASON = "the orchestrator was restarted, and what the journal holds of the run is not whole"


def journal(world: World, heartbeat_offset: int = 7) -> list[Outgoing]:
    """Return what the journal holds of a run."""
    return [
        plan_record("runs", world.run),
        *ledger_records("runs", world.director, world.fleet, heartbeat_offset),
    ]


def spoil(world: World, **fields: object) -> list[Outgoing]:
    """Return the journal of a run whose books say something else."""
    plan, part = journal(world)
    state = read(part).runs["r"].ledger()
    assert state is not None
    run = state["run"] | {k: v for k, v in fields.items() if k in state["run"]}
    state |= {"run": run} | {k: v for k, v in fields.items() if k not in run}
    data = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    entry = {"revision": 3, "part": 0, "parts": 1, "data": data}
    return [plan, Outgoing("runs", json.dumps(entry).encode(), part.key)]


def accounts(director: Director) -> tuple[int, dict[str, int], int, list[str]]:
    """Return what a report says: planned, missed, unconfirmed, and why not to trust it."""
    assert director.aggregator is not None
    facts, ledger = run_facts(director.run), ledger_facts(director.ledger)
    report = build_report(facts, director.aggregator, ledger)
    books, doubts = report["accounting"], report["verdict"]["degraded"]
    missed = {cause: n for cause, n in books["missed"].items() if n}
    reasons = [doubt["reason"] for doubt in doubts]
    return books["planned"], missed, books["unconfirmed"], reasons


def test_a_waiting_run_waits_again() -> None:
    """Its plan, times and key come back, the oldest run first; nothing need be read again."""
    after = Successor(
        plan_record("runs", make_run("younger", WALL_NS + 1)),
        plan_record("runs", make_run("older")),
    )
    older, younger = after.recalled.directors
    assert (older.run.id, younger.run.id) == ("older", "younger")
    assert (older.run, older.orders.take()) == (make_run("older"), ())
    assert (after.recalled.heartbeat_from, after.recalled.metrics_from) == (None, {})


def test_a_run_about_to_begin_still_waits() -> None:
    """A journal entry in state PENDING says no more than the plan."""
    world = World(0)
    after = Successor(*journal(world))
    assert (after.director.run.state, after.director.ledger) == ("PENDING", None)
    assert after.recalled.heartbeat_from is None


@pytest.mark.parametrize(
    "state", ["PREPARING", "RUNNING", "DRAINING", "FINISHED", "FAILED", "ABORTED"]
)
def test_a_run_comes_back_as_it_was(state: str) -> None:
    """In every state: its events, its books, its orders and its bookmarks, to the last figure."""
    world = World()
    world.to(state)
    before = world.director
    before.bookmarks.metrics_from = {0: 3, 1: 4}
    after = Successor(*journal(world))
    assert after.director.run == world.run
    assert after.director.run.state == state
    assert after.director.ledger is not None
    if state != "PREPARING":
        assert dump_ledger(after.director.ledger) == dump_ledger(world.ledger)
    orders = after.director.orders
    assert (orders.revision, orders.granted, orders.starts_at_ns) == (
        before.orders.revision,
        before.orders.granted,
        before.orders.starts_at_ns,
    )
    assert orders.take() == ()
    assert after.director.bookmarks.metrics_from == {0: 3, 1: 4}
    assert after.recalled.heartbeat_from == 7
    assert after.recalled.metrics_from == {0: 3, 1: 4}
    boots = after.fleet.boots()
    assert [(b.key.driver_id, b.read_ns, b.replayed) for b in boots] == [
        ("d1", now(100).mono_ns, True),
        ("d2", now(100).mono_ns, True),
    ]


def test_a_run_that_prepares_takes_its_grants_back() -> None:
    """R25: nothing was sent by them."""
    world = World()
    world.to("PREPARING")
    after = Successor(*journal(world)).director
    assert after.ledger is not None
    assert (after.ledger.terms, after.ledger.pooled, after.run.drivers) == ({}, 20, 2)


def test_a_run_that_gathers_has_no_books() -> None:
    """It gathers on; the log is read from where it was read to."""
    world = World(0)
    world.to("PREPARING")
    after = Successor(*journal(world))
    assert (after.director.run.state, after.director.ledger) == ("PREPARING", None)
    assert (after.recalled.heartbeat_from, after.recalled.metrics_from) == (7, {})


def test_figures_go_on_from_the_newest_checkpoint() -> None:
    """What was merged is there; only what came after it is read again."""
    world = under_way()
    world.director.bookmarks.metrics_from = {0: 3, 1: 4}
    world.director.merge(snapshot(1), 0, 5, now(101))
    figures = checkpoint_records("runs", world.director, {0: 6, 1: 4})
    after = Successor(*journal(world), *figures)
    assert after.director.aggregator is not None
    assert after.director.aggregator.reported("d1", "b", 1) == 1
    assert after.recalled.metrics_from == {0: 6, 1: 4}
    assert after.director.bookmarks.checkpoint == {"head-0", "windows-0-0"}
    assert after.director.merge(snapshot(1), 0, 5, now(101)) == "duplicate"
    assert after.director.merge(snapshot(2), 0, 6, now(101)) == "merged"


@pytest.mark.parametrize("damage", ["missing", "garbled"])
def test_figures_that_are_not_whole_are_counted_anew(damage: str) -> None:
    """From where the run began: the log still holds every snapshot."""
    world = under_way()
    world.director.bookmarks.metrics_from = {0: 3}
    world.director.merge(snapshot(1), 0, 5, now(101))
    head, windows = checkpoint_records("runs", world.director, {0: 6})
    bad = Outgoing("runs", b"garbled", windows.key)
    after = Successor(*journal(world), *([windows] if damage == "missing" else [head, bad]))
    assert after.director.aggregator is not None
    assert after.director.aggregator.merged == 0
    assert after.recalled.metrics_from == {0: 3}
    assert len(after.director.bookmarks.checkpoint) == {"missing": 1, "garbled": 2}[damage]


def test_a_run_that_had_ended_needs_no_heartbeats() -> None:
    """Only its snapshots up to its end; those may lie before all that others need."""
    world = under_way()
    world.director.bookmarks.metrics_from = {0: 3}
    world.director.fail(now(2), "broken")
    world.director.finish(now(3), {0: 9})
    after = Successor(*journal(world))
    assert after.director.run.ended
    assert after.director.bookmarks.metrics_ends == {0: 9}
    assert (after.recalled.heartbeat_from, after.recalled.metrics_from) == (None, {0: 3})


def test_the_log_is_read_from_where_any_run_needs_it() -> None:
    """One that was aborted while it waited was journaled at another time than the one under way."""
    first = under_way()
    first.director.bookmarks.metrics_from = {0: 3, 1: 9}
    waited = World(0)
    waited.director.abort(now(1), "aborted by a user")
    waited.director.bookmarks.metrics_from = {0: 5, 1: 2}
    records = [
        Outgoing(r.topic, r.value, (r.key or "").replace("r/", "second/", 1))
        for r in journal(waited, 50)
    ]
    for order in (1, -1):
        after = Successor(*[*journal(first, 7), *records][::order])
        assert after.recalled.heartbeat_from == 7
        assert after.recalled.metrics_from == {0: 3, 1: 2}


def test_books_that_cannot_be_read_fail_the_run() -> None:
    """Nothing is known of it but that it was under way; other runs are not hurt."""
    world = under_way()
    plan, part = journal(world)
    torn = Outgoing("runs", (part.value or b"").replace(b'"parts":1', b'"parts":2'), part.key)
    after = Successor(plan, torn, plan_record("runs", make_run("other", WALL_NS + 1)))
    failed, other = after.recalled.directors
    assert (failed.run.state, failed.run.reason, other.run.state) == ("FAILED", REASON, "PENDING")
    assert not failed.settled(now(100))  # its drivers may still be heard
    assert failed.settled(now(106))
    assert after.recalled.heartbeat_from is None
    assert accounts(failed) == (10, {}, 10, ["unconfirmed"])


@pytest.mark.parametrize(
    "fields",
    [
        {"ledger": {}},
        {"ledger": {"count": 1, "next_id": 1, "pool": [], "missed": [], "terms": []}},
        {"boots": [{}]},
        {"heartbeat_offset": None},
        {"metrics_from": [[0]]},
        {"revision": "x"},
        {"events": [[1]]},
    ],
)
def test_books_that_are_not_understood_fail_the_run(fields: dict[str, object]) -> None:
    """As if they could not be read: they are another version's, or damaged."""
    after = Successor(*spoil(under_way(), **fields))
    run = after.director.run
    assert (run.state, run.reason) == ("FAILED", REASON)
    assert len(after.director.orders.take()) == 1
    after.director.finish(now(101), {})
    assert run.ended


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("RUNNING", (20, {}, 20, ["unconfirmed"])),
        ("DRAINING", (20, {}, 20, ["unconfirmed"])),
        ("ABORTED", (20, {}, 20, ["unconfirmed"])),
        ("PREPARING", (20, {"no_driver": 20}, 0, ["missed"])),
    ],
)
def test_what_lost_books_were_of_may_have_been_sent(state: str, expected: Any) -> None:
    """Nobody says that it was not; but a run that was preparing sent nothing for sure."""
    world = World()
    world.to(state)
    director = Successor(*spoil(world, heartbeat_offset=None)).director
    director.step(now(100))
    assert director.settled(now(106))
    director.finish(now(106), {})
    assert director.run.state == ("ABORTED" if state == "ABORTED" else "FAILED")
    assert accounts(director) == expected


def test_unspoiled_books_are_understood() -> None:
    """Lest the damage lie elsewhere than these tests say."""
    assert Successor(*spoil(under_way())).director.run.state == "RUNNING"


def test_a_plan_that_is_not_understood_is_no_run() -> None:
    """Fields missing, or no plan of ours; nor are books without a plan."""
    whole = json.loads(plan_record("runs", make_run()).value or b"")
    entries = [{key: value for key, value in whole.items() if key != field} for field in FIELDS]
    entries.append(whole | {"plan": {"name": "x"}})
    records = [
        Outgoing("runs", json.dumps(entry).encode(), f"{number}/plan")
        for number, entry in enumerate(entries)
    ]
    orphan = ledger_records("runs", under_way().director, under_way().fleet, 0)
    good = plan_record("runs", make_run("good"))
    after = Successor(*records, *orphan, good)
    assert [director.run.id for director in after.recalled.directors] == ["good"]
