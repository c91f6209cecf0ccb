"""What the lane reads and writes goes through TLS once a connection is secured."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
from collections.abc import Iterator

import pytest
import trustme
from tests.unit.lane_bench import GET, OK, Bench

from driver._lane import ADOPTED, DATA, END, NOTHING
from driver.lane_figures import figures_of


class Sealed:
    """The far end of one secured connection."""

    def __init__(self, bench: Bench) -> None:
        authority = trustme.CA()
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("target.test").configure_cert(server)
        client = ssl.create_default_context()
        authority.configure_trust(client)
        server.post_handshake_auth = client.post_handshake_auth = True
        server.verify_mode = ssl.CERT_OPTIONAL
        self.far = bench.ends[0]
        self.arriving, self.leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = server.wrap_bio(self.arriving, self.leaving, server_side=True)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        near = client.wrap_bio(incoming, outgoing, server_hostname="target.test")
        for end, says, hears in (
            (near, outgoing, self.arriving),
            (self.tls, self.leaving, incoming),
            (near, outgoing, self.arriving),
        ):
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
            hears.write(says.read())
        # Now the server is ready too, and has tickets to send before anything else.
        self.tls.do_handshake()
        bench.conns[0].secure(near, incoming, outgoing)

    def seal(self, plain: bytes) -> bytes:
        """Return the records that carry these bytes."""
        self.tls.write(plain)
        return self.leaving.read()

    def read(self) -> bytes:
        """Receive and open what came."""
        self.arriving.write(self.far.recv(1 << 20))
        try:
            return self.tls.read(1 << 20)
        except ssl.SSLWantReadError:
            return b""


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Return a lane with one free connection, to be secured."""
    made = Bench()
    yield made
    made.close()


def test_an_exchange_is_sealed(bench: Bench) -> None:
    """Its bytes are counted as they are, without what TLS adds."""
    sealed = Sealed(bench)
    bench.ration(0)
    bench.settle()
    assert sealed.read() == GET
    sealed.far.sendall(sealed.seal(OK))
    assert bench.turn()[1] == NOTHING
    row = bench.row()
    assert row[5:7] == (len(GET), len(OK))
    assert figures_of(row).succeeded == 1


def test_a_record_may_come_in_pieces(bench: Bench) -> None:
    """And an answer in several records."""
    sealed = Sealed(bench)
    bench.ration(0)
    bench.settle()
    records = sealed.seal(OK[:-2]) + sealed.seal(OK[-2:])
    for piece in (records[:3], records[3:70], records[70:]):
        sealed.far.sendall(piece)
        assert bench.turn()[1] == NOTHING
    assert figures_of(bench.row()).succeeded == 1


def test_a_large_body_is_opened_whole(bench: Bench) -> None:
    """Whatever comes in one read, nothing of it is left behind."""
    sealed = Sealed(bench)
    bench.ration(0)
    bench.settle()
    body = b"x" * 3_000_000
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    sealed.far.setblocking(False)
    rest = memoryview(
        sealed.seal(head)
        + b"".join(sealed.seal(body[k : k + 16_000]) for k in range(0, len(body), 16_000))
    )
    while rest:
        try:
            rest = rest[sealed.far.send(rest) :]
        except BlockingIOError:
            assert bench.turn()[1] == NOTHING
    while bench.lane.busy:
        assert bench.turn()[1] == NOTHING
    assert bench.row()[6] == len(head) + len(body)


def test_tickets_do_not_take_a_connection_out_of_use(bench: Bench) -> None:
    """TLS 1.3 sends them whenever it likes; they are no bytes of HTTP."""
    sealed = Sealed(bench)
    tickets = sealed.leaving.read()
    assert tickets
    sealed.far.sendall(tickets)
    assert bench.turn()[1] == NOTHING
    assert bench.lane.free == 1


def test_bytes_for_nobody_are_opened_and_told(bench: Bench) -> None:
    """As on a connection without TLS."""
    sealed = Sealed(bench)
    sealed.far.sendall(sealed.seal(b"unasked"))
    assert bench.turn()[1:] == (DATA, bench.conns[0], b"unasked", None)
    assert bench.lane.free == 0


