"""Thousands of made-up responses over real sockets: each arrival ends once, in the right way.

``SPATE_FUZZ`` is the number of responses (20,000 without it), half of them for a plan that looks
into bodies and half for one that does not; ``SPATE_FUZZ_SEED`` varies them.
What a response is made of depends on the seed and the arrival's index alone, so a failure can be
had again.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import socket
import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import pytest
import uvloop

from driver.arrival import Arrival
from driver.clock import Clock
from driver.requester import Requester
from spate.allowlist import Allowlist
from spate.plan import parse_plan

COUNT = int(os.environ.get("SPATE_FUZZ", "20000")) // 2
SEED = int(os.environ.get("SPATE_FUZZ_SEED", "1"))
CONNECTIONS = 64
NEEDLE = b"needle"
METHODS = ("GET", "HEAD", "GET")
"""By request of the plan; the third one looks for the needle."""

PLAIN = METHODS[:1]
"""Those of a plan that needs no look into bodies: its connections are of another kind."""

ENDS = frozenset(
    {
        "succeeded",
        "status_4xx",
        "status_5xx",
        "status_other",
        "body_mismatch",
        "closed_early",
        "reset",
        "protocol",
    }
)
"""All that may come of a server that answers and closes; a timeout must be due to a stall."""

KEEP, FIN, RST, STALL = "keep", "fin", "rst", "stall"
RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Case:
    """A response in pieces, what the server does after it, and the outcomes it may have."""

    kind: str
    pieces: tuple[bytes, ...]
    end: str
    outcomes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Response:
    """A valid response; ``head`` is the length of everything before its body."""

    raw: bytes
    head: int
    until_close: bool
    closes: bool
    status: int
    body: bytes


def request_of(index: int, methods: Sequence[str]) -> int:
    """Return which request of the plan an arrival is."""
    return random.Random(f"{SEED} request {index}").randrange(len(methods))


def case_of(index: int, methods: Sequence[str]) -> Case:
    """Return what the server does with the request of this arrival."""
    rng = random.Random(f"{SEED} case {len(methods)} {index}")
    request = request_of(index, methods)
    response = valid(rng, methods[request])
    whole = outcome_of(response, request)
    kind = rng.choices(
        ("valid", "short", "reset", "extra", "mutated", "garbage", "stall"),
        (60, 8, 4, 6, 12, 8, 0.3),
    )[0]
    raw, end, outcomes = response.raw, KEEP, {whole}
    if kind == "valid":
        end = FIN if response.closes else KEEP
    elif kind in {"short", "reset", "stall"}:
        raw = raw[: rng.randrange(len(raw))]
        end = {"short": FIN, "reset": RST, "stall": STALL}[kind]
        outcomes = {{"short": "closed_early", "reset": "reset", "stall": "timeout"}[kind]}
        if response.until_close and len(raw) >= response.head and kind == "short":
            part = response.body[: len(raw) - response.head]
            outcomes = {judged(response.status, part, request)}
    elif kind == "extra":
        raw, end = raw + rng.choice((b"X", b"\r\nY", raw, rng.randbytes(9))), FIN
        if response.until_close:
            outcomes = {judged(response.status, response.body, request, raw=raw)}
    else:
        raw = mutated(rng, raw) if kind == "mutated" else rng.randbytes(rng.randrange(1, 300))
        end, outcomes = rng.choice((FIN, RST)), set(ENDS)
    # Bytes that come apart from the end of a response would fall to the connection's next
    # request, so what is extra travels with the end.
    pieces = (raw,) if kind == "extra" else cut(rng, raw)
    return Case(kind, pieces, end, frozenset(outcomes))


def valid(rng: random.Random, method: str) -> Response:
    """Return a response as a correct server may send it."""
    status = rng.choice((200, 200, 200, 201, 204, 302, 304, 404, 429, 500, 503, 600))
    body = b"" if status in {204, 304} else rng.randbytes(rng.choice((0, 1, 20, 900, 5000)))
    if body and rng.random() < 0.5:
        at = rng.randrange(len(body) + 1)
        body = body[:at] + NEEDLE + body[at:]
    version = rng.choice(("1.1", "1.1", "1.1", "1.0"))
    lines = [f"HTTP/{version} {status} {rng.choice(('OK', '', 'So it is'))}"]
    lines += [f"X-{n}: {'v' * rng.randrange(40)}" for n in range(rng.randrange(6))]
    bodiless = status in {204, 304} or method == "HEAD"
    framing = rng.choice(("length", "length", "chunked", "close"))
    if framing == "chunked" and version == "1.0":
        framing = "length"
    persistent = version == "1.1"
    if rng.random() < 0.15:
        lines.append("Connection: close")
        persistent = False
    elif version == "1.0" and rng.random() < 0.5:
        lines.append("connection: Keep-Alive")
        persistent = True
    sent = b"" if bodiless else body
    if framing == "length":
        lines.append(f"Content-Length: {len(body)}")
    elif framing == "chunked" and not (bodiless and status in {204, 304}):
        lines.append("Transfer-Encoding: chunked")
        sent = b"" if bodiless else chunked(rng, body)
    rng.shuffle(tail := lines[1:])
    head = "\r\n".join([lines[0], *tail]).encode() + b"\r\n\r\n"
    if rng.random() < 0.1:
        head = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + head
    until_close = framing == "close" and not bodiless
    closes = until_close or not persistent
    return Response(head + sent, len(head), until_close, closes, status, b"" if bodiless else body)


def chunked(rng: random.Random, body: bytes) -> bytes:
    """Return the body in chunks of random sizes, some with an extension, perhaps a trailer."""
    parts: list[bytes] = []
    while body:
        size = rng.randint(1, len(body))
        extension = b";a=b" if rng.random() < 0.1 else b""
        parts.append(b"%x%b\r\n%b\r\n" % (size, extension, body[:size]))
        body = body[size:]
    return b"".join((*parts, b"0\r\n", rng.choice((b"", b"", b"T: v\r\n")), b"\r\n"))


def outcome_of(response: Response, request: int) -> str:
    """Return the outcome of the whole response."""
    return judged(response.status, response.body, request)


def judged(status: int, body: bytes, request: int, *, raw: bytes = b"") -> str:
    """Return the outcome of a status and body; ``raw`` may hold more of the body."""
    if status >= 600:
        return "status_other"
    if status >= 400:
        return f"status_{status // 100}xx"
    if request == 2 and NEEDLE not in body and NEEDLE not in raw:
        return "body_mismatch"
    return "succeeded"


def mutated(rng: random.Random, raw: bytes) -> bytes:
    """Return the response with a few bytes changed, taken away or put in."""
    data = bytearray(raw)
    for _ in range(rng.randint(1, 4)):
        # Mostly in the head, where it matters.
        at = rng.randrange(min(len(data), 120) if rng.random() < 0.8 else len(data))
        match rng.randrange(4):
            case 0:
                data[at] = rng.randrange(256)
            case 1:
                del data[at : at + rng.randint(1, 5)]
            case 2:
                data[at:at] = rng.choice((b"\r\n", b"\x00", b":", b" ", b"9", b"\n", b"\xff"))
            case _:
                data[at:at] = data[at : at + rng.randint(1, 30)]
        if not data:
            return b"?"
    return bytes(data)


def cut(rng: random.Random, raw: bytes) -> tuple[bytes, ...]:
    """Return the bytes in one to six pieces."""
    cuts = sorted(rng.randrange(len(raw) + 1) for _ in range(rng.choice((0, 0, 1, 2, 5))))
    places = [0, *cuts, len(raw)]
    return tuple(raw[a:b] for a, b in pairwise(places) if a < b)


class Serving(asyncio.Protocol):
    """The server's end of a connection: does what the case of each request's index says."""

    def __init__(self, seen: Counter[int], methods: Sequence[str]) -> None:
        self._seen = seen
        self._methods = methods
        self._received = b""
        self._over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer a request once it is there."""
        if self._over:
            return
        self._received += data
        if self._received.endswith(b"\r\n\r\n"):
            index = int(self._received.split(b"Spate-Index: fuzz/")[1].split(b"\r\n")[0])
            self._received = b""
            self._seen[index] += 1
            case = case_of(index, self._methods)
            # From here the server hears no further request unless the case keeps the connection.
            self._over = case.end != KEEP
            self._go_on(case, 0)

    def _go_on(self, case: Case, piece: int) -> None:
        if self._transport.is_closing():
            # The client has heard enough.
            return
        if piece < len(case.pieces):
            self._transport.write(case.pieces[piece])
            asyncio.get_running_loop().call_soon(self._go_on, case, piece + 1)
        elif case.end == FIN:
            self._transport.close()
        elif case.end == RST:
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._transport.abort()


