"""The live feed as server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from fastapi.responses import StreamingResponse

from orchestrator.api.description import describe
from orchestrator.api.problems import unavailable
from orchestrator.api.query import only
from orchestrator.api.run_reader import RunReader
from orchestrator.feed import Event, Feed, Feeds
from orchestrator.run_view import end_data, snapshot_data, view_of

HEARTBEAT_S = 1.0
"""A comment this often lets the page see within two seconds that it is cut off."""

_RETRY = b"retry: 1000\n\n"
_HEARTBEAT = b": heartbeat\n\n"
_HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


def stream_router(reader: RunReader, feeds: Feeds, heartbeat_s: float = HEARTBEAT_S) -> APIRouter:
    """Return the route ``/runs/{id}/stream``."""
    router = APIRouter(tags=["runs"])

    @router.get(
        "/runs/{run_id}/stream",
        dependencies=[Depends(only())],
        **describe(stream=True, problems=(404, 422, 503)),
    )
    async def stream_run(
        run_id: str, last_event_id: Annotated[str | None, Header()] = None
    ) -> StreamingResponse:
        """Follow a run: first ``snapshot``, then ``state``, ``window``, ``fleet``, last ``end``.

        ``Last-Event-ID`` resumes after that event, or with a new ``snapshot`` where it is gone.
        """
        feed = feeds.find(run_id)
        if feed is not None:
            body = frames(feed, last_event_id, heartbeat_s)
        elif reader.live(run_id) is not None:
            raise unavailable("the live feed of this run is being opened")
        else:
            body = _ended(run_id, await reader.ended(run_id))
        return StreamingResponse(body, media_type="text/event-stream", headers=_HEADERS)

    return router


async def frames(feed: Feed, last_event_id: str | None, heartbeat_s: float) -> AsyncIterator[bytes]:
    """Yield a feed as text until it ends; a comment whenever ``heartbeat_s`` brought nothing."""
    yield _RETRY
    with feed.subscribe(last_event_id) as subscription:
        while (events := await subscription.take(heartbeat_s)) is not None:
            yield encode(events) if events else _HEARTBEAT


def encode(events: Iterable[Event]) -> bytes:
    """Return events in the text form of server-sent events; their data is one line each."""
    return "".join(
        f"id: {event.id}\nevent: {event.kind}\ndata: {event.data}\n\n" for event in events
    ).encode()


async def _ended(run_id: str, report: dict[str, Any]) -> AsyncIterator[bytes]:
    yield _RETRY
    snapshot = json.dumps(snapshot_data(view_of(report), report["windows"]))
    end = json.dumps(end_data(report))
    yield encode((Event(f"{run_id}:0", "snapshot", snapshot), Event(f"{run_id}:1", "end", end)))
