"""A connector makes one attempt to connect: name, TCP, TLS; and names what it failed of."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from aiohappyeyeballs import start_connection

from driver.resolver import Address, ResolveError, Resolver
from driver.tls import TlsSettings

_NS_PER_S = 1_000_000_000

_NEXT_ADDRESS_S = 0.25
"""The connection attempt delay that RFC 8305 recommends."""

_OWN_FAULTS = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM}
)
"""This machine has no more descriptors, ports or memory: the target is not to blame."""

Attach = Callable[[socket.socket, asyncio.Protocol, TlsSettings | None], Awaitable[None]]
"""Detaches a connected socket and makes the connection of the protocol with it."""

Phase = Literal["dns", "tcp", "tls"]


class ConnectError(Exception):
    """The attempt failed; ``kind`` is the failed kind."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Connector:
    """Connects protocols to the target within a time limit for each attempt.

    ``attach`` takes over the sockets, which otherwise go to the loop.
    """

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        resolver: Resolver,
        tls: TlsSettings | None,
        connect_timeout_ns: int,
        attach: Attach | None = None,
    ) -> None:
        self._loop = loop
        self._resolver = resolver
        self._tls = tls
        self._attach = attach
        self._timeout_s = connect_timeout_ns / _NS_PER_S

    async def connect(self, protocol: asyncio.Protocol) -> None:
        """Connect the protocol; its ``connection_made`` is called on the way.

        With several addresses the next one is tried where one fails, or has not answered in a
        quarter of a second, the families by turns (happy eyeballs, RFC 8305).

        Raises:
            ConnectError: if it failed or took longer than the limit. The socket is closed.
        """
        attempt = _Attempt()
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._connect(protocol, attempt)
        except ResolveError as error:
            raise ConnectError(error.kind, str(error)) from error
        except OSError as error:
            raise ConnectError(failed_kind(error, attempt.phase), str(error)) from error

    async def _connect(self, protocol: asyncio.Protocol, attempt: _Attempt) -> None:
        addresses = await self._resolver.addresses()
        attempt.phase = "tcp"
        opened = await self._open(addresses)
        tls = {} if self._tls is None else self._handshake(self._tls)
        attempt.phase = "tls" if tls else "tcp"
        if self._attach is not None:
            with contextlib.closing(opened):
                await self._attach(opened, protocol, self._tls)
            return
        try:
            made, _ = await self._loop.create_connection(lambda: protocol, sock=opened, **tls)
        except BaseException:
            self._leave_to_loop(opened)
            raise
        if made.is_closing():
            self._leave_to_loop(opened)

    def _handshake(self, tls: TlsSettings) -> dict[str, Any]:
        return {
            "ssl": tls.context,
            "server_hostname": tls.server_name,
            # The attempt's own limit comes first.
            "ssl_handshake_timeout": self._timeout_s + 1,
        }

    def _leave_to_loop(self, opened: socket.socket) -> None:
        """Forget the descriptor of a socket whose connection was closed while it was made.

        uvloop closes it and does not tell the socket, which would close it again: by then it may be
        somebody else's.
        """
        if not isinstance(self._loop, asyncio.BaseEventLoop):
            opened.detach()

    async def _open(self, addresses: tuple[Address, ...]) -> socket.socket:
        opened = await start_connection(
            [
                (each.family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", each.sockaddr)
                for each in addresses
            ],
            happy_eyeballs_delay=_NEXT_ADDRESS_S,
            loop=self._loop,
        )
        # asyncio and uvloop set it too, but that is not for us to rely on.
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened


class _Attempt:
    """How far an attempt has come."""

    __slots__ = ("phase",)

    def __init__(self) -> None:
        self.phase: Phase = "dns"


def failed_kind(error: OSError, phase: Phase) -> str:
    """Return the failed kind of an attempt that ended with ``error`` in ``phase``.

    A time limit that ends a look-up is ``dns``, one that ends a handshake ``connect_timeout``.
    """
    if isinstance(error, TimeoutError):
        return "dns" if phase == "dns" else "connect_timeout"
    if isinstance(error, ssl.SSLError) or phase == "tls":
        return "tls"
    if error.errno in _OWN_FAULTS:
        return "internal"
    return "connect_refused"
