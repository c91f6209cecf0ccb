"""The ledger covers the plan exactly once, whatever happens to terms."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.ledger import Ledger, ProtocolError
from orchestrator.ledger_state import dump_ledger, load_ledger
from orchestrator.planner import stripe
from orchestrator.terms import BootKey, TermKey
from spate.grant import Range
from spate.messages import ClosedTerm, RangeEnd, RangeProgress

A, B = TermKey("a", "x", 1), TermKey("b", "x", 1)


def granted(count: int = 10, *terms: TermKey) -> Ledger:
    """A ledger whose plan is shared out over these terms, A and B unless said otherwise."""
    ledger = Ledger(count)
    ledger.place(stripe(ledger, terms or (A, B)))
    return ledger


def progress(ledger: Ledger, key: TermKey, decided: int, claim: int) -> list[RangeProgress]:
    """What a term says of each of its ranges."""
    return [RangeProgress(id=i, decided=decided, claim=claim) for i in ledger.terms[key].ranges]


def closing(ledger: Ledger, key: TermKey, decided: int) -> list[ClosedTerm]:
    """How a term says that it ended."""
    ends = tuple(RangeEnd(id=i, decided=decided) for i in ledger.terms[key].ranges)
    return [ClosedTerm(run_id="r", term=key.term, ranges=ends)]


def owned(ledger: Ledger, key: TermKey) -> list[int]:
    """Return the indices that a term owns."""
    return sorted(i for a in ledger.terms[key].ranges.values() for i in a.range.indices())


def pooled(ledger: Ledger) -> list[int]:
    """Return the indices of the pool."""
    return sorted(i for each in ledger.pool for i in each.range.indices())


def everything(ledger: Ledger) -> Counter[int]:
    """Return how often each index is owned, pooled or missed."""
    parts: list[Range] = [a.range for term in ledger.terms.values() for a in term.ranges.values()]
    parts += [each.range for each in ledger.pool]
    parts += [each.range for each in ledger.missed]
    return Counter(index for part in parts for index in part.indices())


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
    ledger.hear(A, progress(ledger, A, 2, 9))
    ledger.hear(A, progress(ledger, A, 1, 3))
    (account,) = ledger.terms[A].ranges.values()
    assert (account.decided, account.claim, account.size) == (2, 5, 5)
    ledger.hear(B, progress(ledger, B, 3, 1))
    assert [a.claim for a in ledger.terms[B].ranges.values()] == [3]


def test_unknown_terms_and_ranges_are_passed_over() -> None:
    """A voided range or another run's term says nothing here."""
    ledger = granted()
    ledger.hear(TermKey("c", "x", 1), [RangeProgress(id=1, decided=1, claim=1)])
    ledger.hear(A, [RangeProgress(id=99, decided=1, claim=1)])
    assert ledger.terms[A].undecided == 5


def test_more_decided_than_owned_is_a_protocol_error() -> None:
    """It counts as all of it, so that nothing is given to another."""
    ledger = granted()
    with pytest.raises(ProtocolError, match=r"a \(term 1\) decided 6 .* but owned 5"):
        ledger.hear(A, progress(ledger, A, 6, 6))
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
    ledger.hear(A, progress(ledger, A, 3, 5))
    with pytest.raises(ProtocolError, match=rf"ended range 2 at {end}, but had decided 3 of the 5"):
        ledger.close(A.boot, 2, closing(ledger, A, end), cause="fenced", now_ns=0)
    assert ledger.terms[A].status == "closed"
    assert owned(ledger, A)[:3] == [0, 2, 4]
    assert ledger.close(A.boot, 2, closing(ledger, A, end), cause="fenced", now_ns=0) == []


def test_a_lost_term_keeps_what_it_claimed() -> None:
    """R19: it may have been sent; the rest is free."""
    ledger = granted()
    ledger.hear(A, progress(ledger, A, 1, 3))
    assert ledger.lose(A, 9)
    assert (owned(ledger, A), pooled(ledger)) == ([0, 2, 4], [6, 8])
    assert not ledger.lose(A, 10)
    assert not ledger.lose(TermKey("c", "x", 1), 10)
    ledger.hear(A, progress(ledger, A, 3, 5))
    assert ledger.terms[A].undecided == 2


