"""The planner shares the whole plan out, neighbour by neighbour."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.ledger import Ledger
from orchestrator.planner import stripe
from orchestrator.terms import TermKey


def terms(n: int) -> list[TermKey]:
    """So many terms."""
    return [TermKey(f"d{j}", "x", 1) for j in range(n)]


@given(count=st.integers(0, 200), n=st.integers(1, 12))
def test_each_index_goes_to_one_term(count: int, n: int) -> None:
    """The j-th of n gets j, j + n, and so on."""
    shares = stripe(Ledger(count), terms(n))
    for j, key in enumerate(terms(n)):
        (share,) = shares[key]
        assert list(share.indices()) == list(range(j, count, n))
    ids = [share.id for ranges in shares.values() for share in ranges]
    assert len(set(ids)) == n


def test_nobody_cannot_share() -> None:
    """Somebody must be there."""
    with pytest.raises(ValueError, match="nobody"):
        stripe(Ledger(5), [])
