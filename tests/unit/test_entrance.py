"""The orchestrator's port answers before there is an orchestrator behind it."""

from __future__ import annotations

import re

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from orchestrator.api.entrance import Entrance
from orchestrator.api.guards import HostRule

BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
REASON = "waiting for Kafka at kafka:9092: no answer"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer everything."""
    await PlainTextResponse(f"the app at {scope['path']}")(scope, receive, send)


async def ask(
    entrance: Entrance, path: str, host: str = "127.0.0.1", method: str = "GET", **headers: str
) -> httpx.Response:
    """Make a call."""
    transport = httpx.ASGITransport(app=entrance)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}:8080") as client:
        return await client.request(method, path, headers=headers)


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


@pytest.mark.parametrize("path", ["/", "/runs", "/runs/sample-098cf4c3", "/new?delay_ms=10"])
async def test_a_browser_gets_a_document_that_says_why_and_looks_again(path: str) -> None:
    """It is 503 all the same, nothing keeps it, and what it needs is answered here too."""
    answer = await ask(entrance(), path, accept=BROWSER)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"].startswith("default-src 'self';")
    assert "Waiting for Kafka at kafka:9092: no answer" in answer.text
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in answer.text
    found = {}
    for needed in re.findall(r'(?:href|src)="([^"]+)"', answer.text):
        beside = await ask(entrance(), needed)
        found[beside.headers["content-type"]] = beside.status_code
    assert found == {"text/css; charset=utf-8": 200, "text/javascript; charset=utf-8": 200}


async def test_what_a_server_says_of_itself_is_no_html() -> None:
    """The reason quotes what came from elsewhere."""
    answer = await ask(entrance('no <b>$way</b> & "why"'), "/", accept=BROWSER)
    assert "No &lt;b&gt;$way&lt;/b&gt; &amp; &quot;why&quot;" in answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/v1/runs"), ("GET", "/readyz"), ("GET", "/assets/index-1.js"), ("POST", "/")],
)
async def test_what_is_no_address_of_the_page_is_a_problem_for_browsers_too(
    method: str, path: str
) -> None:
    """A page that is open already reads these."""
    answer = await ask(entrance(), path, method=method, accept=BROWSER)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"


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
