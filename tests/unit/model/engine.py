"""The engine's double: takes what the session allows, sends it, and counts what became of it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.unit.model.truth import Truth

from driver.closure import Closure
from driver.load import Load
from driver.ranges import HeldRanges
from driver.session import Session
from spate.choice import RequestChoice
from spate.messages import STATE_ORDER, Cell
from spate.timing import MS

CellKey = tuple[int, int, int]


@dataclass(slots=True)
class Flying:
    """An arrival on a socket."""

    index: int
    term: int
    done_ns: int
    outcome: str


@dataclass(slots=True)
class Counts:
    """What happened in one interval to one term's arrivals of one request and stage."""

    decided: int = 0
    sent: int = 0
    succeeded: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)

    def cell(self, request: int, stage: int) -> Cell:
        """Return it as it travels."""
        return Cell(
            request=request,
            stage=stage,
            decided=self.decided,
            sent=self.sent,
            succeeded=self.succeeded,
            failed=dict(self.failed),
            dropped=dict(self.dropped),
            missed=dict(self.missed),
        )


class Engine:
    """One driver's part in one run, see ``driver.engine.Engine``.

    ``service_ms`` is how long the target takes for most; ``look`` is the driver's own, which also
    takes back what closed terms had not sent.
    """

    def __init__(
        self,
        *,
        load: Load,
        session: Session,
        truth: Truth,
        random: Random,
        look: Callable[[], HeldRanges | None],
        service_ms: int,
    ) -> None:
        self.load = load
        self.silent = False
        self.ended = False
        self.cells: dict[CellKey, Counts] = {}
        self._session = session
        self._truth = truth
        self._random = random
        self._look = look
        self._service_ms = service_ms
        self._choice = RequestChoice(load.plan.seed, [r.weight for r in load.plan.requests])
        self._waiting: deque[tuple[int, int, int]] = deque()  # index, term, decided at
        self._flying: list[Flying] = []

    @property
    def in_flight(self) -> int:
        """Arrivals decided and not done."""
        return len(self._waiting) + len(self._flying)

    def pump(self, mono_ns: int) -> None:
        """Finish what is done, decide what is due."""
        if self.ended:
            return
        self._finish(mono_ns)
        held = self._look()
        self._go_on(mono_ns)
        if held is None:
            return
        elapsed_ns = mono_ns - (self._session.start_mono_ns or 0)
        if self.load.schedule.is_open:
            self._decide_open(held, elapsed_ns, mono_ns)
        else:
            self._decide_closed(held, mono_ns)

    def closed(self, closure: Closure) -> None:
        """Give up what a closed term had not sent (R4)."""
        kept: deque[tuple[int, int, int]] = deque()
        for index, term, decided_ns in self._waiting:
            if term > closure.term:
                kept.append((index, term, decided_ns))
            else:
                self._count(term, index).missed[closure.missed] += 1
        self._waiting = kept

    def follow_state(self) -> None:
        """Forget everything once the run has ended for all."""
        state = self._session.state
        if state is not None and STATE_ORDER[state] > STATE_ORDER["DRAINING"]:
            self.ended = True
            self._waiting.clear()
            self._flying.clear()

    def take_cells(self) -> list[tuple[int, tuple[Cell, ...]]]:
        """Return what was counted since the last call, by term."""
        cells, self.cells = self.cells, {}
        by_term: dict[int, list[Cell]] = {}
        for (term, request, stage), counts in sorted(cells.items(), key=lambda item: item[0]):
            by_term.setdefault(term, []).append(counts.cell(request, stage))
        return [(term, tuple(found)) for term, found in by_term.items()]

    def _decide_open(self, held: HeldRanges, elapsed_ns: int, mono_ns: int) -> None:
        for _ in range(64):
            taken = held.take_due(elapsed_ns)
            if taken is None:
                return
            index, _, late = taken
            term = self._session.term
            self._truth.decide(self.load.run_id, index, self._session)
            if late:
                self._count(term, index).missed["handover"] += 1
            elif self.in_flight >= self.load.plan.limits.in_flight:
                self._count(term, index).dropped["in_flight_limit"] += 1
            else:
                self._submit(index, mono_ns)

    def _decide_closed(self, held: HeldRanges, mono_ns: int) -> None:
        while self.in_flight < self.load.plan.limits.connections:
            taken = held.take_next()
            if taken is None:
                return
            if held.half_used:
                self._session.wants_heartbeat = True
            self._truth.decide(self.load.run_id, taken[0], self._session)
            self._submit(taken[0], mono_ns)

    def _submit(self, index: int, mono_ns: int) -> None:
        term = self._session.term
        self._count(term, index).decided += 1
        if self._waiting or len(self._flying) >= self.load.plan.limits.connections:
            self._waiting.append((index, term, mono_ns))
        else:
            self._send(index, term, mono_ns)

    def _send(self, index: int, term: int, mono_ns: int) -> None:
        self._truth.send(self.load.run_id, index, self._request(index))
        self._count(term, index).sent += 1
        timeout_ns = self.load.plan.limits.timeout_ns
        lot = self._random.random()
        took_ns = round(self._service_ms * MS * self._random.uniform(0.2, 2))
        outcome = "succeeded" if lot < 0.8 else "status_5xx" if lot < 0.9 else "reset"
        if lot > 0.97 or took_ns >= timeout_ns:
            took_ns, outcome = timeout_ns, "timeout"
        self._flying.append(Flying(index, term, mono_ns + took_ns, outcome))

    def _finish(self, mono_ns: int) -> None:
        still = []
        for each in self._flying:
            if each.done_ns > mono_ns:
                still.append(each)
                continue
            counts = self._count(each.term, each.index)
            if each.outcome == "succeeded":
                counts.succeeded += 1
            else:
                counts.failed[each.outcome] += 1
        self._flying = still
        timeout_ns = self.load.plan.limits.timeout_ns
        while self._waiting and self._waiting[0][2] + timeout_ns <= mono_ns:
            index, term, _ = self._waiting.popleft()
            self._count(term, index).dropped["no_connection"] += 1

    def _go_on(self, mono_ns: int) -> None:
        while self._waiting and len(self._flying) < self.load.plan.limits.connections:
            index, term, _ = self._waiting.popleft()
            self._send(index, term, mono_ns)

    def _request(self, index: int) -> int:
        return self._choice.request(index)

    def _count(self, term: int, index: int) -> Counts:
        key = (term, self._request(index), self.load.schedule.stage_of(index))
        return self.cells.setdefault(key, Counts())
