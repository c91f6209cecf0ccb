"""A ledger goes into the journal and comes back the same."""

from __future__ import annotations

import json

import pytest

from orchestrator.ledger import Ledger, ProtocolError
from orchestrator.ledger_state import dump_ledger, load_ledger
from orchestrator.planner import stripe
from orchestrator.terms import TermKey
from spate.messages import ClosedTerm, RangeEnd, RangeProgress

A, B, C = (TermKey(name, "x", 1) for name in "abc")


def worn() -> Ledger:
    """A ledger in which a term is live, one closed and left, one lost, and something missed."""
    ledger = Ledger(30)
    ledger.place(stripe(ledger, (A, B, C)))
    for key in (A, B, C):
        ids = list(ledger.terms[key].ranges)
        ledger.hear(key, [RangeProgress(id=i, decided=2, claim=5) for i in ids])
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
