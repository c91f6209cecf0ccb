"""I4: whatever happens to terms, each index is owned once, pooled or missed."""

from __future__ import annotations

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.unit.books import everything

from orchestrator.ledger import Ledger
from orchestrator.ledger_state import dump_ledger, load_ledger
from orchestrator.planner import share
from orchestrator.terms import BootKey, TermKey
from spate.messages import ClosedTerm, RangeEnd, RangeProgress

DRIVERS = st.integers(0, 2)
SMALL = st.integers(0, 12)
CAUSES = st.sampled_from(("handover", "fenced", "no_driver"))


class Books(RuleBasedStateMachine):
    """Three drivers; each says what it may, as the ledger knows it."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(0)
        self.present = [1, 1, 1]
        self.revision = 0
        self.ids: set[int] = set()
        self.given_up: Counter[int] = Counter()

    def key(self, k: int) -> TermKey:
        """Return a driver's present term."""
        return TermKey(f"d{k}", "x", self.present[k])

    @initialize(count=st.integers(0, 40))
    def begin(self, count: int) -> None:
        """Open the books."""
        self.ledger = Ledger(count)

    @rule(n=st.integers(1, 3))
    def place(self, n: int) -> None:
        """Share the pool out over those who may have it."""
        status = {key: term.status for key, term in self.ledger.terms.items()}
        there = [k for k in map(self.key, range(3)) if status.get(k, "live") == "live"][:n]
        if there and self.ledger.pool:
            self.ledger.place(share(self.ledger, there))

    @rule(k=DRIVERS, decided=SMALL, claim=SMALL, behind=st.integers(0, 2))
    def hear(self, k: int, decided: int, claim: int, behind: int) -> None:
        """Let a driver speak; it may not have applied the newest orders."""
        term = self.ledger.terms.get(self.key(k))
        said = [
            RangeProgress(id=i, decided=min(decided, a.size), claim=claim)
            for i, a in (term.ranges if term else {}).items()
        ]
        self.ledger.hear(self.key(k), said, self.revision - behind)

    @rule(k=DRIVERS, decided=SMALL, number=st.integers(0, 99), cause=CAUSES)
    def close(self, k: int, decided: int, number: int, cause: str) -> None:
        """Let a driver end its term, or tell again where one that was lost ended."""
        boot, told = BootKey(f"d{k}", "x"), []
        self.present[k] += number % 2
        for key, term in self.ledger.terms.items():
            if key.boot == boot and key.term < self.present[k]:
                ends = tuple(
                    RangeEnd(id=i, decided=max(a.decided, min(decided, a.size)))
                    for i, a in term.ranges.items()
                )
                told.append(ClosedTerm(run_id="r", term=key.term, ranges=ends))
        self.ledger.close(boot, self.present[k], told, cause=cause, now_ns=0)  # type: ignore[arg-type]

    @rule(k=DRIVERS)
    def lose(self, k: int) -> None:
        """Lose a driver; it must close that term before it can hold work again."""
        self.ledger.lose(self.key(k), 0)

    @rule(position=SMALL)
    def cut(self, position: int) -> None:
        """Cut all ranges."""
        self.revision += 1
        for term in self.ledger.live():
            for i, account in term.ranges.items():
                self.ledger.cut(term.key, i, max(position, account.decided), self.revision)

    @rule(index=st.integers(0, 45), alone=st.booleans())
    def miss_before(self, index: int, alone: bool) -> None:
        """Give up what is due too soon."""
        self.ledger.miss_before(index, "no_driver" if alone else None)
        assert all(p.range.start >= index or not p.range.size for p in self.ledger.pool)

    @rule()
    def miss_pool(self) -> None:
        """Give everything up that is pooled."""
        self.ledger.miss_pool("aborted")

    @rule()
    def doubt(self) -> None:
        """Lose everybody at once, claims unknown."""
        self.ledger.doubt(0)

    @rule()
    def reload(self) -> None:
        """Let another process take the books over."""
        self.ledger = load_ledger(dump_ledger(self.ledger), 0)

    @invariant()
    def the_plan_is_covered_exactly_once(self) -> None:
        """I4, by index and by number."""
        self.ledger.check()
        assert everything(self.ledger) == Counter(range(self.ledger.count))

    @invariant()
    def nothing_is_owned_from_where_all_is_pooled(self) -> None:
        """R23: y is the least such index."""
        y, count = self.ledger.taken_below(), self.ledger.count
        free = {i for p in self.ledger.pool for i in p.range.indices()}
        assert y == next((i + 1 for i in reversed(range(count)) if i not in free), 0)

    @invariant()
    def positions_are_in_order(self) -> None:
        """I8: decided and claim lie within the size, and a cut never adds to it."""
        for account in (a for t in self.ledger.terms.values() for a in t.ranges.values()):
            assert 0 <= account.decided <= account.size
            assert account.claim <= account.size
            assert account.to_grant().size <= account.size

    @invariant()
    def what_was_given_up_stays_given_up(self) -> None:
        """I8: the missed never become fewer."""
        given_up = Counter(i for m in self.ledger.missed for i in m.range.indices())
        assert self.given_up <= given_up
        self.given_up = given_up


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=80, stateful_step_count=25, deadline=None)
