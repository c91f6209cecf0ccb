"""Who owns which arrivals: the books that make every planned request accounted for.

At any time the plan ``[0, count)`` is the disjoint union of what the terms own, what is pooled
(owned by nobody, not given up) and what is missed (given up). Pure; refuses anything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from orchestrator.holdings import Missed, MissedCause, PoolCause, Pooled, RangeAccount, TermAccount
from orchestrator.terms import BootKey, TermKey
from spate.grant import Range
from spate.messages import ClosedTerm, RangeProgress


class ProtocolError(Exception):
    """A driver said what cannot be: the books cannot be trusted and the run must fail."""


class Ledger:
    """The books of one run."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.terms: dict[TermKey, TermAccount] = {}
        self.missed: list[Missed] = []
        self._of: dict[BootKey, list[TermAccount]] = {}
        self.next_id = 1
        self.pool: list[Pooled] = []
        self.void()

    def void(self) -> None:
        """Take everything back, before anything was sent (R25). Range ids are not reused."""
        self.terms = {}
        self._of = {}
        self.missed = []
        self.pool = [Pooled(self.new_range(0, 1, self.count), "no_driver")] if self.count else []

    def enter(self, term: TermAccount) -> None:
        """Open the account of a term that has none."""
        self.terms[term.key] = term
        self._of.setdefault(term.key.boot, []).append(term)

    def of(self, boot: BootKey) -> Sequence[TermAccount]:
        """Return the accounts of one process, without a look at those of the others."""
        return self._of.get(boot, ())

    def new_range(self, start: int, step: int, size: int) -> Range:
        """Return a range with an id of its own."""
        self.next_id += 1
        return Range(self.next_id - 1, start, step, size)

    def place(self, grants: Mapping[TermKey, Iterable[Range]]) -> None:
        """Give the whole pool to these terms.

        Raises:
            ProtocolError: if the ranges are not as many arrivals as the pool, or a term ended;
                nothing is placed then.
        """
        whole = {key: tuple(ranges) for key, ranges in grants.items()}
        placed, pooled = sum(r.size for ranges in whole.values() for r in ranges), self.pooled
        if placed != pooled:
            raise ProtocolError(f"{placed} arrivals were placed, {pooled} were pooled")
        for key in whole:
            if key in self.terms and self.terms[key].status != "live":
                raise ProtocolError(f"work was placed on {key}, which is {self.terms[key].status}")
        for key, ranges in whole.items():
            if key not in self.terms:
                self.enter(TermAccount(key))
            self.terms[key].ranges.update({granted.id: RangeAccount(granted) for granted in ranges})
        self.pool = []

    def cut(self, key: TermKey, range_id: int, position: int, revision: int) -> None:
        """Note that a range is to end at ``position``, once its driver applied ``revision`` (R20).

        A cut that was not confirmed yet is never taken back: the driver may have applied it.
        """
        account = self.terms[key].ranges[range_id]
        before = account.size if account.cut is None else account.cut
        account.cut, account.cut_revision = min(before, position), revision

    def hear(self, key: TermKey, progress: Iterable[RangeProgress], revision: int) -> None:
        """Take what a live term says of its ranges (R17, R20); who ended is not listened to.

        Its driver has applied ``revision``: what that cut off comes into the pool.

        Raises:
            ProtocolError: if more was decided than is owned; it counts as all of it.
        """
        term = self.terms.get(key)
        if term is None or term.status != "live":
            return
        wrong = []
        for said in progress:
            account = term.ranges.get(said.id)
            if account is None:
                continue
            if said.decided > account.size:
                wrong.append(
                    f"{key} decided {said.decided} arrivals of range {said.id}, "
                    f"but owned {account.size}"
                )
            account.decided = max(account.decided, min(said.decided, account.size))
            account.claim = max(account.claim, account.decided, min(said.claim, account.size))
        for account in term.ranges.values():
            if account.cut is not None and revision >= (account.cut_revision or 0):
                self._give_back(account, max(account.cut, account.decided), "handover")
        if wrong:
            raise ProtocolError("; ".join(wrong))

    def close(
        self,
        boot: BootKey,
        before_term: int,
        closed: Iterable[ClosedTerm],
        *,
        cause: PoolCause,
        now_ns: int,
    ) -> list[TermKey]:
        """End all terms of a process before ``before_term`` as it says they ended (R18).

        ``cause`` is why what they give back is nobody's. The end is final for a lost term too,
        of which it may give back more.

        Raises:
            ProtocolError: if a term says that it decided more than it owned, or less than it had
                said before. It is ended all the same, and nothing that may have been sent is
                given back.
        """
        ended, wrong = [], []
        said = {term.term: {end.id: end.decided for end in term.ranges} for term in closed}
        for term in self.of(boot):
            key = term.key
            if key.term >= before_term or term.status == "closed":
                continue
            ends = said.get(key.term, {})
            for account in term.ranges.values():
                decided = ends.get(account.range.id, 0)
                if not account.decided <= decided <= account.size:
                    wrong.append(
                        f"{key} ended range {account.range.id} at {decided}, but had decided "
                        f"{account.decided} of the {account.size} arrivals that it owned"
                    )
                account.decided = min(account.size, max(account.decided, decided))
                self._give_back(account, account.decided, cause)
            term.status = "closed"
            term.ended_ns = now_ns if term.ended_ns is None else term.ended_ns
            ended.append(key)
        if wrong:
            raise ProtocolError("; ".join(wrong))
        return ended

    def lose(self, key: TermKey, now_ns: int) -> bool:
        """Free what a lost term had not claimed (R19); tell whether it held work."""
        term = self.terms.get(key)
        if term is None or term.status != "live":
            return False
        for account in term.ranges.values():
            self._give_back(account, account.claim, "handover")
        term.status = "lost"
        term.ended_ns = now_ns
        return True

    def doubt(self, now_ns: int) -> None:
        """Lose all live terms and free nothing: how far they came is not known (R16)."""
        for term in self.live():
            term.status = "lost"
            term.ended_ns = now_ns

    def leave(self, boot: BootKey) -> None:
        """Note that a process goes and has nothing in flight: its terms owe nothing."""
        for term in self.of(boot):
            if term.status == "closed":
                term.left = True

    def miss_pool(self, cause: MissedCause) -> None:
        """Give up all that is pooled."""
        for pooled in self.pool:
            self._miss(pooled.range, cause)
        self.pool = []

    def miss_before(self, index: int, cause: MissedCause | None = None) -> None:
        """Give up what is pooled below ``index``, for the cause it came in with or for this one."""
        kept = []
        for pooled in self.pool:
            position = pooled.range.position_from(index)
            if position:
                self._miss(pooled.range.head(position), cause or pooled.cause)
                rest = pooled.range.tail(position, pooled.range.id)
                pooled = Pooled(rest, pooled.cause)  # noqa: PLW2901 - what is left of it
            if pooled.range.size:
                kept.append(pooled)
        self.pool = kept

    @property
    def pooled(self) -> int:
        """How many arrivals nobody owns."""
        return sum(pooled.range.size for pooled in self.pool)

    @property
    def missed_count(self) -> int:
        """How many arrivals were given up."""
        return sum(missed.range.size for missed in self.missed)

    def may_have(self, key: TermKey) -> bool:
        """Tell whether a term may be given work: it did not end, whatever is still heard of it."""
        term = self.terms.get(key)
        return term is None or term.status == "live"

    def live(self) -> list[TermAccount]:
        """Return the terms that may hold work."""
        return [term for term in self.terms.values() if term.status == "live"]

    def taken_below(self) -> int:
        """Return the least index from which on everything is pooled (R23)."""
        owned = (account.range for term in self.terms.values() for account in term.ranges.values())
        given_up = (missed.range for missed in self.missed)
        return max(
            (r.index(r.size - 1) + 1 for ranges in (owned, given_up) for r in ranges if r.size),
            default=0,
        )

    def closed_through(self) -> dict[BootKey, int]:
        """Return each process's highest term whose end is in the books, if there is one."""
        closed: dict[BootKey, int] = {}
        for key, term in self.terms.items():
            if term.status == "closed":
                closed[key.boot] = max(key.term, closed.get(key.boot, 0))
        return closed

    def check(self) -> None:
        """Check that the plan is covered, by number (I4).

        Raises:
            ProtocolError: if it is not.
        """
        owned = sum(a.range.size for term in self.terms.values() for a in term.ranges.values())
        total = owned + self.pooled + self.missed_count
        if total != self.count:
            raise ProtocolError(
                f"{self.count} planned, but {owned} owned + {self.pooled} pooled + "
                f"{self.missed_count} missed = {total}"
            )

    def _give_back(self, account: RangeAccount, position: int, cause: PoolCause) -> None:
        if position < account.size:
            self.pool.append(Pooled(account.range.tail(position, self.next_id), cause))
            self.next_id += 1
            account.range = account.range.head(position)
        account.claim = min(account.claim, account.size)
        account.cut = account.cut_revision = None

    def _miss(self, given_up: Range, cause: MissedCause) -> None:
        """Write off a range; one that goes on where another ended makes that longer.

        Without a driver this happens several times a second, for as long as it lasts.
        """
        for place in range(len(self.missed) - 1, max(-1, len(self.missed) - 1 - _LOOK_BACK), -1):
            before = self.missed[place]
            joins = (
                before.cause == cause
                and before.range.step == given_up.step
                and before.range.index(before.range.size) == given_up.start
            )
            if joins:
                size = before.range.size + given_up.size
                whole = Range(before.range.id, before.range.start, given_up.step, size)
                self.missed[place] = Missed(whole, cause)
                return
        self.missed.append(Missed(given_up, cause))


_LOOK_BACK = 64
"""Enough for the ranges of a few lost drivers, and no search through hours."""
