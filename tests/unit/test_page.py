"""The page as the orchestrator serves it: what browsers get, and what nobody gets."""

from __future__ import annotations

import gzip
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse

from orchestrator.api.page import Page

HTML = {"Accept": "text/html,*/*;q=0.8"}
INDEX = "<!doctype html><title>Spate</title>"
SCRIPT = "export const spate = 1;\n" * 100


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A built page of three files, and a secret beside it."""
    page = tmp_path / "page"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text(INDEX)
    (page / "assets" / "index-a1b2c3.js").write_text(SCRIPT)
    (page / "favicon.bin").write_bytes(b"\x00\x01")
    (tmp_path / "secret.txt").write_text("secret")
    return page


async def ask(
    directory: Path, path: str, *, method: str = "GET", headers: dict[str, str] | None = None
) -> httpx.Response:
    """Return what the page answers; what it leaves to others is 404 here."""
    transport = httpx.ASGITransport(Page(directory, PlainTextResponse("nothing", 404)))
    async with httpx.AsyncClient(transport=transport, base_url="http://spate") as client:
        return await client.request(method, path, headers=headers)


@pytest.mark.parametrize("path", ["/", "/runs", "/runs/sample-098cf4c3", "/new?delay_ms=10"])
async def test_a_browser_gets_the_document_at_every_address_of_the_page(
    built: Path, path: str
) -> None:
    """The page finds its way by itself; the document may never be shown once it is old."""
    answer = await ask(built, path, headers=HTML)
    assert (answer.status_code, answer.text) == (200, INDEX)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "immutable" not in answer.headers.get("cache-control", "")


@pytest.mark.parametrize(
    "path",
    ["/api/v1/nothing", "/api", "/docs/nothing", "/assets/old-1.js", "/metrics/x", "/healthz/x"],
)
async def test_what_is_missing_where_the_api_lies_is_missing_for_browsers_too(
    built: Path, path: str
) -> None:
    """A document in place of an answer of the API, or of a script, would only puzzle."""
    assert (await ask(built, path, headers=HTML)).status_code == 404


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_who_asks_for_no_html_is_told_that_there_is_nothing(built: Path, method: str) -> None:
    """Scripts are not led astray, and nothing is sent to the page."""
    headers = {"Accept": "application/json"} if method == "GET" else HTML
    assert (await ask(built, "/runs", method=method, headers=headers)).status_code == 404


async def test_files_with_a_hash_in_their_name_are_kept_forever(built: Path) -> None:
    """Packed for who takes it, plain for who does not, and caches know the difference."""
    path = "/assets/index-a1b2c3.js"
    packed = await ask(built, path, headers={"Accept-Encoding": "gzip, br"})
    plain = await ask(built, path, headers={"Accept-Encoding": "identity"})
    assert packed.text == plain.text == SCRIPT
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) == len(gzip.compress(SCRIPT.encode(), mtime=0))
    assert "content-encoding" not in plain.headers
    for answer in (packed, plain):
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["content-type"].startswith("text/javascript")


async def test_files_without_a_hash_are_asked_for_again(built: Path) -> None:
    """Bytes of no known type come as they are."""
    answer = await ask(built, "/favicon.bin")
    assert answer.content == b"\x00\x01"
    assert "cache-control" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/assets/../../secret.txt", "/%2e%2e/secret.txt"]
)
async def test_no_path_leads_out_of_the_page(built: Path, path: str) -> None:
    """What is not a file of the page does not exist."""
    assert (await ask(built, path)).status_code == 404


async def test_without_a_built_page_browsers_are_told_how_to_build_it(tmp_path: Path) -> None:
    """The API works all the same."""
    answer = await ask(tmp_path / "nowhere", "/runs", headers=HTML)
    assert answer.status_code == 503
    assert "make setup" in answer.text
    assert "<script" not in answer.text
    assert (await ask(tmp_path / "nowhere", "/runs")).status_code == 404
