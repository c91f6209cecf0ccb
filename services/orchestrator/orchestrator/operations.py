"""The port between the REST API and the rest of the orchestrator.

All calls are made on the one asyncio loop. What is not ``async`` answers from memory at once;
what is may wait for Kafka, a name server or the cluster. Runs that ended and were archived are
no longer known here: the API reads those from the archive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from orchestrator.run_figures import RunFigures
from spate.messages import RunState
from spate.plan import Plan, PlanProblem

DriverState = Literal["idle", "working", "deaf", "leaving", "lost"]
"""What a driver is to the planner.

``idle``: eligible, holds no work. ``working``: holds work. ``deaf``: live, but not eligible (not
heard for 1.5 s, or does not hear the orchestrator). ``leaving``: said that it goes. ``lost``: its
last term was declared lost and it has not come back.
"""

DRIVER_STATES: tuple[DriverState, ...] = ("idle", "working", "deaf", "leaving", "lost")


class OperationError(Exception):
    """What was asked cannot be done now; the text is a sentence for the user."""


class TargetNotAllowedError(OperationError):
    """The plan's target is not on the allowlist, or its name did not resolve."""

    def __init__(self, problems: tuple[PlanProblem, ...]) -> None:
        """``problems`` name the place in the plan (``target``) and what to do about it."""
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


class QueueFullError(OperationError):
    """As many runs wait as may wait."""


class KeyConflictError(OperationError):
    """The Idempotency-Key was used before with another body."""


class UnavailableError(OperationError):
    """Kafka cannot be reached, or the journal is not replayed yet."""


class UnknownRunError(OperationError):
    """No run of this id is under way or waiting (it may be in the archive)."""


class WrongStateError(OperationError):
    """The run is past the state in which this can be done."""


class NotOnKubernetesError(OperationError):
    """There is no Deployment to scale; the text says what to do instead."""


class ScaledElsewhereError(OperationError):
    """The number of drivers is an autoscaler's, not ours."""


class TooManyDriversError(OperationError):
    """More drivers are asked for than there may be."""

    def __init__(self, problems: tuple[PlanProblem, ...]) -> None:
        """``problems`` name the place in the request (``replicas``) and what to do about it."""
        super().__init__("; ".join(f"{each.path} {each.message}" for each in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Submitted:
    """A run as it was accepted; ``created`` is False if the Idempotency-Key named it before."""

    run_id: str
    created: bool


@dataclass(frozen=True, slots=True)
class RunRow:
    """One line of the list of runs. Times are RFC 3339 UTC with ``Z``."""

    id: str
    name: str
    labels: dict[str, str]
    state: RunState
    created_at: str
    started_at: str | None
    ended_at: str | None
    passed: bool | None


@dataclass(frozen=True, slots=True)
class DriverRow:
    """A driver as heard. Description (address to cpu_count) is None until it registered.

    ``heard_ago_s`` is the age of its last heartbeat; ``cpu`` is a share of one core.
    """

    driver_id: str
    boot_id: str
    state: DriverState
    run_id: str | None
    address: str | None
    version: str | None
    cpu_count: int | None
    labels: dict[str, str]
    in_flight: int
    cpu: float
    lag_p99_ns: int | None
    clock_offset_ns: int | None
    clock_round_trip_ns: int | None
    heard_ago_s: float


@dataclass(frozen=True, slots=True)
class PodRow:
    """A pod of the fleet. ``drivers`` are those heard from it: none while it is not there.

    ``reason`` and ``message`` say why it is not ready, or goes; of a ready pod that was restarted
    they say why.
    """

    name: str
    drivers: list[str]
    node: str | None
    phase: str
    ready: bool
    terminating: bool
    restarts: int
    reason: str | None
    message: str | None
    created_at: str | None
    started_at: str | None


@dataclass(frozen=True, slots=True)
class Fleet:
    """The Deployment of drivers; without Kubernetes ``desired`` and ``ready`` are None.

    ``scaled_by`` is who sets the number of pods: ``scale`` does so only where it is ``spate``, and
    it is None where there are none. ``eligible`` counts the drivers that could be given work now.
    ``problem`` says why the rest may not be as it is now, ``hint`` what to do.
    """

    on_kubernetes: bool
    scaled_by: Literal["spate", "autoscaler"] | None
    desired: int | None
    ready: int | None
    eligible: int
    namespace: str | None
    deployment: str | None
    pods: list[PodRow]
    problem: str | None
    hint: str | None


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether new runs can be taken; ``reason`` is a sentence where they cannot."""

    ready: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OperationFigures:
    """What ``/metrics`` says of the orchestrator itself, and of the run of which it speaks.

    Counters only grow within a process. ``snapshots`` counts by what became of them, ``gaps`` what
    is missing now. ``ack_age_s`` is for how long a transaction has been waiting for Kafka.
    """

    drivers: Mapping[DriverState, int] = field(default_factory=dict)
    runs_queued: int = 0
    snapshots: Mapping[str, int] = field(default_factory=dict)
    gaps: int = 0
    kafka_errors: int = 0
    kafka_up: bool = True
    ack_age_s: float = 0.0
    bad_messages: Mapping[str, int] = field(default_factory=dict)
    driver_losses: int = 0
    fleet_desired: int | None = None
    fleet_ready: int | None = None
    run: RunFigures | None = None


class Operations(Protocol):
    """What the API may ask of the orchestrator."""

    async def submit(self, plan: Plan, idempotency_key: str | None, body_digest: str) -> Submitted:
        """Commit the plan to the journal and return its run.

        The key is looked up among the runs known here and in the archive
        (``Archive.run_of_key``): found with the same ``body_digest``, that run is returned.

        Raises:
            TargetNotAllowedError: as ``check_target``.
            QueueFullError: if the queue is full.
            KeyConflictError: if the key belongs to another body.
            UnavailableError: if the journal cannot be written.
        """

    async def check_target(self, plan: Plan) -> None:
        """Hold the target against the allowlist; names are resolved off the loop.

        Raises:
            TargetNotAllowedError: if it may not be loaded.
        """

    async def stop(self, run_id: str) -> None:
        """Finish what is in flight and start nothing more; repeating it changes nothing.

        Raises:
            UnknownRunError: if no such run is known here.
            WrongStateError: if it has ended.
            UnavailableError: if the order cannot be journaled.
        """

    async def abort(self, run_id: str) -> None:
        """End the run now; repeating it changes nothing.

        Raises:
            UnknownRunError: if no such run is known here.
            WrongStateError: if it has ended otherwise.
            UnavailableError: if the order cannot be journaled.
        """

    def live(self, run_id: str) -> dict[str, Any] | None:
        """Return the body of ``GET /runs/{id}`` for a run that is not archived, else None."""

    def live_runs(self) -> list[RunRow]:
        """Return the runs that are not archived, in any order."""

    def drivers(self) -> list[DriverRow]:
        """Return the drivers heard, by driver_id."""

    def fleet(self) -> Fleet:
        """Return the fleet as last seen."""

    async def scale(self, replicas: int) -> Fleet:
        """Set the number of driver pods.

        Raises:
            NotOnKubernetesError: if there is no Deployment to scale.
            ScaledElsewhereError: if an autoscaler sets the number.
            TooManyDriversError: if there may not be so many.
            UnavailableError: if the cluster refused or did not answer.
        """

    def readiness(self) -> Readiness:
        """Say whether Kafka is reachable and the journal replayed."""

    def figures(self) -> OperationFigures:
        """Return the figures for ``/metrics``."""
