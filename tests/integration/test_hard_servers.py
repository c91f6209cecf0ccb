"""Servers that go to the limits and beyond: each outcome is a stated one, and the account adds up.

Whole runs in this process, as ``spate run --local`` makes them, with the lane where it was built
and without it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from driver.http1 import HEAD_LIMIT
from spate.plan import PlanError, parse_plan
from spate_cli.inprocess import run_in_process

COUNT = 6
CONNECTIONS = 2
OK = b"HTTP/1.1 200 OK\r\n"
ANSWER = OK + b"Content-Length: 2\r\n\r\nok"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ONE_READ = 256 * 1024
"""The most that a loop, or the lane, reads at once."""

MOST_WRITTEN = 64 * 1024 * 1024
"""A server that writes without end stops here, which would be a failure of its test."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Case:
    """What a server does with each request, and what each comes to.

    ``outcome`` is ``succeeded`` or a failed kind. ``reused``: one connection carries several
    requests. ``request`` is what the plan says beside the path.
    """

    answer: Answer
    outcome: str
    reused: bool = False
    request: dict[str, Any] = field(default_factory=dict)


def says(*pieces: bytes) -> Answer:
    """Return a server's part that writes pieces, each on its own, and goes on."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.005)

    return answer


def says_and_closes(*pieces: bytes) -> Answer:
    """Return a server's part that writes pieces and closes."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        await says(*pieces)(writer)
        writer.close()

    return answer


def says_and_resets(*pieces: bytes) -> Answer:
    """Return a server's part that writes pieces and resets the connection."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        await says(*pieces)(writer)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return answer


def says_without_end(start: bytes, again: bytes) -> Answer:
    """Return a server's part that writes until the client closes."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        written = 0
        while not writer.is_closing():
            assert written < MOST_WRITTEN, "the client reads and reads"
            writer.write(again)
            written += len(again)
            await writer.drain()
            await asyncio.sleep(0.001)

    return answer


async def drips(writer: asyncio.StreamWriter) -> None:
    """Write a response byte by byte, slowly, until the client closes."""
    for at in range(len(ANSWER)):
        if writer.is_closing():
            return
        writer.write(ANSWER[at : at + 1])
        await asyncio.sleep(0.05)


async def ends_its_half(writer: asyncio.StreamWriter) -> None:
    """Answer for the last time, and say that nothing more will come."""
    writer.write(OK + b"Connection: close\r\nContent-Length: 0\r\n\r\n")
    writer.write_eof()


async def ends_its_half_first(writer: asyncio.StreamWriter) -> None:
    """Say that nothing will come, and answer nothing."""
    writer.write_eof()


