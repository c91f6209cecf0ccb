"""The journal holds what a process needs to carry on, and reads it back whatever else is there."""

from __future__ import annotations

import json
import random

from tests.unit.orchestra import WALL_NS, heartbeat, make_plan, now

from orchestrator.director import Director
from orchestrator.fleet import Fleet
from orchestrator.journal import (
    Memory,
    boot_record,
    forget_records,
    ledger_records,
    plan_record,
)
from orchestrator.recall import recall
from orchestrator.run import Run
from spate.bus import Outgoing, Received
from spate.timing import Timing

FIELDS = ["plan", "digest", "created_at_ns", "idempotency_key", "body_digest"]


class Counter:
    """Gives revisions out."""

    def __init__(self, last: int = 0) -> None:
        self.last = last

    def __call__(self) -> int:
        """Return the next."""
        self.last += 1
        return self.last


def make_run(run_id: str = "r", at_ns: int = WALL_NS) -> Run:
    """A submitted run."""
    plan = make_plan()
    return Run(run_id, plan, plan.digest(), at_ns, idempotency_key="k", body_digest="b")


def direct(run: Run, last: int = 0) -> Director:
    """A director whose fleet is one driver that was heard at once."""
    fleet = Fleet(Timing())
    fleet.hear(heartbeat(), 0, 0, 0)
    return Director(run, fleet=fleet, timing=Timing(), epoch=0, revise=Counter(last))


def read(*records: Outgoing) -> Memory:
    """Read records as the journal holds them."""
    memory = Memory()
    memory.read(
        Received(r.topic, 0, at, 0, False, r.key, r.value or b"") for at, r in enumerate(records)
    )
    return memory


def recalled(memory: Memory, last: int = 50) -> list[Director]:
    """Return the runs of a journal, in their order."""
    return list(recall(memory, lambda run: direct(run, last), now(100)))


def under_way() -> Director:
    """A run that has started; its one driver owns everything."""
    director = direct(make_run())
    director.step(now(0))
    fleet = director._fleet
    fleet.hear(heartbeat(n=2, run_id="r", revision=director.orders.granted), 0, 0, 0)
    director.step(now(0.1))
    director.step(now(0.1))
    assert director.run.state == "RUNNING"
    return director


def test_a_waiting_run_waits_again() -> None:
    """Its plan, times and key come back, the oldest run first."""
    memory = read(
        boot_record("runs", "p", 1),
        plan_record("runs", make_run("younger", WALL_NS + 1)),
        plan_record("runs", make_run("older")),
    )
    older, younger = recalled(memory)
    assert (memory.leader, memory.bad_records, memory.highest_revision()) == ("p", 0, 0)
    assert (older.run.id, younger.run.id) == ("older", "younger")
    assert (older.run, older.orders.take()) == (make_run("older"), ())


def test_a_run_about_to_begin_still_waits() -> None:
    """A journal entry in state PENDING says no more than the plan."""
    director = direct(make_run())
    (again,) = recalled(read(plan_record("runs", director.run), *ledger_records("t", director, 0)))
    assert (again.run.state, again.journal_parts) == ("PENDING", 1)


def test_a_run_under_way_fails_with_its_books() -> None:
    """R16: what was granted may have been sent, and is unconfirmed."""
    director = under_way()
    records = [plan_record("runs", director.run), *ledger_records("runs", director, 0)]
    memory = read(*records)
    assert memory.highest_revision() == director.orders.revision
    (again,) = recalled(memory)
    run = again.run
    assert (run.state, run.started_at_ns, run.drivers) == (
        "FAILED",
        director.run.started_at_ns,
        1,
    )
    assert run.reason == "the orchestrator was restarted while the run was under way"
    assert [e.text for e in run.events][:-1] == [e.text for e in director.run.events]
    assert again.ledger is not None
    assert [(t.status, t.owned) for t in again.ledger.terms.values()] == [("lost", 20)]
    assert again.ledger.missed_count == 0
    assert [order.kind for order in again.orders.take()] == ["order"]  # type: ignore[attr-defined]
    assert not again.settled(now(100))
    assert not again.settled(now(105))
    assert again.settled(now(105.1))


