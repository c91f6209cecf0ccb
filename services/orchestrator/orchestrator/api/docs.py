"""The page at ``/docs``: every call of the API, without anything from afar."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response

from orchestrator.api.query import only
from orchestrator.api.static_files import BESIDE_DOCUMENTS, read_static

_FILES = {
    "/docs": ("docs.html", "text/html"),
    "/docs/docs.js": ("docs.js", "text/javascript"),
    "/docs/docs.css": ("docs.css", "text/css"),
    **BESIDE_DOCUMENTS,
}


def docs_router() -> APIRouter:
    """Return the routes of the page and of the files beside it, read once."""
    router = APIRouter(include_in_schema=False)
    for path, (name, media_type) in _FILES.items():
        content = read_static(name)
        _add(router, path, content, media_type)
    return router


def _add(router: APIRouter, path: str, content: bytes, media_type: str) -> None:
    @router.get(path, dependencies=[Depends(only())])
    async def file() -> Response:
        """Return the file."""
        return Response(content, media_type=media_type)
