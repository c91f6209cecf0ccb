"""What answers at the port before there is anything to ask: a waiting room, then the app."""

from __future__ import annotations

from collections.abc import Callable

from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestrator.api.guards import Guard, HostRule
from orchestrator.api.models import Health
from orchestrator.api.problems import unavailable


class Entrance:
    """Says that the process lives and for what it waits, until ``lead_to`` names the app.

    Kubelet kills what does not answer and sends nobody to what is not ready.
    """

    def __init__(self, reason: Callable[[], str | None], rule: HostRule) -> None:
        self._reason = reason
        self._app: ASGIApp = Guard(self._wait, rule)

    def lead_to(self, app: ASGIApp) -> None:
        """Hand every call from now on to the app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call."""
        await self._app(scope, receive, send)

    async def _wait(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/healthz":
            answer = JSONResponse(Health(status="ok").model_dump())
        else:
            answer = unavailable(self._reason() or "getting ready").response()
        await answer(scope, receive, send)
