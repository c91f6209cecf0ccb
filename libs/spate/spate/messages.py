"""Every message on Kafka, as frozen models with a ``kind`` and a version ``v``.

Times on the wire are integer nanoseconds: ``…_at_ns`` is wall time since 1970 (UTC), ``…_ns``
a duration. Producers cannot add fields that are not declared here; readers ignore those they do
not know, so a newer sender does not break an older reader.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from spate.grant import Range

Count = Annotated[int, Field(ge=0, le=1 << 53)]
"""A number of things: never negative, and no larger than what every reader of JSON can hold."""

StatusCode = Annotated[str, Field(pattern="^[1-9][0-9]{2}$")]
"""The status code of a response, as the name of a count."""

RunState = Literal[
    "PENDING", "PREPARING", "READY", "RUNNING", "DRAINING", "FINISHED", "FAILED", "ABORTED"
]

STATE_ORDER: dict[RunState, int] = {
    "PENDING": 0,
    "PREPARING": 1,
    "READY": 2,
    "RUNNING": 3,
    "DRAINING": 4,
    "FINISHED": 5,
    "FAILED": 5,
    "ABORTED": 5,
}
"""Position of a state on the way of a run: a run only moves to a higher one."""


class BadMessageError(ValueError):
    """A record that is no message of ours; readers count it and go on."""


class Part(BaseModel):
    """A piece of a message."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Message(Part):
    """What all messages have in common."""

    v: Literal[1] = 1


class RangeProgress(Part):
    """How far a driver is in one range: ``decided`` for good, ``claim`` may be decided."""

    id: Count
    decided: Count
    claim: Count


class RangeEnd(Part):
    """Where one range of a closed term ended: positions below ``decided`` were decided."""

    id: Count
    decided: Count


class ClosedTerm(Part):
    """Where a term of this boot ended; ranges that are not listed ended at 0."""

    run_id: str
    term: Count
    ranges: tuple[RangeEnd, ...]


class ClockEcho(Part):
    """Two of the four NTP timestamps: a heartbeat as sent by the driver and read here."""

    driver_id: str
    boot_id: str
    driver_sent_at_ns: int
    orchestrator_read_at_ns: int


class ClockEstimate(Part):
    """The driver's clock: ``offset_ns`` = orchestrator's wall clock − the driver's.

    A clock that is set meanwhile can make the round trip as long as it likes.
    """

    offset_ns: int
    round_trip_ns: Annotated[int, Field(ge=0)]


class Register(Message):
    """A driver describes itself, for display only."""

    kind: Literal["register"] = "register"
    driver_id: str
    boot_id: str
    address: str
    version: str
    cpu_count: Count
    labels: dict[str, str] = {}


class Heartbeat(Message):
    """A driver's sign of life; its acknowledgement is the driver's licence to go on.

    The run's snapshots are numbered from ``first_seq`` on. Once ``leaving`` is set or ``state`` is
    DRAINING or later, ``last_seq`` covers everything that was known when it was sent: with
    ``in_flight`` 0 nothing more will come. ``refusal`` says why
    this driver cannot take part in the run, for example that a secret is missing.
    """

    kind: Literal["heartbeat"] = "heartbeat"
    driver_id: str
    boot_id: str
    term: Count
    n: Count
    first: bool
    run_id: str | None
    state: RunState | None
    revision: int
    epoch: int
    leaving: bool
    refusal: str | None = None
    ranges: tuple[RangeProgress, ...]
    closed: tuple[ClosedTerm, ...]
    in_flight: Count
    first_seq: int
    last_seq: int
    beat_age_ns: int | None
    elapsed_ns: int | None
    sent_at_ns: int
    clock: ClockEstimate | None
    cpu: float
    lag_p99_ns: int | None


class Beat(Message):
    """The orchestrator's sign of life and the level of control: which run is in which state."""

    kind: Literal["beat"] = "beat"
    epoch: int
    n: Count
    run_id: str | None
    revision: int
    state: RunState | None
    needs: int
    starts_at_ns: int | None
    elapsed_ns: int | None
    sent_at_ns: int
    echo: tuple[ClockEcho, ...] = ()