def test_a_run_that_was_ending_goes_on_to_its_end() -> None:
    """Its drivers are told again; FINISHED becomes FAILED, for its figures are lost."""
    aborted, finished = under_way(), under_way()
    aborted.abort(now(1), "aborted by a user")
    finished.run.move("FINISHED", WALL_NS)
    for director, state, reason in (
        (aborted, "ABORTED", "aborted by a user"),
        (finished, "FAILED", "the orchestrator was restarted while the run was under way"),
    ):
        records = [plan_record("runs", director.run), *ledger_records("runs", director, 0)]
        (again,) = recalled(read(*records))
        assert (again.run.state, again.run.reason) == (state, reason)
        assert len(again.orders.take()) == 1


def test_a_run_that_had_sent_nothing_missed_everything() -> None:
    """Granted is not started."""
    director = direct(make_run())
    director.step(now(0))
    assert director.run.state == "PREPARING"
    records = [plan_record("runs", director.run), *ledger_records("runs", director, 0)]
    (again,) = recalled(read(*records))
    assert again.run.state == "FAILED"
    assert again.ledger is not None
    assert (again.ledger.missed_count, again.settled(now(100))) == (20, True)


def test_gathering_is_journaled_without_books() -> None:
    """A run whose count is not fixed fails as planned for the smallest fleet."""
    director = direct(make_run())
    director.run.move("PREPARING", WALL_NS)
    records = [plan_record("runs", director.run), *ledger_records("runs", director, 0)]
    (again,) = recalled(read(*records))
    assert (again.run.state, again.ledger is not None) == ("FAILED", True)


def test_large_books_go_in_parts() -> None:
    """A set counts only if all its parts are of one writing."""
    director = under_way()
    noise = random.Random(1)
    for _ in range(30_000):
        director.run.note(0, "problem", None, f"{noise.getrandbits(400):x}")
    records = ledger_records("runs", director, 0)
    assert len(records) > 1
    assert max(len(r.value or b"") for r in records) < 1_000_000
    memory = read(plan_record("runs", director.run), *records)
    assert memory.runs["r"].ledger() is not None
    (again,) = recalled(memory)
    assert again.journal_parts == len(records)
    stale = json.loads(records[-1].value or b"") | {"revision": 1}
    mixed = read(*records, Outgoing("runs", json.dumps(stale).encode(), records[-1].key))
    assert mixed.runs["r"].ledger() is None
    assert read(*records[:-1]).runs["r"].ledger() is None
    assert read(*records[1:]).runs["r"].ledger() is None


def test_a_forgotten_run_leaves_its_revision() -> None:
    """Drivers live on and obey only what is newer."""
    director = under_way()
    records = [plan_record("runs", director.run), *ledger_records("runs", director, 0)]
    memory = read(*records, *forget_records("runs", "r", 1, 17))
    assert (memory.runs, memory.highest_revision(), memory.bad_records) == ({}, 17, 0)


def test_nonsense_is_counted() -> None:
    """It neither stops the start nor hides other runs."""
    run = make_run()
    broken = json.loads(plan_record("runs", run).value or b"")
    values = {
        "boot": b"{}",
        "revision": b'{"revision": "x"}',
        "a/plan": b"{",
        "b/ledger/0": b"{}",
        "c/ledger/x": b"{}",
        "d/ledger/0": b"[]",
        "": b"",
    }
    memory = read(*(Outgoing("runs", value, key) for key, value in values.items()))
    assert memory.bad_records == 6
    for field in FIELDS:
        entry = {key: value for key, value in broken.items() if key != field}
        memory.read(
            [Received("runs", 0, 9, 0, False, f"no-{field}/plan", json.dumps(entry).encode())]
        )
    bad_plan = json.dumps(broken | {"plan": {"name": "x"}}).encode()
    memory.read([Received("runs", 0, 9, 0, False, "bad/plan", bad_plan)])
    memory.read([Received("runs", 0, 9, 0, False, "r/plan", json.dumps(broken).encode())])
    assert [director.run.id for director in recalled(memory)] == ["r"]


def test_books_that_cannot_be_read_fail_the_run() -> None:
    """Nothing is known of it but that it was under way."""
    director = under_way()
    (part,) = ledger_records("runs", director, 0)
    entry = json.loads(part.value or b"")
    for data in ("", "@@@", "AAAA"):
        spoiled = Outgoing("runs", json.dumps(entry | {"data": data}).encode(), part.key)
        (again,) = recalled(read(plan_record("runs", director.run), spoiled))
        assert again.run.state == "FAILED"
