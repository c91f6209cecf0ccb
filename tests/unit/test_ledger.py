"""The ledger knows who owns which arrivals, and how far each came."""

from __future__ import annotations

import pytest
from tests.unit.books import A, B, closing, granted, owned, pooled, progress

from orchestrator.ledger import Ledger, ProtocolError
from orchestrator.planner import share
from orchestrator.terms import TermKey
from spate.grant import Range
from spate.messages import RangeProgress


def test_a_new_ledger_pools_the_whole_plan() -> None:
    """Nobody owns anything before the first grants."""
    ledger = Ledger(3)
    assert (pooled(ledger), ledger.pooled, ledger.missed_count) == ([0, 1, 2], 3, 0)
    assert Ledger(0).pool == []


def test_work_is_placed_whole() -> None:
    """The terms own it and the pool is empty."""
    ledger = granted(5)
    assert (owned(ledger, A), owned(ledger, B)) == ([0, 2, 4], [1, 3])
    assert ledger.pool == []
    assert [term.undecided for term in ledger.live()] == [3, 2]


def test_a_part_of_the_pool_cannot_be_placed() -> None:
    """The books would no longer cover the plan; nothing is placed then."""
    ledger = Ledger(5)
    with pytest.raises(ProtocolError, match="4 arrivals were placed, 5 were pooled"):
        ledger.place({A: [Range(9, 0, 1, 4)]})
    assert (ledger.terms, ledger.pooled) == ({}, 5)


def test_nothing_is_placed_on_a_term_that_ended() -> None:
    """Its driver would not look at it."""
    ledger = granted()
    ledger.lose(A, 0)
    before = ledger.pooled
    with pytest.raises(ProtocolError, match=r"work was placed on a \(term 1\), which is lost"):
        ledger.place({A: [each.range for each in ledger.pool]})
    assert ledger.pooled == before


def test_what_is_heard_only_grows() -> None:
    """Decided and claim never go back, and the claim ends at the size."""
    ledger = granted()
    ledger.hear(A, progress(ledger, A, 2, 9), 0)
    ledger.hear(A, progress(ledger, A, 1, 3), 0)
    (account,) = ledger.terms[A].ranges.values()
    assert (account.decided, account.claim, account.size) == (2, 5, 5)
    ledger.hear(B, progress(ledger, B, 3, 1), 0)
    assert [a.claim for a in ledger.terms[B].ranges.values()] == [3]


def test_unknown_terms_and_ranges_are_passed_over() -> None:
    """A voided range or another run's term says nothing here."""
    ledger = granted()
    ledger.hear(TermKey("c", "x", 1), [RangeProgress(id=1, decided=1, claim=1)], 0)
    ledger.hear(A, [RangeProgress(id=99, decided=1, claim=1)], 0)
    assert ledger.terms[A].undecided == 5


def test_more_decided_than_owned_is_a_protocol_error() -> None:
    """It counts as all of it, so that nothing is given to another."""
    ledger = granted()
    with pytest.raises(ProtocolError, match=r"a \(term 1\) decided 6 .* but owned 5"):
        ledger.hear(A, progress(ledger, A, 6, 6), 0)
    assert ledger.terms[A].undecided == 0


def test_a_closed_term_gives_back_what_it_did_not_decide() -> None:
    """R18: from where it says it ended; a range it does not list was not begun."""
    ledger = granted()
    ended = ledger.close(A.boot, 2, closing(ledger, A, 3), cause="handover", now_ns=7)
    assert (ended, owned(ledger, A), pooled(ledger)) == ([A], [0, 2, 4], [6, 8])
    assert [each.cause for each in ledger.pool] == ["handover"]
    assert (ledger.terms[A].status, ledger.terms[A].ended_ns) == ("closed", 7)
    assert ledger.closed_through() == {A.boot: 1}
    assert ledger.close(A.boot, 2, (), cause="fenced", now_ns=8) == []
    assert ledger.close(B.boot, 2, (), cause="fenced", now_ns=8) == [B]
    assert ledger.terms[B].owned == 0


