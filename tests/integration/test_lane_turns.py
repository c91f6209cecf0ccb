"""What Python does with what the lane leaves to it has its effect at once."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from driver.connector import Connector
from driver.lane import BUILT
from driver.resolver import Address
from spate.plan import parse_plan
from spate_cli.inprocess import run_in_process

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

MS = 1_000_000
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
UNUSUAL = b"HTTP/1.1 200 OK\r\nX: \xff\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(params=["on", "off"], autouse=True)
def lane(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test with the lane and without it."""
    if request.param == "on" and not BUILT:
        pytest.skip("the lane was not built")
    monkeypatch.setenv("SPATE_DRIVER_LANE", request.param)


@asynccontextmanager
async def target(*pieces: bytes) -> AsyncIterator[str]:
    """Answer each request with the same pieces, each on its own."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                for number, piece in enumerate(pieces):
                    if number:
                        await asyncio.sleep(0.005)
                    writer.write(piece)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def report_of(
    url: str, load: dict[str, Any], request: dict[str, Any] | None = None, limit: str = "2s"
) -> dict[str, Any]:
    """Run a plan on one connection in this process."""
    plan = parse_plan(
        {
            "name": "turns",
            "target": url,
            "requests": [{"path": "/", **(request or {})}],
            "load": load,
            "limits": {"connections": 1, "timeout": limit},
        }
    )
    return await run_in_process(plan, "r1", lambda _: None, asyncio.Event())


async def test_a_slot_that_python_freed_takes_the_next_at_once() -> None:
    """Closed load goes on whatever the answers are like."""
    async with target(UNUSUAL) as url:
        load = {"test_type": "avalanche", "message_count_per_driver": 100}
        report = await report_of(url, load)
    assert report["accounting"]["succeeded"] == 100
    assert report["lag"]["p50_ns"] < 20 * MS


async def test_what_waits_takes_the_connection_that_python_freed() -> None:
    """Open load that waits for the only connection goes on as soon as an answer was judged."""
    async with target(UNUSUAL[:-1], UNUSUAL[-1:]) as url:
        load = {"test_type": "tsunami", "message_count_per_driver": 30, "message_delay_ms": 1}
        report = await report_of(url, load)
    assert report["accounting"]["succeeded"] == 30
    assert report["wait_time"]["max_ns"] < 1_500 * MS


async def test_a_lost_connection_is_replaced_for_what_waits() -> None:
    """Bytes after an answer end the connection, though the answer counts."""
    async with target(OK[:-2], OK[-2:] + b"EXTRA") as url:
        load = {"test_type": "tsunami", "message_count_per_driver": 8, "message_delay_ms": 1}
        report = await report_of(url, load)
    assert report["accounting"]["succeeded"] == 8
    assert report["wait_time"]["max_ns"] < 1_000 * MS


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sockets take little at a time."""
    opened = Connector._open

    async def open_narrow(self: Connector, addresses: tuple[Address, ...]) -> socket.socket:
        made = await opened(self, addresses)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        return made

    monkeypatch.setattr(Connector, "_open", open_narrow)


@asynccontextmanager
async def reading_little(serve: Serve) -> AsyncIterator[str]:
    """Serve, with sockets that take little at a time."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listening.bind(("127.0.0.1", 0))
    async with await asyncio.start_server(serve, sock=listening, limit=1000) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.usefixtures("narrow")
async def test_who_refuses_a_body_by_its_head_is_heard() -> None:
    """Though the rest of the body then meets a connection that was reset."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        writer.close()  # with most of the body unread, so the system resets

    async with reading_little(serve) as url:
        load = {"test_type": "avalanche", "message_count_per_driver": 20}
        report = await report_of(url, load, {"method": "POST", "body": "x" * 250_000})
    assert report["accounting"]["failed"]["status_4xx"] == 20


@pytest.mark.usefixtures("narrow")
async def test_a_request_that_is_stuck_half_way_out_runs_out_of_time() -> None:
    """Nothing outlives its timeout, also if the target never reads on."""
    over = asyncio.Event()

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is a socket's
        await over.wait()
        writer.close()

    async with reading_little(serve) as url:
        load = {"test_type": "avalanche", "message_count_per_driver": 3}
        request = {"method": "POST", "body": "x" * 250_000}
        report = await report_of(url, load, request, "300ms")
        over.set()
    assert report["accounting"]["failed"]["timeout"] == 3
    assert report["response_time"]["max_ns"] < 1_000 * MS
