"""What somebody who has just come is told of the orchestrator."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from orchestrator.api.about import about_router
from orchestrator.settings import parse_settings


@pytest.mark.parametrize(
    ("flags", "sample_target"),
    [
        ((), "http://127.0.0.1:8000"),
        (("--sample-target", "http://target:8001/"), "http://target:8001"),
        (("--sample-target", "none"), None),
        # What would be refused is nothing to begin with.
        (("--allowed-targets", "*.svc"), None),
        (("--allowed-targets", "*.svc", "--sample-target", "http://t.svc"), "http://t.svc"),
    ],
)
async def test_a_target_to_begin_with_is_told_where_it_may_be_loaded(
    flags: tuple[str, ...], sample_target: str | None
) -> None:
    """Beside the version."""
    app = FastAPI()
    app.include_router(about_router("1.2.3", parse_settings(["--kafka", "a:1", *flags], {})))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://spate") as client:
        answer = await client.get("/about")
    assert answer.json() == {"version": "1.2.3", "sample_target": sample_target}
