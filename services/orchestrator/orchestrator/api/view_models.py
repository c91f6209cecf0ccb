"""A run as it is now, and the events of its live feed, as OpenAPI describes them."""

from __future__ import annotations

from typing import Literal

from orchestrator.api.report_models import (
    Degraded,
    DurationFigures,
    FleetEvent,
    LiveAccounting,
    ReportPart,
    ReportRun,
    Verdict,
    Window,
)
from spate.messages import RunState


class LiveDriver(ReportPart):
    """What one driver has done in the run so far; ``cpu`` is a share of one core."""

    driver_id: str
    reported: int
    sent: int
    in_flight: int
    cpu: float | None
    clock_offset_ns: int | None
    start_skew_ns: int | None
    last_window: int | None
    response_time: DurationFigures
    service_time: DurationFigures
    lag: DurationFigures


class LiveFigures(ReportPart):
    """What changes while a run is under way.

    ``window`` is its newest second that is over; ``degraded`` are reasons, so far, not to trust it.
    """

    accounting: LiveAccounting
    status_codes: dict[str, int]
    response_time: DurationFigures
    response_time_succeeded: DurationFigures
    service_time: DurationFigures
    lag: DurationFigures
    wait_time: DurationFigures
    connect_time: DurationFigures
    window: Window | None
    drivers: list[LiveDriver]
    degraded: list[Degraded]


WaitingFor = Literal["Kafka"] | None
"""What keeps a run from going on."""


class LiveRun(ReportRun):
    """The run itself; ``waiting_for`` says what keeps it from going on."""

    waiting_for: WaitingFor


class RunView(LiveFigures):
    """A run as it is now; ``verdict`` is None until it has ended."""

    run: LiveRun
    events: list[FleetEvent]
    verdict: Verdict | None


class SnapshotData(RunView):
    """Data of ``snapshot``: the view and the rows of all windows so far."""

    windows: list[Window]


class StateData(ReportPart):
    """Data of ``state``: the run moved on."""

    state: RunState
    stopped: bool
    reason: str | None
    started_at: str | None
    drivers: int
    waiting_for: WaitingFor


class WindowData(LiveFigures):
    """Data of ``window``: figures so far, and rows that are new or changed.

    Those of ``windows`` replace what begins within them, those of ``drivers`` what has the same
    driver_id; of a large fleet the drivers' rows come in turns, at most 100 in an event.
    """

    windows: list[Window]


class FleetData(ReportPart):
    """Data of ``fleet``: something happened to the fleet."""

    event: FleetEvent


class EndData(ReportPart):
    """Data of ``end``: the report can be fetched; the stream closes."""

    state: RunState
    stopped: bool
    reason: str | None
    ended_at: str
    passed: bool


class StreamEvent(ReportPart):
    """One event of the stream; on the wire ``id``, ``event`` and ``data`` are SSE fields."""

    id: str
    event: Literal["snapshot", "state", "window", "fleet", "end"]
    data: SnapshotData | StateData | WindowData | FleetData | EndData
