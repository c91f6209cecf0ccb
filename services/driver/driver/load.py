"""The run that a driver takes part in."""

from __future__ import annotations

from dataclasses import dataclass

from spate.plan import Plan
from spate.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Load:
    """A run's plan and its schedule, compiled for the number of drivers at the start."""

    run_id: str
    plan: Plan
    schedule: Schedule
