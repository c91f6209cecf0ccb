"""What people see of a run, in the shapes of the API and of its live feed; pure.

The view of a run that is under way is ``spate.live.live_view``; here it is made from the report
of one that has ended, and cut into the data of events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spate.figures import HISTOGRAMS

Json = Mapping[str, Any]

_MOVING = ("accounting", "status_codes", *HISTOGRAMS, "window", "drivers", "degraded")


def view_of(report: Json) -> dict[str, Any]:
    """Return the body of ``GET /runs/{id}`` for an ended run: nothing is to come any more."""
    windows = report["windows"]
    return {
        "run": {**report["run"], "waiting_for": None},
        "accounting": {**report["accounting"], "to_come": 0},
        "status_codes": report["status_codes"],
        **{name: _bare(report[name]) for name in HISTOGRAMS},
        "window": windows[-1] if windows else None,
        "drivers": [_driver(row) for row in report["drivers"]],
        "events": report["events"],
        "degraded": report["verdict"]["degraded"],
        "verdict": report["verdict"],
    }


def snapshot_data(view: Json, windows: Sequence[Json]) -> dict[str, Any]:
    """Return the data of ``snapshot``: the view and the rows of all windows so far."""
    return {**view, "windows": list(windows)}


def state_data(view: Json) -> dict[str, Any]:
    """Return the data of ``state``: where the run is now."""
    run = view["run"]
    keys = ("state", "stopped", "reason", "started_at", "drivers", "waiting_for")
    return {key: run[key] for key in keys}


def window_data(view: Json, changed: Sequence[Json]) -> dict[str, Any]:
    """Return the data of ``window``: figures so far, and the rows that are new or changed."""
    return {**{key: view[key] for key in _MOVING}, "windows": list(changed)}


def fleet_data(event: Json) -> dict[str, Any]:
    """Return the data of ``fleet``: one of the run's events."""
    return {"event": dict(event)}


def end_data(report: Json) -> dict[str, Any]:
    """Return the data of ``end``."""
    run = report["run"]
    return {
        **{key: run[key] for key in ("state", "stopped", "reason", "ended_at")},
        "passed": report["verdict"]["passed"],
    }


def _bare(duration: Json) -> dict[str, Any]:
    return {key: value for key, value in duration.items() if key != "histogram"}


def _driver(row: Json) -> dict[str, Any]:
    """Return a driver's row as it is shown live, from its row in the report."""
    accounting = row["accounting"]
    parts = (accounting["failed"], accounting["dropped"], accounting["missed"])
    return {
        "driver_id": row["driver_id"],
        "reported": accounting["succeeded"] + sum(sum(part.values()) for part in parts),
        "sent": accounting["sent"],
        "in_flight": 0,
        "cpu": row["cpu"],
        "clock_offset_ns": row["clock_offset_ns"],
        "start_skew_ns": row["start_skew_ns"],
        "last_window": None,
        **{name: _bare(row[name]) for name in ("response_time", "service_time", "lag")},
    }
