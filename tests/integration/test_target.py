"""The target as a process, over real sockets."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass
class Target:
    """A running target."""

    process: subprocess.Popen[str]
    url: str
    port: int

    def count(self) -> dict[str, Any]:
        """Return the target's own count."""
        with urllib.request.urlopen(f"{self.url}/count", timeout=5) as response:
            document: dict[str, Any] = json.load(response)
        return document

    def talk(self, data: bytes, *, half_close: bool = False) -> bytes:
        """Send bytes, return all that comes until the target closes or is silent for 0.5 s."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            connection.settimeout(0.5)
            received = b""
            while True:
                try:
                    piece = connection.recv(1 << 20)
                except TimeoutError:
                    return received + b"<silence>"
                if not piece:
                    return received
                received += piece


Start = Callable[..., Target]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start targets at free ports; they are ended with the test."""
    processes: list[subprocess.Popen[str]] = []

    def start_target(*flags: str, **environ: str) -> Target:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "target", "--port", "0", *flags],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environ},
        )
        processes.append(process)
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        assert line.startswith("target is ready: http://127.0.0.1:")
        url = line.removeprefix("target is ready: ")
        return Target(process, url, int(url.rpartition(":")[2]))

    yield start_target
    for process in processes:
        process.terminate()
        code = process.wait(timeout=5)
        if process.stdout is not None:
            process.stdout.close()
        assert code == 0


PING = b"GET /ping HTTP/1.1\r\nHost: t\r\n\r\n"
LAST_PING = b"GET /ping HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"


def test_it_answers_and_counts(start: Start) -> None:
    """Load of every kind is answered and counted once; its own paths are not part of the count."""
    target = start()
    received = target.talk(
        PING * 3
        + b"POST /ping HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello"
        + b"PUT /status/503 HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"3\r\nabc\r\n0\r\n\r\n"
        + b"GET /nothing?a=b HTTP/1.1\r\nHost: t\r\n\r\n"
        + b"GET http://t/ping HTTP/1.1\r\nHost: t\r\n\r\n"
        + b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n"
        + b"HEAD /ping HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
    )
    assert [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]] == [
        200,
        200,
        200,
        200,
        503,
        404,
        200,
        200,
        200,
    ]
    assert received.endswith(b"Content-Length: 4\r\nConnection: close\r\n\r\n")
    count = target.count()
    assert (
        count["requests"],
        count["by_path"],
    ) == (8, {"/nothing": 1, "/ping": 6, "/status/503": 1})
    assert count["by_status"] == {"200": 6, "404": 1, "503": 1}
    with urllib.request.urlopen(f"{target.url}/metrics", timeout=5) as response:
        text = response.read().decode()
    assert 'spate_target_requests_total{code="200"} 6.0' in text
    assert "spate_target_body_bytes_total 8.0" in text
    assert target.count()["requests"] == 8


def test_keep_alive_is_the_clients_choice(start: Start) -> None:
    """HTTP/1.1 stays open, Connection: close and HTTP/1.0 do not."""
    target = start()
    assert target.talk(PING).endswith(b"PONG<silence>")
    assert target.talk(LAST_PING).endswith(b"PONG")
    assert target.talk(b"GET /ping HTTP/1.0\r\n\r\n").endswith(b"PONG")
    assert target.talk(PING, half_close=True).endswith(b"PONG")


