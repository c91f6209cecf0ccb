"""A run that has ended looks as it did while it was under way, with nothing left to come."""

from __future__ import annotations

from typing import Any

from tests.unit.orchestra import make_plan
from tests.unit.stage import Stage, perform

from orchestrator.run_view import view_of


def test_the_view_of_a_report_has_the_shape_of_a_live_one() -> None:
    """The figures are those of the report, but for the buckets of its histograms."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(make_plan(), 0.5)
        live = stage.desk.live(run_id)
        report = await stage.report(run_id)
        view = view_of(report)
        assert live is not None
        assert shape(view) == shape(live)
        assert view["accounting"] == {**report["accounting"], "to_come": 0}
        assert view["run"] == {**report["run"], "waiting_for": None}
        assert (view["window"], view["events"]) == (report["windows"][-1], report["events"])
        (row,) = view["drivers"]
        assert (row["driver_id"], row["reported"], row["sent"]) == ("d1", 20, 20)
        assert (row["in_flight"], row["last_window"]) == (0, None)
        assert "histogram" not in view["response_time"]

    perform(1, script)


def test_a_report_without_windows_has_no_last_one() -> None:
    """Nothing was sent."""

    async def script(stage: Stage) -> None:
        run_id = await stage.submit()
        await stage.desk.abort(run_id)
        view = view_of(await stage.report(run_id))
        assert (view["window"], view["drivers"]) == (None, [])

    perform(0, script)


def shape(view: dict[str, Any]) -> dict[str, Any]:
    """Return the keys of a view, and those of its drivers."""
    (row,) = view["drivers"]
    return {key: sorted(row) if key == "drivers" else None for key in sorted(view)}
