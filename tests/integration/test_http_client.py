"""The HTTP client against real servers on loopback, on both event loops."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop

from driver.arrival import Arrival
from driver.clock import Clock
from driver.lane import BUILT
from driver.requester import Requester
from spate.allowlist import Allowlist
from spate.plan import parse_plan

MS = 1_000_000
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
RESET = struct.pack("ii", 1, 0)

Run = Callable[[Coroutine[Any, Any, None]], None]
Talk = Callable[["Peer"], Awaitable[None]]


LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
WAYS = [f"{loop}-{way}" for loop in LOOPS for way in (("lane", "python") if BUILT else ("python",))]

NATIVE: ContextVar[bool] = ContextVar("NATIVE", default=True)
"""Whether clients may have a lane."""


@pytest.fixture(params=WAYS)
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Run a coroutine on a fresh loop of each kind, with the lane and without it.

    Nothing may be left behind or go wrong.
    """
    kind, _, way = request.param.partition("-")
    make = LOOPS[kind]

    def runner(work: Coroutine[Any, Any, None]) -> None:
        troubles: list[dict[str, Any]] = []
        with asyncio.Runner(loop_factory=make) as loop:
            # The first loop of a kind opens descriptors that the process keeps.
            loop.run(asyncio.sleep(0))
        gc.collect()  # what an earlier test left to the collector must not go between the counts
        before = descriptors()
        with asyncio.Runner(loop_factory=make) as loop:
            loop.get_loop().set_exception_handler(lambda _loop, context: troubles.append(context))
            loop.run(work)
        gc.collect()
        assert troubles == []
        assert descriptors() - before == set()

    token = NATIVE.set(way == "lane")
    yield runner
    NATIVE.reset(token)


def descriptors() -> set[str]:
    """Return what this process has open: a socket, pipe or timer is named by its own number.

    Others may close theirs meanwhile, as the Kafka clients of earlier tests do in their threads.
    """
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(str(entry.readlink()))
    return found