class Client:
    """Keeps the connections busy until every arrival has ended."""

    def __init__(self, port: int, methods: Sequence[str]) -> None:
        self.clock = Clock()
        self._methods = methods
        self.outcomes: dict[int, str | None] = {}
        self.finished = asyncio.Event()
        self._next = 0
        expect = {"status": ["2xx", "3xx"]}
        plan = parse_plan(
            {
                "name": "fuzz",
                "target": f"http://127.0.0.1:{port}",
                "requests": [
                    {"name": "get", "path": "/", "expect": expect},
                    {"name": "head", "path": "/", "method": "HEAD", "expect": expect},
                    {"name": "look", "path": "/", "expect": expect | {"body_contains": "needle"}},
                ][: len(methods)],
                "load": {"test_type": "avalanche", "message_count_per_driver": COUNT},
                "limits": {
                    "connections": CONNECTIONS,
                    "timeout": "3s",
                    "connect_timeout": "3s",
                },
                "options": {"index_header": True},
            }
        )
        self.requester = Requester(
            plan=plan,
            loop=asyncio.get_running_loop(),
            clock=self.clock,
            allowlist=Allowlist.parse("127.0.0.0/8"),
            environ={},
            run_id="fuzz",
            on_sent=lambda _arrival: None,
            on_done=self._done,
            on_dropped=lambda arrival, cause: self._end(arrival, f"dropped {cause}"),
            on_connected=lambda _connect_ns, _arrival: None,
            on_idle=self.go_on,
        )

    def go_on(self) -> None:
        """Submit what there is room for."""
        while self._next < COUNT and self.requester.in_flight < CONNECTIONS:
            now_ns = self.clock.mono_ns()
            index = self._next
            self._next += 1
            self.requester.submit(
                Arrival(index, 0, request_of(index, self._methods), 0, now_ns, now_ns)
            )

    def _done(self, arrival: Arrival) -> None:
        assert 0 < arrival.sent_ns <= arrival.done_ns, arrival
        self._end(arrival, arrival.outcome)

    def _end(self, arrival: Arrival, outcome: str | None) -> None:
        assert arrival.index not in self.outcomes, f"{arrival} ended twice"
        self.outcomes[arrival.index] = outcome
        if len(self.outcomes) == COUNT:
            self.finished.set()


