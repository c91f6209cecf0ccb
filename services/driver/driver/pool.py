"""The pool holds a run's connections: the free ones, the busy ones, and those still closing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from driver.http1 import Connection

if TYPE_CHECKING:
    from driver._lane import Lane
    from driver.lane_transport import LaneTransport


class Pool:
    """Connections of one requester.

    Free connections are taken latest first, so that at a low rate the others grow old and are
    closed by the target instead of being closed under a request.
    """

    __slots__ = ("_all_gone", "_free", "_open", "_sockets")

    def __init__(self) -> None:
        self._free: dict[Connection, None] = {}  # a stack from which any may leave
        self._open: set[Connection] = set()
        self._sockets: set[Connection] = set()
        self._all_gone: asyncio.Event | None = None

    @property
    def free(self) -> int:
        """Connections that are open and idle."""
        return len(self._free)

    @property
    def size(self) -> int:
        """Connections that are open, idle or not."""
        return len(self._open)

    def add(self, connection: Connection) -> None:
        """Take in a connection that was just made, as a free one."""
        self._sockets.add(connection)
        self._open.add(connection)
        self._free[connection] = None

    def take(self) -> Connection | None:
        """Return a free connection that is ready, which is busy from now on; None without one."""
        free = self._free
        while free:
            connection = free.popitem()[0]
            if connection.ready:
                return connection
            self._open.discard(connection)
        return None

    def give_back(self, connection: Connection) -> None:
        """Make a busy connection free if it can be used again, and forget it otherwise."""
        if connection.usable:
            self._free[connection] = None
        else:
            self._open.discard(connection)

    def remove(self, connection: Connection) -> None:
        """Forget a connection, busy or free, whose socket is closing."""
        self._free.pop(connection, None)
        self._open.discard(connection)

    def gone(self, connection: Connection) -> None:
        """Note that a socket is closed."""
        self._sockets.discard(connection)
        if self._all_gone is not None and not self._sockets:
            self._all_gone.set()

    def abandon(self, connection: Connection) -> None:
        """Close a connection without any outcome for what is on it."""
        self._sockets.add(connection)
        connection.abandon()
        self.remove(connection)

    def abandon_all(self) -> None:
        """Close all connections without any outcome for what is on them."""
        for connection in tuple(self._sockets):
            self.abandon(connection)

    async def emptied(self) -> None:
        """Wait until each socket is closed."""
        if self._sockets:
            self._all_gone = asyncio.Event()
            await self._all_gone.wait()


class LanePool(Pool):
    """A pool whose free connections are the lane's as well: whoever comes first takes one."""

    __slots__ = ("_lane",)

    def __init__(self, lane: Lane) -> None:
        super().__init__()
        self._lane = lane

    @property
    def free(self) -> int:
        """Connections that are open and idle."""
        return self._lane.free

    def add(self, connection: Connection) -> None:
        """Take in a connection that was just made, as a free one."""
        self._sockets.add(connection)
        self._open.add(connection)
        _transport(connection).set_free()

    def take(self) -> Connection | None:
        """Return a free connection that is ready, which is busy from now on; None without one."""
        while (transport := self._lane.take_free()) is not None:
            connection: Connection = transport.protocol
            if connection.ready:
                return connection
            self._open.discard(connection)
        return None

    def give_back(self, connection: Connection) -> None:
        """Make a busy connection free if it can be used again, and forget it otherwise."""
        if connection.usable:
            _transport(connection).set_free()
        else:
            self._open.discard(connection)

    def remove(self, connection: Connection) -> None:
        """Forget a connection, busy or free, whose socket is closing."""
        _transport(connection).set_busy()
        self._open.discard(connection)


def _transport(connection: Connection) -> LaneTransport:
    return cast("LaneTransport", connection.transport)
