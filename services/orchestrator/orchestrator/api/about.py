"""What somebody who has just come here wants to know."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from orchestrator.api.description import describe
from orchestrator.api.models import About
from orchestrator.api.query import only
from orchestrator.settings import Settings


def about_router(version: str, settings: Settings) -> APIRouter:
    """Return the route ``/about``."""
    router = APIRouter(tags=["about"])
    sample = settings.sample_target
    # A target that would be refused is none to begin with.
    offered = sample is not None and settings.allowed_targets.allows_host(sample.host)
    known = About(version=version, sample_target=str(sample) if offered else None)

    @router.get(
        "/about",
        dependencies=[Depends(only())],
        **describe(answers={200: About}, problems=(422,)),
    )
    async def about() -> About:
        """Say which version this is, and on what it can be tried."""
        return known

    return router
