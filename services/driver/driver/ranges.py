"""The ranges that one term of a driver holds, and how far it may go in each.

0         decided     allowed      claim        size
├────────────┼───────────┼───────────┼────────────┤
│ done for   │ may be    │ asked for,│ not yet    │
│ good       │ decided   │ not acked │ claimed    │
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace

from spate.grant import Range
from spate.messages import RangeEnd, RangeProgress
from spate.schedule import Schedule

_RATION = 256
"""Due times worked out at once: more would be for nothing when grants change."""


@dataclass(frozen=True, slots=True)
class Ration:
    """``count`` arrivals ``index, index + step, …`` of one stage, that may be decided in turn.

    Open load: ``dues`` holds when each is due, in ns of run time. Closed load: ``dues`` is None;
    the range is usable since run time ``since_ns`` (None: since before the start was known).
    """

    stage: int
    index: int
    step: int
    count: int
    since_ns: int | None
    dues: array[int] | None


@dataclass(slots=True)
class HeldRange:
    """One granted range.

    ``usable_since_ns`` is the run time of its first acknowledgement, None before it and while the
    start is not known: until then open load claims nothing, so nothing of it is usable (R7).
    """

    range: Range
    decided: int = 0
    allowed: int = 0
    usable_since_ns: int | None = None

    @property
    def limit(self) -> int:
        """The position up to which arrivals may be decided (R8)."""
        return min(self.allowed, self.range.size)

    def shrink(self, size: int) -> None:
        """Give back the positions from ``size`` on, but never what is decided (R9)."""
        self.range = self.range.head(max(self.decided, size))


class HeldRanges:
    """Hands out arrival indices in due order, never beyond an acknowledged claim."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._held: dict[int, HeldRange] = {}
        self._over: dict[int, HeldRange] = {}
        self._due: list[tuple[int, int, HeldRange]] = []
        self.decided_total = 0
        self.half_used = False
        self.version = 0
        self._room = 0
        self._half = 0

    def __len__(self) -> int:
        """Return how many ranges are held, finished ones too."""
        return len(self._held) + len(self._over)

    @property
    def undecided(self) -> int:
        """How many granted arrivals are not decided yet."""
        return sum(held.range.size - held.decided for held in self._held.values())

    def apply(self, granted: Iterable[Range]) -> None:
        """Make ``granted`` the ranges of this term (R9): known ones shrink, missing ones end.

        A finished range that grants leave out is in the orchestrator's books: it is told again
        only at the end of the term, so heartbeats do not grow with the length of a run.
        """
        missing = set(self._held)
        for new in granted:
            missing.discard(new.id)
            if new.id in self._over:
                self._held[new.id] = self._over.pop(new.id)
            held = self._held.get(new.id)
            if held is None:
                self._held[new.id] = HeldRange(new)
            else:
                held.shrink(new.size)
        for range_id in missing:
            held = self._held[range_id]
            if held.decided == held.range.size:
                self._over[range_id] = self._held.pop(range_id)
            else:
                held.shrink(0)
        self._order()

    def end(self) -> tuple[RangeEnd, ...]:
        """Give everything back and return where each range ended (R4)."""
        everything = self._over | self._held
        ends = tuple(RangeEnd(id=key, decided=held.decided) for key, held in everything.items())
        self._held.clear()
        self._over.clear()
        self._order()
        return ends

    def claims(self, until_ns: int | None, ahead: int) -> tuple[RangeProgress, ...]:
        """Return what to ask for (R6).

        Open load: what is due before run time ``until_ns`` (None: the start is not known yet);
        closed load: ``ahead`` further positions, shared out in index order.
        """
        is_open = self._schedule.is_open
        due = self._schedule.due_before(until_ns) if is_open and until_ns is not None else 0
        asked: list[RangeProgress] = []
        for held in self._held.values():
            floor = max(held.decided, held.limit)
            if is_open:
                claim = max(floor, held.range.position_from(due))
            else:
                claim = max(floor, min(held.range.size, held.decided + ahead))
                ahead = max(0, ahead - (claim - held.decided))
            asked.append(RangeProgress(id=held.range.id, decided=held.decided, claim=claim))
        self.half_used = False
        self._half = -1  # asked: the next hint comes after the answer
        return tuple(asked)

    def allow(self, claims: Mapping[int, int], elapsed_ns: int | None) -> None:
        """Take an acknowledged heartbeat's claims (R7); ``elapsed_ns`` is the run time now."""
        for range_id, claim in claims.items():
            held = self._held.get(range_id)
            if held is None:
                continue
            held.allowed = max(held.allowed, min(claim, held.range.size))
            if held.usable_since_ns is None and elapsed_ns is not None:
                held.usable_since_ns = elapsed_ns
        self._order()

    def next_due_ns(self) -> int | None:
        """Return when the next arrival that may be decided is due, in run time (open load)."""
        return self._due[0][0] if self._due else None

    @property
    def next_is_late(self) -> bool:
        """Whether what is due next was due before its range became usable (open load)."""
        if not self._due:
            return False
        due_ns, _, held = self._due[0]
        return held.usable_since_ns is not None and due_ns < held.usable_since_ns

    def take_due(self, elapsed_ns: int) -> tuple[int, int, bool] | None:
        """Decide the earliest arrival due by now: ``(index, due_ns, late)``, or None (R8).

        ``late`` says that it was due before the range became usable: it is missed, not sent.
        """
        due = self._due
        if not due or due[0][0] > elapsed_ns:
            return None
        due_ns, range_id, held = due[0]
        granted = held.range
        self.version += 1
        index = granted.start + held.decided * granted.step
        held.decided += 1
        self.decided_total += 1
        if held.decided < min(held.allowed, granted.size):
            following = self._schedule.offset_ns(index + granted.step)
            heapreplace(due, (following, range_id, held))
        else:
            heappop(due)
        since_ns = held.usable_since_ns
        return index, due_ns, since_ns is not None and due_ns < since_ns

    def take_next(self) -> tuple[int, int | None] | None:
        """Decide the next arrival of closed load, in order of index within each range (R8).

        Returns:
            Its index and the run time since which its range is usable (None: since before the
            start was known), or None if nothing may be decided.
        """
        while self._due:
            _, _, held = self._due[0]
            if held.decided < held.limit:
                index = held.range.index(held.decided)
                self.version += 1
                self._use(held, 1)
                return index, held.usable_since_ns
            heappop(self._due)
        return None

    def ration(self) -> Ration | None:
        """Return what may be decided next, in this order; None if that is nothing or is late.

        It holds until ``version`` changes; ``took`` says how much of it was decided.
        """
        while self._due and self._due[0][2].decided >= self._due[0][2].limit:
            heappop(self._due)
        if not self._due:
            return None
        _, _, held = self._due[0]
        schedule, granted = self._schedule, held.range
        index = granted.index(held.decided)
        stage = schedule.stage_of(index)
        stage_end = granted.position_from(schedule.stages[stage].end_index)
        count = min(held.limit, stage_end) - held.decided
        since_ns = held.usable_since_ns
        if not schedule.is_open:
            return Ration(stage, index, granted.step, count, since_ns, None)
        if self.next_is_late:
            return None
        # Another range may have an arrival that is due before the rest of this one.
        others_ns = min((entry[0] for entry in self._due[1:3]), default=None)
        count = min(count, _RATION)
        dues = schedule.offsets_ns(range(index, index + count * granted.step, granted.step))
        if others_ns is not None:
            del dues[max(1, bisect_left(dues, others_ns)) :]
        return Ration(stage, index, granted.step, len(dues), since_ns, dues)

    def took(self, n: int) -> None:
        """Decide the first ``n`` of the latest ration that were not decided yet."""
        due_ns, range_id, held = self._due[0]
        self._use(held, n)
        if held.decided == held.limit:
            heappop(self._due)
        elif self._schedule.is_open:
            due_ns = self._schedule.offset_ns(held.range.index(held.decided))
            heapreplace(self._due, (due_ns, range_id, held))

    def _use(self, held: HeldRange, n: int) -> None:
        """Count ``n`` as decided; closed load asks for more when half is used."""
        held.decided += n
        self.decided_total += n
        self._room -= n
        if self._room <= self._half and not self._schedule.is_open:
            self.half_used = True

    def _order(self) -> None:
        """Rebuild the queue of ranges by their next due time (closed load: by their id)."""
        self.version += 1
        schedule = self._schedule
        ready = [held for held in self._held.values() if held.decided < held.limit]
        if schedule.is_open:
            self._due = [
                (schedule.offset_ns(held.range.index(held.decided)), held.range.id, held)
                for held in ready
            ]
        else:
            self._due = [(0, held.range.id, held) for held in ready]
        heapify(self._due)
        self._room = sum(held.limit - held.decided for held in ready)
        # Half of a claim that cannot grow any more is no reason to ask again.
        grows = any(held.allowed < held.range.size for held in self._held.values())
        self._half = self._room // 2 if grows else -1
        self.half_used = False
