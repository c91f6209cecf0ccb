"""When a run is over: nothing is left to send, and all that was sent is accounted for (R29)."""

from __future__ import annotations

from orchestrator.fleet import Boot, Fleet
from orchestrator.holdings import TermAccount
from orchestrator.ledger import Ledger
from spate.aggregator import Aggregator
from spate.messages import STATE_ORDER
from spate.timing import Timing


class Settling:
    """Watches one run come to rest."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._resting_since_ns: int | None = None

    def settled(
        self,
        ledger: Ledger,
        aggregator: Aggregator | None,
        fleet: Fleet,
        *,
        draining: bool,
        limit_ns: int,
        now_ns: int,
    ) -> bool:
        """Tell whether every term has nothing more to report, or was waited for long enough.

        ``limit_ns`` bounds the wait after the last arrival was decided.
        """
        if any(term.undecided or (draining and term.ranges) for term in ledger.live()):
            self._resting_since_ns = None
            return False
        if self._resting_since_ns is None:
            self._resting_since_ns = now_ns
        if now_ns - self._resting_since_ns >= limit_ns:
            return True
        boots = {boot.key: boot for boot in fleet.boots()}
        return all(
            self._reported(term, aggregator)
            or self._given_up(term, ledger, now_ns)
            or _quiet(boots.get(term.key.boot), term, aggregator)
            for term in ledger.terms.values()
        )

    def _reported(self, term: TermAccount, aggregator: Aggregator | None) -> bool:
        reported = 0 if aggregator is None else aggregator.reported(*term.key)
        return reported >= term.owned

    def _given_up(self, term: TermAccount, ledger: Ledger, now_ns: int) -> bool:
        """Tell whether the process was lost long enough ago, and not heard since.

        Once it is heard again its lost term is closed: it lives, and will report.
        """
        return any(
            other.status == "lost"
            and other.ended_ns is not None
            and now_ns - other.ended_ns > self._timing.settle_after_ns
            for other in ledger.of(term.key.boot)
        )


def _quiet(boot: Boot | None, term: TermAccount, aggregator: Aggregator | None) -> bool:
    """Tell whether the process itself says that it has nothing in flight and reported it all."""
    if boot is None or aggregator is None or boot.heartbeat.term <= term.key.term:
        return False
    said = boot.heartbeat
    draining = said.state is not None and STATE_ORDER[said.state] >= STATE_ORDER["DRAINING"]
    if said.in_flight or said.run_id != aggregator.run_id or not (said.leaving or draining):
        return False
    return aggregator.seen_all(*boot.key, said.first_seq, said.last_seq)
