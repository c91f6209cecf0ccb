"""Laws of one attempt to connect, as far as they need no network."""

from __future__ import annotations

import asyncio
import errno
import ssl

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