def test_what_is_no_http_is_refused(start: Start) -> None:
    """Nonsense, an endless head and an upgrade end the connection; only the last one is load."""
    target = start()
    assert target.talk(b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    both = target.talk(PING + b"\x00\x01\r\n\r\n")
    assert (both.count(b"HTTP/1.1 200 "), both.count(b"HTTP/1.1 400 ")) == (1, 1)
    endless = b"GET /ping HTTP/1.1\r\nA: " + b"a" * 1_000_000
    assert target.talk(endless).startswith(b"HTTP/1.1 400 ")
    assert target.talk(PING[:-2] + b"Content-Length: x\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    upgraded = target.talk(PING[:-2] + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n\x00\x00")
    assert upgraded.endswith(b"PONG")
    assert (target.count()["requests"], target.count()["malformed"]) == (2, 4)


def test_a_body_is_asked_for(start: Start) -> None:
    """A client that expects 100-continue is told to go on, and counted when it has."""
    target = start()
    head = b"POST /ping HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    with socket.create_connection(("127.0.0.1", target.port), timeout=5) as connection:
        connection.sendall(head)
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert target.count()["requests"] == 0
        connection.sendall(b"ok")
        assert connection.recv(1000).endswith(b"PONG")
    assert target.count()["requests"] == 1


def test_many_bytes_are_streamed(start: Start) -> None:
    """A slow reader of 64 MB neither fills the target's memory nor stops others."""
    target = start()
    with socket.create_connection(("127.0.0.1", target.port), timeout=5) as slow:
        slow.sendall(b"GET /bytes/67108864 HTTP/1.1\r\nHost: t\r\n\r\n" + LAST_PING)
        assert target.talk(LAST_PING).endswith(b"PONG")
        pages = Path(f"/proc/{target.process.pid}/statm").read_text(encoding="ascii").split()[1]
        resident = int(pages) * os.sysconf("SC_PAGE_SIZE")
        assert resident < 64 << 20
        total, end = 0, b""
        while piece := slow.recv(1 << 20):
            total, end = total + len(piece), (end + piece)[-4:]
    assert (total > 67_108_864, end) == (True, b"PONG")


def test_pipelined_answers_keep_their_order(start: Start) -> None:
    """An answer that is due at once waits for the slow one before it; no answer is early."""
    target = start()
    began = time.monotonic()
    received = target.talk(b"GET /delay/100 HTTP/1.1\r\nHost: t\r\n\r\n" + LAST_PING)
    assert 0.1 <= time.monotonic() - began < 1.0
    assert received.index(b"100 ms") < received.index(b"PONG")


def test_thousands_may_be_pipelined(start: Start) -> None:
    """More requests than may wait are all answered, in turn."""
    target = start("--latency", "constant:1ms")
    received = target.talk(PING * 2000 + LAST_PING)
    assert (received.count(b"PONG"), target.count()["requests"]) == (2001, 2001)


def test_latency_and_errors_are_as_told(start: Start) -> None:
    """Answers take the latency; the share of errors is seeded; own paths are spared."""
    target = start("--latency", "constant:30ms", SPATE_TARGET_ERROR_RATE="1")
    began = time.monotonic()
    assert target.talk(LAST_PING).startswith(b"HTTP/1.1 500 ")
    assert time.monotonic() - began >= 0.03
    assert target.count()["by_status"] == {"500": 1}


def test_a_stall_ends_for_all_at_once(start: Start) -> None:
    """Requests in the stall are counted at once and answered at its end: t into it, FOR - t."""
    target = start("--stall", "0.1:0.5")
    began = time.monotonic()
    assert target.talk(LAST_PING).endswith(b"PONG")
    assert time.monotonic() - began < 0.1
    ends = []
    connections = []
    for into_s in (0.2, 0.3, 0.4):
        time.sleep(max(0.0, began + into_s - time.monotonic()))
        connection = socket.create_connection(("127.0.0.1", target.port), timeout=5)
        connection.sendall(PING)
        connections.append(connection)
    assert target.count()["requests"] == 4
    for connection in connections:
        assert connection.recv(1000).endswith(b"PONG")
        ends.append(time.monotonic() - began)
        connection.close()
    assert min(ends) >= 0.6
    assert max(ends) < 0.9


def test_indices_are_recorded_in_test_mode(start: Start) -> None:
    """Each run's distinct and repeated indices are known, where the target was told to record."""
    target = start("--record-index")
    target.talk(
        b"".join(
            b"GET /ping HTTP/1.1\r\nHost: t\r\nSpate-Index: run-1/%d\r\n\r\n" % number
            for number in (0, 1, 2, 1)
        )
        + LAST_PING
    )
    count = target.count()
    assert count["requests"] == 5
    assert count["runs"] == {"run-1": {"requests": 4, "distinct": 3, "duplicates": 1}}
    assert "runs" not in start().count()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_2_s(start: Start, number: signal.Signals) -> None:
    """Idle connections are closed, an answer that is due soon is given, a late one is not."""
    target = start()
    with (
        socket.create_connection(("127.0.0.1", target.port), timeout=5) as idle,
        socket.create_connection(("127.0.0.1", target.port), timeout=5) as soon,
        socket.create_connection(("127.0.0.1", target.port), timeout=5) as late,
    ):
        soon.sendall(b"GET /delay/300 HTTP/1.1\r\nHost: t\r\n\r\n")
        late.sendall(b"GET /delay/60000 HTTP/1.1\r\nHost: t\r\n\r\n")
        while target.count()["requests"] < 2:
            time.sleep(0.01)
        began = time.monotonic()
        target.process.send_signal(number)
        assert idle.recv(10) == b""
        assert soon.recv(1000).endswith(b"300 ms\n")
        assert target.process.wait(timeout=5) == 0
        assert time.monotonic() - began < 2


def test_an_address_in_use_is_said(start: Start) -> None:
    """A second target at the same port says so and ends with 2."""
    target = start()
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "target", "--port", str(target.port)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 2
    assert f"cannot listen at 127.0.0.1:{target.port}: " in ended.stderr


def test_it_serves_without_uvloop(start: Start, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where uvloop cannot be imported, asyncio's own loop serves."""
    folder = tmp_path_factory.mktemp("no_uvloop")
    (folder / "uvloop.py").write_text("raise ImportError\n", encoding="utf-8")
    target = start(PYTHONPATH=str(folder))
    assert target.talk(PING * 3 + LAST_PING).count(b"PONG") == 4


def test_a_404_is_an_ordinary_answer(start: Start) -> None:
    """An unknown path has a 404 with a body, and the connection stays usable."""
    target = start()
    with pytest.raises(urllib.error.HTTPError, match="404") as caught:
        urllib.request.urlopen(f"{target.url}/", timeout=5)
    caught.value.close()
    assert target.count()["by_status"] == {"404": 1}
