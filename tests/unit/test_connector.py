"""Laws of one attempt to connect, as far as they need no network."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from driver.clock import Clock
from driver.connector import ConnectError, Connector, Phase, failed_kind
from driver.resolver import Resolver
from spate.allowlist import Allowlist


@pytest.mark.parametrize(
    ("error", "phase", "kind"),
    [
        (ConnectionRefusedError(), "tcp", "connect_refused"),
        (ConnectionResetError(), "tcp", "connect_refused"),
        (OSError(errno.EHOSTUNREACH, "no route"), "tcp", "connect_refused"),
        (OSError(errno.ENETUNREACH, "no network"), "tcp", "connect_refused"),
        (TimeoutError(), "tcp", "connect_timeout"),
        (OSError(errno.ETIMEDOUT, "no answer"), "tcp", "connect_timeout"),
        (TimeoutError(), "tls", "connect_timeout"),
        (TimeoutError(), "dns", "dns"),
        (ssl.SSLCertVerificationError(1, "unknown authority"), "tls", "tls"),
        (ConnectionResetError(), "tls", "tls"),
        (OSError(errno.EMFILE, "too many open files"), "tcp", "internal"),
        (OSError(errno.EADDRNOTAVAIL, "no port left"), "tcp", "internal"),
    ],
)
def test_kinds(error: OSError, phase: Phase, kind: str) -> None:
    """The kind follows from the error and how far the attempt had come."""
    assert failed_kind(error, phase) == kind


async def test_look_up_that_hangs() -> None:
    """A name service that does not answer within the limit is a failure of kind dns."""

    async def never(_host: str, _port: int) -> list[tuple[object, ...]]:
        await asyncio.Event().wait()
        raise AssertionError

    loop = asyncio.get_running_loop()
    resolver = Resolver(
        loop=loop,
        clock=Clock(),
        allowlist=Allowlist.parse("target"),
        host="target",
        port=80,
        getaddrinfo=never,
    )
    connector = Connector(loop=loop, resolver=resolver, tls=None, connect_timeout_ns=1_000_000)
    with pytest.raises(ConnectError) as caught:
        await connector.connect(asyncio.Protocol())
    assert caught.value.kind == "dns"
    await resolver.close()


@pytest.fixture
def silent() -> Iterator[tuple[str, int]]:
    """An address that answers nothing: its backlog is full, so it drops what asks for more."""
    with ExitStack() as opened:
        listening = opened.enter_context(socket.create_server(("127.0.0.2", 0), backlog=0))
        address = listening.getsockname()
        for _ in range(4):
            pending = opened.enter_context(socket.socket())
            pending.setblocking(False)
            pending.connect_ex(address)
        yield address


async def test_an_address_that_does_not_answer_is_passed_over(silent: tuple[str, int]) -> None:
    """The next one is tried after a quarter of a second, not after the whole limit."""
    loop = asyncio.get_running_loop()
    port = silent[1]
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.3", port)

    async def both(_host: str, port: int) -> list[tuple[object, ...]]:
        hosts = ("127.0.0.2", "127.0.0.3")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in hosts]

    resolver = Resolver(
        loop=loop,
        clock=Clock(),
        allowlist=Allowlist.parse("target"),
        host="target",
        port=port,
        getaddrinfo=both,
    )
    connector = Connector(loop=loop, resolver=resolver, tls=None, connect_timeout_ns=10 * 10**9)
    protocol = _Opened()
    begun_s = loop.time()
    await connector.connect(protocol)
    assert 0.2 <= loop.time() - begun_s < 3
    assert protocol.transport is not None
    assert protocol.transport.get_extra_info("peername") == ("127.0.0.3", port)
    protocol.transport.close()
    server.close()
    await resolver.close()


class _Opened(asyncio.Protocol):
    """Remembers its transport."""

    def __init__(self) -> None:
        self.transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self.transport = transport
