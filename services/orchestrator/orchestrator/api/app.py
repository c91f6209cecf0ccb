"""Puts the API together."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import FastAPI
from fastapi.routing import APIRoute

from orchestrator.api.about import about_router
from orchestrator.api.description import install_openapi
from orchestrator.api.docs import docs_router
from orchestrator.api.fleet import fleet_router
from orchestrator.api.guards import Guard, HostRule
from orchestrator.api.health import health_router
from orchestrator.api.page import BUILT_HERE, Page
from orchestrator.api.plans import plans_router
from orchestrator.api.problems import install_handlers
from orchestrator.api.run_reader import RunReader
from orchestrator.api.runs import runs_router
from orchestrator.api.stream import HEARTBEAT_S, stream_router
from orchestrator.archive import Archive
from orchestrator.feed import Feeds
from orchestrator.metrics import Exposition
from orchestrator.operations import Operations
from orchestrator.settings import Settings

PREFIX = "/api/v1"


def _operation_id(route: APIRoute) -> str:
    """Name a call by its function alone: clients take their methods' names from it."""
    return route.name


def create_app(
    operations: Operations,
    archive: Archive,
    feeds: Feeds,
    settings: Settings,
    *,
    heartbeat_s: float = HEARTBEAT_S,
) -> FastAPI:
    """Return the application; the archive must be open before it is asked anything."""
    spate_version = version("spate")
    app = FastAPI(
        title="Spate",
        version=spate_version,
        description="Load tests whose numbers add up. Times are RFC 3339 in UTC or nanoseconds.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    reader = RunReader(operations, archive)
    for router in (
        runs_router(operations, reader, PREFIX),
        stream_router(reader, feeds, heartbeat_s),
        plans_router(operations),
        fleet_router(operations),
        about_router(spate_version, settings),
    ):
        app.include_router(router, prefix=PREFIX)
    exposition = Exposition(spate_version, operations.figures, feeds.subscribers)
    app.include_router(health_router(operations, exposition))
    app.include_router(docs_router())

    app.router.default = Page(settings.page or BUILT_HERE, otherwise=app.router.default)
    install_handlers(app)
    install_openapi(app)
    app.add_middleware(Guard, rule=HostRule(settings.host, settings.allowed_hosts))
    return app
