"""Health and metrics, for kubelet and Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from orchestrator.api.description import describe
from orchestrator.api.models import Health
from orchestrator.api.problems import unavailable
from orchestrator.api.query import only
from orchestrator.metrics import Exposition
from orchestrator.operations import Operations


def health_router(operations: Operations, exposition: Exposition) -> APIRouter:
    """Return ``/healthz``, ``/readyz`` and ``/metrics``."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", dependencies=[Depends(only())], **describe(answers={200: Health}))
    async def live() -> Health:
        """Say that the process answers."""
        return Health(status="ok")

    @router.get(
        "/readyz",
        dependencies=[Depends(only())],
        **describe(answers={200: Health}, problems=(503,)),
    )
    async def ready() -> Health:
        """Say whether Kafka is reachable and the journal replayed."""
        readiness = operations.readiness()
        if not readiness.ready:
            raise unavailable(readiness.reason)
        return Health(status="ready")

    @router.get("/metrics", **describe(text="text/plain"))
    async def metrics(request: Request) -> Response:
        """Return the orchestrator's figures in Prometheus' text format."""
        body, content_type = await exposition.render(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type})

    return router
