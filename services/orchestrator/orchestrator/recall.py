"""Turns what the journal holds back into runs, when an orchestrator starts (R13)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.director import Director
from orchestrator.fleet import Fleet
from orchestrator.journal import Memory, Remembered
from orchestrator.ledger import Ledger, ProtocolError
from orchestrator.ledger_state import load_boots, load_ledger
from orchestrator.run import Run, RunEvent
from orchestrator.terms import Now, TermKey
from spate.aggregator import Aggregator
from spate.checkpoint import read_checkpoint
from spate.plan import parse_plan
from spate.schedule import plan_schedule

_LOG = logging.getLogger("orchestrator")
_BAD_BOOKS = "the orchestrator was restarted, and what the journal holds of the run is not whole"
_SOMEBODY = TermKey("unknown", "", 0)
"""Owns what had an owner once."""


@dataclass(slots=True)
class Recalled:
    """The runs that were not archived, oldest first, and from where the log must be read on.

    ``heartbeat_from`` is None if no run was under way, else the least offset that one of them
    needs; ``metrics_from`` is the least offset of each partition that any run still needs.
    """

    directors: list[Director] = field(default_factory=list)
    heartbeat_from: int | None = None
    metrics_from: dict[int, int] = field(default_factory=dict)

    def need_heartbeats(self, offset: int) -> None:
        """Note that a run needs the heartbeats from this offset on."""
        before = offset if self.heartbeat_from is None else self.heartbeat_from
        self.heartbeat_from = min(before, offset)

    def need_metrics(self, offsets: Mapping[int, int]) -> None:
        """Note that a run needs the snapshots from these offsets on."""
        for partition, offset in offsets.items():
            before = self.metrics_from.get(partition, offset)
            self.metrics_from[partition] = min(before, offset)


def recall(
    memory: Memory, fleet: Fleet, make_director: Callable[[Run], Director], now: Now
) -> Recalled:
    """Return the runs of the journal. One that waited waits again, one under way goes on.

    ``fleet`` takes up the drivers that had a part in a run.
    """
    runs = []
    for run_id, remembered in memory.runs.items():
        run = _run(run_id, remembered)
        if run is not None:
            runs.append((run, remembered))
    recalled = Recalled()
    for run, remembered in sorted(runs, key=lambda item: item[0].created_at_ns):
        director = make_director(run)
        director.bookmarks = remembered.bookmarks()
        if remembered.parts:
            _resume(director, remembered, fleet, recalled, now)
        recalled.directors.append(director)
    return recalled


def unreadable(memory: Memory) -> list[str]:
    """Return the runs with books whose plan is not there, or not understood."""
    runs = memory.runs.items()
    return [run_id for run_id, known in runs if known.parts and _run(run_id, known) is None]


def _run(run_id: str, remembered: Remembered) -> Run | None:
    entry = remembered.plan
    if entry is None:
        return None
    try:
        return Run(
            id=run_id,
            plan=parse_plan(entry["plan"]),
            digest=str(entry["digest"]),
            created_at_ns=int(entry["created_at_ns"]),
            idempotency_key=entry["idempotency_key"],
            body_digest=str(entry["body_digest"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        text = "run %s is forgotten, its plan is not understood: %s"
        _LOG.error(text, run_id, error, extra={"run_id": run_id})
        return None


def _resume(
    director: Director, remembered: Remembered, fleet: Fleet, recalled: Recalled, now: Now
) -> None:
    """Bring a run into the state that the journal holds, or end it if that is not whole."""
    state = remembered.ledger() or {}
    run = director.run
    try:
        if state["run"]["state"] == "PENDING":
            return
        _restore(run, state["run"])
        ledger = None if state["ledger"] is None else load_ledger(state["ledger"], now.mono_ns)
        metrics_from = _offsets(state["metrics_from"])
        director.bookmarks.metrics_from = metrics_from
        director.bookmarks.metrics_ends = _offsets(state["metrics_ends"])
        director.orders.resume(
            state["run"]["state"],
            revision=int(state["revision"]),
            granted=int(state["granted"]),
            starts_at_ns=state["starts_at_ns"],
        )
        heartbeat_from = int(state["heartbeat_offset"])
        load_boots(state["boots"], fleet, now.mono_ns)
    except (KeyError, TypeError, ValueError, ProtocolError) as error:
        text = "the books of run %s are not understood: %s"
        _LOG.error(text, run.id, error, extra={"run_id": run.id})
        _write_off(director, now)
        return
    aggregator = None
    if ledger is not None:
        aggregator, metrics_from = _figures(director, remembered, metrics_from or {})
    director.resume(ledger, aggregator)
    recalled.need_metrics(metrics_from or {})
    if not run.ended:
        recalled.need_heartbeats(heartbeat_from)
    text = "run %s is %s; it goes on where the last orchestrator ended"
    _LOG.info(text, run.id, run.state, extra={"run_id": run.id, "state": run.state})


def _write_off(director: Director, now: Now) -> None:
    """End a run of whose books nothing is known: all of it may have been sent, and nobody says.

    Nothing was, if it was still preparing.
    """
    run = director.run
    if run.state not in ("PREPARING", "READY"):
        ledger = Ledger(plan_schedule(run.plan, run.fleet_size).count)
        ledger.place({_SOMEBODY: [pooled.range for pooled in ledger.pool]})
        director.resume(ledger, None)
        if not run.ending:
            run.move("FAILED", now.wall_ns, _BAD_BOOKS)
    director.give_up(now, _BAD_BOOKS)


def _figures(
    director: Director, remembered: Remembered, metrics_from: dict[int, int]
) -> tuple[Aggregator | None, dict[int, int]]:
    """Return the newest figures in the journal, and from where snapshots must be added.

    Without any, all snapshots since the run began are read again.
    """
    run = director.run
    schedule = plan_schedule(run.plan, run.fleet_size)
    try:
        found = read_checkpoint(remembered.checkpoint, run.plan, schedule, run.id)
    except ValueError as error:
        text = "the figures of run %s are not understood: %s"
        _LOG.warning(text, run.id, error, extra={"run_id": run.id})
        found = None
    if found is None:
        return None, metrics_from
    director.bookmarks.checkpoint_revision = found[0].state.stored
    return found


def _restore(run: Run, saved: dict[str, Any]) -> None:
    run.state = saved["state"]
    run.stopped = saved["stopped"]
    run.reason = saved["reason"]
    run.started_at_ns = saved["started_at_ns"]
    run.ended_at_ns = saved["ended_at_ns"]
    run.drivers = saved["drivers"]
    # Journals of an earlier version do not have them.
    run.lasted_ns = saved.get("lasted_ns")
    run.fences, run.takeovers = saved.get("fences", 0), saved.get("takeovers", 0)
    run.events = [RunEvent(*row) for row in saved["events"]]


def _offsets(pairs: list[list[int]] | None) -> dict[int, int] | None:
    return None if pairs is None else {int(p): int(offset) for p, offset in pairs}