class Peer:
    """The server's end of one connection; ``number`` counts them from 0."""

    def __init__(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.number = number
        self.reader = reader
        self.writer = writer

    async def request(self) -> bytes:
        """Read one request, its content included; b"" at the end of the stream."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""
        for line in head.split(b"\r\n"):
            if line.startswith(b"Content-Length: "):
                return head + await self.reader.readexactly(int(line.split()[1]))
        return head

    def reset(self) -> None:
        """Close with a reset."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.writer.transport.abort()

    async def ended(self) -> bool:
        """Wait until the client has closed; True in the end."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass
        return True


class Server:
    """Lets ``talk`` have each connection, which is closed afterwards."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.accepted = 0
        self.port = 0
        self.requests: list[bytes] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        peer = Peer(self.accepted, reader, writer)
        self.accepted += 1
        try:
            await self.talk(peer)
        finally:
            writer.close()

    async def __call__(self, tls: ssl.SSLContext | None = None) -> asyncio.Server:
        """Start to listen."""
        listening = await asyncio.start_server(self.handle, "127.0.0.1", 0, ssl=tls)
        self.port = listening.sockets[0].getsockname()[1]
        return listening


class Client:
    """A requester and what it reported."""

    def __init__(self, port: int, **options: Any) -> None:
        limits = {"connections": 2, "timeout": "5s", "connect_timeout": "5s"}
        scheme, host = options.pop("scheme", "http"), options.pop("host", "127.0.0.1")
        document: dict[str, Any] = {
            "name": "integration",
            "target": f"{scheme}://{host}:{port}",
            "requests": options.pop("requests", [{"path": "/"}]),
            "load": {"test_type": "avalanche", "message_count_per_driver": 1},
            "limits": limits | options.pop("limits", {}),
            **{name: options.pop(name) for name in ("tls", "options") if name in options},
        }
        self.clock = Clock()
        self.sent: list[Arrival] = []
        self.connected_ns: list[int] = []
        self.dropped: list[str] = []
        self._ends: dict[int, asyncio.Future[Arrival]] = {}
        self._count = 0
        self.requester = Requester(
            plan=parse_plan(document),
            loop=asyncio.get_running_loop(),
            clock=self.clock,
            allowlist=Allowlist.parse(options.pop("allowed", "127.0.0.0/8,::1,localhost")),
            environ={},
            run_id="run-1",
            on_sent=self.sent.append,
            on_done=self._done,
            on_dropped=self._drop,
            on_connected=lambda connect_ns, _arrival: self.connected_ns.append(connect_ns),
            on_idle=lambda: None,
            native=NATIVE.get(),
        )
        assert options == {}

    def _done(self, arrival: Arrival) -> None:
        self._ends.pop(arrival.index).set_result(arrival)

    def _drop(self, arrival: Arrival, cause: str) -> None:
        self.dropped.append(cause)
        self._ends.pop(arrival.index).set_result(arrival)

    def submit(self, request: int = 0) -> asyncio.Future[Arrival]:
        """Submit the next arrival; the future is its end."""
        now_ns = self.clock.mono_ns()
        arrival = Arrival(self._count, 0, request, 0, now_ns, now_ns)
        self._count += 1
        end: asyncio.Future[Arrival] = asyncio.get_running_loop().create_future()
        self._ends[arrival.index] = end
        self.requester.submit(arrival)
        return end

    async def outcome(self, request: int = 0) -> str | None:
        """Submit an arrival and return its outcome."""
        return (await asyncio.wait_for(self.submit(request), 20)).outcome


@asynccontextmanager
async def meeting(
    talk: Talk, served: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[tuple[Server, Client]]:
    """A server and a client of it, both closed in the end without a trace."""
    server = Server(talk)
    async with await server(served):
        client = Client(server.port, **options)
        try:
            yield server, client
        finally:
            await client.requester.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=10)
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that the network does."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)


def once(response: bytes) -> Talk:
    """Answer the first request with this and close."""

    async def talk(peer: Peer) -> None:
        if await peer.request():
            peer.writer.write(response)

    return talk


async def keep_answering(peer: Peer) -> None:
    """Answer every request."""
    while await peer.request():
        peer.writer.write(ANSWER)


async def take_time(peer: Peer) -> None:
    """Answer every request after a while, so that others are on their way meanwhile."""
    while await peer.request():
        await asyncio.sleep(0.01)
        peer.writer.write(ANSWER)


async def say_nothing(peer: Peer) -> None:
    """Read and never answer."""
    await peer.ended()


def test_keep_alive(run: Run) -> None:
    """One connection carries many requests, and its times and bytes add up."""

    async def work() -> None:
        async with meeting(keep_answering) as (server, client):
            for _ in range(20):
                arrival = await client.submit()
                assert (arrival.outcome, arrival.status) == ("succeeded", 200)
                assert arrival.decided_ns <= arrival.sent_ns <= arrival.done_ns
                assert arrival.bytes_received == len(ANSWER)
                assert arrival.bytes_sent > 50
            assert (server.accepted, len(client.connected_ns), len(client.sent)) == (1, 1, 20)
            assert client.connected_ns[0] > 0

    run(work())


def test_concurrent_within_the_limit(run: Run) -> None:
    """A hundred arrivals at once share the few connections and all succeed."""

    async def work() -> None:
        async with meeting(take_time, limits={"connections": 5}) as (server, client):
            ends = await asyncio.gather(*(client.submit() for _ in range(100)))
            assert {arrival.outcome for arrival in ends} == {"succeeded"}
            assert (server.accepted, client.requester.connections) == (5, 5)
            assert (client.requester.in_flight, client.requester.free) == (0, 5)

    run(work())


def test_closing_server(run: Run) -> None:
    """A server that closes after each response costs a connection each and fails nothing."""

    async def work() -> None:
        for response in (CLOSING, b"HTTP/1.0 200 OK\r\n\r\nok", b"HTTP/1.1 200 OK\r\n\r\nok"):
            async with meeting(once(response)) as (server, client):
                outcomes = [await client.outcome() for _ in range(5)]
                assert outcomes == ["succeeded"] * 5
                assert server.accepted == 5
                assert client.requester.connections == 0

    run(work())


def test_server_closes_idle_connections(run: Run) -> None:
    """A connection that the server closed while idle is not used: no arrival fails of it."""

    async def work() -> None:
        async def talk(peer: Peer) -> None:
            await peer.request()
            peer.writer.write(ANSWER)
            await asyncio.sleep(0.01)
            if peer.number % 2:
                peer.reset()

        async with meeting(talk) as (server, client):
            for number in range(6):
                assert await client.outcome() == "succeeded"
                assert server.accepted == number + 1
                await until(lambda: client.requester.connections == 0)

    run(work())


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        (b"", "closed_early"),
        (ANSWER[:-1], "closed_early"),
        (ANSWER[:9], "closed_early"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", "closed_early"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "protocol"),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "protocol"),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "succeeded"),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "status_4xx"),
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "status_5xx"),
        (b"HTTP/1.1 700 No\r\nContent-Length: 0\r\n\r\n", "status_other"),
        (ANSWER + b"more", "succeeded"),
    ],
)
def test_bad_server(run: Run, response: bytes, outcome: str) -> None:
    """Each way of a server to go wrong has its kind, and the next arrival is not harmed by it."""

    async def work() -> None:
        async with meeting(once(response)) as (_server, client):
            assert [await client.outcome() for _ in range(3)] == [outcome] * 3
            assert all(arrival.bytes_received == len(response) for arrival in client.sent)

    run(work())


