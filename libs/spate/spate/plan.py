"""The plan as the rest of Spate sees it: what it is, and how to read one."""

from __future__ import annotations

from spate.plan_document import MOST_BYTES, parse_plan
from spate.plan_model import (
    ArrivalsLoad,
    AvalancheLoad,
    Drivers,
    Expect,
    Limits,
    Load,
    Options,
    Plan,
    Request,
    Stage,
    Tls,
    TsunamiLoad,
)
from spate.plan_problem import PlanError, PlanProblem
from spate.plan_text import parse_plan_text, read_document

__all__ = [
    "MOST_BYTES",
    "ArrivalsLoad",
    "AvalancheLoad",
    "Drivers",
    "Expect",
    "Limits",
    "Load",
    "Options",
    "Plan",
    "PlanError",
    "PlanProblem",
    "Request",
    "Stage",
    "Tls",
    "TsunamiLoad",
    "parse_plan",
    "parse_plan_text",
    "read_document",
]
