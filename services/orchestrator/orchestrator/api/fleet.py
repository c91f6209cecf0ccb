"""The fleet: which drivers are heard, and how many there are to be."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from orchestrator.api.body import read_object
from orchestrator.api.description import describe
from orchestrator.api.models import DriverList
from orchestrator.api.plan_models import ScaleRequest
from orchestrator.api.problems import bad_request
from orchestrator.api.query import only
from orchestrator.operations import Fleet, Operations

MAX_REPLICAS = 1_000


def fleet_router(operations: Operations) -> APIRouter:
    """Return the routes ``/drivers`` and ``/fleet``."""
    router = APIRouter(tags=["fleet"])

    @router.get(
        "/drivers",
        dependencies=[Depends(only())],
        **describe(answers={200: DriverList}, problems=(422,)),
    )
    async def list_drivers() -> DriverList:
        """List the drivers heard."""
        return DriverList(drivers=operations.drivers())

    @router.get(
        "/fleet",
        dependencies=[Depends(only())],
        **describe(answers={200: Fleet}, problems=(422,)),
    )
    async def get_fleet() -> Fleet:
        """Look at the Deployment of drivers."""
        return operations.fleet()

    @router.put(
        "/fleet",
        dependencies=[Depends(only())],
        **describe(
            body=ScaleRequest, answers={200: Fleet}, problems=(403, 408, 409, 413, 415, 422, 503)
        ),
    )
    async def scale_fleet(request: Request) -> Fleet:
        """Scale the Deployment of drivers; runs under way go on, with more or fewer."""
        body = await read_object(request, ("replicas",))
        replicas = body.get("replicas")
        if (
            isinstance(replicas, bool)
            or not isinstance(replicas, int)
            or not 0 <= replicas <= MAX_REPLICAS
        ):
            raise bad_request([("replicas", f"must be a whole number of 0 to {MAX_REPLICAS}")])
        return await operations.scale(replicas)

    return router
