"""With and without the lane a run comes to the same, arrival by arrival, whatever the target does.

The target answers by the index that each request carries, so what becomes of every arrival is known
beforehand.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trustme

from driver.lane import BUILT
from spate.choice import RequestChoice
from spate.plan import Plan, parse_plan
from spate_cli.inprocess import run_in_process

COUNT = 400
OK = b"HTTP/1.1 200 OK\r\n"
TWO = OK + b"Content-Length: 2\r\n\r\n"
CHUNKS = OK + b"Transfer-Encoding: chunked\r\n\r\n"
RESET = struct.pack("ii", 1, 0)

Answer = tuple[str, int, tuple[bytes, ...], str]
"""The outcome, the status that is counted (0: none), what is written piece by piece, and what comes
then: ``keep``, ``close``, ``reset`` or ``hang``."""

ANSWERS: tuple[Answer, ...] = (
    ("succeeded", 200, (TWO + b"ok",), "keep"),
    ("succeeded", 200, (OK + b"Content-Length: 4\r\n\r\n", b"ok", b"ok"), "keep"),
    ("status_4xx", 404, (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",), "keep"),
    ("status_5xx", 503, (b"HTTP/1.1 503 No\r\nContent-Length: 3\r\n\r\nbad",), "keep"),
    ("succeeded", 200, (CHUNKS + b"2\r\nok\r\n0\r\n\r\n",), "keep"),
    ("succeeded", 200, (CHUNKS + b"2;a\r\nok\r\n", b"0\r\n\r\n"), "keep"),
    ("succeeded", 204, (b"HTTP/1.1 204 None\r\n\r\n",), "keep"),
    ("succeeded", 200, (OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nok",), "close"),
    ("succeeded", 200, (b"HTTP/1.0 200 OK\r\n\r\nuntil the end",), "close"),
    ("succeeded", 200, (b"HTTP/1.1 100 Continue\r\n\r\n", TWO + b"ok"), "keep"),
    ("succeeded", 200, (OK + b"X-High: \xff\r\nContent-Length: 2\r\n\r\nok",), "keep"),
    ("succeeded", 200, (OK + b"Content-Le", b"ngth: 2\r\n\r\nok"), "keep"),
    ("protocol", 0, (b"SSH-2.0-OpenSSH\r\n",), "close"),
    ("protocol", 0, (OK + b"Content-Length: -2\r\n\r\nok",), "close"),
    ("closed_early", 0, (OK + b"Content-Length: 9\r\n\r\nok",), "close"),
    ("closed_early", 0, (), "close"),
    ("reset", 0, (), "reset"),
    ("reset", 0, (OK + b"Content-Length: 9\r\n\r\nok",), "reset"),
    ("timeout", 0, (), "hang"),
    ("timeout", 0, (OK + b"Content-Length: 9\r\n\r\nok",), "hang"),
)  # fmt: skip


def answer_to(index: int) -> Answer:
    """Return what the target does with an arrival; most are the ordinary case."""
    return ANSWERS[index % 97 % len(ANSWERS)] if index % 3 == 0 else ANSWERS[0]


@asynccontextmanager
async def target(tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[str, list[int]]]:
    """Answer by index; the list holds every index that came."""
    came: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (end := await answer(reader, writer, came)) == "keep":
                pass
            if end == "reset":
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                writer.transport.abort()
            elif end == "hang":
                await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}", came
    finally:
        server.close()


async def answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, came: list[int]
) -> str:
    """Answer one request; return what is to be done with the connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    found = re.search(rb"Spate-Index: [^/]+/(\d+)\r\n", head)
    assert found is not None
    came.append(int(found[1]))
    _, _, pieces, end = answer_to(int(found[1]))
    for number, piece in enumerate(pieces):
        if number:
            await asyncio.sleep(0.002)
        writer.write(piece)
        await writer.drain()
    if end == "reset" and pieces:
        await asyncio.sleep(0.02)
    return end


