"""A run: one execution of a plan, from the queue to its end. Its state only moves forward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from orchestrator.terms import TermKey
from spate.messages import STATE_ORDER, Heartbeat, RunState
from spate.plan import Plan
from spate.plan_load import LONGEST_RUN_NS
from spate.units import format_duration

EventKind = Literal[
    "state",
    "joined",
    "lost",
    "fenced",
    "left",
    "took_over",
    "problem",
    "pod_waiting",
    "pod_failed",
    "scaled",
]

ENDINGS: frozenset[RunState] = frozenset({"FINISHED", "FAILED", "ABORTED"})
"""The states from which a run does not move on."""


_TEXTS: dict[RunState, str] = {
    "PREPARING": "waiting for drivers, and until they know their parts",
    "READY": "every driver knows its part",
    "RUNNING": "the start is set, for all drivers at one instant",
    "DRAINING": "nothing new is sent, what is in flight is finished",
    "FINISHED": "all is done and accounted for",
    "FAILED": "it could not go on",
    "ABORTED": "ended at once",
}
"""What a state means, where no reason says more."""

TOO_LONG = f"the run has lasted {format_duration(LONGEST_RUN_NS)}, and Kafka keeps a day of it"
"""Why a closed load is ended: how long it takes is up to its target."""


class WrongMoveError(Exception):
    """A run was asked to go back, or on from its end."""


@dataclass(frozen=True, slots=True)
class RunEvent:
    """Something that happened to the run or its fleet; ``at_ns`` is wall time."""

    at_ns: int
    kind: EventKind
    driver_id: str | None
    text: str


@dataclass(slots=True)
class Run:
    """One execution of a plan. Times are wall time in ns, None until they happened.

    ``lasted_ns`` is the run time at the end, by the clock by which arrivals are due.
    ``fences`` counts the terms that drivers closed by themselves, ``takeovers`` the pieces of work
    that were nobody's and were given to drivers anew.
    """

    id: str
    plan: Plan
    digest: str
    created_at_ns: int
    idempotency_key: str | None = None
    body_digest: str = ""
    state: RunState = "PENDING"
    stopped: bool = False
    reason: str | None = None
    started_at_ns: int | None = None
    ended_at_ns: int | None = None
    lasted_ns: int | None = None
    drivers: int = 0
    fences: int = 0
    takeovers: int = 0
    events: list[RunEvent] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Whether everything is settled: only then is there a report."""
        return self.ended_at_ns is not None

    @property
    def ending(self) -> bool:
        """Whether its state is one of the last."""
        return self.state in ENDINGS

    @property
    def fleet_size(self) -> int:
        """For how many drivers its load is reckoned; before it is known, for the fewest."""
        return self.drivers or max(1, self.plan.drivers.min)

    def move(self, state: RunState, at_ns: int, reason: str | None = None) -> None:
        """Go on to ``state``.

        Raises:
            WrongMoveError: if that is not forward.
        """
        if self.ending or STATE_ORDER[state] <= STATE_ORDER[self.state]:
            raise WrongMoveError(f"run {self.id} is {self.state} and cannot become {state}")
        self.state = state
        if reason is not None:
            self.reason = reason
        self.note(at_ns, "state", None, f"{state}: {reason or _TEXTS[state]}")

    def end(self, at_ns: int, elapsed_ns: int | None) -> None:
        """Note that everything is settled, and how long after the start that was."""
        self.ended_at_ns, self.lasted_ns = at_ns, elapsed_ns

    def note(self, at_ns: int, kind: EventKind, driver_id: str | None, text: str) -> None:
        """Write an event into the run's history."""
        self.events.append(RunEvent(at_ns, kind, driver_id, text))

    def note_lost(self, driver_id: str, silent_ns: int, at_ns: int) -> None:
        """Note that a driver was lost (R19)."""
        text = f"{driver_id} was not heard for {silent_ns / 1e9:g} s and is taken for lost"
        self.note(at_ns, "lost", driver_id, text)

    def note_shared(self, arrivals: int, pieces: int, terms: Sequence[TermKey], at_ns: int) -> None:
        """Note that work which was nobody's was given to these (R23)."""
        self.takeovers += pieces
        among = f"{len(terms)} drivers" if len(terms) > 1 else terms[0].driver_id
        self.note(at_ns, "took_over", None, f"{arrivals:,} arrivals went to {among}")

    def note_end(self, message: Heartbeat, terms: int, at_ns: int) -> None:
        """Note that a driver ended so many of its terms, and why, as its heartbeat says."""
        driver_id = message.driver_id
        if message.leaving:
            text = f"{driver_id} was told to go and handed back what it had not begun"
            self.note(at_ns, "left", driver_id, text)
        elif message.refusal is not None:
            self.note(at_ns, "problem", driver_id, f"{driver_id} refused: {message.refusal}")
        elif STATE_ORDER[self.state] < STATE_ORDER["DRAINING"]:
            self.fences += terms
            text = f"{driver_id} stopped by itself: it could not be sure that it was heard"
            self.note(at_ns, "fenced", driver_id, text)

    def event_rows(self) -> list[dict[str, Any]]:
        """Return the events as the report shows them; times are relative to the start."""
        zero_ns = self.started_at_ns if self.started_at_ns is not None else self.created_at_ns
        return [
            {
                "offset_s": round((event.at_ns - zero_ns) / 1e9, 3),
                "kind": event.kind,
                "driver_id": event.driver_id,
                "text": event.text,
            }
            for event in self.events
        ]
