"""One HTTP/1.1 connection: it carries one request at a time and judges the response as it comes.

The bytes are taken apart by llhttp (through httptools), which is strict: whatever it refuses is a
protocol error. What llhttp cannot know is added here: that a response to HEAD ends with its
headers, that a body without a length ends with the connection, and what may follow a response
(nothing).
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Protocol, cast

import httptools

from driver.arrival import Arrival
from driver.clock import Clock
from driver.expectation import BODY_MISMATCH, PROTOCOL, SUCCEEDED, Expectation
from driver.response_head import (
    NOT_HTTP,
    USUAL_STARTS,
    ResponseHead,
    ends_with_head,
    first_head,
    is_chunked_as_usual,
    read_head,
)

HEAD_LIMIT = 64 * 1024
"""Bytes of status line and headers, those of interim responses included."""

RESPONSE_LIMIT = 1024 * 1024 * 1024
"""Bytes of a whole response. Bodies are counted and thrown away, so this guards time alone."""

_INTERIM = 100
_SWITCHING_PROTOCOLS = 101
_FINAL = 200


class Owner(Protocol):
    """Whoever the connections belong to. No call comes from within ``Connection.send``."""

    def opened(self, connection: Connection) -> None:
        """The connection is ready for its first request."""

    def ended(self, connection: Connection, arrival: Arrival) -> None:
        """The arrival has its outcome; ``connection.usable`` says if another may be sent."""

    def lost(self, connection: Connection) -> None:
        """The connection ended while idle."""

    def gone(self, connection: Connection) -> None:
        """The socket is closed: the last call about this connection."""


class Connection(asyncio.Protocol):
    """Carries arrivals to the target, one after the other.

    ``arrival`` is the one under way, None while idle. ``usable`` is True from the time the
    connection is ready until anything happens that rules out another request: the end of the
    stream, bytes nobody asked for, an error, a response that closes. ``began_ns`` is when the
    attempt to connect began.
    """

    __slots__ = (
        "_chunked",
        "_clock",
        "_closes",
        "_complete",
        "_earlier",
        "_expectation",
        "_extra",
        "_found",
        "_head",
        "_headed",
        "_limit",
        "_owner",
        "_parser",
        "_status",
        "_tail",
        "_transport",
        "arrival",
        "began_ns",
        "usable",
    )

    def __init__(self, owner: Owner, clock: Clock, began_ns: int) -> None:
        self._owner = owner
        self._clock = clock
        self.began_ns = began_ns
        self.usable = False
        self.arrival: Arrival | None = None
        # Set at the start of each exchange (see ``send``):
        self._expectation: Expectation
        self._status = 0
        self._limit = HEAD_LIMIT
        self._complete = False  # the final response has been parsed to its end
        self._closes = False  # llhttp says that the connection cannot be used again
        self._chunked = False  # the body comes in chunks
        self._headed = b""  # the end of the final head, in the chunk of data in which it came
        self._head: ResponseHead | None = None  # of a final response that was looked at
        self._extra = False  # something came after the end of the response
        self._found = False  # the needle was found, or there is none
        self._tail = b""  # the end of the body so far, in which the needle may begin
        self._earlier: list[bytes] = []  # chunks of a head that is not complete yet

    # What the owner calls.

    @property
    def transport(self) -> asyncio.Transport:
        """What carries the bytes, from ``connection_made`` on."""
        return self._transport

    @property
    def ready(self) -> bool:
        """Whether a request may be sent now."""
        return self.usable and not self._transport.is_closing()

    def send(self, arrival: Arrival, raw: bytes, expectation: Expectation) -> None:
        """Write the request; the connection must be ready and idle.

        ``sent_ns`` is taken right before the first byte is handed to the socket. What the socket
        does not take at once (a body larger than its buffer, a slow receiver) follows from the
        transport's buffer while the arrival is already *sent*.
        """
        self.adopt(arrival, expectation)
        arrival.bytes_sent = len(raw)
        arrival.sent_ns = self._clock.mono_ns()
        self._transport.write(raw)

    def adopt(self, arrival: Arrival, expectation: Expectation) -> None:
        """Go on with an arrival whose request was written for this connection by the lane."""
        self.arrival = arrival
        self._expectation = expectation
        self._limit = HEAD_LIMIT
        self._complete = False
        self._found = expectation.needle is None

    def abandon(self) -> None:
        """Close the socket now; what is under way has no outcome from here."""
        self.arrival = None
        self.usable = False
        self._transport.abort()

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport into use."""
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpResponseParser(self)
        self.usable = True
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        arrival = self.arrival
        if arrival is None:
            self._end_idle()
            return
        received = arrival.bytes_received = arrival.bytes_received + len(data)
        try:
            if received <= self._limit:
                self._parser.feed_data(data)
                sound = True
            else:
                sound = self._feed_across_limit(data, received - self._limit)
        except NOT_HTTP:
            sound = False
        if self._limit == HEAD_LIMIT:
            self._earlier.append(data)
        elif not self._headed:
            self._headed = data
            unusual = self._closes or self._earlier or not data.startswith(USUAL_STARTS)
            if unusual and not self._look().sound:
                self._conclude(PROTOCOL, 0, reusable=False)
                return
            if not self._complete:
                self._headed = first_head(data)  # the rest need not be held
        if self._complete:
            self._answered(sound)
        elif not sound:
            self._conclude(PROTOCOL, 0, reusable=False)

    def eof_received(self) -> bool:
        """Take the end of the stream for what it means, and close."""
        if self.arrival is None:
            self._end_idle()
        elif self._head is not None and not self._head.framed:
            self._answered(sound=True)
        else:
            self._conclude("closed_early", 0, reusable=False)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner; an arrival that is still under way has failed."""
        if self.arrival is not None:
            if isinstance(exc, ssl.SSLError):
                kind = "tls"
            else:
                kind = "closed_early" if exc is None else "reset"
            self._conclude(kind, 0, reusable=False)
        else:
            self._end_idle()
        # The parser holds methods of this object: without this the garbage collector would have
        # to find the cycle.
        del self._parser
        self._owner.gone(self)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Note a further response, which nobody asked for."""
        if self._complete:
            self._extra = True

    def on_headers_complete(self) -> None:
        """Learn the status code and whether the connection outlives the response."""
        if self._complete:
            return
        parser = self._parser
        self._status = status = parser.get_status_code()
        if _INTERIM <= status < _FINAL:
            return
        self._limit = RESPONSE_LIMIT
        self._closes = not parser.should_keep_alive()
        if self._expectation.no_body:
            self._complete = True

    def on_message_complete(self) -> None:
        """Note the end of the final response."""
        status = self._status
        # 101 is final here: the connection would speak another protocol from now on.
        if status >= _FINAL or status < _INTERIM or status == _SWITCHING_PROTOCOLS:
            self._complete = True
            if self._chunked and not self._closes and not self._parser.should_keep_alive():
                self._extra = True  # a trailer that says what only a head may

    def on_chunk_header(self) -> None:
        """Note that the body is chunked."""
        self._chunked = True

    # The rest of the way.

    def _feed_across_limit(self, data: bytes, over: int) -> bool:
        """Parse a chunk that may go beyond the limit; False if it does."""
        if self._limit != HEAD_LIMIT:
            return False
        cut = max(0, len(data) - over)
        self._parser.feed_data(data[:cut])
        if self._limit == HEAD_LIMIT and not self._complete:
            return False
        self._parser.feed_data(data[cut:])
        return True

    def _answered(self, sound: bool) -> None:
        """Judge a complete response."""
        status = self._status
        outcome = self._expectation.outcomes[status]
        if not self._found and outcome == SUCCEEDED:
            outcome = BODY_MISMATCH
        if outcome == PROTOCOL:
            self._conclude(PROTOCOL, 0, reusable=False)
            return
        reusable = sound and not self._extra and not self._transport.get_write_buffer_size()
        if self._chunked and self._head is None and not is_chunked_as_usual(self._headed):
            self._look()
        if self._expectation.no_body:
            reusable = self._outlives() and reusable
        elif self._closes or (self._head is not None and not self._head.persistent):
            reusable = False
        self._conclude(outcome, status, reusable=reusable)

    def _outlives(self) -> bool:
        """Tell whether the connection can be used after a response to HEAD.

        To it a server may answer without a length, or with one and no body. llhttp then takes
        the connection for closing or waits for the body, so it is replaced.
        """
        self._parser = httptools.HttpResponseParser(self)
        self._closes = False
        head = self._head or self._look()
        return head.persistent and ends_with_head(self._raw_head())

    def _look(self) -> ResponseHead:
        """Read the head for what llhttp does not say."""
        self._head = head = read_head(self._raw_head())
        return head

    def _raw_head(self) -> bytes:
        """Return the response up to the chunk of data in which its head ended."""
        return b"".join((*self._earlier, self._headed))

    def _conclude(self, outcome: str, status: int, *, reusable: bool) -> None:
        """Give the arrival its outcome and the connection its future."""
        arrival = self.arrival
        assert arrival is not None
        arrival.done_ns = self._clock.mono_ns()
        arrival.outcome = outcome
        arrival.status = status
        self.arrival = None
        if reusable:
            if self._earlier:
                self._earlier = []
            self._headed = self._tail = b""
            self._head = None
            self._chunked = False
        else:
            self.usable = False
            self._transport.abort()
        self._owner.ended(self, arrival)

    def _end_idle(self) -> None:
        if self.usable:
            self.usable = False
            self._transport.abort()
            self._owner.lost(self)