LOADS: dict[str, dict[str, Any]] = {
    "avalanche": {"test_type": "avalanche", "message_count_per_driver": COUNT},
    "tsunami": {
        "test_type": "tsunami",
        "message_count_per_driver": COUNT,
        "message_delay_ms": 5,
    },
    "arrivals": {
        "test_type": "arrivals",
        "stages": [
            {"name": "up", "duration": "1s", "from": 100, "to": 300},
            {"name": "hold", "duration": "1s", "from": 200, "to": 200},
        ],
    },
}


def plan(url: str, load: dict[str, Any], ca: str | None = None) -> Plan:
    """Return a plan of two requests by weight, few connections and a short timeout."""
    return parse_plan(
        {
            "name": "agrees",
            "target": url,
            "requests": [
                {"path": "/a", "weight": 3},
                {"path": "/b", "weight": 1, "method": "POST", "body": "x" * 50},
            ],
            "load": load,
            "limits": {"connections": 30, "timeout": "400ms"},
            "options": {"index_header": True},
            "seed": 5,
            **({"tls": {"ca": ca}} if ca else {}),
        }
    )


@pytest.mark.parametrize("lane", ["on", "off"])
@pytest.mark.parametrize("load", LOADS)
async def test_every_arrival_comes_to_what_the_target_did(
    load: str, lane: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outcomes, status codes and requests are exactly those expected, and each is sent once."""
    if lane == "on" and not BUILT:
        pytest.skip("the lane was not built")
    monkeypatch.setenv("SPATE_DRIVER_LANE", lane)
    async with target() as (url, came):
        await run_and_compare(plan(url, LOADS[load]), came)


@pytest.mark.parametrize("lane", ["on", "off"])
async def test_tls_changes_nothing(lane: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same outcomes, though all that is said is sealed."""
    if lane == "on" and not BUILT:
        pytest.skip("the lane was not built")
    monkeypatch.setenv("SPATE_DRIVER_LANE", lane)
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    ca = authority.cert_pem.bytes().decode()
    async with target(context) as (url, came):
        await run_and_compare(plan(url, LOADS["arrivals"], ca), came)


async def run_and_compare(chosen: Plan, came: list[int]) -> None:
    """Run the plan, and compare the report with what the target did."""
    report = await run_in_process(chosen, "r1", lambda _: None, asyncio.Event())
    assert sorted(came) == list(range(COUNT))
    outcomes = Counter(answer_to(index)[0] for index in range(COUNT))
    accounting = report["accounting"]
    assert accounting["succeeded"] == outcomes.pop("succeeded")
    assert {kind: n for kind, n in accounting["failed"].items() if n} == outcomes
    codes = Counter(str(answer_to(index)[1]) for index in range(COUNT))
    del codes["0"]
    assert report["status_codes"] == codes
    choice = RequestChoice(5, [3, 1])
    requests = Counter(choice.request(index) for index in range(COUNT))
    assert [row["accounting"]["planned"] for row in report["requests"]] == [
        requests[0],
        requests[1],
    ]
    assert report["response_time"]["count"] == COUNT
    assert report["lag"]["count"] == report["service_time"]["count"] == COUNT
    assert accounting["sent"] == COUNT


@pytest.mark.parametrize("lane", ["on", "off"])
async def test_what_waits_for_a_new_connection_gets_it(
    lane: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though nothing else is due, and nothing comes on any connection."""
    monkeypatch.setenv("SPATE_DRIVER_LANE", lane)
    count = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        if await reader.read(1000):
            count += 1
            writer.write(OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        load = {"test_type": "tsunami", "message_count_per_driver": 8, "message_delay_ms": 50}
        port = server.sockets[0].getsockname()[1]
        chosen = parse_plan(
            {
                "name": "renewed",
                "target": f"http://127.0.0.1:{port}",
                "requests": [{"path": "/"}],
                "load": load,
                "limits": {"connections": 1, "timeout": "2s"},
            }
        )
        report = await run_in_process(chosen, "r1", lambda _: None, asyncio.Event())
    assert (count, report["accounting"]["succeeded"]) == (8, 8)
    assert report["wait_time"]["p50_ns"] < 20_000_000
