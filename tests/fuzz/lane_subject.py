"""The lane as a reader under test: its C code on real sockets, and what it hands over to Python.

Only to be imported where the lane was built (see ``driver.lane``).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import cast

from tests.fuzz.subject import CODES, PLAIN, NotReusableError, Owner, Stopped
from tests.fuzz.verdict import Verdict

from driver._lane import AGAIN, DATA, END, NOTHING, Conn, Lane
from driver.arrival import Arrival
from driver.expectation import SUCCEEDED, expectation_of
from driver.http1 import Connection
from driver.lane_figures import figures_of
from spate.choice import RequestChoice

_REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
_DUE_AT_ONCE = bytes(8)
_EVER_NS = 1 << 62
_CLOCK = Stopped()
_EXPECTATION = expectation_of(CODES, None, "GET")


class _Line(Conn):
    """A socket of the lane that ends without an event loop."""

    __slots__ = ()

    def abort(self) -> None:
        """Close the socket now."""
        self.shut()


class LaneSubject:
    """Judges streams by one lane, a connection for each."""

    looks = False

    def __init__(self) -> None:
        succeeds = bytes(outcome == SUCCEEDED for outcome in _EXPECTATION.outcomes)
        choice = RequestChoice(0, [1])
        rows: list[tuple[bytes, bytes | None, bytes, int]] = [
            (_REQUEST, None, succeeds, bound) for bound in choice.bounds
        ]
        self._lane = Lane(False, rows, choice.offset)

    def judge(self, _method: str, chunks: Sequence[bytes], eof: bool) -> Verdict:
        """Return what becomes of a request if these chunks come, and the end.

        Raises:
            NotReusableError: if the connection is said to be reusable and is not.
            AssertionError: if an arrival does not end once.
        """
        ours, peer = socket.socketpair()
        with peer:
            connection = Connection(Owner(), _CLOCK, 0)
            line = _Line(self._lane, ours.detach(), connection)
            connection.connection_made(cast("asyncio.Transport", line))
            try:
                return self._judged(connection, line, peer, chunks, eof)
            finally:
                line.abort()
                self._lane.cut()

    def _judged(
        self,
        connection: Connection,
        line: _Line,
        peer: socket.socket,
        chunks: Sequence[bytes],
        eof: bool,
    ) -> Verdict:
        exchange = _Exchange(self._lane, connection, line)
        exchange.begin(peer)
        for chunk in chunks:
            if line.is_closing():
                break
            peer.sendall(chunk)
            exchange.go_on()
        outcome, status, received = exchange.noted()
        reusable = outcome is not None and connection.ready and not self._lane.busy
        if reusable and not eof:
            after = _Exchange(self._lane, connection, line)
            after.begin(peer)
            peer.sendall(PLAIN)
            after.go_on()
            found = (*after.noted(), connection.ready)
            if found != ("succeeded", 200, len(PLAIN), True):
                raise NotReusableError(f"the next response was {found}")
        if eof and outcome is None:
            peer.close()
            exchange.go_on()
            outcome, status, received = exchange.noted()
        return Verdict(outcome, status, reusable, received)


class _Exchange:
    """One request on a connection of the lane."""

    def __init__(self, lane: Lane, connection: Connection, line: _Line) -> None:
        self._lane = lane
        self._connection = connection
        self._line = line
        self._arrival: Arrival | None = None
        self._tallied: tuple[str, int, int] | None = None

    def begin(self, peer: socket.socket) -> None:
        """Let the lane send the request, which the peer reads."""
        self._line.set_free()
        self._lane.ration(0, 0, 0, 1, 1, 0, _DUE_AT_ONCE)
        self.go_on()
        assert self._lane.left == 0, "the lane takes what is due"
        assert peer.recv(4096) == _REQUEST

    def go_on(self) -> None:
        """Let the lane work until it waits, and do what it leaves to Python."""
        while True:
            _, what, conn, payload, exchange = self._lane.turn(_EVER_NS, 1, _EVER_NS)
            if what == NOTHING:
                return
            if what == AGAIN:
                continue
            if exchange is not None:
                assert self._arrival is None, "an exchange is handed over once"
                self._arrival = Arrival.of_exchange(*exchange)
                self._connection.adopt(self._arrival, _EXPECTATION)
            assert conn is self._line
            if what == DATA:
                self._connection.data_received(payload)
            elif what == END and payload == 0:
                self._connection.eof_received()
                self._line.abort()
            elif what == END:
                self._line.abort()
                self._connection.connection_lost(OSError(payload, "the peer has reset"))

    def noted(self) -> tuple[str | None, int, int]:
        """Return outcome, status and bytes received, by Python's books or by the lane's."""
        for figures in map(figures_of, self._lane.cut()):
            if figures.status_codes:
                assert self._arrival is None, "an arrival ends once"
                assert self._tallied is None, "an arrival ends once"
                [(status, n)] = figures.status_codes.items()
                [(outcome, m)] = (figures.failed or {SUCCEEDED: figures.succeeded}).items()
                assert (n, m, figures.service_time.count) == (1, 1, 1)
                self._tallied = (outcome, int(status), figures.bytes_received)
        if self._tallied is not None:
            return self._tallied
        if self._arrival is None:
            return None, 0, 0
        return self._arrival.outcome, self._arrival.status, self._arrival.bytes_received
