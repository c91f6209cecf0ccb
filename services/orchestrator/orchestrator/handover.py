"""Keeps all work in somebody's hands while a run goes on (R20-R24); pure.

::

    a driver is lost, fences, leaves ──▶ pool ─┬─ due too soon ──▶ missed
    a driver joins: all are cut ─────────▲     └─ the rest ──────▶ shared out over the eligible
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from orchestrator.holdings import RangeAccount, TermAccount
from orchestrator.ledger import Ledger
from orchestrator.planner import share
from orchestrator.terms import TermKey
from spate.schedule import Schedule
from spate.timing import SECOND, Timing

MAX_RANGES = 16
"""With more unfinished ranges than these a term's share is put together anew."""


class Move(NamedTuple):
    """What was done to how many pieces of work, and the revision of the grants that tell it."""

    what: Literal["shared", "cut"]
    revision: int
    pieces: int


class Handover:
    """Decides for one run who takes over what."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._cut_ns: int | None = None
        self._alone_since_ns: int | None = None

    def step(
        self,
        ledger: Ledger,
        schedule: Schedule,
        eligible: Sequence[TermKey],
        revise: Callable[[], int],
        *,
        elapsed_ns: int,
        now_ns: int,
    ) -> Move | None:
        """Do what has to be done next and return it; None if nothing has to.

        ``elapsed_ns`` is the run time, ``now_ns`` our monotonic time. ``eligible`` may be given
        work, in order of driver_id.
        """
        self._give_up(ledger, schedule, eligible, elapsed_ns, now_ns)
        if self._cut_waits(ledger, now_ns):
            return None
        if ledger.pool:
            if not eligible:
                return None
            pieces = len(ledger.pool)
            ledger.place(share(ledger, eligible))
            return Move("shared", revise(), pieces)
        if self._to_cut(ledger, schedule, eligible, now_ns):
            cuts = self._cuts(ledger, schedule, elapsed_ns)
            freed = sum(account.to_grant().size - position for _, account, position in cuts)
            if freed >= max(1, len(eligible)):
                self._cut_ns = now_ns
                revision = revise()
                for term, account, position in cuts:
                    ledger.cut(term.key, account.range.id, position, revision)
                return Move("cut", revision, len(cuts))
        return None

    def _give_up(
        self,
        ledger: Ledger,
        schedule: Schedule,
        eligible: Sequence[TermKey],
        elapsed_ns: int,
        now_ns: int,
    ) -> None:
        """Miss what is pooled and due too soon to be given to anybody (R21).

        Right after an absence of the log nobody is eligible yet; what was due meanwhile was missed
        because everybody fenced, and not for want of a driver.
        """
        if eligible or not ledger.pool:
            self._alone_since_ns = None
            alone_ns = 0
        else:
            self._alone_since_ns = self._alone_since_ns or now_ns
            alone_ns = now_ns - self._alone_since_ns
        if schedule.is_open:
            due = schedule.due_before(elapsed_ns + self._timing.lead_ns)
            nobody = alone_ns >= self._timing.lost_after_ns
            ledger.miss_before(due, "no_driver" if nobody else None)
        elif alone_ns >= self._timing.orphan_after_ns:
            ledger.miss_pool("no_driver")

    def _cut_waits(self, ledger: Ledger, now_ns: int) -> bool:
        """Tell whether what was cut off is still being given back (R23)."""
        if self._cut_ns is None or now_ns - self._cut_ns >= self._timing.cut_wait_ns:
            return False
        return any(term.cut_pending for term in ledger.live())

    def _to_cut(
        self, ledger: Ledger, schedule: Schedule, eligible: Sequence[TermKey], now_ns: int
    ) -> bool:
        """Tell whether somebody came who has no work, or somebody's is in too many pieces (R24).

        In open load everybody has work to the end, so only a newcomer has none. In closed load a
        driver that is through with its share helps the others.
        """
        if self._cut_ns is not None and now_ns - self._cut_ns < self._timing.join_every_ns:
            return False
        held = {term.key: term for term in ledger.live()}
        idle = [
            key
            for key in eligible
            if key not in held
            or not held[key].ranges
            or (not schedule.is_open and not held[key].undecided)
        ]
        return bool(idle) or any(
            len(term.ranges) > MAX_RANGES and term.unfinished > MAX_RANGES for term in held.values()
        )

    def _cuts(
        self, ledger: Ledger, schedule: Schedule, elapsed_ns: int
    ) -> list[tuple[TermAccount, RangeAccount, int]]:
        """Return where to cut which range (R20), of those of which a cut frees something."""
        found = []
        for term in ledger.live():
            claimed = sum(account.claim - account.decided for account in term.ranges.values())
            # A claim is two seconds of the driver's rate, or twice its connections (R6). It keeps
            # another second's, in the order in which it decides: a piece of each range would make
            # twice as many ranges at each cut.
            spare = max(1, claimed * SECOND // self._timing.fence_after_ns)
            for account in sorted(term.ranges.values(), key=lambda account: account.range.id):
                if schedule.is_open:
                    due = schedule.due_before(elapsed_ns + self._timing.cut_lead_ns)
                    position = account.range.position_from(due)
                else:
                    position = min(account.claim + spare, account.size)
                    spare -= position - account.claim
                if max(position, account.decided) < account.to_grant().size:
                    found.append((term, account, max(position, account.decided)))
        return found
