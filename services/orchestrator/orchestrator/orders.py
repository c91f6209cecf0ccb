"""The messages by which a run's drivers learn what is wanted of them."""

from __future__ import annotations

from orchestrator.ledger import Ledger
from spate.messages import Beat, ClockEcho, Grant, Grants, Message, Order, PlanDocument, RunState
from spate.plan import Plan

_MOST_ITEMS = 6_000
"""Grants and ranges in a part: at most 80 bytes each, that is less than 500 KB."""


class Orders:
    """Writes the orders of one run and remembers what stands."""

    def __init__(self, run_id: str, epoch: int, plan: Plan, digest: str) -> None:
        self.revision = 0
        self.granted = 0
        self.start_mono_ns: int | None = None
        self.starts_at_ns: int | None = None
        self._run_id = run_id
        self._epoch = epoch
        self._plan = plan
        self._digest = digest
        self._state: RunState = "PREPARING"
        self._new: list[Message] = []

    def resume(
        self, state: RunState, *, revision: int, granted: int, starts_at_ns: int | None
    ) -> None:
        """Go on where another process ended: what it had ordered stands."""
        self._state = state
        self.revision, self.granted, self.starts_at_ns = revision, granted, starts_at_ns

    def take(self) -> tuple[Message, ...]:
        """Return what was written since the last call."""
        new, self._new = tuple(self._new), []
        return new

    def grant(self, revision: int, ledger: Ledger, drivers: int) -> None:
        """Tell every term what it may send."""
        self.revision = self.granted = revision
        self._new.extend(self.again(ledger, drivers))

    def state(self, state: RunState, revision: int) -> None:
        """Tell everybody the run's state."""
        self.revision, self._state = revision, state
        self._new.append(
            Order(
                epoch=self._epoch,
                run_id=self._run_id,
                revision=revision,
                state=state,
                needs=self.granted,
                starts_at_ns=self.starts_at_ns,
            )
        )

    def start(self, revision: int, starts_at_ns: int, start_mono_ns: int) -> None:
        """Tell everybody when to begin: wall time, and the same on our monotonic clock."""
        self.starts_at_ns, self.start_mono_ns = starts_at_ns, start_mono_ns
        self.state("RUNNING", revision)

    def move_start(self, starts_at_ns: int, start_mono_ns: int) -> None:
        """Say by our clocks when the run began; for who runs already nothing changes (R30)."""
        self.starts_at_ns, self.start_mono_ns = starts_at_ns, start_mono_ns

    def again(self, ledger: Ledger, drivers: int) -> tuple[Message, ...]:
        """Return the plan and the standing grants, the full state of every live term."""
        closed_through = ledger.closed_through()
        grants = [
            Grant(
                driver_id=term.key.driver_id,
                boot_id=term.key.boot_id,
                term=term.key.term,
                closed_through=closed_through.get(term.key.boot, 0),
                # Where all is decided there is nothing left to say.
                ranges=tuple(a.to_grant() for a in term.ranges.values() if a.undecided),
            )
            for term in ledger.live()
        ]
        pieces = _pieces(grants)
        plan = PlanDocument(
            epoch=self._epoch,
            run_id=self._run_id,
            digest=self._digest,
            plan=self._plan.to_document(),
        )
        parts = [
            Grants(
                epoch=self._epoch,
                run_id=self._run_id,
                revision=self.granted,
                part=number,
                parts=len(pieces),
                plan_digest=self._digest,
                count=ledger.count,
                drivers_at_start=drivers,
                grants=tuple(piece),
            )
            for number, piece in enumerate(pieces)
        ]
        return (plan, *parts)

    def beat(self, n: int, mono_ns: int, wall_ns: int, echo: tuple[ClockEcho, ...] = ()) -> Beat:
        """Return the sign of life that repeats the standing state."""
        start_ns = self.start_mono_ns
        return Beat(
            epoch=self._epoch,
            n=n,
            run_id=self._run_id,
            revision=self.revision,
            state=self._state,
            needs=self.granted,
            starts_at_ns=self.starts_at_ns,
            elapsed_ns=None if start_ns is None else mono_ns - start_ns,
            sent_at_ns=wall_ns,
            echo=echo,
        )


def _pieces(grants: list[Grant]) -> list[list[Grant]]:
    """Divide grants so that each piece fits into a record; there is one at least."""
    pieces: list[list[Grant]] = [[]]
    items = 0
    for grant in grants:
        weight = 2 + len(grant.ranges)
        if items + weight > _MOST_ITEMS and pieces[-1]:
            pieces.append([])
            items = 0
        pieces[-1].append(grant)
        items += weight
    return pieces
