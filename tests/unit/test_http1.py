"""Laws of one HTTP/1.1 connection, fed by hand: no sockets."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driver.arrival import Arrival
from driver.body_connection import BodyConnection
from driver.clock import Clock
from driver.expectation import expectation_of
from driver.http1 import HEAD_LIMIT, RESPONSE_LIMIT, Connection

OK = b"HTTP/1.1 200 OK\r\n"
CODED = b"Transfer-Encoding: chunked\r\n\r\n"
FIN = "fin"
RST = "rst"
OPEN = "open"

Row = tuple[str, str, str | None, bytes, str, str | None, bool]
RESPONSES: list[Row] = [
    # name, method, needle, response, end, outcome, usable afterwards
    ("length", "GET", None, OK + b"Content-Length: 2\r\n\r\nok", OPEN, "succeeded", True),
    ("empty", "GET", None, OK + b"Content-Length: 0\r\n\r\n", OPEN, "succeeded", True),
    (
        "chunked",
        "GET",
        None,
        OK + b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nTrailer: t\r\n\r\n",
        OPEN,
        "succeeded",
        True,
    ),
    (
        "announced close",
        "GET",
        None,
        OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nok",
        OPEN,
        "succeeded",
        False,
    ),
    (
        "announced close, cut short",
        "GET",
        None,
        OK + b"Connection: close\r\nContent-Length: 3\r\n\r\nok",
        FIN,
        "closed_early",
        False,
    ),
    ("until close", "GET", None, OK + b"\r\nall of it", FIN, "succeeded", False),
    ("until close, no body", "GET", None, OK + b"\r\n", FIN, "succeeded", False),
    ("until close, reset", "GET", None, OK + b"\r\nall of", RST, "reset", False),
    ("until close, open", "GET", None, OK + b"\r\nall of", OPEN, None, True),
    (
        "unknown coding",
        "GET",
        None,
        OK + b"Transfer-Encoding: gzip\r\n\r\nzzz",
        FIN,
        "succeeded",
        False,
    ),
    ("1.0", "GET", None, b"HTTP/1.0 200 OK\r\n\r\nok", FIN, "succeeded", False),
    (
        "1.0 with length",
        "GET",
        None,
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        OPEN,
        "succeeded",
        False,
    ),
    (
        "1.0 kept alive",
        "GET",
        None,
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
        OPEN,
        "succeeded",
        True,
    ),
    (
        "2.0",
        "GET",
        None,
        b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        OPEN,
        "protocol",
        False,
    ),
    (
        "2.0 kept alive",
        "GET",
        None,
        b"HTTP/2.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
        OPEN,
        "protocol",
        False,
    ),
    (
        "0.9 kept alive",
        "GET",
        None,
        b"HTTP/0.9 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
        OPEN,
        "protocol",
        False,
    ),
    (
        "1.0 kept alive, chunked",
        "GET",
        None,
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + CODED + b"0\r\n\r\n",
        OPEN,
        "succeeded",
        False,
    ),
    (
        "1.0 kept alive and closed",
        "GET",
        None,
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive, close\r\nContent-Length: 2\r\n\r\nok",
        OPEN,
        "succeeded",
        False,
    ),
    (
        "1.0 kept alive for a proxy",
        "GET",
        None,
        b"HTTP/1.0 200 OK\r\nProxy-Connection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
        OPEN,
        "succeeded",
        False,
    ),
    (
        "chunked after another coding",
        "GET",
        None,
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        OPEN,
        "succeeded",
        True,
    ),
    (
        "chunked twice",
        "GET",
        None,
        OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        OPEN,
        "succeeded",
        False,
    ),
    (
        "chunked in two fields",
        "GET",
        None,
        OK + b"Transfer-Encoding: chunked\r\n" + CODED + b"0\r\n\r\n",
        OPEN,
        "succeeded",
        False,
    ),
    (
        "trailer that closes",
        "GET",
        None,
        OK + CODED + b"0\r\nConnection: close\r\n\r\n",
        OPEN,
        "succeeded",
        False,
    ),
    (
        "trailer with a coding",
        "GET",
        None,
        OK + CODED + b"0\r\nTransfer-Encoding: gzip\r\n\r\n",
        OPEN,
        "succeeded",
        False,
    ),
    (
        "trailer with a length",
        "GET",
        None,
        OK + CODED + b"0\r\nContent-Length: 5\r\n\r\n",
        OPEN,
        "protocol",
        False,
    ),
    (
        "interim with content",
        "GET",
        None,
        b"HTTP/1.1 104 X\r\nContent-Length: 2\r\n\r\nxx" + OK + b"Content-Length: 2\r\n\r\nok",
        OPEN,
        "protocol",
        False,
    ),
    (
        "interim in chunks",
        "GET",
        None,
        b"HTTP/1.1 104 X\r\n" + CODED + b"0\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok",
        OPEN,
        "protocol",
        False,
    ),
    (
        "interim, then two responses",
        "GET",
        None,
        b"HTTP/1.1 103 E\r\n\r\n" + (OK + b"Content-Length: 2\r\n\r\nok") * 2,
        OPEN,
        "succeeded",
        False,
    ),
    ("no content", "GET", None, b"HTTP/1.1 204 No\r\n\r\n", OPEN, "succeeded", True),
    (
        "not modified",
        "GET",
        None,
        b"HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n",
        OPEN,
        "succeeded",
        True,
    ),
    (
        "no content, close",
        "GET",
        None,
        b"HTTP/1.1 204 No\r\nConnection: close\r\n\r\n",
        OPEN,
        "succeeded",
        False,
    ),
    (
        "interim",
        "GET",
        None,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
        + OK
        + b"Content-Length: 2\r\n\r\nok",
        OPEN,
        "succeeded",
        True,
    ),
    (
        "interim, until close",
        "GET",
        None,
        b"HTTP/1.1 103 Early\r\nContent-Length: 0\r\n\r\n" + OK + b"\r\nContent-Length: 1",
        FIN,
        "succeeded",
        False,
    ),
    ("interim only", "GET", None, b"HTTP/1.1 100 Continue\r\n\r\n", FIN, "closed_early", False),
    ("switching", "GET", None, b"HTTP/1.1 101 Go\r\nUpgrade: x\r\n\r\n", OPEN, "protocol", False),
    (
        "switching properly",
        "GET",
        None,
        b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nzzz",
        OPEN,
        "protocol",
        False,
    ),
    (
        "status 099",
        "GET",
        None,
        b"HTTP/1.1 099 ?\r\nContent-Length: 0\r\n\r\n",
        OPEN,
        "protocol",
        False,
    ),
    (
        "status 099, more to come",
        "GET",
        None,
        b"HTTP/1.1 099 ?\r\nContent-Length: 9\r\n\r\n",
        OPEN,
        "protocol",
        False,
    ),
    ("404", "GET", None, b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", OPEN, "status_4xx", True),
    ("503", "GET", None, b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", OPEN, "status_5xx", True),
    (
        "999",
        "GET",
        None,
        b"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n",
        OPEN,
        "status_other",
        True,
    ),
    ("nothing", "GET", None, b"", FIN, "closed_early", False),
    ("nothing, reset", "GET", None, b"", RST, "reset", False),
    ("nothing yet", "GET", None, b"", OPEN, None, True),
    ("part of a head", "GET", None, OK + b"Content-Le", FIN, "closed_early", False),
    ("short", "GET", None, OK + b"Content-Length: 5\r\n\r\nok", FIN, "closed_early", False),
    ("short, reset", "GET", None, OK + b"Content-Length: 5\r\n\r\nok", RST, "reset", False),
    (
        "last chunk missing",
        "GET",
        None,
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
        FIN,
        "closed_early",
        False,
    ),
    ("long", "GET", None, OK + b"Content-Length: 2\r\n\r\nokay", OPEN, "succeeded", False),
    (
        "two responses",
        "GET",
        None,
        (OK + b"Content-Length: 2\r\n\r\nok") * 2,
        OPEN,
        "succeeded",
        False,
    ),
    ("garbage", "GET", None, b"220 smtp.example.org ESMTP\r\n", OPEN, "protocol", False),
    ("TLS alert", "GET", None, b"\x15\x03\x01\x00\x02\x02\x28", OPEN, "protocol", False),
    ("bad length", "GET", None, OK + b"Content-Length: -1\r\n\r\n", OPEN, "protocol", False),
    (
        "huge length",
        "GET",
        None,
        OK + b"Content-Length: " + b"9" * 30 + b"\r\n",
        OPEN,
        "protocol",
        False,
    ),
    (
        "two lengths",
        "GET",
        None,
        OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        OPEN,
        "protocol",
        False,
    ),
    (
        "length and chunks",
        "GET",
        None,
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        OPEN,
        "protocol",
        False,
    ),
    (
        "bad chunk",
        "GET",
        None,
        OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        OPEN,
        "protocol",
        False,
    ),
    ("HEAD with length", "HEAD", None, OK + b"Content-Length: 5\r\n\r\n", OPEN, "succeeded", True),
    ("HEAD without length", "HEAD", None, OK + b"\r\n", OPEN, "succeeded", True),
    (
        "HEAD, chunked",
        "HEAD",
        None,
        OK + b"Transfer-Encoding: chunked\r\n\r\n",
        OPEN,
        "succeeded",
        True,
    ),
    ("HEAD, closes", "HEAD", None, OK + b"Connection: close\r\n\r\n", OPEN, "succeeded", False),
    ("HEAD, 1.0", "HEAD", None, b"HTTP/1.0 200 OK\r\n\r\n", OPEN, "succeeded", False),
    (
        "HEAD after interim",
        "HEAD",
        None,
        b"HTTP/1.1 103 Early\r\n\r\n" + OK + b"Content-Length: 5\r\n\r\n",
        OPEN,
        "succeeded",
        True,
    ),
    ("HEAD with body", "HEAD", None, OK + b"Content-Length: 2\r\n\r\nok", OPEN, "succeeded", False),
    (
        "HEAD with chunks",
        "HEAD",
        None,
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OPEN,
        "succeeded",
        False,
    ),
    ("HEAD with part of a chunk", "HEAD", None, OK + CODED + b"5", OPEN, "succeeded", False),
    ("HEAD with a line end", "HEAD", None, OK + CODED + b"\r\n", OPEN, "succeeded", False),
    (
        "HEAD, chunked twice",
        "HEAD",
        None,
        OK + b"Transfer-Encoding: chunked\r\n" + CODED,
        OPEN,
        "succeeded",
        False,
    ),
    (
        "found",
        "GET",
        "needle",
        OK + b"Content-Length: 10\r\n\r\n--needle--",
        OPEN,
        "succeeded",
        True,
    ),
    ("found at once", "GET", "n", OK + b"Content-Length: 2\r\n\r\non", OPEN, "succeeded", True),
    (
        "found across chunks",
        "GET",
        "needle",
        OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\n-ne\r\n4\r\nedle\r\n0\r\n\r\n",
        OPEN,
        "succeeded",
        True,
    ),
    ("found until close", "GET", "needle", OK + b"\r\nnneedle", FIN, "succeeded", False),
    (
        "missing",
        "GET",
        "needle",
        OK + b"Content-Length: 6\r\n\r\nneedl_",
        OPEN,
        "body_mismatch",
        True,
    ),
    ("missing until close", "GET", "needle", OK + b"\r\nneedl", FIN, "body_mismatch", False),
    (
        "in the headers only",
        "GET",
        "needle",
        OK + b"X: needle\r\nContent-Length: 0\r\n\r\n",
        OPEN,
        "body_mismatch",
        True,
    ),
    (
        "status before body",
        "GET",
        "needle",
        b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno",
        OPEN,
        "status_5xx",
        True,
    ),
]


class FakeTransport(asyncio.Transport):
    """Takes what is written and remembers that it was aborted."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.aborted = False
        self.unsent = 0

    def write(self, data: Any) -> None:
        """Keep the bytes."""
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        """Whether it was aborted."""
        return self.aborted

    def abort(self) -> None:
        """Remember it."""
        self.aborted = True

    def get_write_buffer_size(self) -> int:
        """Return what the test says."""
        return self.unsent


