"""The plans that were heard of lately, by the digest that grants name them with."""

from __future__ import annotations

from spate.messages import PlanDocument
from spate.plan import Plan, PlanError, parse_plan

_KEPT = 4


class PlanShelf:
    """Keeps the latest plans; one that is not what its digest says is counted, not kept."""

    def __init__(self) -> None:
        self.unreadable = 0
        self._plans: dict[str, Plan] = {}

    def add(self, message: PlanDocument) -> None:
        """Take a plan in, the oldest of too many out."""
        if message.digest in self._plans:
            return
        try:
            plan = parse_plan(message.plan)
        except PlanError:
            self.unreadable += 1
            return
        if plan.digest() != message.digest:
            self.unreadable += 1
            return
        self._plans[message.digest] = plan
        if len(self._plans) > _KEPT:
            del self._plans[next(iter(self._plans))]

    def get(self, digest: str) -> Plan | None:
        """Return the plan of this digest, if it was heard."""
        return self._plans.get(digest)
