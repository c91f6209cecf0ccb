"""What the API answers besides reports."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from orchestrator.operations import DriverRow, RunRow


class ProblemDetail(BaseModel):
    """One place that is wrong: a path in the plan (``load.stages[1].to``) or a parameter."""

    path: str
    message: str


class Problem(BaseModel):
    """What went wrong (RFC 9457); ``errors`` is empty where no place can be named."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ProblemDetail]


class RunList(BaseModel):
    """A page of runs, newest first; ``next_cursor`` None: there are no more."""

    runs: list[RunRow]
    next_cursor: str | None


class DriverList(BaseModel):
    """All drivers heard."""

    drivers: list[DriverRow]


class PlanErrors(BaseModel):
    """Why a plan cannot be run: everything at once."""

    errors: Annotated[list[ProblemDetail], Field(min_length=1)]


class PlanPreview(BaseModel):
    """What a plan would do: ``preview`` is the rate of the whole fleet as [t_s, rate_per_s].

    Between its points the rate is linear. Closed load has no duration, peak or preview.
    """

    count: int
    duration_s: float | None
    peak_rate_per_s: float | None
    preview: Annotated[list[tuple[float, float]], Field(max_length=200)]


class About(BaseModel):
    """This orchestrator; ``sample_target`` is where the bundled target answers, None: nowhere."""

    version: str
    sample_target: str | None


class Health(BaseModel):
    """The process answers."""

    status: str
