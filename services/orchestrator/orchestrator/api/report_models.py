"""The report, and the view of a run that is under way, as OpenAPI describes them.

They describe what ``spate.report`` writes; responses are sent as they are stored and are held
against these models in tests.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from orchestrator.api.plan_models import Plan
from spate.messages import RunState


class ReportPart(BaseModel):
    """A piece of a report: every key is there, None where there is no figure."""

    model_config = ConfigDict(extra="forbid")


class Failed(ReportPart):
    """How many failed, by kind: a closed set."""

    dns: int
    connect_refused: int
    connect_timeout: int
    tls: int
    timeout: int
    reset: int
    closed_early: int
    protocol: int
    status_4xx: int
    status_5xx: int
    status_other: int
    body_mismatch: int
    blocked: int
    internal: int


class Dropped(ReportPart):
    """How many a driver gave up at its own limits, by cause: a closed set."""

    in_flight_limit: int
    no_connection: int


class Missed(ReportPart):
    """How many nobody sent when they were due, by cause: a closed set."""

    handover: int
    fenced: int
    no_driver: int
    aborted: int


class Accounting(ReportPart):
    """planned = succeeded + failed + dropped + missed + unconfirmed."""

    planned: int
    succeeded: int
    failed: Failed
    dropped: Dropped
    missed: Missed
    unconfirmed: int
    sent: int
    answered: int


class LiveAccounting(Accounting):
    """The same while the run is under way: planned = all of those + to_come."""

    to_come: int


class DurationFigures(ReportPart):
    """The figures of measured durations; None where nothing was measured."""

    count: int
    min_ns: int | None
    mean_ns: float | None
    mode_ns: int | None
    p50_ns: int | None
    p90_ns: int | None
    p95_ns: int | None
    p99_ns: int | None
    p999_ns: int | None
    max_ns: int | None


class Duration(DurationFigures):
    """The figures and the histogram they are from: rows of [low_ns, high_ns, n]."""

    histogram: list[tuple[int, int, int]]


class Durations(ReportPart):
    """The durations that are measured."""

    response_time: Duration
    response_time_succeeded: Duration
    service_time: Duration
    lag: Duration
    wait_time: Duration
    connect_time: Duration


class ReportRun(ReportPart):
    """The run itself. ``drivers`` is how many began it; ``started_at`` None: it never did."""

    id: str
    name: str
    labels: dict[str, str]
    plan: Plan
    state: RunState
    stopped: bool
    reason: str | None
    created_at: str
    started_at: str | None
    ended_at: str | None
    drivers: int


class StageFigures(Durations):
    """The figures of one stage of the load."""

    name: str
    measured: bool
    accounting: Accounting
    status_codes: dict[str, int]


class RequestFigures(ReportPart):
    """The figures of one request of the plan."""

    name: str
    accounting: Accounting
    status_codes: dict[str, int]
    response_time: Duration
    service_time: Duration


class WindowPeak(ReportPart):
    """What some figures of a window that is wider than a second were in its highest second.

    Each is the highest by itself; ``failed_kinds`` divides ``failed``, in the same second.
    """

    sent: int
    failed: int
    failed_kinds: dict[str, int]
    dropped: int
    p99_ns: int | None
    lag_p99_ns: int | None


class Window(ReportPart):
    """A second of the run, or several (``width_s``) if it is long past; all drivers merged.

    ``failed_kinds`` divides ``failed`` by kind and holds those that occurred; a report that was
    archived before windows had it has none, nor need it have ``width_s`` (1) and ``peak``. Of a
    window that is wider than a second, ``in_flight`` and ``drivers`` are the highest of its
    seconds, and ``peak``, elsewhere null, says the like of other figures.
    """

    offset_s: int
    width_s: int = 1
    planned: int
    sent: int
    succeeded: int
    failed: int
    failed_kinds: dict[str, int] = Field(default_factory=dict)
    dropped: int
    missed: int
    in_flight: int
    p50_ns: int | None
    p90_ns: int | None
    p99_ns: int | None
    max_ns: int | None
    lag_p99_ns: int | None
    bytes_received: int
    drivers: int
    peak: WindowPeak | None = None


class DriverFigures(ReportPart):
    """One driver over all its lives in the run."""

    driver_id: str
    accounting: Accounting
    response_time: Duration
    service_time: Duration
    lag: Duration
    clock_offset_ns: int | None
    start_skew_ns: int | None
    cpu: float | None


class FleetEvent(ReportPart):
    """Something that happened to the fleet, on the run's time axis."""

    offset_s: float
    kind: str
    driver_id: str | None
    text: str


class Trace(ReportPart):
    """A request that carried trace context; ``offset_s`` is when it was due.

    ``outcome`` is ``succeeded`` or a failed kind; ``status`` is None without a response.
    """

    trace_id: str
    index: int
    request: str
    driver_id: str
    offset_s: float
    response_ns: int
    outcome: str
    status: int | None


class ThresholdResult(ReportPart):
    """One threshold on merged data; ``value`` is in ns for durations, a share for rates."""

    expression: str
    value: float | None
    passed: bool


class Degraded(ReportPart):
    """A reason not to trust the run."""

    reason: str
    text: str


class Verdict(ReportPart):
    """Whether the run passed; ``degraded`` does not change that."""

    passed: bool
    thresholds: list[ThresholdResult]
    degraded: list[Degraded]


class Report(Durations):
    """The final document of a run; it never changes.

    ``traces`` are the 20 slowest of the traced requests, the slowest first.
    """

    version: Literal[1]
    run: ReportRun
    accounting: Accounting
    status_codes: dict[str, int]
    stages: list[StageFigures]
    requests: list[RequestFigures]
    windows: list[Window]
    drivers: list[DriverFigures]
    traces: list[Trace] = Field(default_factory=list)
    events: list[FleetEvent]
    verdict: Verdict
