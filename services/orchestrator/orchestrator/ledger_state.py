"""A ledger, and the processes it names, as JSON and back: what the journal holds of them."""

from __future__ import annotations

from typing import Any

from orchestrator.fleet import Fleet
from orchestrator.holdings import Missed, Pooled, RangeAccount, TermAccount
from orchestrator.ledger import Ledger
from orchestrator.terms import TermKey
from spate.grant import Range
from spate.messages import Heartbeat


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
            ended_ns=None if saved["status"] == "live" else now_ns,
        )
        for id_, start, step, size, decided, claim, cut, cut_revision in saved["ranges"]:
            account = RangeAccount(Range(id_, start, step, size), decided, claim, cut, cut_revision)
            term.ranges[id_] = account
        ledger.enter(term)
    ledger.check()
    return ledger


def dump_boots(ledger: Ledger, fleet: Fleet) -> list[dict[str, Any]]:
    """Return what was last heard of each process that the ledger names (R17, R19)."""
    found = (fleet.find(key) for key in dict.fromkeys(term.boot for term in ledger.terms))
    return [
        {
            "append_ms": boot.append_ms,
            "lost": boot.lost,
            # What it said of its work is in the ledger.
            "heartbeat": boot.heartbeat.model_copy(
                update={"ranges": (), "closed": (), "clock": None}
            ).model_dump(mode="json"),
        }
        for boot in found
        if boot is not None
    ]


def load_boots(rows: list[dict[str, Any]], fleet: Fleet, now_ns: int) -> None:
    """Take these processes up, as if each was heard now (R13).

    Raises:
        KeyError, TypeError, ValueError: if the rows are not those of ``dump_boots``.
    """
    for row in rows:
        message = Heartbeat.model_validate(row["heartbeat"])
        fleet.restore(message, int(row["append_ms"]), now_ns, lost=bool(row["lost"]))


def _flat(range_: Range) -> list[int]:
    return [range_.id, range_.start, range_.step, range_.size]