class Grant(Part):
    """All ranges of one term: the full state, never a difference."""

    driver_id: str
    boot_id: str
    term: Count
    closed_through: int
    ranges: tuple[Range, ...]


class Grants(Message):
    """Who may send what; several parts of one revision make one whole."""

    kind: Literal["grants"] = "grants"
    epoch: int
    run_id: str
    revision: int
    part: Count
    parts: Count
    plan_digest: str
    count: Count
    drivers_at_start: Count
    grants: tuple[Grant, ...]


class PlanDocument(Message):
    """A plan on its way to the drivers, named by its digest."""

    kind: Literal["plan"] = "plan"
    epoch: int
    run_id: str
    digest: str
    plan: dict[str, Any]


class Order(Message):
    """A change of a run's state."""

    kind: Literal["order"] = "order"
    epoch: int
    run_id: str
    revision: int
    state: RunState
    needs: int
    starts_at_ns: int | None


class WireHistogram(Part):
    """A sparse histogram: ``n[k]`` values lie in the bucket that begins at ``low_ns[k]``.

    The layout of the buckets is fixed (see ``spate.histogram``), so the lower bound names the
    bucket. ``low_ns`` rises strictly; count, sum, min and max are exact.
    """

    low_ns: tuple[Count, ...]
    n: tuple[Count, ...]
    sum_ns: int
    min_ns: int | None
    max_ns: int | None
    clamped: Count = 0


class Cell(Part):
    """What happened in one snapshot's interval to the arrivals of one request and one stage.

    ``request`` and ``stage`` are positions in the plan. Everything is a delta.
    """

    request: Count
    stage: Count
    decided: Count = 0
    sent: Count = 0
    succeeded: Count = 0
    failed: dict[str, Count] = {}
    dropped: dict[str, Count] = {}
    missed: dict[str, Count] = {}
    status_codes: dict[StatusCode, Count] = {}
    bytes_sent: Count = 0
    bytes_received: Count = 0
    response_time: WireHistogram | None = None
    response_time_succeeded: WireHistogram | None = None
    service_time: WireHistogram | None = None
    lag: WireHistogram | None = None
    wait_time: WireHistogram | None = None
    connect_time: WireHistogram | None = None


class SlowTrace(Part):
    """A traced request that is among the slowest of its driver in the run so far.

    ``offset_ns`` is when it was due, in run time; ``outcome`` is ``succeeded`` or a failed kind;
    ``status`` is 0 without a response.
    """

    index: Count
    offset_ns: Count
    response_ns: Count
    outcome: str
    status: Count


class SnapshotMessage(Message):
    """The delta of one interval of one term; ``seq`` numbers the snapshots of a boot.

    ``window`` is the second of the run in which the interval lies (it never crosses one).
    ``in_flight``, ``cpu``, ``clock_offset_ns`` and ``start_skew_ns`` are levels at its end.
    """

    kind: Literal["snapshot"] = "snapshot"
    driver_id: str
    boot_id: str
    term: Count
    run_id: str
    seq: Count
    window: Count
    cells: tuple[Cell, ...]
    in_flight: Count
    connections: Count
    cpu: float
    clock_offset_ns: int | None
    start_skew_ns: int | None
    traces: Annotated[tuple[SlowTrace, ...], Field(max_length=20)] = ()


AnyMessage = Annotated[
    Register | Heartbeat | Beat | Grants | PlanDocument | Order | SnapshotMessage,
    Field(discriminator="kind"),
]


@cache
def _adapter() -> TypeAdapter[AnyMessage]:
    """Return what reads any message; made at the first, for a run in-process reads none."""
    return TypeAdapter(AnyMessage)


def encode(message: Message) -> bytes:
    """Return the message as JSON."""
    return message.model_dump_json().encode()


def decode(raw: bytes) -> AnyMessage:
    """Read one record's value.

    Raises:
        BadMessageError: if it is not JSON, of no known kind or version, or breaks a field's rule.
    """
    try:
        return _adapter().validate_json(raw, extra="ignore")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadMessageError(f"{where}: {first['msg']}") from error