def test_reset(run: Run) -> None:
    """A reset is a reset, whether the response had begun or not."""

    async def work() -> None:
        async def talk(peer: Peer) -> None:
            await peer.request()
            if peer.number:
                peer.writer.write(ANSWER[:-1])
                await asyncio.sleep(0.02)
            peer.reset()

        async with meeting(talk) as (_server, client):
            assert [await client.outcome() for _ in range(2)] == ["reset"] * 2

    run(work())


def test_half_closing_server(run: Run) -> None:
    """A server that ends its half before it answers has closed early; after it, all is well."""

    async def work() -> None:
        async def talk(peer: Peer) -> None:
            await peer.request()
            if peer.number:
                peer.writer.write(ANSWER)
            peer.writer.write_eof()
            await peer.ended()

        async with meeting(talk) as (_server, client):
            assert [await client.outcome() for _ in range(2)] == ["closed_early", "succeeded"]

    run(work())


def test_server_that_closes_at_once(run: Run) -> None:
    """A server that accepts and closes fails each arrival once and is not stormed."""

    async def work() -> None:
        async def talk(peer: Peer) -> None:
            peer.reset()

        async with meeting(talk) as (server, client):
            ends = await asyncio.gather(*(client.submit() for _ in range(20)))
            assert {arrival.outcome for arrival in ends} <= {"reset", "closed_early"}
            assert server.accepted <= 22

    run(work())


def test_no_request_is_repeated(run: Run) -> None:
    """Each arrival reaches the server once, whatever the server does then."""

    async def work() -> None:
        seen: list[bytes] = []

        async def talk(peer: Peer) -> None:
            while request := await peer.request():
                seen.append(request.split(b"Spate-Index: run-1/")[1].split(b"\r\n")[0])
                if len(seen) % 3 == 0:
                    peer.reset()
                    return
                if len(seen) % 3 == 1:
                    return
                peer.writer.write(ANSWER)

        async with meeting(talk, options={"index_header": True}) as (_server, client):
            await asyncio.gather(*(client.submit() for _ in range(60)))
            assert len(seen) == len(set(seen))
            assert set(seen) <= {b"%d" % arrival.index for arrival in client.sent}

    run(work())


