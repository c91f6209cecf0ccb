"""The page: what ``ui/`` was built into, at every path that nothing else answers to a browser.

The page has addresses of its own (``/runs/…``) and finds its way by itself, so whoever asks for
HTML gets its one document, whatever the path. Everybody else, and everybody below the API's own
places, is told that there is nothing.
"""

from __future__ import annotations

import gzip
import logging
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from fastapi.responses import Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestrator.api.static_files import read_static

_LOG = logging.getLogger(__name__)

BUILT_HERE = Path(__file__).parents[4] / "ui" / "dist" / "page"
"""Where ``make setup`` puts the page of a checkout."""

_INDEX = "index.html"
_HASHED = "assets/"
"""What lies here has its content's hash in its name, and so never changes."""
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_RESERVED = frozenset({"api", "assets", "docs", "healthz", "metrics", "openapi.json", "readyz"})
"""First parts of paths at which a missing thing is missing, for browsers as well."""
_READING = frozenset({"GET", "HEAD"})
_PACKED_TYPES = ("text/", "application/json", "image/svg+xml")


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the page; ``packed`` is its gzip, None where that gains nothing."""

    content: bytes
    packed: bytes | None
    media_type: str
    headers: dict[str, str]


class Page:
    """Serves a built page from memory: no path of a caller ever reaches the disk.

    ``otherwise`` answers what is not for the page. Without a built page in ``directory`` browsers
    are told how to build it.
    """

    def __init__(self, directory: Path, otherwise: ASGIApp) -> None:
        self._otherwise = otherwise
        self._files = _read(directory)
        if _INDEX not in self._files:
            _LOG.warning("the page is not built: there is no %s in %s", _INDEX, directory)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call that no route has taken."""
        if scope["type"] != "http" or scope["method"] not in _READING:
            await self._otherwise(scope, receive, send)
            return
        path, headers = scope["path"].removeprefix("/"), Headers(scope=scope)
        file = None if path == _INDEX else self._files.get(path)
        if file is not None:
            answer = _respond(file, headers)
        elif asks_for_document(scope):
            index = self._files.get(_INDEX)
            answer = _unbuilt() if index is None else _respond(index, headers)
        else:
            await self._otherwise(scope, receive, send)
            return
        await answer(scope, receive, send)


def asks_for_document(scope: Scope) -> bool:
    """Say whether this is a browser that opens an address of the page."""
    return (
        scope["method"] in _READING
        and scope["path"].removeprefix("/").partition("/")[0] not in _RESERVED
        and "text/html" in Headers(scope=scope).get("accept", "")
    )


def _read(directory: Path) -> dict[str, _File]:
    """Return the files below a directory by their paths in it; none if it is not there."""
    return {
        path.relative_to(directory).as_posix(): _file(path, directory)
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def _file(path: Path, directory: Path) -> _File:
    content = path.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    packed = gzip.compress(content, mtime=0) if media_type.startswith(_PACKED_TYPES) else None
    hashed = path.relative_to(directory).as_posix().startswith(_HASHED)
    return _File(content, packed, media_type, _FOREVER if hashed else {})


def _respond(file: _File, asked: Headers) -> Response:
    if file.packed is None:
        return Response(file.content, media_type=file.media_type, headers=file.headers)
    headers = {**file.headers, "Vary": "Accept-Encoding"}
    if "gzip" not in asked.get("accept-encoding", ""):
        return Response(file.content, media_type=file.media_type, headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(file.packed, media_type=file.media_type, headers=headers)


def _unbuilt() -> Response:
    content = read_static("unbuilt.html")
    return Response(content, status_code=503, media_type="text/html")
