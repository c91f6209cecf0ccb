"""A ledger as JSON and back: what the journal holds of a run's books."""

from __future__ import annotations

from typing import Any

from orchestrator.ledger import Ledger, Missed, Pooled, RangeAccount, TermAccount
from orchestrator.terms import TermKey
from spate.grant import Range


def dump_ledger(ledger: Ledger) -> dict[str, Any]:
    """Return the whole ledger as JSON values."""
    return {
        "count": ledger.count,
        "next_id": ledger.next_id,
        "pool": [[*_flat(pooled.range), pooled.cause] for pooled in ledger.pool],
        "missed": [[*_flat(missed.range), missed.cause] for missed in ledger.missed],
        "terms": [
            {
                "key": list(term.key),
                "status": term.status,
                "left": term.left,
                "was_lost": term.was_lost,
                "ranges": [
                    [*_flat(a.range), a.decided, a.claim, a.cut, a.cut_revision]
                    for a in term.ranges.values()
                ],
            }
            for term in ledger.terms.values()
        ],
    }


def load_ledger(state: dict[str, Any], now_ns: int) -> Ledger:
    """Rebuild a ledger; what ended is taken to have ended now.

    Raises:
        KeyError, TypeError, ValueError: if the state is not one of ``dump_ledger``.
        ProtocolError: if the books do not add up.
    """
    ledger = Ledger(state["count"])
    ledger.next_id = state["next_id"]
    ledger.pool = [Pooled(Range(*row[:4]), row[4]) for row in state["pool"]]
    ledger.missed = [Missed(Range(*row[:4]), row[4]) for row in state["missed"]]
    for saved in state["terms"]:
        driver_id, boot_id, number = saved["key"]
        term = TermAccount(
            TermKey(driver_id, boot_id, number),
            status=saved["status"],
            left=saved["left"],
            was_lost=saved["was_lost"],
            ended_ns=None if saved["status"] == "live" else now_ns,
        )
        for id_, start, step, size, decided, claim, cut, cut_revision in saved["ranges"]:
            account = RangeAccount(Range(id_, start, step, size), decided, claim, cut, cut_revision)
            term.ranges[id_] = account
        ledger.terms[term.key] = term
    ledger.check()
    return ledger


def _flat(range_: Range) -> list[int]:
    return [range_.id, range_.start, range_.step, range_.size]
