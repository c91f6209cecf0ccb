"""The reader under test: a connection of the driver, with no socket beneath it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.fuzz.verdict import NEEDLE, Verdict

from driver.arrival import Arrival
from driver.clock import Clock
from driver.expectation import Expectation, expectation_of
from driver.http1 import Connection

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
"""What follows a response whose connection is said to be good for another."""

CODES = ("2xx", "3xx")


class NotReusableError(AssertionError):
    """A connection that was said to be reusable did not carry the next response."""


class _Line(asyncio.Transport):
    """A transport that goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = False

    def write(self, _data: object) -> None:
        """Forget the request."""

    def is_closing(self) -> bool:
        """Whether it was aborted."""
        return self.aborted

    def abort(self) -> None:
        """Remember it."""
        self.aborted = True

    def get_write_buffer_size(self) -> int:
        """Return that everything has been sent."""
        return 0


class Owner:
    """Counts the ends, of which each arrival has one."""

    def __init__(self) -> None:
        self.ended_count = 0

    def opened(self, _connection: Connection) -> None:
        """Nothing to do."""

    def ended(self, _connection: Connection, _arrival: Arrival) -> None:
        """Count it."""
        self.ended_count += 1

    def lost(self, _connection: Connection) -> None:
        """Nothing to do."""

    def gone(self, _connection: Connection) -> None:
        """Nothing to do."""


class Stopped(Clock):
    """A clock that stands still."""

    def mono_ns(self) -> int:
        """Return 1."""
        return 1


_CLOCK = Stopped()


class Subject:
    """Judges streams by ``kind`` of connection, as the requester makes them.

    With ``looks`` the body is searched for the needle.
    """

    def __init__(self, kind: type[Connection], *, looks: bool) -> None:
        self.looks = looks
        self._kind = kind
        self._expectations = {
            method: expectation_of(CODES, NEEDLE if looks else None, method)
            for method in ("GET", "HEAD", "POST")
        }

    def judge(self, method: str, chunks: Sequence[bytes], eof: bool) -> Verdict:
        """Return what becomes of a request of this method if these chunks come, and the end.

        Raises:
            NotReusableError: if the connection is said to be reusable and is not.
            AssertionError: if an arrival does not end once.
        """
        owner, line = Owner(), _Line()
        connection = self._kind(owner, _CLOCK, 0)
        connection.connection_made(line)
        arrival = self._sent(connection, self._expectations[method])
        for chunk in chunks:
            if line.aborted:
                break
            connection.data_received(chunk)
        reusable = arrival.outcome is not None and connection.ready
        if reusable and not eof:
            self._go_on(connection, arrival)
            owner.ended_count -= 1
        if eof and not line.aborted:
            connection.eof_received()
        if line.aborted or eof:
            connection.connection_lost(None)
        assert owner.ended_count == (arrival.outcome is not None), "an arrival ends once"
        return Verdict(arrival.outcome, arrival.status, reusable, arrival.bytes_received)

    def _sent(self, connection: Connection, expectation: Expectation) -> Arrival:
        arrival = Arrival(0, 0, 0, 0, 0, 0)
        connection.send(arrival, b"GET / HTTP/1.1\r\n\r\n", expectation)
        return arrival

    def _go_on(self, connection: Connection, before: Arrival) -> None:
        """Let a plain response follow."""
        expected = (before.outcome, before.status)
        arrival = self._sent(connection, self._expectations["POST"])
        connection.data_received(PLAIN)
        outcome = "body_mismatch" if self.looks else "succeeded"
        found = (arrival.outcome, arrival.status, arrival.bytes_received, connection.ready)
        if found != (outcome, 200, len(PLAIN), True) or expected != (before.outcome, before.status):
            raise NotReusableError(f"the next response was {found}")
