"""A ledger goes into the journal and comes back the same."""

from __future__ import annotations

import json

import pytest
from tests.unit.books import A, B, C, granted
from tests.unit.orchestra import SECOND, heartbeat

from orchestrator.fleet import Fleet
from orchestrator.ledger import Ledger, ProtocolError
from orchestrator.ledger_state import dump_boots, dump_ledger, load_boots, load_ledger
from orchestrator.planner import share
from spate.messages import ClockEstimate, ClosedTerm, RangeEnd, RangeProgress
from spate.timing import Timing


def worn() -> Ledger:
    """A ledger in which a term is live, one closed and left, one lost, and something missed."""
    ledger = Ledger(30)
    ledger.place(share(ledger, (A, B, C)))
    for key in (A, B, C):
        ids = list(ledger.terms[key].ranges)
        ledger.hear(key, [RangeProgress(id=i, decided=2, claim=5) for i in ids], 0)
    ends = tuple(RangeEnd(id=i, decided=4) for i in ledger.terms[B].ranges)
    closed = [ClosedTerm(run_id="r", term=1, ranges=ends)]
    ledger.close(B.boot, 2, closed, cause="handover", now_ns=1)
    ledger.leave(B.boot)
    ledger.miss_pool("no_driver")
    ledger.lose(C, 2)
    (account,) = ledger.terms[A].ranges.values()
    account.cut, account.cut_revision = 7, 3
    return ledger


def test_it_survives_a_round_trip_as_json() -> None:
    """Ranges, causes, claims and cuts; what ended is taken to have ended now."""
    before = worn()
    after = load_ledger(json.loads(json.dumps(dump_ledger(before))), 99)
    assert dump_ledger(after) == dump_ledger(before)
    assert [term.ended_ns for term in after.terms.values()] == [None, 99, 99]
    assert [(p.range, p.cause) for p in after.pool] == [(p.range, p.cause) for p in before.pool]
    assert after.next_id == before.next_id


def test_books_that_do_not_add_up_are_refused() -> None:
    """A journal that was tampered with is not believed."""
    state = dump_ledger(worn())
    state["count"] += 1
    with pytest.raises(ProtocolError):
        load_ledger(state, 0)


def test_the_processes_it_names_are_remembered_as_last_heard() -> None:
    """R17, R19: their numbers and append times; what they said of work is in the books."""
    ledger, fleet = granted(10, A, B, C), Fleet(Timing())
    said = (RangeProgress(id=1, decided=1, claim=2),)
    clock = ClockEstimate(offset_ns=1, round_trip_ns=1)
    fleet.hear(heartbeat("a", "x", n=7, ranges=said, clock=clock), 1_000, SECOND, 0)
    fleet.hear(heartbeat("b", "x", n=9), 5_000, 5 * SECOND, 0)
    fleet.hear(heartbeat("other", "x"), 5_000, 5 * SECOND, 0)
    assert [boot.key.driver_id for boot in fleet.judge(4 * SECOND, 4_000)] == ["a"]
    rows = json.loads(json.dumps(dump_boots(ledger, fleet)))
    after = Fleet(Timing())
    load_boots(rows, after, 50 * SECOND)
    assert [
        (b.key.driver_id, b.heartbeat.n, b.append_ms, b.read_ns, b.lost, b.replayed)
        for b in after.boots()
    ] == [
        ("a", 7, 1_000, 50 * SECOND, True, True),
        ("b", 9, 5_000, 50 * SECOND, False, True),
    ]
    first = after.boots()[0].heartbeat
    assert (first.ranges, first.closed, first.clock) == ((), (), None)


def test_processes_that_are_not_understood_are_refused() -> None:
    """As anything else that is."""
    with pytest.raises(KeyError):
        load_boots([{"append_ms": 1}], Fleet(Timing()), 0)
    with pytest.raises(ValueError, match="driver_id"):
        load_boots([{"append_ms": 1, "lost": False, "heartbeat": {}}], Fleet(Timing()), 0)
