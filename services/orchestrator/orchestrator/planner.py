"""How pooled work is shared out over the terms that may have it (R23).

Pure. With y the least index from which on everything is pooled::

    0                    y                          count
    ├─ ▒▒ ── ▒ ──── ▒▒▒ ─┼▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒┤
      pieces of ranges     the j-th of n terms gets
      that others gave     y + j, y + j + n, …
      back
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.ledger import Ledger
from orchestrator.terms import TermKey
from spate.grant import Range


def share(ledger: Ledger, terms: Sequence[TermKey]) -> dict[TermKey, list[Range]]:
    """Share the whole pool out: neighbouring arrivals go to different drivers.

    Below y, n pieces or more are given out whole, the biggest first, each to whoever has least to
    do; fewer are split among all. (Splitting every one doubles their number at each loss.)

    Raises:
        ValueError: if there is no term to give it to.
    """
    if not terms:
        raise ValueError("there is nobody to share the work among")
    y, n = ledger.taken_below(), len(terms)
    shares: dict[TermKey, list[Range]] = {term: [] for term in terms}
    for j, term in enumerate(terms):
        size = max(0, -((y + j - ledger.count) // n))
        if size:
            shares[term].append(ledger.new_range(y + j, n, size))
    pieces = [
        piece
        for pooled in ledger.pool
        if (piece := pooled.range.head(pooled.range.position_from(y))).size
    ]
    if len(pieces) >= n:
        _deal(ledger, pieces, shares)
    else:
        _split(ledger, pieces, shares)
    return shares


def _deal(ledger: Ledger, pieces: list[Range], shares: dict[TermKey, list[Range]]) -> None:
    """Give out whole pieces, the biggest first, each to whoever has least to do."""
    burden = {
        term: sum(granted.size for granted in granted_now)
        + (ledger.terms[term].undecided if term in ledger.terms else 0)
        for term, granted_now in shares.items()
    }
    for piece in sorted(pieces, key=lambda piece: -piece.size):
        term = min(burden, key=lambda term: burden[term])
        shares[term].append(piece)
        burden[term] += piece.size


def _split(ledger: Ledger, pieces: list[Range], shares: dict[TermKey, list[Range]]) -> None:
    """Split each piece into a stride for everybody; each begins where the last one ended."""
    terms, turn = list(shares), 0
    n = len(terms)
    for piece in pieces:
        for j in range(min(n, piece.size)):
            size = -((j - piece.size) // n)
            part = ledger.new_range(piece.index(j), piece.step * n, size)
            shares[terms[(turn + j) % n]].append(part)
        turn += piece.size
