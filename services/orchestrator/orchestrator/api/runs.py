"""Runs: start, list, look at, stop and abort them."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from orchestrator.api.body import canonical_digest, read_nothing, read_object
from orchestrator.api.description import describe
from orchestrator.api.models import RunList
from orchestrator.api.plan_models import StartRequest
from orchestrator.api.plans import read_plan
from orchestrator.api.problems import ApiProblemError, bad_request
from orchestrator.api.query import only
from orchestrator.api.report_models import Report
from orchestrator.api.run_reader import RunReader
from orchestrator.api.view_models import RunView
from orchestrator.archive import Filters
from orchestrator.operations import Operations, UnknownRunError
from spate.messages import RunState

_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_MOST_LETTERS = 128
"""No id is longer."""


def runs_router(operations: Operations, reader: RunReader, prefix: str) -> APIRouter:
    """Return the routes below ``/runs``, but for the stream."""
    router = APIRouter(tags=["runs"])

    @router.post(
        "/runs",
        status_code=201,
        dependencies=[Depends(only())],
        **describe(
            body=StartRequest,
            answers={201: RunView, 200: RunView},
            problems=(403, 408, 409, 413, 415, 422, 503),
        ),
    )
    async def start_run(
        request: Request,
        idempotency_key: Annotated[list[str] | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        """Start a run: 201, or 200 if the Idempotency-Key made it before with this body."""
        key = _idempotency_key(idempotency_key or [])
        body = await read_object(request, ("plan",))
        plan = await read_plan(body)
        submitted = await operations.submit(plan, key, canonical_digest(body))
        return JSONResponse(
            await reader.view(submitted.run_id),
            status_code=201 if submitted.created else 200,
            headers={"Location": f"{prefix}/runs/{submitted.run_id}"},
        )

    @router.get(
        "/runs",
        dependencies=[Depends(only("name", "limit", "cursor", many=("state", "label")))],
        **describe(answers={200: RunList}, problems=(422, 503)),
    )
    async def list_runs(
        state: Annotated[list[RunState], Query(description="any of these")] = [],  # noqa: B006  FastAPI copies it
        label: Annotated[list[str], Query(description="all of these: KEY=VALUE or KEY")] = [],  # noqa: B006  the same
        name: Annotated[
            str | None, Query(description="letters in the name or id, any case")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        cursor: Annotated[str | None, Query(description="the next_cursor before")] = None,
    ) -> RunList:
        """List runs, newest first."""
        labels = tuple(_label(text) for text in label)
        filters = Filters(tuple(state), labels, "" if name is None else _letters(name))
        return await reader.page(filters, limit, cursor)

    @router.get(
        "/runs/{run_id}",
        dependencies=[Depends(only())],
        **describe(answers={200: RunView}, problems=(404, 422, 503)),
    )
    async def get_run(run_id: str) -> Response:
        """Look at a run: its state, its accounting so far, its newest window, its verdict."""
        return JSONResponse(await reader.view(run_id))

    @router.get(
        "/runs/{run_id}/report",
        dependencies=[Depends(only())],
        **describe(answers={200: Report}, problems=(404, 409, 422, 503)),
    )
    async def get_report(run_id: str) -> Response:
        """Return the report of a run that has ended; it never changes."""
        return Response(await reader.report(run_id), media_type="application/json")

    async def order(request: Request, run_id: str, *, abort: bool) -> dict[str, Any]:
        await read_nothing(request)
        try:
            await (operations.abort if abort else operations.stop)(run_id)
        except UnknownRunError:
            ended = await reader.ended(run_id)
            detail = f"the run ended at {ended['run']['ended_at']}: {ended['run']['state']}"
            raise ApiProblemError(409, "wrong-state", "The run has ended", detail) from None
        return await reader.view(run_id)

    @router.post(
        "/runs/{run_id}/stop",
        dependencies=[Depends(only())],
        **describe(answers={200: RunView}, problems=(403, 404, 409, 413, 415, 422, 503)),
    )
    async def stop_run(request: Request, run_id: str) -> Response:
        """Stop a run: what is in flight is finished, nothing more is started."""
        return JSONResponse(await order(request, run_id, abort=False))

    @router.post(
        "/runs/{run_id}/abort",
        dependencies=[Depends(only())],
        **describe(answers={200: RunView}, problems=(403, 404, 409, 413, 415, 422, 503)),
    )
    async def abort_run(request: Request, run_id: str) -> Response:
        """Abort a run: it ends now, what is in flight is cancelled."""
        return JSONResponse(await order(request, run_id, abort=True))

    return router


def _idempotency_key(values: list[str]) -> str | None:
    if not values:
        return None
    if len(values) > 1 or not _KEY.fullmatch(values[0]):
        message = "must be one value of 1 to 200 visible ASCII characters"
        raise bad_request([("Idempotency-Key", message)])
    return values[0]


def _label(text: str) -> tuple[str, str | None]:
    key, separator, value = text.partition("=")
    if not key or not text.isprintable():
        raise bad_request([("label", "must be KEY=VALUE or KEY")])
    return key, value if separator else None


def _letters(text: str) -> str:
    if not 1 <= len(text) <= _MOST_LETTERS or not text.isprintable():
        raise bad_request([("name", f"must be 1 to {_MOST_LETTERS} printable characters")])
    return text
