"""A ledger at work, and what its terms say."""

from __future__ import annotations

from collections import Counter

from orchestrator.ledger import Ledger
from orchestrator.planner import share
from orchestrator.terms import TermKey
from spate.grant import Range
from spate.messages import ClosedTerm, RangeEnd, RangeProgress

A, B, C = TermKey("a", "x", 1), TermKey("b", "x", 1), TermKey("c", "x", 1)


def granted(count: int = 10, *terms: TermKey) -> Ledger:
    """Return a ledger whose plan is shared out over these terms, A and B unless said otherwise."""
    ledger = Ledger(count)
    ledger.place(share(ledger, terms or (A, B)))
    return ledger


def progress(ledger: Ledger, key: TermKey, decided: int, claim: int) -> list[RangeProgress]:
    """Return what a term says of each of its ranges."""
    return [RangeProgress(id=i, decided=decided, claim=claim) for i in ledger.terms[key].ranges]


def closing(ledger: Ledger, key: TermKey, decided: int) -> list[ClosedTerm]:
    """Return how a term says that it ended."""
    ends = tuple(RangeEnd(id=i, decided=decided) for i in ledger.terms[key].ranges)
    return [ClosedTerm(run_id="r", term=key.term, ranges=ends)]


def owned(ledger: Ledger, key: TermKey) -> list[int]:
    """Return the indices that a term owns."""
    return sorted(i for a in ledger.terms[key].ranges.values() for i in a.range.indices())


def pooled(ledger: Ledger) -> list[int]:
    """Return the indices of the pool."""
    return sorted(i for each in ledger.pool for i in each.range.indices())


def missed(ledger: Ledger) -> dict[str, list[int]]:
    """Return the indices that were given up, by cause."""
    found: dict[str, list[int]] = {}
    for each in ledger.missed:
        found.setdefault(each.cause, []).extend(each.range.indices())
    return {cause: sorted(indices) for cause, indices in found.items()}


def everything(ledger: Ledger) -> Counter[int]:
    """Return how often each index is owned, pooled or missed."""
    parts: list[Range] = [a.range for term in ledger.terms.values() for a in term.ranges.values()]
    parts += [each.range for each in ledger.pool]
    parts += [each.range for each in ledger.missed]
    return Counter(index for part in parts for index in part.indices())
