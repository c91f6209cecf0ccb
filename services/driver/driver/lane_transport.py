"""The lane's sockets, as transports for what the lane leaves to ``driver.http1``.

Only to be imported where the lane was built (see ``driver.lane``).
"""

from __future__ import annotations

import asyncio
import os
import socket
from ssl import MemoryBIO, SSLError, SSLWantReadError
from typing import cast

from driver._lane import Conn, Lane
from driver.tls import TlsSettings


class Handshake(asyncio.Protocol):
    """Makes TLS of a connection, which from then on is the ``protocol``'s."""

    def __init__(self, protocol: asyncio.Protocol, tls: TlsSettings) -> None:
        self.well = False
        self._protocol = protocol
        self._incoming, self._outgoing = MemoryBIO(), MemoryBIO()
        self._tls = tls.context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=tls.server_name
        )
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: LaneTransport

    async def made(self, transport: LaneTransport) -> None:
        """Shake hands over the transport, which belongs to this protocol until then.

        Raises:
            OSError: if that failed; ``ssl.SSLError`` is one.
        """
        self._transport = transport
        self._go_on()
        await self._ended

    def data_received(self, data: bytes) -> None:
        """Go on with what came."""
        self._incoming.write(data)
        self._go_on()

    def eof_received(self) -> bool:
        """Fail."""
        self._fail(ConnectionResetError("closed in the handshake"))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail, unless it has failed already."""
        self._fail(exc or ConnectionAbortedError("closed in the handshake"))

    def _go_on(self) -> None:
        try:
            self._tls.do_handshake()
        except SSLWantReadError:
            self._tell()
        except SSLError as error:
            self._tell()  # the peer is owed an alert
            self._fail(error)
        else:
            self._tell()
            self._hand_over()

    def _tell(self) -> None:
        said = self._outgoing.read()
        if said:
            self._transport.write(said)

    def _hand_over(self) -> None:
        self.well = True
        self._transport.secure(self._tls, self._incoming, self._outgoing)
        self._transport.protocol = self._protocol
        self._protocol.connection_made(cast("asyncio.Transport", self._transport))
        if not self._ended.done():
            self._ended.set_result(None)

    def _fail(self, error: Exception) -> None:
        if not self._ended.done():
            self._ended.set_exception(error)


class LaneTransport(Conn):
    """A transport, as far as ``driver.http1.Connection`` needs one."""

    __slots__ = ()

    def abort(self) -> None:
        """Close the socket now; ``connection_lost`` follows in the loop's next turn."""
        protocol: asyncio.Protocol | None = self.protocol
        if self.shut() and protocol is not None:
            asyncio.get_running_loop().call_soon(protocol.connection_lost, None)

    def end(self, why: int | Exception | None) -> None:
        """Close the socket.

        0: the peer has ended; None: it was cut off, without the end of TLS; an errno; or what TLS
        made of what came.
        """
        protocol: asyncio.Protocol | None = self.protocol
        if protocol is None:
            return
        if why == 0:
            protocol.eof_received()
            self.abort()
        elif self.shut():
            error = OSError(why, os.strerror(why)) if isinstance(why, int) else why
            protocol.connection_lost(error)


async def attach(
    lane: Lane, connected: socket.socket, protocol: asyncio.Protocol, tls: TlsSettings | None
) -> None:
    """Give a connected socket to the lane and make the connection of the protocol with it.

    Raises:
        OSError: if the socket cannot be watched; it is still the caller's then. Or if the handshake
            failed; then it is closed.
    """
    if tls is None:
        transport = LaneTransport(lane, connected.fileno(), protocol)
        connected.detach()
        protocol.connection_made(cast("asyncio.Transport", transport))
        return
    handshake = Handshake(protocol, tls)
    transport = LaneTransport(lane, connected.fileno(), handshake)
    connected.detach()
    try:
        await handshake.made(transport)
    finally:
        if not handshake.well:
            transport.abort()