def test_refused(run: Run) -> None:
    """Nobody listens: each arrival fails by connect_refused, at once."""

    async def work() -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            client = Client(unused.getsockname()[1])
            await client.requester.warm()
            began_ns = client.clock.mono_ns()
            ends = await asyncio.gather(*(client.submit() for _ in range(50)))
            assert {arrival.outcome for arrival in ends} == {"connect_refused"}
            assert client.clock.mono_ns() - began_ns < 2_000 * MS
            assert client.sent == []
            await client.requester.close()

    run(work())


def test_nobody_accepts(run: Run) -> None:
    """A handshake that never ends is a connect_timeout, of the attempt or of the arrival."""

    async def work() -> None:
        with socket.socket() as full, socket.socket() as filler, socket.socket() as filler_2:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for one in (filler, filler_2):
                one.setblocking(False)
                one.connect_ex(full.getsockname())
            await asyncio.sleep(0.05)
            for limits in (
                {"connect_timeout": "200ms", "timeout": "5s"},
                {"connect_timeout": "200ms", "timeout": "200ms"},
            ):
                client = Client(full.getsockname()[1], limits=limits)
                began_ns = client.clock.mono_ns()
                assert await client.outcome() == "connect_timeout"
                assert 199 * MS < client.clock.mono_ns() - began_ns < 3_000 * MS
                await client.requester.close()

    run(work())


def test_timeout(run: Run) -> None:
    """A server that does not answer is a timeout, and sees its connection closed."""

    async def work() -> None:
        closed = asyncio.Event()

        async def talk(peer: Peer) -> None:
            await peer.request()
            peer.writer.write(ANSWER[:-1])
            await peer.ended()
            closed.set()

        limits = {"timeout": "200ms", "connect_timeout": "200ms"}
        async with meeting(talk, limits=limits) as (_server, client):
            arrival = await client.submit()
            assert arrival.outcome == "timeout"
            assert 200 * MS <= arrival.done_ns - arrival.decided_ns < 2_000 * MS
            await asyncio.wait_for(closed.wait(), 5)

    run(work())


def test_blocked(run: Run) -> None:
    """A target off the allowlist is never connected to."""

    async def work() -> None:
        async with meeting(keep_answering, allowed="10.0.0.0/8") as (server, client):
            assert [await client.outcome() for _ in range(3)] == ["blocked"] * 3
            assert server.accepted == 0

    run(work())


def test_name_with_several_addresses(run: Run) -> None:
    """A name is resolved, and addresses where nobody listens are passed over."""

    async def work() -> None:
        async with meeting(keep_answering, host="localhost") as (_server, client):
            assert await client.outcome() == "succeeded"

    run(work())


def test_extra_bytes_while_idle(run: Run) -> None:
    """Bytes after a response end that connection only."""

    async def work() -> None:
        async def talk(peer: Peer) -> None:
            await peer.request()
            peer.writer.write(ANSWER)
            await asyncio.sleep(0.02)
            peer.writer.write(ANSWER)
            await peer.ended()

        async with meeting(talk) as (server, client):
            assert await client.outcome() == "succeeded"
            await until(lambda: client.requester.connections == 0)
            assert await client.outcome() == "succeeded"
            assert server.accepted == 2

    run(work())


def test_large_bodies(run: Run) -> None:
    """Bodies of any size go both ways, whatever pieces they come in."""

    async def work() -> None:
        body = "x" * 200_000
        received: list[int] = []

        async def talk(peer: Peer) -> None:
            while request := await peer.request():
                received.append(len(request))
                peer.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                for _ in range(300):
                    peer.writer.write(b"2710\r\n" + b"y" * 10_000 + b"\r\n")
                    await peer.writer.drain()
                peer.writer.write(b"6\r\nneedle\r\n0\r\n\r\n")

        requests = [
            {"path": "/", "method": "POST", "body": body, "expect": {"body_contains": "yneedle"}}
        ]
        async with meeting(talk, requests=requests) as (server, client):
            for _ in range(2):
                arrival = await client.submit()
                assert arrival.outcome == "succeeded"
                assert arrival.bytes_received > 3_000_000
                assert arrival.bytes_sent == received[-1]
            assert server.accepted == 1

    run(work())


