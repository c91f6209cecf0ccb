"""Serves what users ask of the orchestrator: ``orchestrator.operations`` over the conductor."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Callable
from typing import Any

from orchestrator.archive import Archive
from orchestrator.clock import Clock
from orchestrator.conductor import Conductor
from orchestrator.director import Director
from orchestrator.directory import Directory
from orchestrator.driver_rows import driver_rows
from orchestrator.fleet import Fleet
from orchestrator.intake import Intake
from orchestrator.journal import plan_record, retraction
from orchestrator.newsroom import Newsroom
from orchestrator.operations import (
    DriverRow,
    KeyConflictError,
    OperationFigures,
    QueueFullError,
    Readiness,
    RunRow,
    Submitted,
    TargetNotAllowedError,
    UnavailableError,
    UnknownRunError,
    WrongStateError,
)
from orchestrator.operations import Fleet as FleetSize
from orchestrator.run import Run, WrongMoveError
from orchestrator.run_board import RunBoard
from orchestrator.run_log import log_accepted
from orchestrator.scaling import Scaling
from orchestrator.terms import Now
from orchestrator.writer import Writer
from spate.allowlist import Allowlist
from spate.bus import Bus
from spate.instants import rfc3339
from spate.plan import Plan, PlanProblem
from spate.target_check import target_problem
from spate.topics import Topics

_LOG = logging.getLogger("orchestrator")
_ANSWER_WITHIN_S = 5.0
"""A user is not kept waiting for a log that is away."""


class Desk:
    """Answers the REST API.

    ``make_director`` turns a submitted run into one that can be conducted.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        topics: Topics,
        clock: Clock,
        fleet: Fleet,
        directory: Directory,
        intake: Intake,
        writer: Writer,
        conductor: Conductor,
        newsroom: Newsroom,
        board: RunBoard,
        archive: Archive,
        allowlist: Allowlist,
        max_queued: int,
        make_director: Callable[[Run], Director],
        scaling: Scaling,
    ) -> None:
        self._bus = bus
        self._topics = topics
        self._clock = clock
        self._fleet = fleet
        self._directory = directory
        self._intake = intake
        self._writer = writer
        self._conductor = conductor
        self._newsroom = newsroom
        self._board = board
        self._archive = archive
        self._allowlist = allowlist
        self._max_queued = max_queued
        self._make_director = make_director
        self._scaling = scaling
        self._submitting = asyncio.Lock()
        self._late: set[asyncio.Future[Any]] = set()

    async def submit(self, plan: Plan, idempotency_key: str | None, body_digest: str) -> Submitted:
        """Journal the plan as a new run, see ``Operations.submit``."""
        known = await self._known(idempotency_key, body_digest)
        if known is not None:
            return Submitted(known, created=False)
        await self.check_target(plan)
        async with self._submitting:
            # Another call under the same key may have come first, while names were looked up.
            known = await self._known(idempotency_key, body_digest)
            if known is not None:
                return Submitted(known, created=False)
            self._demand_ready()
            if not self._directory.has_room(self._max_queued):
                raise QueueFullError(
                    f"as many runs wait as may wait ({self._max_queued}); try again when one "
                    "has ended"
                )
            run = Run(
                id=f"{plan.name}-{secrets.token_hex(4)}",
                plan=plan,
                digest=plan.digest(),
                created_at_ns=self._clock.now().wall_ns,
                idempotency_key=idempotency_key,
                body_digest=body_digest,
            )
            await self._journal(run)
            director = self._make_director(run)
            self._newsroom.open(director)
            self._directory.add(director)
            log_accepted(run)
            return Submitted(run.id, created=True)

    async def check_target(self, plan: Plan) -> None:
        """Hold the target against the allowlist, see ``Operations.check_target``."""
        problem = await target_problem(plan, self._allowlist)
        if problem is not None:
            raise TargetNotAllowedError((PlanProblem("target", problem),))

    async def stop(self, run_id: str) -> None:
        """Stop a run, see ``Operations.stop``."""
        director = self._find(run_id)
        told = director.run.stopped and director.run.state in ("DRAINING", "FINISHED")
        await self._do(director, _no_more if told else director.stop)

    async def abort(self, run_id: str) -> None:
        """Abort a run, see ``Operations.abort``."""
        director = self._find(run_id)
        if director.run.state == "ABORTED":
            await self._do(director, _no_more)
        else:
            await self._do(director, lambda now: director.abort(now, "aborted by a user"))

    def live(self, run_id: str) -> dict[str, Any] | None:
        """Return the view of a run, see ``Operations.live``."""
        director = self._directory.find(run_id)
        return None if director is None else self._newsroom.view(director)

    def live_runs(self) -> list[RunRow]:
        """Return the rows of runs not archived, see ``Operations.live_runs``."""
        return [_run_row(director.run) for director in self._directory]

    def drivers(self) -> list[DriverRow]:
        """Return the drivers, see ``Operations.drivers``."""
        working = {
            term.key.boot
            for director in self._directory.under_way()
            if director.ledger is not None
            for term in director.ledger.live()
            if term.ranges
        }
        return driver_rows(self._fleet, working, self._clock.now().mono_ns)

    def fleet(self) -> FleetSize:
        """Return the size of the fleet, see ``Operations.fleet``."""
        return self._scaling.fleet(*self._heard())

    async def scale(self, replicas: int) -> FleetSize:
        """Set the number of driver pods, see ``Operations.scale``."""
        return await self._scaling.scale(replicas, *self._heard())

    def _heard(self) -> tuple[int, set[str]]:
        """Return how many drivers could be given work, and the ids of all that are not lost."""
        eligible = len(self._fleet.eligible(self._clock.now().mono_ns))
        return eligible, {b.key.driver_id for b in self._fleet.boots() if not b.lost}

    def readiness(self) -> Readiness:
        """Say whether Kafka answers, see ``Operations.readiness``."""
        health = self._bus.health
        if health.down_since_ns is not None:
            return Readiness(ready=False, reason=f"Kafka is unreachable: {health.last_error}")
        if self._writer.failing:
            return Readiness(ready=False, reason="the journal cannot be written to Kafka")
        return Readiness(ready=True)

    def figures(self) -> OperationFigures:
        """Return figures for ``/metrics``, see ``Operations.figures``."""
        health, fleet = self._bus.health, self.fleet()
        return OperationFigures(
            drivers=Counter(row.state for row in self.drivers()),
            runs_queued=self._directory.waiting,
            snapshots=dict(self._newsroom.snapshot_counts),
            gaps=self._newsroom.gaps,
            kafka_errors=health.errors,
            kafka_up=health.down_since_ns is None,
            ack_age_s=self._writer.waiting_s,
            bad_messages=dict(self._intake.bad_messages),
            driver_losses=self._fleet.losses,
            fleet_desired=fleet.desired,
            fleet_ready=fleet.ready,
            run=self._board.figures(self._newsroom.trust, self._clock.now()),
        )

    def _find(self, run_id: str) -> Director:
        director = self._directory.find(run_id)
        if director is None:
            raise UnknownRunError(f"no run {run_id} is under way or waiting")
        return director

    async def _journal(self, run: Run) -> None:
        """Write the plan down; what is written too late is taken back.

        Raises:
            UnavailableError: if Kafka did not take it in time.
        """
        writing = asyncio.ensure_future(self._writer.commit([plan_record(self._topics.runs, run)]))
        done, _ = await asyncio.wait({writing}, timeout=_ANSWER_WITHIN_S)
        if done:
            writing.result()
            return
        self._keep(asyncio.ensure_future(self._unwrite(run, writing)))
        raise UnavailableError(
            f"Kafka did not take the plan within {_ANSWER_WITHIN_S:g} s, and may still do so: then "
            "the run is taken back. Look at the runs before you submit it again, or send an "
            "Idempotency-Key"
        )

    async def _unwrite(self, run: Run, writing: asyncio.Future[Any]) -> None:
        """Take a plan out of the journal whose submission was refused before it got there."""
        await writing
        await self._writer.commit([retraction(self._topics.runs, run.id)])

    def _keep(self, work: asyncio.Future[Any]) -> None:
        """Let what waits for Kafka go on after its caller was answered."""
        self._late.add(work)
        work.add_done_callback(self._forget)

    def _forget(self, work: asyncio.Future[Any]) -> None:
        self._late.discard(work)
        if not work.cancelled() and (error := work.exception()) is not None:
            _LOG.warning("an order that waited for Kafka came to nothing: %s", error)

    async def _do(self, director: Director, act: Callable[[Now], None]) -> None:
        self._demand_ready()
        turn = asyncio.ensure_future(self._conductor.turn(act))
        done, _ = await asyncio.wait({turn}, timeout=_ANSWER_WITHIN_S)
        if not done:
            self._keep(turn)
            raise UnavailableError(
                f"Kafka did not take the order within {_ANSWER_WITHIN_S:g} s; it is carried out "
                "as soon as Kafka is back"
            )
        try:
            turn.result()
        except WrongMoveError:
            run = director.run
            raise WrongStateError(f"run {run.id} is {run.state}: it has ended") from None

    async def _known(self, key: str | None, body_digest: str) -> str | None:
        """Return the run that was made under this key before, None if there is none."""
        if key is None:
            return None
        director = self._directory.find_key(key)
        if director is not None:
            run_id, digest = director.run.id, director.run.body_digest
        else:
            owner = await self._archive.run_of_key(key)
            if owner is None:
                return None
            run_id, digest = owner.run_id, owner.body_digest
        if digest != body_digest:
            raise KeyConflictError(
                f"the Idempotency-Key belongs to run {run_id}, which was made from another body; "
                "use a new key"
            )
        return run_id

    def _demand_ready(self) -> None:
        readiness = self.readiness()
        if not readiness.ready:
            raise UnavailableError(readiness.reason)


def _no_more(_now: Now) -> None:
    """Change nothing: who asks a second time is answered once the first order is in the log."""


def _run_row(run: Run) -> RunRow:
    return RunRow(
        id=run.id,
        name=run.plan.name,
        labels=dict(run.plan.labels),
        state=run.state,
        created_at=rfc3339(run.created_at_ns),
        started_at=None if run.started_at_ns is None else rfc3339(run.started_at_ns),
        ended_at=None if run.ended_at_ns is None else rfc3339(run.ended_at_ns),
        passed=None,
    )
