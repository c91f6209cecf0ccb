"""The lane's sockets, as transports for what the lane leaves to ``driver.http1``.

Only to be imported where the lane was built (see ``driver.lane``).
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import cast

from driver._lane import Conn, Lane
from driver.http1 import Connection


class LaneTransport(Conn):
    """A transport, as far as ``driver.http1.Connection`` needs one."""

    __slots__ = ()

    def abort(self) -> None:
        """Close the socket now; ``connection_lost`` follows in the loop's next turn."""
        connection: Connection | None = self.protocol
        if self.shut() and connection is not None:
            asyncio.get_running_loop().call_soon(connection.connection_lost, None)

    def end(self, error: int) -> None:
        """Close the socket for what the kernel said of it, an errno; 0: the peer has ended."""
        connection: Connection | None = self.protocol
        if connection is None:
            return
        if error == 0:
            connection.eof_received()
            self.abort()
        elif self.shut():
            connection.connection_lost(OSError(error, os.strerror(error)))


def attach(lane: Lane, connected: socket.socket, protocol: asyncio.Protocol) -> None:
    """Give a connected socket to the lane and tell the protocol that its connection is made.

    Raises:
        OSError: if the socket cannot be watched; it is still the caller's then.
    """
    transport = LaneTransport(lane, connected.fileno(), protocol)
    connected.detach()
    protocol.connection_made(cast("asyncio.Transport", transport))