def test_warm(run: Run) -> None:
    """Warming opens the connections before the first arrival, so none has to wait."""

    async def work() -> None:
        async with meeting(keep_answering, limits={"connections": 40}) as (server, client):
            await client.requester.warm()
            assert (client.requester.connections, client.requester.free) == (40, 40)
            assert len(client.connected_ns) == 40
            arrivals = [client.submit() for _ in range(40)]
            assert len(client.sent) == 40
            await asyncio.gather(*arrivals)
            assert server.accepted == 40

    run(work())


def test_cancel_all_in_the_turn_in_which_a_connection_is_made(run: Run) -> None:
    """Its socket is closed like any other, and the requester comes to its end."""

    class Cancelling(list[int]):
        def append(self, connect_ns: int) -> None:
            super().append(connect_ns)
            client.requester.cancel_all()

    client: Client

    async def work() -> None:
        nonlocal client
        async with meeting(once(ANSWER), limits={"connections": 1}) as (_, client):
            client.connected_ns = Cancelling()
            await client.requester.warm()
            assert len(client.connected_ns) == 1
            async with asyncio.timeout(5):
                await client.requester.close()

    run(work())


def test_cancel_all_at_any_step_of_making_connections(run: Run) -> None:
    """However far they are, the requester comes to its end, and no socket is closed twice."""

    async def work() -> None:
        for turns in range(20):
            async with meeting(once(ANSWER), limits={"connections": 8}) as (_, client):
                warming = asyncio.create_task(client.requester.warm())
                for _ in range(turns):
                    await asyncio.sleep(0)
                client.requester.cancel_all()
                async with asyncio.timeout(5):
                    await client.requester.close()
                    await warming
                await asyncio.sleep(0.05)  # the server hears of what was broken off

    run(work())


def test_cancel_all(run: Run) -> None:
    """Cancelling closes every socket, those that are connecting too, and reports nothing."""

    async def work() -> None:
        async with meeting(say_nothing) as (_server, client):
            ends = [client.submit() for _ in range(3)]
            client.requester.cancel_all()
            assert client.requester.in_flight == 0
            ends += [client.submit() for _ in range(3)]
            await until(lambda: len(client.sent) == 2)
            client.requester.cancel_all()
            await asyncio.sleep(0.02)
            assert [end.done() for end in ends] == [False] * 6
            assert client.requester.connections == 0

    run(work())


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of this test's own."""
    return trustme.CA()


@pytest.fixture(scope="module")
def ca(authority: trustme.CA) -> str:
    """Its certificate in PEM."""
    return authority.cert_pem.bytes().decode()


