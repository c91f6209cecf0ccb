"""A run is over when nothing is left to send and all that was sent is accounted for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.unit.orchestra import SECOND, heartbeat, make_plan

from orchestrator.fleet import Fleet
from orchestrator.ledger import Ledger
from orchestrator.planner import share
from orchestrator.settling import Settling
from orchestrator.terms import TermKey
from spate.aggregator import Aggregator
from spate.messages import Cell, ClosedTerm, RangeEnd, RangeProgress, SnapshotMessage
from spate.schedule import plan_schedule
from spate.timing import Timing

PLAN = make_plan(10)
A, B = TermKey("a", "b", 1), TermKey("b", "b", 1)


@dataclass
class World:
    """Two drivers of ten arrivals each, all decided, nothing reported."""

    ledger: Ledger = field(default_factory=lambda: Ledger(20))
    fleet: Fleet = field(default_factory=lambda: Fleet(Timing()))
    aggregator: Aggregator | None = None
    settling: Settling = field(default_factory=lambda: Settling(Timing()))
    n: int = 0
    seq: int = 0

    def __post_init__(self) -> None:
        """Share the plan out."""
        self.aggregator = Aggregator(PLAN, plan_schedule(PLAN, 2), "r")
        self.ledger.place(share(self.ledger, (A, B)))
        for key in (A, B):
            said = [
                RangeProgress(id=i, decided=10, claim=10) for i in self.ledger.terms[key].ranges
            ]
            self.ledger.hear(key, said, 0)

    def report(self, key: TermKey, count: int, seq: int = 1) -> None:
        """Let a term report so many."""
        assert self.aggregator is not None
        cell = Cell(request=0, stage=0, decided=count, sent=count, succeeded=count)
        self.aggregator.add(
            SnapshotMessage(
                driver_id=key.driver_id,
                boot_id=key.boot_id,
                term=key.term,
                run_id="r",
                seq=seq,
                window=0,
                cells=(cell,),
                in_flight=0,
                connections=1,
                cpu=0,
                clock_offset_ns=None,
                start_skew_ns=None,
            )
        )

    def close(self, key: TermKey, decided: int = 10) -> None:
        """Let a term end."""
        ends = tuple(RangeEnd(id=i, decided=decided) for i in self.ledger.terms[key].ranges)
        closed = [ClosedTerm(run_id="r", term=1, ranges=ends)]
        self.ledger.close(key.boot, 2, closed, cause="fenced", now_ns=0)

    def hear(self, key: TermKey, **fields: Any) -> None:
        """Let a process speak."""
        self.n += 1
        said = {"run_id": "r", "n": self.n, "term": 2, **fields}
        self.fleet.hear(heartbeat(key.driver_id, key.boot_id, **said), 0, 0, 0)

    def settled(self, at_s: float = 0, *, draining: bool = False) -> bool:
        """Tell whether it is over; requests may take 10 s."""
        return self.settling.settled(
            self.ledger,
            self.aggregator,
            self.fleet,
            draining=draining,
            limit_ns=10 * SECOND,
            now_ns=round(at_s * SECOND),
        )


def test_all_decided_and_reported_is_over() -> None:
    """The natural end: terms may still be live."""
    world = World()
    world.report(A, 10)
    assert not world.settled()
    world.report(B, 10)
    assert world.settled()


def test_nothing_is_over_while_something_is_undecided() -> None:
    """However long that takes: the limit runs from the last decision."""
    world = World()
    (account,) = world.ledger.terms[A].ranges.values()
    account.decided = 9
    assert not world.settled(0)
    assert not world.settled(100)
    account.decided = 10
    assert not world.settled(101)
    assert not world.settled(110.9)
    assert world.settled(111)


def test_draining_waits_for_terms_to_close() -> None:
    """A driver that has not heard of the end may still send."""
    world = World()
    world.report(A, 10)
    world.report(B, 10)
    assert not world.settled(draining=True)
    world.close(A)
    world.close(B)
    assert world.settled(draining=True)


def test_a_lost_driver_is_waited_for_a_while() -> None:
    """R29: its late snapshots may come within ``settle_after``."""
    world = World()
    world.report(B, 10)
    world.ledger.lose(A, 0)
    assert not world.settled(5)
    assert world.settled(5.1)


def test_a_lost_driver_that_is_back_is_waited_for() -> None:
    """Its lost term is closed by then: it lives, and what it has not reported will come."""
    world = World()
    world.report(B, 10)
    world.ledger.lose(A, 0)
    world.close(A)
    assert not world.settled(5.1)
    world.report(A, 10)
    assert world.settled(5.1)


def test_a_process_with_nothing_more_to_say_is_not_waited_for() -> None:
    """An abort cancels what is in flight: it gets no outcome."""
    world = World()
    world.close(A)
    world.close(B)
    world.report(B, 10)
    world.report(A, 3, seq=4)
    for fields in (
        {"term": 1, "state": "ABORTED", "first_seq": 4, "last_seq": 4},
        {"state": "ABORTED", "first_seq": 4, "last_seq": 4, "in_flight": 1},
        {"state": "ABORTED", "first_seq": 4, "last_seq": 4, "run_id": "another"},
        {"state": "RUNNING", "first_seq": 4, "last_seq": 4},
        {"state": None, "first_seq": 4, "last_seq": 4},
        {"state": "ABORTED", "first_seq": 4, "last_seq": 5},
        {"state": "ABORTED", "first_seq": 3, "last_seq": 4},
    ):
        world.hear(A, **fields)
        assert not world.settled(draining=True)
    world.hear(A, state="ABORTED", first_seq=4, last_seq=4)
    assert world.settled(draining=True)


def test_a_process_that_leaves_says_when_it_is_done() -> None:
    """A SIGTERMed driver, in whatever state its run is."""
    world = World()
    world.close(A)
    world.report(B, 10)
    world.report(A, 3, seq=4)
    world.hear(A, state="RUNNING", leaving=True, first_seq=4, last_seq=4)
    assert world.settled()


def test_without_an_aggregator_only_time_helps() -> None:
    """Nothing was reported to anybody."""
    world = World(aggregator=None)
    world.aggregator = None
    world.hear(A, state="ABORTED")
    assert not world.settled(0)
    assert world.settled(10)
