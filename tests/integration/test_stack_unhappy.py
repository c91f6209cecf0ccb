"""Targets that misbehave: each way has its own kind of failure, also through the whole stack."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.stack import Stack
from tests.integration.sums import assert_adds_up

from localkafka.broker import free_port

pytestmark = pytest.mark.kafka

JsonObject = dict[str, Any]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nPONG"

ANSWERS = {
    b"/ok": OK,
    b"/half": b"HTTP/1.1 200 OK\r\nContent-Le",
    b"/short": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nPONG",
    b"/silent": b"",
    b"/garbage": b"this is not HTTP\r\n\r\n",
    b"/liar": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nPONG",
    b"/teapot": b"HTTP/1.1 418 I'm a teapot\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    b"/broken": b"HTTP/1.1 500 Sorry\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    b"/other": OK.replace(b"PONG", b"PUNK"),
}

KINDS = {
    "/ok": None,
    "/half": "closed_early",
    "/short": "closed_early",
    "/silent": "closed_early",
    "/garbage": "protocol",
    "/liar": "protocol",
    "/teapot": "status_4xx",
    "/broken": "status_5xx",
    "/other": "body_mismatch",
    "/reset": "reset",
    "/slow": "timeout",
}
"""Each path, and how a request for it fails."""

EACH = 4


class Unhappy:
    """A server that answers by the path and then half-closes; it counts request heads."""

    def __init__(self) -> None:
        self.port = 0
        self.requests = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._ready.wait(5)

    def close(self) -> None:
        """End the server."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._converse, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()  # opened and not used
            return
        self.requests += 1
        path = head.split(b" ")[1]
        if path == b"/reset":
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        elif path != b"/slow":
            writer.write(ANSWERS[path])
            writer.write_eof()
            await reader.read()
        else:
            await reader.read()  # until the client gives up
        writer.close()


@pytest.fixture
def unhappy() -> Iterator[Unhappy]:
    """A server of this test's own."""
    server = Unhappy()
    yield server
    server.close()


def test_every_misbehaviour_has_its_kind(fleet: Stack, unhappy: Unhappy) -> None:
    """Reset, half-closed, lied about, slow or not HTTP: each request fails in its own way."""
    report = fleet.run(
        {
            "name": "unhappy",
            "target": f"http://127.0.0.1:{unhappy.port}",
            "requests": [
                {"path": path, "expect": {"status": ["200"], "body_contains": contains}}
                for path in KINDS
                for contains in ["PONG" if path == "/other" else None]
            ],
            "load": {
                "test_type": "tsunami",
                "message_count_per_driver": 40 * EACH,
                "message_delay_ms": 5,
            },
            "limits": {"timeout": "400ms", "connect_timeout": "400ms"},
        }
    )
    assert_adds_up(report)
    accounting = report["accounting"]
    for row, (path, kind) in zip(report["requests"], KINDS.items(), strict=True):
        one = row["accounting"]
        assert one["planned"] >= EACH, path
        failed = {name: n for name, n in one["failed"].items() if n}
        assert failed == ({} if kind is None else {kind: one["planned"]}), path
        assert one["sent"] == one["planned"], path
    assert accounting["sent"] == unhappy.requests == 120 * EACH
    # A time-out is in the response times, at the time-out; a stall of the fleet would be longer.
    slow = report["requests"][list(KINDS).index("/slow")]["response_time"]
    assert 400_000_000 <= slow["min_ns"] <= slow["max_ns"] < 1_000_000_000


def test_nobody_listens(fleet: Stack) -> None:
    """A refused connection is failed(connect_refused): never sent, and with no response time."""
    report = fleet.run(
        {
            "name": "nobody",
            "target": f"http://127.0.0.1:{free_port()}",
            "requests": [{"path": "/"}],
            "load": {"test_type": "avalanche", "message_count_per_driver": 20},
        }
    )
    assert_adds_up(report)
    accounting = report["accounting"]
    failed = {kind: n for kind, n in accounting["failed"].items() if n}
    assert (failed, accounting["sent"]) == ({"connect_refused": 60}, 0)
    assert report["response_time"]["count"] == 0
    assert report["run"]["state"] == "FINISHED"


def test_no_tls_where_tls_was_promised(fleet: Stack, unhappy: Unhappy) -> None:
    """A plain server behind an https target is failed(tls)."""
    report = fleet.run(
        {
            "name": "no-tls",
            "target": f"https://127.0.0.1:{unhappy.port}",
            "requests": [{"path": "/"}],
            "load": {"test_type": "avalanche", "message_count_per_driver": 5},
            "limits": {"timeout": "1s", "connect_timeout": "400ms"},
        }
    )
    assert_adds_up(report)
    failed = report["accounting"]["failed"]
    # The server waits for the end of a head that never comes: the handshake may also run out.
    assert failed["tls"] + failed["connect_timeout"] == 15
    assert report["accounting"]["sent"] == 0
