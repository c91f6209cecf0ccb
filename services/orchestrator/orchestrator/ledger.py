"""Who owns which arrivals: the books that make every planned request accounted for.

At any time the plan ``[0, count)`` is the disjoint union of what the terms own, what is pooled
(owned by nobody, not given up) and what is missed (given up). Pure; refuses anything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.terms import BootKey, TermKey
from spate.grant import Range
from spate.messages import ClosedTerm, RangeProgress

TermStatus = Literal["live", "closed", "lost"]
PoolCause = Literal["handover", "fenced", "no_driver"]
MissedCause = Literal["handover", "fenced", "no_driver", "aborted"]


class ProtocolError(Exception):
    """A driver said what cannot be: the books cannot be trusted and the run must fail."""


@dataclass(slots=True)
class RangeAccount:
    """A granted range as the ledger knows it; ``decided``, ``claim`` and ``cut`` are positions."""

    range: Range
    decided: int = 0
    claim: int = 0
    cut: int | None = None
    cut_revision: int | None = None

    @property
    def size(self) -> int:
        """How many positions the term owns."""
        return self.range.size


@dataclass(slots=True)
class TermAccount:
    """All that one term was granted; ``left`` says that its driver went and owes nothing."""

    key: TermKey
    status: TermStatus = "live"
    left: bool = False
    was_lost: bool = False
    ended_ns: int | None = None
    ranges: dict[int, RangeAccount] = field(default_factory=dict)

    @property
    def owned(self) -> int:
        """How many arrivals it answers for."""
        return sum(account.size for account in self.ranges.values())

    @property
    def undecided(self) -> int:
        """How many of them its driver had not decided when last heard."""
        return sum(account.size - account.decided for account in self.ranges.values())


@dataclass(frozen=True, slots=True)
class Pooled:
    """Arrivals that nobody owns, and why."""

    range: Range
    cause: PoolCause


@dataclass(frozen=True, slots=True)
class Missed:
    """Arrivals that will not be sent, and why."""

    range: Range
    cause: MissedCause


class Ledger:
    """The books of one run."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.terms: dict[TermKey, TermAccount] = {}
        self.missed: list[Missed] = []
        self.next_id = 1
        self.pool: list[Pooled] = []
        self.void()

    def void(self) -> None:
        """Take everything back, before anything was sent (R25). Range ids are not reused."""
        self.terms = {}
        self.missed = []
        self.pool = [Pooled(self.new_range(0, 1, self.count), "no_driver")] if self.count else []

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
            term = self.terms.setdefault(key, TermAccount(key))
            term.ranges.update({granted.id: RangeAccount(granted) for granted in ranges})
        self.pool = []

    def hear(self, key: TermKey, progress: Iterable[RangeProgress]) -> None:
        """Take what a live term says of its ranges (R17); what ended is not listened to.

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
        for key, term in self.terms.items():
            if key.boot != boot or key.term >= before_term or term.status == "closed":
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
        term.was_lost = True
        term.ended_ns = now_ns
        return True

    def doubt(self, now_ns: int) -> None:
        """Lose all live terms and free nothing: how far they came is not known (R16)."""
        for term in self.live():
            term.status = "lost"
            term.was_lost = True
            term.ended_ns = now_ns

    def leave(self, boot: BootKey) -> None:
        """Note that a process goes and has nothing in flight: its terms owe nothing."""
        for key, term in self.terms.items():
            if key.boot == boot and term.status == "closed":
                term.left = True

    def miss_pool(self, cause: MissedCause) -> int:
        """Give up all that is pooled; return how many arrivals that is."""
        given_up = self.pooled
        self.missed.extend(Missed(pooled.range, cause) for pooled in self.pool)
        self.pool = []
        return given_up

    @property
    def pooled(self) -> int:
        """How many arrivals nobody owns."""
        return sum(pooled.range.size for pooled in self.pool)

    @property
    def missed_count(self) -> int:
        """How many arrivals were given up."""
        return sum(missed.range.size for missed in self.missed)

    def live(self) -> list[TermAccount]:
        """Return the terms that may hold work."""
        return [term for term in self.terms.values() if term.status == "live"]

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
        owned = sum(term.owned for term in self.terms.values())
        total = owned + self.pooled + self.missed_count
        if total != self.count:
            raise ProtocolError(
                f"{self.count} planned, but {owned} owned + {self.pooled} pooled + "
                f"{self.missed_count} missed = {total}"
            )

    def _give_back(self, account: RangeAccount, position: int, cause: PoolCause) -> None:
        if position < account.size:
            tail = account.range.tail(position, self.next_id)
            self.next_id += 1
            self.pool.append(Pooled(tail, cause))
            account.range = account.range.head(position)
