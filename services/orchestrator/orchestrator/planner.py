"""How pooled work is shared out over the terms that may have it."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.ledger import Ledger
from orchestrator.terms import TermKey
from spate.grant import Range


def stripe(ledger: Ledger, terms: Sequence[TermKey]) -> dict[TermKey, list[Range]]:
    """Share the whole plan: of n terms the j-th gets the indices j, j + n, j + 2n, … (R23, y = 0).

    Neighbouring arrivals thus go to different drivers and the fleet is evenly spaced.

    Raises:
        ValueError: if there is no term to give it to.
    """
    if not terms:
        raise ValueError("there is nobody to share the plan among")
    n, count = len(terms), ledger.count
    return {
        term: [ledger.new_range(j, n, max(0, -((j - count) // n)))] for j, term in enumerate(terms)
    }