class FakeOwner:
    """Notes the calls in their order."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def opened(self, _connection: Connection) -> None:
        """Note it."""
        self.calls.append("opened")

    def ended(self, _connection: Connection, arrival: Arrival) -> None:
        """Note it."""
        self.calls.append(f"ended {arrival.index}")

    def lost(self, _connection: Connection) -> None:
        """Note it."""
        self.calls.append("lost")

    def gone(self, _connection: Connection) -> None:
        """Note it."""
        self.calls.append("gone")


class FakeClock(Clock):
    """Counts: each reading is one later than the last."""

    def __init__(self) -> None:
        self.reading_ns = 0

    def mono_ns(self) -> int:
        """Return the next number."""
        self.reading_ns += 1
        return self.reading_ns


class Exchange:
    """A connection with one request on it."""

    def __init__(self, method: str = "GET", needle: str | None = None) -> None:
        self.owner = FakeOwner()
        self.transport = FakeTransport()
        self.expectation = expectation_of(("2xx", "3xx"), needle, method)
        kind = BodyConnection if needle is not None or method == "HEAD" else Connection
        self.connection = kind(self.owner, FakeClock(), 0)
        self.connection.connection_made(self.transport)
        self.arrivals: list[Arrival] = []
        self.gone = False
        self.send()

    def send(self) -> Arrival:
        """Send the next arrival."""
        arrival = Arrival(len(self.arrivals), 0, 0, 0, 0, 0)
        self.arrivals.append(arrival)
        self.connection.send(arrival, b"REQUEST", self.expectation)
        return arrival

    def receive(self, *chunks: bytes) -> None:
        """Deliver chunks as a transport does: none after an abort."""
        for chunk in chunks:
            if not self.transport.aborted:
                self.connection.data_received(chunk)

    def end(self, how: str) -> None:
        """End the stream as a transport does."""
        if how == FIN and not self.transport.aborted:
            self.connection.eof_received()
        if (how == RST or self.transport.aborted) and not self.gone:
            error = None if self.transport.aborted else ConnectionResetError()
            self.gone = self.transport.aborted = True
            self.connection.connection_lost(error)

    @property
    def outcome(self) -> str | None:
        """The first arrival's outcome."""
        return self.arrivals[0].outcome


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut the data at these places."""
    places = sorted({cut for cut in cuts if 0 < cut < len(data)})
    starts = [0, *places]
    return [data[a:b] for a, b in zip(starts, [*places, len(data)], strict=True) if a < b]


@pytest.mark.parametrize("row", RESPONSES, ids=[row[0] for row in RESPONSES])
@pytest.mark.parametrize("step", [1, 100_000])
def test_outcome(row: Row, step: int) -> None:
    """Each kind of response has its outcome, whole or byte by byte."""
    _, method, needle, response, end, outcome, usable = row
    exchange = Exchange(method, needle)
    exchange.receive(*pieces(response, list(range(0, len(response), step))))
    exchange.end(end)
    assert outcome == exchange.outcome
    assert usable == exchange.connection.usable
    assert usable != exchange.transport.aborted
    assert (outcome is not None) == ("ended 0" in exchange.owner.calls)


@given(st.sampled_from(RESPONSES), st.lists(st.integers(0, 120), max_size=6))
def test_cuts_do_not_matter(row: Row, cuts: list[int]) -> None:
    """The outcome and the connection's future do not depend on where the stream is cut."""
    _, method, needle, response, end, outcome, usable = row
    exchange = Exchange(method, needle)
    exchange.receive(*pieces(response, cuts))
    exchange.end(end)
    assert (outcome, usable) == (exchange.outcome, exchange.connection.usable)