def test_closing_ends_earlier_terms_of_the_same_process_only() -> None:
    """Neither the present term, nor another process of the driver."""
    ledger = granted(9, A, TermKey("a", "x", 2), TermKey("a", "y", 1))
    assert ledger.close(A.boot, 2, (), cause="fenced", now_ns=0) == [A]


@pytest.mark.parametrize("end", [6, 2])
def test_an_impossible_end_is_a_protocol_error(end: int) -> None:
    """More than owned, or less than was said before: the term ends, nothing sent is given back."""
    ledger = granted()
    ledger.hear(A, progress(ledger, A, 3, 5), 0)
    with pytest.raises(ProtocolError, match=rf"ended range 2 at {end}, but had decided 3 of the 5"):
        ledger.close(A.boot, 2, closing(ledger, A, end), cause="fenced", now_ns=0)
    assert ledger.terms[A].status == "closed"
    assert owned(ledger, A)[:3] == [0, 2, 4]
    assert ledger.close(A.boot, 2, closing(ledger, A, end), cause="fenced", now_ns=0) == []


def test_a_lost_term_keeps_what_it_claimed() -> None:
    """R19: it may have been sent; the rest is free."""
    ledger = granted()
    ledger.hear(A, progress(ledger, A, 1, 3), 0)
    assert ledger.lose(A, 9)
    assert (owned(ledger, A), pooled(ledger)) == ([0, 2, 4], [6, 8])
    assert not ledger.lose(A, 10)
    assert not ledger.lose(TermKey("c", "x", 1), 10)
    ledger.hear(A, progress(ledger, A, 3, 5), 0)
    assert ledger.terms[A].undecided == 2


def test_a_lost_term_may_still_be_closed() -> None:
    """R18: its driver came back and says what it never sent."""
    ledger = granted()
    ledger.hear(A, progress(ledger, A, 1, 3), 0)
    ledger.lose(A, 9)
    ledger.close(A.boot, 2, closing(ledger, A, 2), cause="fenced", now_ns=20)
    term = ledger.terms[A]
    assert (owned(ledger, A), pooled(ledger)) == ([0, 2], [4, 6, 8])
    assert (term.status, term.ended_ns) == ("closed", 9)


def test_doubt_frees_nothing() -> None:
    """R16: how far drivers came is not known, so all that was granted may have been sent."""
    ledger = granted()
    ledger.doubt(5)
    assert [(t.status, t.owned) for t in ledger.terms.values()] == [("lost", 5)] * 2
    assert ledger.live() == []


def test_who_left_owes_nothing() -> None:
    """All closed terms of the process are marked."""
    ledger = granted()
    ledger.leave(A.boot)
    assert not ledger.terms[A].left
    ledger.close(A.boot, 2, (), cause="handover", now_ns=0)
    ledger.leave(A.boot)
    assert [term.left for term in ledger.terms.values()] == [True, False]


def test_void_takes_everything_back_under_new_ids() -> None:
    """R25: before the start; ids are not used twice, or a driver would mix two ranges up."""
    ledger = granted()
    before = ledger.next_id
    ledger.void()
    assert (ledger.terms, pooled(ledger)) == ({}, list(range(10)))
    ledger.place(share(ledger, (B,)))
    assert min(ledger.terms[B].ranges) > before


def test_books_that_do_not_add_up_are_refused() -> None:
    """I4 by number."""
    ledger = granted()
    ledger.check()
    ledger.terms.pop(A)
    with pytest.raises(ProtocolError, match="10 planned, but 5 owned"):
        ledger.check()


def test_a_finished_range_is_no_part_of_what_is_unfinished() -> None:
    """A term counts its ranges by what is left to decide in them."""
    ledger = granted()
    assert [t.unfinished for t in ledger.live()] == [1, 1]
    ledger.hear(A, progress(ledger, A, 5, 5), 0)
    assert [t.unfinished for t in ledger.live()] == [0, 1]
