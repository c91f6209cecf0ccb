"""The REST API as the command sees it: calls that give JSON, or an error with its meaning."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from spate_cli.exits import Exit

PREFIX = "/api/v1"
CALL_TIMEOUT_S = 15.0
CONNECT_TIMEOUT_S = 5.0
# The stream has a comment every 10 s; after this long without one the connection is dead.
SILENCE_S = 25.0
_LONGEST_TEXT = 300


class ApiError(Exception):
    """A call that did not do what was asked; ``status`` is None if nobody answered.

    ``errors`` are (path, message) where the orchestrator named places.
    """

    def __init__(
        self, text: str, status: int | None = None, errors: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(text)
        self.status = status
        self.errors = errors

    @property
    def code(self) -> Exit:
        """The exit code of a command that ends with this error."""
        if self.status in {401, 403}:
            return Exit.REFUSED
        if self.status in {400, 413, 415, 422}:
            return Exit.USAGE
        return Exit.FAILED

    @property
    def may_pass(self) -> bool:
        """Whether the same call may work a little later."""
        return self.status is None or self.status in {408, 425, 429} or self.status >= 500  # noqa: PLR2004 - server errors


class Api:
    """One orchestrator, called over HTTP. Use it as an async context.

    Args:
        url: where the orchestrator is, ``http://127.0.0.1:8080``.
        token: sent as ``Authorization: Bearer``; None sends nothing.
    """

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/")
        self._client = httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=httpx.Timeout(CALL_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            # Environments with HTTP_PROXY often forget NO_PROXY; nobody's proxy is on loopback.
            trust_env=not _is_loopback(self.url),
        )

    async def __aenter__(self) -> Self:
        """Return the API."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Return the JSON that a call below ``/api/v1`` answers; None if the answer is empty.

        Raises:
            ApiError: if nobody answers, or with anything but 2xx and JSON.
        """
        text = await self.text(method, PREFIX + path, body, query=query, headers=headers)
        try:
            return json.loads(text) if text else None
        except ValueError:
            raise ApiError(f"{self.url}{PREFIX}{path} did not answer with JSON", 200) from None

    async def text(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Return the text that a call answers.

        Raises:
            ApiError: if nobody answers, or with anything but 2xx.
        """
        try:
            response = await self._client.request(
                method, path, json=body, params=query, headers=headers
            )
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        except httpx.InvalidURL as error:
            raise ApiError(f"{self.url} is no URL: {error}", 400) from error
        if not response.is_success:
            raise _problem(response.status_code, response.text)
        return response.text

    @asynccontextmanager
    async def stream(
        self, path: str, headers: Mapping[str, str]
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a stream below ``/api/v1`` and give its bytes as they come.

        Raises:
            ApiError: if it cannot be opened, breaks, or is silent for ``SILENCE_S``.
        """
        timeout = httpx.Timeout(CALL_TIMEOUT_S, connect=CONNECT_TIMEOUT_S, read=SILENCE_S)
        try:
            async with self._client.stream(
                "GET", PREFIX + path, headers={"Accept": "text/event-stream", **headers},
                timeout=timeout,
            ) as response:  # fmt: skip
                if not response.is_success:
                    await response.aread()
                    raise _problem(response.status_code, response.text)
                yield response.aiter_bytes()
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: httpx.HTTPError) -> ApiError:
        return ApiError(f"{self.url} does not answer ({str(error) or type(error).__name__})")


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _problem(status: int, text: str) -> ApiError:
    """Return the error that an RFC 9457 problem, or any other answer, stands for."""
    try:
        problem = json.loads(text)
        title, detail = problem.get("title") or f"HTTP {status}", problem.get("detail") or ""
        errors = tuple(
            (str(error.get("path", "")), str(error.get("message", "")))
            for error in problem.get("errors") or ()
        )
    except (ValueError, AttributeError, TypeError):
        return ApiError(f"HTTP {status}: {text[:_LONGEST_TEXT].strip()}", status)
    return ApiError(f"{title}: {detail}" if detail else title, status, errors)