@given(
    st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5), st.sampled_from([FIN, RST])
)
def test_any_bytes(data: bytes, cuts: list[int], end: str) -> None:
    """Any bytes at all give exactly one outcome, and the owner is told of the end once."""
    exchange = Exchange(needle="needle")
    exchange.receive(*pieces(OK + data, cuts))
    exchange.end(end)
    exchange.end(RST)
    assert [call for call in exchange.owner.calls if call.startswith("ended")] == ["ended 0"]
    assert "gone" in exchange.owner.calls
    assert exchange.outcome in {"succeeded", "closed_early", "reset", "protocol", "body_mismatch"}


@given(st.binary(max_size=60), st.binary(min_size=1, max_size=5), st.lists(st.integers(0, 200)))
def test_needle_is_found_like_in_one_piece(body: bytes, needle: bytes, cuts: list[int]) -> None:
    """Searching a body as it passes finds exactly what a search of the whole finds."""
    text = needle.hex()
    whole = body.hex().encode()
    exchange = Exchange(needle=text)
    head = OK + b"Content-Length: %d\r\n\r\n" % len(whole)
    exchange.receive(*pieces(head + whole, cuts))
    expected = "succeeded" if text.encode() in whole else "body_mismatch"
    assert expected == exchange.outcome


def test_times_and_bytes() -> None:
    """Sent and done are stamped; bytes count the whole of the request and the response."""
    exchange = Exchange()
    arrival = exchange.arrivals[0]
    response = OK + b"Content-Length: 2\r\n\r\nok"
    exchange.receive(response[:10], response[10:])
    assert (arrival.sent_ns, arrival.done_ns) == (1, 2)
    assert (7, len(response)) == (arrival.bytes_sent, arrival.bytes_received)
    assert arrival.status == 200
    assert exchange.transport.written == [b"REQUEST"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_many_requests_on_one_connection(method: str) -> None:
    """A connection serves one arrival after the other, its parser starting afresh each time."""
    exchange = Exchange(method, "ok" if method == "GET" else None)
    body = b"ok" if method == "GET" else b""
    answers = {
        200: OK + b"Content-Length: 2\r\n\r\n" + body,
        404: b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\n" + body,
    }
    for status in (200, 404, 404, 200):
        arrival = exchange.arrivals[-1]
        exchange.receive(*pieces(answers[status], [9, 30]))
        assert status == arrival.status
        assert exchange.connection.usable
        exchange.send()
    exchange.connection.abandon()
    exchange.end(RST)
    assert exchange.owner.calls == ["opened", "ended 0", "ended 1", "ended 2", "ended 3", "gone"]


def test_a_trailer_does_not_spoil_the_next_response() -> None:
    """What is said to be reusable is: fields of a trailer leave no trace."""
    exchange = Exchange()
    exchange.receive(OK + CODED + b"2\r\nok\r\n0\r\nX: y\r\nConnection: keep-alive\r\n\r\n")
    assert exchange.connection.usable
    second = exchange.send()
    exchange.receive(OK + b"Content-Length: 2\r\n\r\nok")
    assert (second.outcome, exchange.connection.usable) == ("succeeded", True)


def test_body_of_before_does_not_count() -> None:
    """The needle is looked for in one body, not in the end of the one before."""
    exchange = Exchange(needle="ab")
    exchange.receive(OK + b"Content-Length: 2\r\n\r\nxa")
    second = exchange.send()
    exchange.receive(OK + b"Content-Length: 2\r\n\r\nbx")
    assert (exchange.outcome, second.outcome) == ("body_mismatch", "body_mismatch")


def test_head_may_be_as_long_as_the_limit() -> None:
    """Headers of exactly the limit are taken, one byte more is a protocol error."""
    for over, outcome in ((0, "succeeded"), (1, "protocol")):
        start, end = OK + b"X: ", b"\r\nContent-Length: 2\r\n\r\n"
        head = start + b"x" * (HEAD_LIMIT + over - len(start) - len(end)) + end
        for cuts in ([], [5000], [HEAD_LIMIT - 1], [HEAD_LIMIT], list(range(0, len(head), 9999))):
            exchange = Exchange()
            exchange.receive(*pieces(head + b"ok", cuts))
            assert outcome == exchange.outcome


def test_endless_interim_responses() -> None:
    """Interim responses count against the limit of the headers, so they end."""
    exchange = Exchange()
    for _ in range(HEAD_LIMIT // 25 + 1):
        exchange.receive(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert exchange.outcome == "protocol"


def test_endless_body() -> None:
    """A response longer than its limit is a protocol error."""
    exchange = Exchange()
    exchange.receive(OK + b"\r\n")
    exchange.arrivals[0].bytes_received = RESPONSE_LIMIT
    exchange.receive(b"x")
    assert exchange.outcome == "protocol"


def test_bytes_while_idle() -> None:
    """Bytes that nobody asked for end the connection and are no arrival's fault."""
    exchange = Exchange()
    exchange.receive(OK + b"Content-Length: 0\r\n\r\n")
    exchange.receive(b"\r\n")
    assert exchange.transport.aborted
    assert exchange.owner.calls == ["opened", "ended 0", "lost"]


def test_end_while_idle() -> None:
    """A connection closed while idle is lost once and never ready again."""
    for end in (FIN, RST):
        exchange = Exchange()
        exchange.receive(OK + b"Content-Length: 0\r\n\r\n")
        assert exchange.connection.ready
        exchange.end(end)
        exchange.end(RST)
        assert not exchange.connection.ready
        assert [exchange.owner.calls.count(call) for call in ("ended 0", "lost")] == [1, 1]


def test_unsent_rest_of_a_request() -> None:
    """A response that comes before the request is out ends the connection with success."""
    exchange = Exchange()
    exchange.transport.unsent = 1
    exchange.receive(OK + b"Content-Length: 0\r\n\r\n")
    assert exchange.outcome == "succeeded"
    assert not exchange.connection.usable


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (None, "closed_early"),
        (ConnectionResetError(), "reset"),
        (BrokenPipeError(), "reset"),
        (ssl.SSLError(1, "alert"), "tls"),
    ],
)
def test_lost_while_busy(error: Exception | None, kind: str) -> None:
    """How the transport ended decides the kind; the owner hears of the outcome, then of the end."""
    exchange = Exchange()
    exchange.connection.connection_lost(error)
    assert kind == exchange.outcome
    assert exchange.owner.calls == ["opened", "ended 0", "gone"]


def test_closing_transport_is_not_ready() -> None:
    """A transport that is closing is not used, even before it said so."""
    exchange = Exchange()
    exchange.receive(OK + b"Content-Length: 0\r\n\r\n")
    exchange.transport.aborted = True
    assert exchange.connection.usable
    assert not exchange.connection.ready


def test_expectation() -> None:
    """Codes and classes are accepted as the plan lists them; others fail by their class."""
    outcomes = expectation_of(("204", "4xx"), "", "GET").outcomes
    expected = {
        0: "protocol",
        101: "protocol",
        200: "status_other",
        204: "succeeded",
        302: "status_other",
        404: "succeeded",
        500: "status_5xx",
        600: "status_other",
    }
    assert expected == {code: outcomes[code] for code in expected}
    assert len(outcomes) == 1000
    with pytest.raises(ValueError, match="abc"):
        expectation_of(("abc",), None, "GET")
