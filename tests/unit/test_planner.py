"""The planner shares the pool out, neighbour by neighbour, in as few pieces as it can (R23)."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.books import closing, granted, pooled, progress

from orchestrator.ledger import Ledger
from orchestrator.planner import share
from orchestrator.terms import TermKey
from spate.grant import Range


def terms(n: int, term: int = 1) -> list[TermKey]:
    """Return so many terms."""
    return [TermKey(f"d{j}", "x", term) for j in range(n)]


def after_losses(count: int, n: int, ends: list[int]) -> Ledger:
    """Return the books of n drivers after some of them ended, each where it says."""
    ledger = granted(count, *terms(n))
    for key, decided in zip(terms(n), ends, strict=False):
        size = max((a.size for a in ledger.terms[key].ranges.values()), default=0)
        told = closing(ledger, key, min(decided, size))
        ledger.close(key.boot, 2, told, cause="fenced", now_ns=0)
    return ledger


@given(count=st.integers(0, 200), n=st.integers(1, 12))
def test_a_fresh_plan_is_striped(count: int, n: int) -> None:
    """The j-th of n gets j, j + n, and so on; who would get nothing gets no range."""
    shares = share(Ledger(count), terms(n))
    for j, key in enumerate(terms(n)):
        found = [list(one.indices()) for one in shares[key]]
        assert found == ([list(range(j, count, n))] if j < count else [])
    ids = [one.id for ranges in shares.values() for one in ranges]
    assert len(set(ids)) == len(ids)


@given(
    count=st.integers(0, 80),
    n=st.integers(1, 5),
    ends=st.lists(st.integers(0, 30), max_size=5),
    m=st.integers(1, 5),
)
def test_exactly_the_pool_is_shared_out(count: int, n: int, ends: list[int], m: int) -> None:
    """Each index once; ids are new, or the pooled piece's own."""
    ledger = after_losses(count, n, ends)
    before, known = pooled(ledger), {p.range.id for p in ledger.pool}
    next_id = ledger.next_id
    shares = share(ledger, terms(m, 2))
    given_out = [one for ranges in shares.values() for one in ranges]
    assert Counter(i for one in given_out for i in one.indices()) == Counter(before)
    ids = [one.id for one in given_out]
    assert len(set(ids)) == len(ids)
    assert all(i in known or next_id <= i < ledger.next_id for i in ids)
    assert all(one.size for one in given_out)
    ledger.place(shares)
    assert ledger.pool == []


@given(
    count=st.integers(0, 80),
    n=st.integers(1, 5),
    ends=st.lists(st.integers(0, 30), max_size=5),
    m=st.integers(1, 5),
)
def test_nobody_gets_much_more_than_another(count: int, n: int, ends: list[int], m: int) -> None:
    """From y on shares differ by one; split pieces take turns, so they add one more at most."""
    ledger = after_losses(count, n, ends)
    y = ledger.taken_below()
    pieces = [p for p in ledger.pool if p.range.size and p.range.start < y]
    shares = share(ledger, terms(m, 2))
    sizes = [sum(one.size for one in ranges) for ranges in shares.values()]
    if len(pieces) < m:
        assert max(sizes) - min(sizes) <= 2
    else:
        biggest = max(p.range.position_from(y) for p in pieces)
        assert max(sizes) - min(sizes) <= max(1, biggest)


def test_all_from_y_on_is_striped_anew() -> None:
    """A joiner's cut: the rest belongs to nobody, and three now stride through it."""
    ledger = granted(30, *terms(2))
    for key in terms(2):
        (account,) = ledger.terms[key].ranges.values()
        ledger.cut(key, account.range.id, 5, 1)
        ledger.hear(key, progress(ledger, key, 1, 4), 1)
    assert ledger.taken_below() == 10
    shares = share(ledger, terms(3))
    assert [[(r.start, r.step, r.size) for r in found] for found in shares.values()] == [
        [(10, 3, 7)],
        [(11, 3, 7)],
        [(12, 3, 6)],
    ]


def test_many_pieces_go_whole_to_whoever_has_least() -> None:
    """The biggest first; what a driver still has to do counts."""
    ledger = granted(100, *terms(5))
    for key, decided in zip(terms(5)[1:], (2, 4, 12, 16), strict=True):
        told = closing(ledger, key, decided)
        ledger.close(key.boot, 2, told, cause="fenced", now_ns=0)
    kept = terms(1)[0]  # its last index is 95: what is pooled above goes by strides
    ledger.hear(kept, progress(ledger, kept, 8, 8), 0)
    pieces = {p.range.start: p.range.id for p in ledger.pool}
    shares = share(ledger, [kept, terms(2, 2)[1]])
    whole = {
        key: [(r.id, r.size) for r in found if r.id in pieces.values()]
        for key, found in shares.items()
    }
    # One has 12 to do, and both 2 from 96 on. The pieces below have 17, 15, 7 and 3.
    assert [[size for _, size in found] for found in whole.values()] == [[15], [17, 7, 3]]
    assert {i for found in whole.values() for i, _ in found} == set(pieces.values())


def test_few_pieces_are_split_among_all() -> None:
    """Each begins where the last one ended, so the first is not always given the most."""
    ledger = granted(12, *terms(3))
    for key, decided in zip(terms(3)[:2], (2, 1), strict=True):
        told = closing(ledger, key, decided)
        ledger.close(key.boot, 2, told, cause="fenced", now_ns=0)
    # Pooled are 6 and 9, and 4, 7 and 10; the third driver's last is 11.
    shares = share(ledger, [*terms(2, 2), terms(3)[2]])
    assert [[list(r.indices()) for r in found] for found in shares.values()] == [
        [[6], [7]],
        [[9], [10]],
        [[4]],
    ]


def test_a_piece_that_crosses_y_is_dealt_with_in_two() -> None:
    """Below y it is a piece, from y on it is part of the stripes."""
    ledger = granted(10, *terms(2))
    first, second = terms(2)
    ledger.close(first.boot, 2, closing(ledger, first, 0), cause="fenced", now_ns=0)
    ledger.close(second.boot, 2, closing(ledger, second, 2), cause="fenced", now_ns=0)
    assert ledger.taken_below() == 4
    (heir,) = terms(1, 2)
    shares = share(ledger, [heir])
    found = shares[heir]
    assert [list(r.indices()) for r in found] == [[4, 5, 6, 7, 8, 9], [0, 2]]
    assert isinstance(found[1], Range)
    assert found[1].id in {p.range.id for p in ledger.pool}


def test_nobody_cannot_share() -> None:
    """Somebody must be there."""
    with pytest.raises(ValueError, match="nobody"):
        share(Ledger(5), [])
