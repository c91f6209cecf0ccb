"""Plans: say what one would do, or what is wrong with it, without running it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request

from orchestrator.api.body import read_object
from orchestrator.api.description import describe
from orchestrator.api.models import PlanErrors, PlanPreview, ProblemDetail
from orchestrator.api.plan_models import ValidateRequest
from orchestrator.api.problems import bad_plan, bad_request
from orchestrator.api.query import only
from orchestrator.operations import Operations, TargetNotAllowedError
from spate.plan import Plan, PlanError, PlanProblem, parse_plan
from spate.schedule import Schedule, plan_schedule

MAX_DRIVERS = 10_000
_NS_PER_S = 1_000_000_000


def plans_router(operations: Operations) -> APIRouter:
    """Return the routes below ``/plans``."""
    router = APIRouter(tags=["plans"])

    @router.post(
        "/plans/validate",
        dependencies=[Depends(only())],
        **describe(
            body=ValidateRequest,
            answers={200: PlanErrors | PlanPreview},
            problems=(403, 408, 413, 415, 422),
        ),
    )
    async def validate_plan(request: Request) -> PlanErrors | PlanPreview:
        """Check a plan and preview its load; a plan with errors is a 200 that lists them."""
        body = await read_object(request, ("plan", "drivers"))
        drivers = _drivers(body, operations.fleet().eligible)
        document = _document(body)
        try:
            plan = await asyncio.to_thread(parse_plan, document)
            await operations.check_target(plan)
            return preview(await asyncio.to_thread(plan_schedule, plan, drivers))
        except (PlanError, TargetNotAllowedError) as error:
            return _errors(error.problems)

    return router


async def read_plan(body: Mapping[str, Any]) -> Plan:
    """Return the plan in the body of a request.

    Raises:
        ApiProblemError: 422 if there is none, or it breaks the rules.
    """
    document = _document(body)
    try:
        # A plan may have 256 KB: off the loop, which also beats for the drivers.
        return await asyncio.to_thread(parse_plan, document)
    except PlanError as error:
        raise bad_plan(error.problems) from None


def preview(schedule: Schedule) -> PlanPreview:
    """Return what a schedule does.

    The rate is linear in each stage, so the ends of all stages (at most 64) draw it exactly.
    """
    duration_ns = schedule.duration_ns
    if duration_ns is None:
        return PlanPreview(count=schedule.count, duration_s=None, peak_rate_per_s=None, preview=[])
    corners = [
        (at_ns, schedule.rate_per_s(seen_ns))
        for stage in schedule.stages
        for at_ns, seen_ns in ((stage.from_ns, stage.from_ns), (stage.to_ns, stage.to_ns - 1))
        if stage.to_ns > stage.from_ns
    ]
    return PlanPreview(
        count=schedule.count,
        duration_s=duration_ns / _NS_PER_S,
        peak_rate_per_s=max((rate for _, rate in corners), default=0.0),
        preview=[(at_ns / _NS_PER_S, rate) for at_ns, rate in corners],
    )


def _document(body: Mapping[str, Any]) -> dict[str, Any]:
    if "plan" not in body:
        raise bad_request([("plan", "is missing")])
    document = body["plan"]
    if not isinstance(document, dict):
        raise bad_request([("plan", "must be an object")])
    return document


def _drivers(body: Mapping[str, Any], eligible: int) -> int:
    """Return how many drivers to plan for: those asked for, or those that could start now."""
    drivers = body.get("drivers")
    if drivers is None:
        return max(1, eligible)
    if isinstance(drivers, bool) or not isinstance(drivers, int) or not 1 <= drivers <= MAX_DRIVERS:
        raise bad_request([("drivers", f"must be a whole number of 1 to {MAX_DRIVERS}")])
    return drivers


def _errors(problems: tuple[PlanProblem, ...]) -> PlanErrors:
    return PlanErrors(errors=[ProblemDetail(path=p.path, message=p.message) for p in problems])