def served_as(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """Return a server's context with a certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2", "http/1.1"])
    authority.issue_cert(*names).configure_cert(context)
    return context


@pytest.mark.parametrize(
    "case",
    [
        ("127.0.0.1", True, {}, "succeeded"),
        ("target.test", True, {"server_name": "target.test"}, "succeeded"),
        ("target.test", True, {}, "tls"),
        ("127.0.0.1", False, {}, "tls"),
        ("target.test", False, {"verify": False}, "succeeded"),
    ],
)
def test_tls(
    run: Run, authority: trustme.CA, ca: str, case: tuple[str, bool, dict[str, Any], str]
) -> None:
    """Certificates are verified as the plan says, and HTTP/1.1 is what is spoken."""
    name, trust, tls, outcome = case

    async def work() -> None:
        spoken: list[Any] = []

        async def talk(peer: Peer) -> None:
            spoken.append(peer.writer.get_extra_info("ssl_object").selected_alpn_protocol())
            await keep_answering(peer)

        options = {"scheme": "https", "tls": tls | ({"ca": ca} if trust else {})}
        async with meeting(talk, served_as(authority, name), **options) as (_server, client):
            assert [await client.outcome() for _ in range(3)] == [outcome] * 3
            assert spoken == (["http/1.1"] if outcome == "succeeded" else [])

    run(work())


def test_tls_to_a_plain_server(run: Run) -> None:
    """A server that does not speak TLS fails by kind tls, however it takes the greeting."""

    async def work() -> None:
        async def talk(peer: Peer) -> None:
            await peer.reader.read(10)
            if peer.number == 0:
                peer.writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            if peer.number == 1:
                peer.reset()

        async with meeting(talk, scheme="https") as (_server, client):
            assert [await client.outcome() for _ in range(3)] == ["tls"] * 3

    run(work())


def test_tls_handshake_that_stalls(run: Run) -> None:
    """A handshake that never ends is a connect_timeout and leaves no socket behind."""

    async def work() -> None:
        limits = {"connect_timeout": "100ms"}
        async with meeting(say_nothing, scheme="https", limits=limits) as (_server, client):
            assert [await client.outcome() for _ in range(2)] == ["connect_timeout"] * 2
            client.submit()
            await asyncio.sleep(0.02)

    run(work())


def test_tls_server_that_vanishes(run: Run, authority: trustme.CA, ca: str) -> None:
    """After the handshake the kinds are those of plain HTTP."""

    async def work() -> None:
        async def talk(peer: Peer) -> None:
            await peer.request()
            if peer.number == 0:
                peer.writer.write(ANSWER[:-1])
            if peer.number == 1:
                peer.writer.write(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
            if peer.number == 2:
                peer.reset()

        options = {"scheme": "https", "tls": {"ca": ca}}
        tls = served_as(authority, "127.0.0.1")
        async with meeting(talk, tls, **options) as (_server, client):
            outcomes = [await client.outcome() for _ in range(3)]
            assert outcomes == ["closed_early", "succeeded", "reset"]

    run(work())


def test_tls_stream_that_is_cut(run: Run, authority: trustme.CA, ca: str) -> None:
    """A body that lasts to the end needs the end of TLS: anybody on the way can end TCP."""

    async def work() -> None:
        async def talk(peer: Peer) -> None:
            await peer.request()
            peer.writer.write(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
            number = os.dup(peer.writer.get_extra_info("socket").fileno())
            with socket.socket(fileno=number) as there:
                there.shutdown(socket.SHUT_WR)
            await peer.reader.read()

        options = {"scheme": "https", "tls": {"ca": ca}}
        tls = served_as(authority, "127.0.0.1")
        async with meeting(talk, tls, **options) as (_server, client):
            # asyncio's own TLS, which only serves where uvloop is not installed, cannot tell.
            told = NATIVE.get() or isinstance(asyncio.get_running_loop(), uvloop.Loop)
            assert await client.outcome() == ("closed_early" if told else "succeeded")

    run(work())


def test_tls_garbage_after_an_answer_that_is_not_whole(
    run: Run, authority: trustme.CA, ca: str
) -> None:
    """What TLS cannot read is an error of TLS, in one piece with what came before it or not."""

    async def work() -> None:
        async def talk(peer: Peer) -> None:
            await peer.request()
            peer.writer.write(ANSWER[:-1])
            await asyncio.sleep(0.02 * peer.number)
            number = os.dup(peer.writer.get_extra_info("socket").fileno())
            with socket.socket(fileno=number) as there:
                there.send(b"no record of TLS")
            with contextlib.suppress(ssl.SSLError):  # the client says what it thinks of that
                await peer.reader.read()

        options = {"scheme": "https", "tls": {"ca": ca}}
        tls = served_as(authority, "127.0.0.1")
        async with meeting(talk, tls, **options) as (_server, client):
            assert [await client.outcome() for _ in range(2)] == ["tls"] * 2

    run(work())


def test_bad_ca() -> None:
    """A CA that is none is refused when the client is made."""

    async def work() -> None:
        tls = {"ca": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}
        with pytest.raises(ValueError, match=r"tls\.ca"):
            Client(1, scheme="https", tls=tls)

    asyncio.run(work())
