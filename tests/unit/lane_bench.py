"""A lane in the hands of a test, with the far ends of its connections."""

from __future__ import annotations

import socket
from array import array
from typing import Any

import pytest

lane_module = pytest.importorskip("driver._lane", reason="the lane was not built")

from driver._lane import AGAIN, NOTHING, Conn, Lane  # noqa: E402 - only where it was built
from driver.clock import Clock  # noqa: E402
from spate.choice import RequestChoice  # noqa: E402

NEVER_NS = 1 << 62
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GET = b"GET / HTTP/1.1\r\n\r\n"


class Bench:
    """A lane with some connections, all of them free."""

    def __init__(
        self,
        connections: int = 1,
        *,
        closed: bool = False,
        requests: tuple[tuple[bytes, bytes | None], ...] = ((GET, None),),
        weights: tuple[int, ...] = (1,),
        send_buffer: int | None = None,
    ) -> None:
        self.clock = Clock()
        choice = RequestChoice(7, weights)
        succeeds = bytes(200 <= code < 300 for code in range(1000))
        rows = [
            (*request, succeeds, bound)
            for request, bound in zip(requests, choice.bounds, strict=True)
        ]
        self.lane = Lane(closed, rows, choice.offset)
        self.base_ns = self.clock.mono_ns()
        self.ends: list[socket.socket] = []
        self.conns: list[Conn] = []
        for number in range(connections):
            near, far = socket.socketpair()
            near.setblocking(False)
            far.settimeout(2)
            if send_buffer is not None:
                near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
            conn = Conn(self.lane, near.detach(), f"protocol {number}")
            conn.set_free()
            self.conns.append(conn)
            self.ends.append(far)

    def close(self) -> None:
        """Close everything."""
        for conn in self.conns:
            conn.shut()
        for end in self.ends:
            end.close()
        self.lane.close()

    def ration(self, *dues_ns: int, term: int = 1, stage: int = 0, index: int = 0) -> None:
        """Give arrivals of open load, each due so many ns after the bench was made."""
        dues = array("q", dues_ns)
        self.lane.ration(term, stage, index, 1, len(dues), self.base_ns, dues)

    def turn(
        self, *, allowed: bool = True, room: int = 1000, window_ends_ns: int = NEVER_NS
    ) -> tuple[int, int, Conn | None, Any, Any]:
        """Let the lane work; a millisecond may be over in which it was not given the CPU."""
        taken = 0
        while True:
            some, what, *rest = self.lane.turn(NEVER_NS if allowed else 0, room, window_ends_ns)
            taken += some
            if what != AGAIN or not allowed:
                conn, payload, exchange = rest
                return taken, what, conn, payload, exchange

    def settle(self) -> int:
        """Let it work until nothing is left to do; return how much it took."""
        taken = 0
        while True:
            some, what, *_ = self.turn()
            taken += some
            if what == NOTHING:
                return taken

    def row(self) -> tuple[Any, ...]:
        """Return the one row of a cut."""
        (row,) = self.lane.cut()
        return row