async def play(seen: Counter[int], methods: Sequence[str]) -> dict[int, str | None]:
    """Let every arrival end; return the outcomes."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Serving(seen, methods), "127.0.0.1", 0, backlog=1024)
    client = Client(server.sockets[0].getsockname()[1], methods)
    client.go_on()
    await client.finished.wait()
    assert (client.requester.in_flight, client.requester.waiting) == (0, 0)
    assert client.requester.connections <= CONNECTIONS
    await client.requester.close()
    assert client.requester.connections == 0
    server.close()
    await server.wait_closed()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return client.outcomes


@pytest.mark.timeout(max(120, COUNT // 100))
@pytest.mark.parametrize("methods", [METHODS, PLAIN], ids=["looking", "plain"])
def test_fuzzed_responses(methods: Sequence[str]) -> None:
    """Every arrival ends once, as its response deserves; no request is sent twice."""
    troubles: list[dict[str, Any]] = []
    seen: Counter[int] = Counter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.get_loop().set_exception_handler(lambda _loop, context: troubles.append(context))
        outcomes = runner.run(play(seen, methods))
    gc.collect()
    assert troubles == []
    assert set(outcomes) == set(range(COUNT))
    assert set(seen.values()) == {1}
    wrong: list[tuple[int, Case, str | None]] = []
    account: Counter[tuple[str, str | None]] = Counter()
    for index, outcome in outcomes.items():
        # What the server never heard was written to a connection that it had just ended.
        case = case_of(index, methods) if seen[index] else Case("unheard", (), FIN, ENDS)
        account[case.kind, outcome] += 1
        if outcome not in case.outcomes:
            wrong.append((index, case, outcome))
    for (kind, outcome), count in sorted(account.items(), key=str):
        print(f"{kind:8} {outcome!s:13} {count:8}")
    assert wrong == []
    assert sum(count for (kind, _), count in account.items() if kind == "unheard") < COUNT / 20