def test_a_lost_term_may_still_be_closed() -> None:
    """R18: its driver came back and says what it never sent."""
    ledger = granted()
    ledger.hear(A, progress(ledger, A, 1, 3))
    ledger.lose(A, 9)
    ledger.close(A.boot, 2, closing(ledger, A, 2), cause="fenced", now_ns=20)
    term = ledger.terms[A]
    assert (owned(ledger, A), pooled(ledger)) == ([0, 2], [4, 6, 8])
    assert (term.status, term.was_lost, term.ended_ns) == ("closed", True, 9)


def test_doubt_frees_nothing() -> None:
    """R16: how far drivers came is not known, so all that was granted may have been sent."""
    ledger = granted()
    ledger.doubt(5)
    assert [(t.status, t.was_lost, t.owned) for t in ledger.terms.values()] == [
        ("lost", True, 5)
    ] * 2
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
    ledger.place(stripe(ledger, (B,)))
    assert min(ledger.terms[B].ranges) > before


def test_books_that_do_not_add_up_are_refused() -> None:
    """I4 by number."""
    ledger = granted()
    ledger.check()
    ledger.terms.pop(A)
    with pytest.raises(ProtocolError, match="10 planned, but 5 owned"):
        ledger.check()


MOVES = st.lists(
    st.tuples(
        st.sampled_from(("grant", "hear", "close", "lose", "void", "miss", "doubt", "reload")),
        st.integers(0, 2),
        st.integers(0, 12),
        st.integers(0, 12),
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(count=st.integers(0, 40), moves=MOVES)
def test_the_plan_is_always_covered_exactly_once(
    count: int, moves: list[tuple[str, int, int, int]]
) -> None:
    """I4: each index is owned once, pooled or missed, after any sequence of events."""
    ledger = Ledger(count)
    present = [1, 1, 1]
    ids: set[int] = set()
    for move, k, x, y in moves:
        boot = BootKey(f"d{k}", "x")
        key = TermKey(*boot, present[k])
        term = ledger.terms.get(key)
        if move == "grant":
            open_ = [TermKey(f"d{j}", "x", present[j]) for j in range(3)]
            open_ = [o for o in open_ if o not in ledger.terms or o in _live(ledger)]
            if open_ and ledger.pooled == count:
                shares = stripe(ledger, open_[: 1 + x % 3])
                new = {r.id for ranges in shares.values() for r in ranges}
                assert not new & ids
                ids |= new
                ledger.place(shares)
        elif move == "hear" and term is not None:
            said = [
                RangeProgress(id=i, decided=min(x, a.size), claim=y) for i, a in term.ranges.items()
            ]
            ledger.hear(key, said)
        elif move == "close":
            ends: tuple[RangeEnd, ...] = ()
            if term is not None:
                ends = tuple(
                    RangeEnd(id=i, decided=max(a.decided, min(x, a.size)))
                    for i, a in term.ranges.items()
                )
            present[k] += 1
            closed = [ClosedTerm(run_id="r", term=key.term, ranges=ends)]
            ledger.close(boot, present[k], closed, cause="fenced", now_ns=0)
        elif move == "lose":
            ledger.lose(key, 0)
        elif move == "void":
            ledger.void()
        elif move == "miss":
            ledger.miss_pool("no_driver")
        elif move == "doubt":
            ledger.doubt(0)
        elif move == "reload":
            ledger = load_ledger(dump_ledger(ledger), 0)
        ledger.check()
        assert everything(ledger) == Counter(range(count))
        for account in (a for t in ledger.terms.values() for a in t.ranges.values()):
            assert 0 <= account.decided <= account.size


def _live(ledger: Ledger) -> set[TermKey]:
    return {term.key for term in ledger.live()}
