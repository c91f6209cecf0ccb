"""One run, its director, and drivers that speak when told to."""

from __future__ import annotations

import itertools
from typing import Any

from tests.unit.orchestra import heartbeat, make_plan, now

from orchestrator.director import Director
from orchestrator.fleet import Fleet
from orchestrator.ledger import Ledger
from orchestrator.pace import Pace
from orchestrator.run import Run
from spate.messages import Grants, Message, Order, PlanDocument
from spate.timing import Timing


class World:
    """A run, its director, and drivers that speak when told to."""

    def __init__(self, size: int = 2, **plan: Any) -> None:
        self.fleet = Fleet(Timing())
        self.run = Run("r", make_plan(10, **plan), "digest", now(0).wall_ns)
        revise = itertools.count(1).__next__
        self.director = Director(
            self.run, fleet=self.fleet, timing=Timing(), pace=Pace(Timing()), epoch=0, revise=revise
        )
        self.n = 0
        for k in range(size):
            self.say(f"d{k + 1}")

    def say(self, driver_id: str, at_s: float = 0, **fields: Any) -> None:
        """Let a driver speak."""
        self.n += 1
        message = heartbeat(driver_id, n=self.n, **fields)
        at = now(at_s)
        self.fleet.hear(message, at.mono_ns // 1_000_000, at.mono_ns, at.wall_ns)
        self.director.hear(message, at)

    def apply(self, *driver_ids: str, at_s: float = 0, **fields: Any) -> None:
        """Let drivers say that they follow the standing grants."""
        for driver_id in driver_ids:
            granted = self.director.orders.granted
            self.say(driver_id, at_s, **{"run_id": "r", "revision": granted} | fields)

    def step(self, at_s: float = 0) -> list[str]:
        """Step until nothing changes; return what was ordered."""
        orders: list[Message] = []
        while new := self.director.step(now(at_s)):
            orders += new
        return [name_of(order) for order in orders]

    def to(self, state: str) -> None:
        """Bring the run into a state."""
        if state == "PENDING":
            return
        self.step()
        if state == "PREPARING":
            return
        self.apply("d1", "d2")
        self.step()
        if state == "RUNNING":
            return
        if state == "DRAINING":
            self.director.stop(now(0))
        elif state == "FINISHED":
            self.run.move("FINISHED", 0)
        elif state == "FAILED":
            self.director.fail(now(0), "broken")
        else:
            self.director.abort(now(0), "aborted by a user")
        self.step()

    @property
    def ledger(self) -> Ledger:
        """The books."""
        assert self.director.ledger is not None
        return self.director.ledger


def name_of(order: Message) -> str:
    """Return what an order is: the plan, grants to somebody, or a state."""
    match order:
        case PlanDocument():
            return "plan"
        case Grants():
            return "grants " + ",".join(g.driver_id for g in order.grants)
        case Order():
            return order.state
        case _:
            raise TypeError(order)
