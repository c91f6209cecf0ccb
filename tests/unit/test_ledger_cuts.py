"""A cut takes back the end of a range, once its driver said that it lets go (R20)."""

from __future__ import annotations

from tests.unit.books import A, B, closing, granted, owned, pooled, progress

from orchestrator.holdings import RangeAccount
from orchestrator.ledger import Ledger
from orchestrator.terms import TermKey


def only(ledger: Ledger, key: TermKey) -> RangeAccount:
    """Return the one range of a term."""
    (account,) = ledger.terms[key].ranges.values()
    return account


def cut(ledger: Ledger, key: TermKey, position: int, revision: int) -> None:
    """Cut the one range of a term."""
    ledger.cut(key, only(ledger, key).range.id, position, revision)


def test_a_cut_is_granted_before_it_is_booked() -> None:
    """The driver is told the new size; until it says that it knows, it owns the old one."""
    ledger = granted()
    cut(ledger, A, 2, 7)
    assert (only(ledger, A).to_grant().size, only(ledger, A).size) == (2, 5)
    assert [term.cut_pending for term in ledger.live()] == [True, False]
    assert pooled(ledger) == []
    assert (only(ledger, B).to_grant(), only(ledger, B).cut) == (only(ledger, B).range, None)


def test_a_cut_is_booked_when_its_driver_applied_it() -> None:
    """By the revision that it says; the tail is pooled under an id of its own."""
    ledger = granted()
    cut(ledger, A, 2, 7)
    ledger.hear(A, progress(ledger, A, 1, 5), 6)
    assert (owned(ledger, A), pooled(ledger)) == ([0, 2, 4, 6, 8], [])
    ledger.hear(A, progress(ledger, A, 1, 5), 7)
    assert (owned(ledger, A), pooled(ledger)) == ([0, 2], [4, 6, 8])
    (tail,) = ledger.pool
    assert (tail.cause, tail.range.id in ledger.terms[A].ranges) == ("handover", False)
    assert (only(ledger, A).claim, ledger.terms[A].cut_pending) == (2, False)


def test_each_tail_waits_for_its_own_driver() -> None:
    """R20: one that never confirms keeps its tail."""
    ledger = granted()
    cut(ledger, A, 2, 7)
    cut(ledger, B, 2, 7)
    ledger.hear(B, progress(ledger, B, 0, 0), 8)
    assert (owned(ledger, A), pooled(ledger)) == ([0, 2, 4, 6, 8], [5, 7, 9])


def test_what_was_decided_beyond_a_cut_stays_where_it_was_decided() -> None:
    """The order came too late for those; all of it decided, nothing comes back."""
    ledger = granted()
    cut(ledger, A, 2, 7)
    cut(ledger, B, 2, 7)
    ledger.hear(A, progress(ledger, A, 4, 5), 7)
    ledger.hear(B, progress(ledger, B, 5, 5), 7)
    assert (owned(ledger, A), pooled(ledger)) == ([0, 2, 4, 6], [8])
    assert (len(owned(ledger, B)), ledger.terms[B].cut_pending) == (5, False)


def test_a_second_cut_never_grows_what_the_first_left() -> None:
    """The driver may have applied the first; it confirms both at once."""
    ledger = granted()
    cut(ledger, A, 2, 7)
    cut(ledger, A, 4, 9)
    assert (only(ledger, A).cut, only(ledger, A).cut_revision) == (2, 9)
    cut(ledger, A, 1, 10)
    ledger.hear(A, progress(ledger, A, 0, 0), 9)
    assert pooled(ledger) == []
    ledger.hear(A, progress(ledger, A, 0, 0), 10)
    assert (owned(ledger, A), pooled(ledger)) == ([0], [2, 4, 6, 8])


def test_a_lost_term_keeps_its_claim_and_not_its_cut() -> None:
    """R19: it may have decided up to its claim before it heard of the cut."""
    ledger = granted()
    ledger.hear(A, progress(ledger, A, 1, 4), 0)
    cut(ledger, A, 2, 7)
    ledger.lose(A, 0)
    assert (owned(ledger, A), pooled(ledger)) == ([0, 2, 4, 6], [8])
    assert not ledger.terms[A].cut_pending


def test_a_closed_term_ends_where_it_says_and_not_where_it_was_cut() -> None:
    """R18: before or behind the cut."""
    ledger = granted()
    cut(ledger, A, 2, 7)
    cut(ledger, B, 2, 7)
    ledger.close(A.boot, 2, closing(ledger, A, 4), cause="handover", now_ns=0)
    ledger.close(B.boot, 2, closing(ledger, B, 1), cause="fenced", now_ns=0)
    assert (owned(ledger, A), owned(ledger, B)) == ([0, 2, 4, 6], [1])
    assert [(each.cause, each.range.size) for each in ledger.pool] == [
        ("handover", 1),
        ("fenced", 4),
    ]
    assert not any(term.cut_pending for term in ledger.terms.values())
