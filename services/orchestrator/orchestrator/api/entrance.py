"""What answers at the port before there is anything to ask: a waiting room, then the app."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from string import Template

from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestrator.api.guards import Guard, HostRule
from orchestrator.api.models import Health
from orchestrator.api.page import asks_for_document
from orchestrator.api.problems import RETRY_SOON, unavailable
from orchestrator.api.static_files import BESIDE_DOCUMENTS, read_static


class Entrance:
    """Says that the process lives and for what it waits, until ``lead_to`` names the app.

    Kubelet kills what does not answer and sends nobody to what is not ready. A browser gets a
    document that looks again by itself.
    """

    def __init__(self, reason: Callable[[], str | None], rule: HostRule) -> None:
        self._reason = reason
        self._document = Template(read_static("waiting.html").decode())
        self._beside = {
            path: (read_static(name), media_type)
            for path, (name, media_type) in BESIDE_DOCUMENTS.items()
        }
        self._app: ASGIApp = Guard(self._wait, rule)

    def lead_to(self, app: ASGIApp) -> None:
        """Hand every call from now on to the app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call."""
        await self._app(scope, receive, send)

    async def _wait(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope)(scope, receive, send)

    def _answer(self, scope: Scope) -> Response:
        reason = self._reason() or "getting ready"
        if scope["path"] == "/healthz":
            return JSONResponse(Health(status="ok").model_dump())
        if scope["path"] in self._beside:
            content, media_type = self._beside[scope["path"]]
            return Response(content, media_type=media_type)
        if asks_for_document(scope):
            words = escape(reason[0].upper() + reason[1:])
            document = self._document.substitute(reason=words)
            headers = {"Cache-Control": "no-store", **RETRY_SOON}
            return HTMLResponse(document, status_code=503, headers=headers)
        return unavailable(reason).response()
