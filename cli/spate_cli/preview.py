"""``spate validate`` without an orchestrator: what a plan would do; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spate.plan import ArrivalsLoad, Plan, TsunamiLoad
from spate.schedule import plan_schedule
from spate_cli.quantities import digits, rate

_NS_PER_S = 1_000_000_000


def preview(plan: Plan, drivers: int) -> dict[str, Any]:
    """Return count, duration and peak rate of a plan for a number of drivers at the start.

    Closed load has neither duration nor rate.
    """
    schedule = plan_schedule(plan, drivers)
    peak: float | None = None
    if isinstance(plan.load, TsunamiLoad):
        peak = drivers * _NS_PER_S / plan.load.message_delay_ns
    elif isinstance(plan.load, ArrivalsLoad):
        peak = float(max(max(s.from_per_s, s.to_per_s) for s in plan.load.stages))
    duration_ns = schedule.duration_ns
    return {
        "count": schedule.count,
        "duration_s": None if duration_ns is None else duration_ns / _NS_PER_S,
        "peak_rate_per_s": peak,
    }


def preview_line(name: str, drivers: int, preview: Mapping[str, Any]) -> str:
    """Return what a plan would do as a line."""
    seconds, peak = preview.get("duration_s"), preview.get("peak_rate_per_s")
    parts = [f"{name}: {preview['count']:,} requests by {drivers} driver{'s'[: drivers > 1]}"]
    if seconds is not None:
        parts.append(f"in {digits(seconds)} s")
    if peak is not None:
        parts.append(f"at up to {rate(peak)}")
    return " ".join(parts) + "\n"