def test_the_end_of_tls_is_the_end(bench: Bench) -> None:
    """Though the socket stays open. What came before it counts, and nothing is sent any more."""
    sealed = Sealed(bench)
    bench.ration(0, 0)
    bench.settle()
    assert sealed.read() == GET
    answer = sealed.seal(OK)
    with pytest.raises(ssl.SSLWantReadError):
        sealed.tls.unwrap()
    sealed.far.sendall(answer + sealed.leaving.read())
    _, what, conn, why, exchange = bench.turn()
    assert (what, conn, why, exchange) == (END, bench.conns[0], 0, None)
    assert (bench.lane.free, bench.lane.waiting) == (0, 1)
    assert figures_of(bench.row()).succeeded == 1


def test_a_stream_that_is_cut_is_not_one_that_ended(bench: Bench) -> None:
    """The peer must say so in TLS: anybody on the way can end TCP."""
    sealed = Sealed(bench)
    bench.ration(0)
    bench.settle()
    sealed.far.sendall(sealed.seal(b"HTTP/1.1 200 OK\r\n\r\nhalf"))
    assert bench.turn()[1] == DATA
    sealed.far.shutdown(socket.SHUT_WR)
    assert bench.turn()[1:4] == (END, bench.conns[0], None)


def test_what_is_no_tls_is_told_as_its_error(bench: Bench) -> None:
    """With the exchange, which is Python's from there."""
    sealed = Sealed(bench)
    bench.ration(0)
    bench.settle()
    sealed.far.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    _, what, conn, why, exchange = bench.turn()
    assert (what, conn, exchange[0]) == (END, bench.conns[0], 0)
    assert isinstance(why, ssl.SSLError)


def test_what_came_before_a_broken_record_counts(bench: Bench) -> None:
    """Then the error is told."""
    sealed = Sealed(bench)
    bench.ration(0)
    bench.settle()
    assert sealed.read() == GET
    sealed.far.sendall(sealed.seal(OK) + b"no record")
    _, what, conn, why, exchange = bench.turn()
    assert (what, conn, exchange) == (END, bench.conns[0], None)
    assert isinstance(why, ssl.SSLError)
    assert figures_of(bench.row()).succeeded == 1


def ask(sealed: Sealed) -> bytes:
    """Return records that want an answer: who are you?"""
    sealed.tls.verify_client_post_handshake()
    with contextlib.suppress(ssl.SSLWantReadError):
        sealed.tls.do_handshake()
    return sealed.leaving.read()


def test_what_tls_asks_is_answered(bench: Bench) -> None:
    """Nobody else hears of it, and the connection stays free."""
    sealed = Sealed(bench)
    sealed.far.sendall(ask(sealed))
    assert bench.turn()[1] == NOTHING
    assert sealed.read() == b""
    assert bench.lane.free == 1
    bench.ration(0)
    bench.settle()
    assert sealed.read() == GET


def test_what_came_before_an_answer_could_not_be_sent_counts(bench: Bench) -> None:
    """Then the connection is over."""
    sealed = Sealed(bench)
    bench.ration(0)
    bench.settle()
    assert sealed.read() == GET
    sealed.far.sendall(ask(sealed) + sealed.seal(OK))
    sealed.far.close()
    _, what, conn, why, exchange = bench.turn()
    assert (what, conn, why, exchange) == (END, bench.conns[0], errno.EPIPE, None)
    assert figures_of(bench.row()).succeeded == 1


def test_a_large_request_follows_sealed() -> None:
    """What the socket does not take waits as it will be sent."""
    big = bytes(range(256)) * 4_000
    bench = Bench(requests=((big, None),), send_buffer=4096)
    sealed = Sealed(bench)
    bench.ration(0)
    assert bench.turn()[1] == ADOPTED
    assert bench.conns[0].get_write_buffer_size() > 0
    got = b""
    sealed.far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    while len(got) < len(big):
        got += sealed.read()
        bench.turn()
    assert got == big
    bench.close()
