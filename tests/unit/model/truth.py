"""What really happened, and the invariants that it is held against (I1 to I8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from driver.session import Session
from orchestrator.journal import Memory
from spate.bus import Received
from spate.messages import STATE_ORDER


class Violation(AssertionError):  # noqa: N818 - it is what is looked for
    """An invariant does not hold."""


def demand(holds: bool, what: str) -> None:
    """Raise Violation unless it holds."""
    if not holds:
        raise Violation(what)


@dataclass(slots=True)
class RunTruth:
    """What was done with the arrivals of one run."""

    decided: dict[int, str] = field(default_factory=dict)
    sent: dict[int, int] = field(default_factory=dict)
    missed: set[int] = field(default_factory=set)
    count: int | None = None
    state: int = 0
    revision: int = 0
    blamed: set[str] = field(default_factory=set)
    """What happened while it was not over that may leave arrivals unconfirmed (I6)."""


class Truth:
    """Knows every index that any driver ever decided, whatever the log says."""

    def __init__(self) -> None:
        self.runs: dict[str, RunTruth] = {}
        self.revision = 0
        self.reports: dict[str, dict[str, Any]] = {}
        self.excused: set[str] = set()
        """Drivers that said goodbye and then could not deliver what they had promised."""
        self.entries = 0
        self._journal = Memory()

    def run(self, run_id: str) -> RunTruth:
        """Return what is known of a run."""
        return self.runs.setdefault(run_id, RunTruth())

    def blame(self, what: str) -> None:
        """Note that something happened to all runs that are not over."""
        for run_id, run in self.runs.items():
            if run_id not in self.reports:
                run.blamed.add(what)

    # ---- drivers -------------------------------------------------------------------------------

    def decide(self, run_id: str, index: int, session: Session) -> None:
        """A driver decides an arrival: nobody ever did, or will (I1, I2)."""
        run = self.run(run_id)
        who = f"{session.driver_id}/{session.boot_id} term {session.term}"
        before = run.decided.get(index)
        demand(before is None, f"I1: {index} of {run_id} decided by {before} and by {who}")
        demand(index not in run.missed, f"I2: {index} of {run_id} was missed, {who} decides it")
        run.decided[index] = who

    def send(self, run_id: str, index: int, request: int) -> None:
        """A driver sends an arrival."""
        run = self.run(run_id)
        demand(index not in run.sent, f"I1: {index} of {run_id} is sent twice")
        run.sent[index] = request

    def check_session(self, session: Session, claims: dict[tuple[str, str, int, int], int]) -> None:
        """Decided ≤ allowed ≤ the highest claim in the log, decided ≤ size (I8)."""
        held = session._ranges
        for range_id, each in held._held.items() if held is not None else ():
            key = (session.driver_id, session.boot_id, session.term, range_id)
            demand(each.decided <= each.range.size, f"I8: {key} decided {each.decided}")
            # A range that was cut short keeps what it was allowed.
            demand(each.decided <= each.allowed, f"I8: {key} decided above allowed")
            demand(each.allowed <= claims.get(key, 0), f"I8: {key} allowed {each.allowed}")

    # ---- the journal ---------------------------------------------------------------------------

    def journaled(self, records: Iterable[Received]) -> None:
        """Records of the journal were committed."""
        for record in records:
            self._journal.read((record,))
            run_id, _, rest = (record.key or "").partition("/")
            if rest == "ledger/0" and record.value:
                state = self._journal.runs[run_id].ledger()
                if state is not None:
                    self._check_entry(run_id, state)

    def _check_entry(self, run_id: str, state: dict[str, Any]) -> None:
        self.entries += 1
        run, ledger = self.run(run_id), state["ledger"]
        at = STATE_ORDER[state["run"]["state"]]
        demand(at >= run.state, f"I8: {run_id} went back to {state['run']['state']}")
        demand(state["revision"] >= run.revision, f"I8: the revision of {run_id} went back")
        run.state, run.revision = at, state["revision"]
        if ledger is None:
            return
        seen: Counter[int] = Counter()
        for term in ledger["terms"]:
            if term["status"] == "lost":
                run.blamed.add("a driver was lost")
            for _, start, step, size, decided, claim, *_ in term["ranges"]:
                demand(decided <= size, f"I8: {term['key']} decided {decided} of {size}")
                demand(decided <= claim, f"I8: {term['key']} decided {decided}, claimed {claim}")
                seen.update(range(start, start + size * step, step))
        for _, start, step, size, _ in ledger["pool"]:
            seen.update(range(start, start + size * step, step))
        missed: set[int] = set()
        for _, start, step, size, _ in ledger["missed"]:
            indices = range(start, start + size * step, step)
            seen.update(indices)
            missed.update(indices)
        twice = [index for index, n in seen.items() if n > 1]
        demand(not twice, f"I4: {run_id} has {twice[:5]} in two places")
        demand(
            len(seen) == ledger["count"] and max(seen, default=-1) < ledger["count"],
            f"I4: {run_id} covers {len(seen)} of {ledger['count']}",
        )
        demand(run.missed <= missed, f"I8: {run_id} takes back what was missed")
        both = missed & run.decided.keys()
        demand(not both, f"I2: {run_id} missed and decided {sorted(both)[:5]}")
        if run.count is not None and at > STATE_ORDER["PREPARING"]:
            demand(run.count == ledger["count"], f"I8: {run_id} has another count")
        run.missed, run.count = missed, ledger["count"]

    # ---- the end -------------------------------------------------------------------------------

    def archived(self, run_id: str, report: dict[str, Any], told: tuple[int, int]) -> None:
        """A report is put into the archive, perhaps once more (R29).

        ``told`` is how many were sent and succeeded by the snapshots that count.
        """
        books = report["accounting"]
        demand(
            told == (books["sent"], books["succeeded"]),
            f"R28: {told} were told of {run_id}, the report says {books}",
        )
        before = self.reports.get(run_id)
        if before is not None:
            demand(before == report, f"R29: the report of {run_id} changed")
            return
        self.reports[run_id] = report
        self.check_report(run_id)

    def check_report(self, run_id: str) -> None:
        """The accounting is right and says what happened (I3, I5, I6)."""
        report, run = self.reports[run_id], self.run(run_id)
        problems = [d for d in report["verdict"]["degraded"] if d["reason"] == "accounting"]
        if any(name in str(problem) for problem in problems for name in self.excused):
            problems = []
        demand(not problems, f"I3: {run_id}: {problems}")
        _check_identity(run_id, report["accounting"])
        # Where a snapshot is missing between others, what it counted as sent may have been
        # reported as done by a later one. The report says that it has gaps.
        gaps = any(doubt["reason"] == "gaps" for doubt in report["verdict"]["degraded"])
        _check_sent(run_id, report["accounting"], len(run.sent), gaps=gaps)
        for place, row in enumerate(report["requests"]):
            truly = sum(request == place for request in run.sent.values())
            _check_identity(f"{run_id}/{row['name']}", row["accounting"])
            _check_sent(f"{run_id}/{row['name']}", row["accounting"], truly, gaps=gaps)
        unconfirmed = report["accounting"]["unconfirmed"]
        demand(bool(run.blamed) or not unconfirmed, f"I6: {run_id}: {unconfirmed} are unconfirmed")


def _check_identity(what: str, books: dict[str, Any]) -> None:
    total = books["succeeded"] + books["unconfirmed"]
    total += sum(sum(books[name].values()) for name in ("failed", "dropped", "missed"))
    demand(total == books["planned"], f"I3: {what}: {books}")


def _check_sent(what: str, books: dict[str, Any], truly: int, *, gaps: bool) -> None:
    least, most = books["sent"], books["sent"] + books["unconfirmed"]
    demand(
        least <= truly and (gaps or truly <= most),
        f"I5: {what}: {truly} sent, the report says {least} to {most}",
    )
