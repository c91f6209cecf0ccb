"""Orders tell drivers the whole state, never a difference."""

from __future__ import annotations

import pytest
from tests.unit.orchestra import WALL_NS, make_plan

from orchestrator.ledger import Ledger
from orchestrator.orders import Orders
from orchestrator.planner import share
from orchestrator.terms import TermKey
from spate.messages import Grants, Order, PlanDocument, encode
from spate.plan import parse_plan

PLAN = make_plan()


def orders() -> Orders:
    """Orders of a run on which nothing was ordered."""
    return Orders("r", 7, PLAN, PLAN.digest())


def shared(n: int, count: int = 100) -> Ledger:
    """A ledger shared out over so many drivers."""
    ledger = Ledger(count)
    ledger.place(share(ledger, [TermKey(f"d{j:05}", "x", 1) for j in range(n)]))
    return ledger


def test_grants_travel_with_the_plan() -> None:
    """The plan first, or who reads them could do nothing with the grants."""
    made = orders()
    made.grant(3, shared(2), 2)
    plan, grants = made.take()
    assert isinstance(plan, PlanDocument)
    assert parse_plan(plan.plan).digest() == plan.digest == PLAN.digest()
    assert isinstance(grants, Grants)
    assert (grants.epoch, grants.revision, grants.parts, grants.count) == (7, 3, 1, 100)
    assert [[r.size for r in grant.ranges] for grant in grants.grants] == [[50], [50]]
    assert made.take() == ()


def test_large_fleets_are_told_in_parts() -> None:
    """A part stays below 500 KB."""
    made = orders()
    made.grant(1, shared(6_500), 6_500)
    _, *parts = made.take()
    assert [(p.part, p.parts) for p in parts if isinstance(p, Grants)] == [(0, 3), (1, 3), (2, 3)]
    assert max(len(encode(part)) for part in parts) < 500_000


def test_terms_that_ended_are_not_named() -> None:
    """Their drivers see from that, and from ``closed_through``, that they own nothing."""
    ledger = shared(2)
    ledger.close(TermKey("d00000", "x", 1).boot, 2, (), cause="fenced", now_ns=0)
    ledger.lose(TermKey("d00001", "x", 1), 0)
    made = orders()
    made.grant(1, ledger, 2)
    _, grants = made.take()
    assert isinstance(grants, Grants)
    assert (grants.grants, grants.parts) == ((), 1)


@pytest.mark.parametrize("state", ["READY", "ABORTED"])
def test_a_state_needs_the_standing_grants(state: str) -> None:
    """R25: obeyed by who applied them."""
    made = orders()
    made.grant(3, shared(1), 1)
    made.take()
    made.state(state, 4)  # type: ignore[arg-type]
    (order,) = made.take()
    assert isinstance(order, Order)
    assert (order.state, order.revision, order.needs, order.starts_at_ns) == (state, 4, 3, None)


def test_beats_repeat_what_stands() -> None:
    """R27: so any single order may be lost."""
    made = orders()
    beat = made.beat(1, 5, WALL_NS)
    assert (beat.revision, beat.state, beat.needs, beat.elapsed_ns) == (0, "PREPARING", 0, None)
    made.grant(3, shared(1), 1)
    made.start(4, WALL_NS + 100, 1_000)
    beat = made.beat(2, 1_500, WALL_NS)
    assert (beat.revision, beat.state, beat.needs) == (4, "RUNNING", 3)
    assert (beat.starts_at_ns, beat.elapsed_ns) == (WALL_NS + 100, 500)


def test_what_is_decided_is_not_granted_again() -> None:
    """R9: a finished range is left out, one that is cut is told with its new size."""
    ledger, made = shared(1), orders()
    (term,) = ledger.live()
    (account,) = term.ranges.values()
    ledger.cut(term.key, account.range.id, 40, 4)
    made.grant(4, ledger, 1)
    _, grants = made.take()
    assert isinstance(grants, Grants)
    assert [[r.size for r in grant.ranges] for grant in grants.grants] == [[40]]
    account.decided = 100
    _, grants = made.again(ledger, 1)
    assert isinstance(grants, Grants)
    assert [grant.ranges for grant in grants.grants] == [()]
    assert made.take() == ()


def test_orders_go_on_where_another_process_ended() -> None:
    """R13: what it had ordered stands; when the run began is not known by our clock yet."""
    made = orders()
    made.resume("RUNNING", revision=9, granted=8, starts_at_ns=WALL_NS)
    beat = made.beat(1, 5, WALL_NS)
    assert (beat.state, beat.revision, beat.needs, beat.starts_at_ns, beat.elapsed_ns) == (
        "RUNNING",
        9,
        8,
        WALL_NS,
        None,
    )
    assert made.take() == ()
    made.move_start(WALL_NS + 7, 1_000)
    beat = made.beat(2, 5_000, WALL_NS)
    assert (beat.starts_at_ns, beat.elapsed_ns, beat.revision) == (WALL_NS + 7, 4_000, 9)
    assert made.take() == ()
