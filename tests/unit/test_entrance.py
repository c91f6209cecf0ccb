"""The orchestrator's port answers before there is an orchestrator behind it."""

from __future__ import annotations

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from orchestrator.api.entrance import Entrance
from orchestrator.api.guards import HostRule

REASON = "waiting for Kafka at kafka:9092: no answer"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer everything."""
    await PlainTextResponse(f"the app at {scope['path']}")(scope, receive, send)


async def ask(entrance: Entrance, path: str, host: str = "127.0.0.1") -> httpx.Response:
    """Make a call."""
    transport = httpx.ASGITransport(app=entrance)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}:8080") as client:
        return await client.get(path)


def entrance(reason: str | None = REASON) -> Entrance:
    """Return an entrance that waits."""
    return Entrance(lambda: reason, HostRule("127.0.0.1", ()))


async def test_the_process_lives() -> None:
    """Kubelet must not kill it because Kafka is not there."""
    answer = await ask(entrance(), "/healthz", host="10.1.2.3")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/readyz", "/api/v1/runs", "/metrics", "/nowhere"])
@pytest.mark.parametrize(("reason", "detail"), [(REASON, REASON), (None, "getting ready")])
async def test_it_is_not_ready_and_says_why(path: str, reason: str | None, detail: str) -> None:
    """Everything else is a problem that may pass."""
    answer = await ask(entrance(reason), path)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    assert (answer.json()["type"], answer.json()["detail"]) == (
        "urn:spate:problem:unavailable",
        detail,
    )


async def test_a_foreign_host_is_refused_here_too() -> None:
    """A page of somebody else does not read why we wait."""
    answer = await ask(entrance(), "/api/v1/runs", host="elsewhere.example")
    assert (answer.status_code, REASON in answer.text) == (403, False)


async def test_the_app_answers_once_it_is_there() -> None:
    """All calls go to it from then on."""
    found = entrance()
    found.lead_to(app)
    for path in ("/healthz", "/readyz"):
        answer = await ask(found, path)
        assert (answer.status_code, answer.text) == (200, f"the app at {path}")