CASES = {
    "100 Continue": Case(says(b"HTTP/1.1 100 Continue\r\n\r\n", ANSWER), "succeeded", reused=True),
    "103 Early Hints": Case(
        says(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", ANSWER[:20], ANSWER[20:]),
        "succeeded",
        reused=True,
    ),
    "interim responses at once": Case(
        says(b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\n\r\n" + ANSWER), "succeeded", reused=True
    ),
    "417 to a body": Case(
        says(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n"),
        "status_4xx",
        reused=True,
        request={"method": "POST", "body": "x"},
    ),
    "trailers": Case(
        says(CHUNKED + b"2\r\nok\r\n", b"0\r\nX-Sum: 1\r\n", b"Y: 2\r\n\r\n"),
        "succeeded",
        reused=True,
    ),
    "trailer that closes": Case(
        says(CHUNKED + b"2\r\nok\r\n0\r\nConnection: close\r\n\r\n"), "succeeded"
    ),
    "folded field": Case(says(OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n"), "protocol"),
    "a field of 1 MB": Case(says_without_end(OK + b"X: ", b"x" * 65_536), "protocol"),
    "fields without end": Case(says_without_end(OK, b"X: x\r\n" * 1_000), "protocol"),
    "a status line without end": Case(says_without_end(b"HTTP/1.1 200 ", b"O" * 4_096), "protocol"),
    "interim responses without end": Case(
        says_without_end(b"", b"HTTP/1.1 103 E\r\n\r\n" * 500), "protocol"
    ),
    "a chunk extension without end": Case(
        says_without_end(CHUNKED + b"2;a=", b"a" * 4_096), "timeout"
    ),
    "chunk zeros without end": Case(says_without_end(CHUNKED, b"0" * 4_096), "timeout"),
    "10 GB announced, then closed": Case(
        says_and_closes(OK + b"Content-Length: 10737418240\r\n\r\n" + b"x" * 9_000), "closed_early"
    ),
    "a length beyond 64 bits": Case(
        says(OK + b"Content-Length: 99999999999999999999\r\n\r\n"), "protocol"
    ),
    "two lengths": Case(says(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok"), "protocol"),
    "length and coding": Case(
        says(OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "protocol"
    ),
    "chunked twice": Case(
        says(OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"), "succeeded"
    ),
    "chunked in HTTP/1.0": Case(
        says(
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"0\r\n\r\n"
        ),
        "succeeded",
    ),
    "413 before the body is out": Case(
        says_and_closes(b"HTTP/1.1 413 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
        "status_4xx",
        request={"method": "POST", "body": "b" * 200_000},
    ),
    "half closed after the answer": Case(ends_its_half, "succeeded"),
    "half closed before the answer": Case(ends_its_half_first, "closed_early"),
    "reset before the answer": Case(says_and_resets(), "reset"),
    "reset in the head": Case(says_and_resets(OK + b"X"), "reset"),
    "reset in the body": Case(says_and_resets(OK + b"Content-Length: 9\r\n\r\n", b"half"), "reset"),
    "reset in a chunk": Case(says_and_resets(CHUNKED, b"9\r\nhalf"), "reset"),
    "reset before the end of all": Case(says_and_resets(OK + b"\r\n", b"half"), "reset"),
    "garbage after the answer": Case(says(ANSWER + b"\x00garbage"), "succeeded"),
    "two answers": Case(says(ANSWER * 2), "succeeded"),
    "a body to 204": Case(says(b"HTTP/1.1 204 No\r\n\r\nbody"), "succeeded"),
    "a body to HEAD": Case(
        says(OK + b"Content-Length: 4\r\n\r\nbody"), "succeeded", request={"method": "HEAD"}
    ),
    "another protocol": Case(says(b"SSH-2.0-OpenSSH_9.2\r\n"), "protocol"),
    "another version": Case(
        says(b"HTTP/2.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"), "protocol"
    ),
    "bytes one by one": Case(drips, "timeout"),
    "nothing at all": Case(says(), "timeout"),
}


@dataclass
class Server:
    """Answers each request as its case says; notes what came."""

    answer: Callable[[int], Answer]
    accepted: int = 0
    requests: int = 0
    broken: list[BaseException] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.accepted += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                number, self.requests = self.requests, self.requests + 1
                # A body is not waited for: who answers early is one of the cases.
                await self.answer(number)(writer)
                await self._skip(reader, head)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except AssertionError as error:
            self.broken.append(error)
        finally:
            writer.close()

    @staticmethod
    async def _skip(reader: asyncio.StreamReader, head: bytes) -> None:
        for line in head.split(b"\r\n"):
            if line.startswith(b"Content-Length: "):
                await reader.readexactly(int(line.split()[1]))


@asynccontextmanager
async def serving(answer: Callable[[int], Answer]) -> AsyncIterator[tuple[Server, str]]:
    """A server, and its address as a URL."""
    server = Server(answer)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listening:
        host, port = listening.sockets[0].getsockname()
        yield server, f"http://{host}:{port}"


async def run(
    url: str, count: int, request: dict[str, Any] | None = None, limit: str = "10s"
) -> dict[str, Any]:
    """Run an avalanche over a few connections; return the report."""
    plan = parse_plan(
        {
            "name": "hard",
            "target": url,
            "requests": [{"path": "/", **(request or {})}],
            "load": {"test_type": "avalanche", "message_count_per_driver": count},
            "limits": {
                "connections": CONNECTIONS,
                "timeout": limit,
                "connect_timeout": limit,
            },
        }
    )
    return await run_in_process(plan, "hard-1", lambda _: None, asyncio.Event())


def outcomes(report: dict[str, Any]) -> Counter[str]:
    """Return the account as outcomes, after checking that it adds up."""
    account = report["accounting"]
    found = Counter(account["failed"]) + Counter(succeeded=account["succeeded"])
    rest = sum(account["dropped"].values()) + sum(account["missed"].values())
    assert (rest, account["unconfirmed"]) == (0, 0)
    assert account["planned"] == found.total()
    return found


@pytest.fixture(params=["lane", "python"], autouse=True)
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which part of the driver carries plain exchanges; without a lane both are one."""
    if request.param == "python":
        monkeypatch.setattr("driver.requester.make_lane", lambda *_: None, raising=False)
    name: str = request.param
    return name


@pytest.mark.parametrize("name", CASES)
async def test_outcome(name: str) -> None:
    """Every request has its case's outcome and was sent once; connections are used as told."""
    case = CASES[name]
    limit = "400ms" if case.outcome == "timeout" else "10s"
    async with serving(lambda _number: case.answer) as (server, url):
        report = await run(url, COUNT, case.request, limit)
    assert outcomes(report) == {case.outcome: COUNT}
    assert server.broken == []
    assert server.requests == COUNT
    assert (server.accepted <= CONNECTIONS) == case.reused


async def test_all_of_them_in_one_run() -> None:
    """One server does it all in turn: no case spoils the next, and each kind is counted."""
    plain = [case for case in CASES.values() if not case.request and case.outcome != "timeout"]
    cases = plain * 2
    async with serving(lambda number: cases[number].answer) as (server, url):
        report = await run(url, len(cases))
    assert outcomes(report) == Counter(case.outcome for case in cases)
    assert (server.requests, server.broken) == (len(cases), [])


async def test_heads_are_bounded_in_what_is_read() -> None:
    """A head without end costs little more than its limit, whoever sends it."""
    answer = says_without_end(OK, b"X: x\r\n" * 1_000)
    async with serving(lambda _number: answer) as (_server, url):
        report = await run(url, COUNT)
    assert outcomes(report) == {"protocol": COUNT}
    received = sum(row["bytes_received"] for row in report["windows"])
    assert COUNT * HEAD_LIMIT < received < COUNT * (HEAD_LIMIT + ONE_READ)


def test_a_plan_cannot_expect_100_continue() -> None:
    """The driver sends each body at once, so it waits for no leave to do so; the plan says it."""
    document = {
        "name": "hard",
        "target": "http://127.0.0.1:1",
        "requests": [{"path": "/", "method": "POST", "headers": {"Expect": "100-continue"}}],
        "load": {"test_type": "avalanche", "message_count_per_driver": 1},
    }
    with pytest.raises(PlanError) as caught:
        parse_plan(document)
    assert "requests[0].headers.Expect" in str(caught.value)
    assert "cannot be set: the body is sent at once; remove it" in str(caught.value)
