"""The lane takes, sends, reads and notes what is plain, and hands over everything else."""

from __future__ import annotations

import errno
import random
import socket
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.lane_bench import GET, NEVER_NS, OK, Bench

from driver import _lane
from driver._lane import ADOPTED, AGAIN, DATA, END, NOTHING, WINDOW
from driver.lane_figures import figures_of, histogram_of
from spate.choice import RequestChoice
from spate.histogram import MAX_NS, Histogram

HEAD = b"HTTP/1.1 200 OK\r\n"
# As long as the names that mean something: connection, content-length and so on.
LIKE_NAMES = (
    b"Expires: 0\r\nSet-Cookie: a=b\r\nAccept-Charset: x\r\n"
    b"Content-Encoding: br\r\nIf-Modified-Since: 0\r\n"
)
SECOND = 1_000_000_000


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Return a lane with one free connection."""
    made = Bench()
    yield made
    made.close()


# ---- what is plain ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("response", "read"),
    [
        (HEAD + b"Content-Length: 4\r\n\r\nPONG", (38, 200, 4)),
        (HEAD + b"content-length:0\r\n\r\n", (37, 200, 0)),
        (HEAD + b"Content-Length: \t4 \r\nX-Empty:\r\n\r\n", (50, 200, 4)),
        (HEAD + b"Connection: Keep-Alive\r\nContent-Length: 99\r\n\r\n", (63, 200, 99)),
        (HEAD + LIKE_NAMES + b"Content-Length: 9\r\n\r\n", (38 + len(LIKE_NAMES), 200, 9)),
        (HEAD + b"Content-Length: 1073741000\r\n\r\n", (47, 200, 1073741000)),
        (b"HTTP/1.1 204 \r\n\r\n" + b"--", (17, 204, 0)),
        (b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", (38, 304, 0)),
        (HEAD + b"Transfer-Encoding: Chunked\r\n\r\n4\r\nPONG\r\n0\r\n\r\n", (47, 200, 14)),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n09\r\n01234567\n\r\n0\r\n\r\n", (47, 200, 20)),
    ],
)  # fmt: skip
def test_plain_responses(response: bytes, read: tuple[int, int, int]) -> None:
    """The head's length, the status code and the length of the body are read off."""
    assert _lane.plain(response) == read


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n\r\n",
        HEAD + b"Content-Length: 4\r\n",
        HEAD + b"Content-Length: 4\r\n\r",
        HEAD + b"Content-Length: 4\r\n\rPONG",
        HEAD + b"Content-Length: 4\n\n",
        HEAD + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\n",
        HEAD + b"Content-Length: 4, 4\r\n\r\n",
        HEAD + b"Content-Length: +4\r\n\r\n",
        HEAD + b"Content-Length: -4\r\n\r\n",
        HEAD + b"Content-Length: 0x4\r\n\r\n",
        HEAD + b"Content-Length: 4_0\r\n\r\n",
        HEAD + b"Content-Length:\r\n\r\n",
        HEAD + b"Content-Length: 99999999999\r\n\r\n",
        HEAD + b"Content-Length: 1073741824\r\n\r\n",
        HEAD + b"Content-Length : 4\r\n\r\n",
        HEAD + b" Content-Length: 4\r\n\r\n",
        HEAD + b"Content-Length: 4\r\n folded\r\n\r\n",
        HEAD + b"Content-Length: 4\r\nX: \x00\r\n\r\n",
        HEAD + b"Content-Length: 4\r\nX: \x80\r\n\r\n",
        HEAD + b"Content-Length: 4\r\nX: a\rb\r\n\r\n",
        HEAD + b"Content-Length: 4\r\n: x\r\n\r\n",
        HEAD + b"Content-Length: 4\r\nnothing\r\n\r\n",
        HEAD + b"Content-Length: 4\r\nConnection: close\r\n\r\n",
        HEAD + b"Content-Length: 4\r\nConnection: keep-alive, x\r\n\r\n",
        HEAD + b"Content-Length: 4\r\nProxy-Connection: close\r\n\r\n",
        HEAD + b"Content-Length: 4\r\nUpgrade: h2c\r\n\r\n",
        HEAD + b"Content-Length: 4\r\nTrailer: x\r\n\r\n",
        HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\ng\r\nPONG\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n4;a=b\r\nPONG\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nPONG\r\n0\r\nX: y\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nPONG\r\n0\r\n\r",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nPONGS\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\nPONG\n0\n\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n000000000\r\n\r\n",
        b"HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 600 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        HEAD + b"X: " + b"x" * 65536 + b"\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_others_are_not_plain(response: bytes) -> None:
    """Whatever leaves a question open is left to driver.http1."""
    assert _lane.plain(response) is None


# ---- histograms and choice ----------------------------------------------------------------------


@given(
    st.lists(
        st.one_of(
            st.integers(-5, 5000),
            st.integers(0, MAX_NS + 10),
            st.integers(0, 42).map(lambda bits: (1 << bits) - 1),
            st.integers(0, 42).map(lambda bits: 1 << bits),
        )
    )
)
def test_histograms_are_those_of_the_library(values: list[int]) -> None:
    """Bucket for bucket, and exact in count, sum, least, greatest and clamped."""
    assert histogram_of(_lane.histogram(values)) == Histogram.of(values)


def test_an_arrival_sends_the_request_that_the_plan_chooses_for_it() -> None:
    """The lane's choice is RequestChoice, for every index, and so is the index in the header."""
    weights = (1, 5, 2)
    bench = Bench(requests=tuple((b"%d:" % k, b"\n") for k in range(3)), weights=weights)
    choice = RequestChoice(7, weights)
    picks = random.Random(1)
    indices = [*range(40), *(picks.randrange(1 << 62) for _ in range(400))]
    for index in indices:
        bench.ration(0, index=index)
        assert bench.settle() == 1
        sent = bench.ends[0].recv(100)
        assert sent == b"%d:%d\n" % (choice.request(index), index)
        bench.ends[0].sendall(OK)
        bench.settle()
    bench.close()


# ---- open load ----------------------------------------------------------------------------------


def test_a_due_arrival_is_sent_and_its_answer_noted(bench: Bench) -> None:
    """Lag, wait, service and response time add up as docs/measurement.md says."""
    bench.ration(0)
    assert bench.turn()[:2] == (1, NOTHING)
    assert bench.ends[0].recv(100) == GET
    assert (bench.lane.busy, bench.lane.free) == (1, 0)
    bench.ends[0].sendall(OK)
    assert bench.turn()[:2] == (0, NOTHING)
    row = bench.row()
    figures = figures_of(row)
    assert row[:7] == (1, 0, 0, 1, 0, len(GET), len(OK))
    assert (figures.decided, figures.succeeded, figures.status_codes) == (1, 1, {"200": 1})
    times = figures.lag.sum_ns + figures.wait_time.sum_ns + figures.service_time.sum_ns
    assert figures.response_time.sum_ns == times
    assert (bench.lane.busy, bench.lane.free, bench.lane.cut()) == (0, 1, [])


def test_a_status_that_was_not_expected_has_failed(bench: Bench) -> None:
    """It has a response time, among the failed."""
    bench.ration(0)
    bench.turn()
    bench.ends[0].sendall(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
    bench.turn()
    figures = figures_of(bench.row())
    assert (figures.succeeded, figures.failed) == (0, {"status_5xx": 1})
    assert figures.response_time.count == 1
    assert figures.response_time_succeeded.count == 0


def test_a_body_may_come_in_any_number_of_pieces(bench: Bench) -> None:
    """Only the head must come whole."""
    bench.ration(0)
    bench.turn()
    bench.ends[0].sendall(HEAD + b"Content-Length: 300000\r\n\r\n")
    assert bench.turn()[1] == NOTHING
    for _ in range(3):
        bench.ends[0].sendall(b"x" * 100_000)
        assert bench.turn()[1] == NOTHING
    row = bench.row()
    assert (row[6], row[12]) == (300_000 + len(HEAD) + 26, [(200, 1, True)])


def test_nothing_is_taken_before_it_is_due(bench: Bench) -> None:
    """A ration may reach into the future."""
    bench.ration(0, 3600 * SECOND)
    assert bench.settle() == 1
    assert bench.lane.left == 1


def test_what_is_due_within_moments_is_waited_for(bench: Bench) -> None:
    """To set a timer for it would cost as much."""
    bench.base_ns = bench.clock.mono_ns()
    bench.ration(15_000)
    assert bench.turn()[0] == 1
    assert figures_of(bench.row()).lag.min_ns is not None


def test_nothing_is_taken_without_leave(bench: Bench) -> None:
    """Leave ends at an instant of CLOCK_BOOTTIME; answers are still read."""
    bench.ration(0, 0)
    assert bench.turn(allowed=False)[0] == 0
    assert bench.lane.turn(1, 1000, NEVER_NS)[0] == 0
    bench.turn()
    bench.ends[0].sendall(OK)
    assert bench.turn(allowed=False)[:2] == (0, AGAIN)
    assert figures_of(bench.row()).succeeded == 1


def test_arrivals_beyond_the_room_are_dropped(bench: Bench) -> None:
    """They count as decided by nobody: only as dropped."""
    bench.ration(0, 0, 0)
    assert bench.turn(room=2)[0] == 3
    figures = figures_of(bench.row())
    assert (figures.decided, figures.dropped) == (2, {"in_flight_limit": 1})


def test_arrivals_wait_in_order_for_a_connection() -> None:
    """What waits is sent before what comes later, and its wait is told."""
    bench = Bench(requests=((b"", b"\n"),))
    bench.ration(0, 0, 0)
    bench.settle()
    assert (bench.lane.waiting, bench.lane.busy) == (2, 1)
    for number in range(3):
        assert bench.ends[0].recv(10) == b"%d\n" % number
        bench.ends[0].sendall(OK)
        bench.settle()
    figures = figures_of(bench.row())
    assert (figures.sent, figures.succeeded, bench.lane.waiting) == (3, 3, 0)
    assert figures.wait_time.min_ns == 0
    assert (figures.wait_time.max_ns or 0) > 0
    bench.close()


def test_what_waits_is_given_back_by_term(bench: Bench) -> None:
    """With its index, request, stage and instants, and nothing of a send."""
    bench.ration(0, 0, term=1)
    bench.settle()
    bench.ration(0, 0, term=2, stage=3, index=10)
    bench.settle()
    assert bench.lane.waiting == 3
    ((conn, exchange),) = bench.lane.take_back(1)
    assert (conn, exchange[:4], exchange[6:]) == (None, (1, 1, 0, 0), (0, 0, 0))
    first = bench.lane.first_waiting()
    assert first == bench.lane.pop_waiting()
    assert first is not None
    assert first[:4] == (10, 2, 0, 3)
    assert [each[0] for _, each in bench.lane.take_back(2)] == [11]
    assert bench.lane.first_waiting() is None
    with pytest.raises(IndexError):
        bench.lane.pop_waiting()


def test_what_has_run_out_of_time_is_given_up(bench: Bench) -> None:
    """On a connection first, then waiting; what is younger stays."""
    bench.ration(0, 0)
    bench.settle()
    oldest_ns = bench.lane.oldest_ns()
    assert oldest_ns is not None
    assert bench.lane.expired(oldest_ns - 1) == []
    expired = bench.lane.expired(bench.clock.mono_ns())
    assert [(conn, each[0]) for conn, each in expired] == [(bench.conns[0], 0), (None, 1)]
    assert (bench.lane.busy, bench.lane.waiting, bench.lane.oldest_ns()) == (0, 0, None)


# ---- windows ------------------------------------------------------------------------------------


def test_a_window_ends_before_anything_later_is_noted(bench: Bench) -> None:
    """An answer that came after its end waits for the next window to begin."""
    bench.ration(0)
    bench.turn()
    first = bench.row()
    bench.ends[0].sendall(OK)
    ended_ns = bench.clock.mono_ns()
    taken, what, _, at_ns, _ = bench.turn(window_ends_ns=ended_ns)
    assert (taken, what) == (0, WINDOW)
    assert at_ns >= ended_ns
    assert (first[3], bench.lane.cut()) == (1, [])
    assert bench.turn()[1] == NOTHING
    assert figures_of(bench.row()).succeeded == 1


def test_what_waits_for_the_next_window_has_its_answer(bench: Bench) -> None:
    """It is not given up, however long that takes."""
    bench.ration(0)
    bench.turn()
    bench.ends[0].sendall(OK)
    assert bench.turn(window_ends_ns=bench.clock.mono_ns())[1] == WINDOW
    assert bench.lane.expired(bench.clock.mono_ns()) == []
    assert bench.turn()[1] == NOTHING
    assert figures_of(bench.row()).succeeded == 1


def test_a_connection_that_waits_for_the_next_window_may_be_shut(bench: Bench) -> None:
    """Its answer is forgotten with it."""
    bench.ration(0)
    bench.turn()
    bench.ends[0].sendall(OK)
    assert bench.turn(window_ends_ns=bench.clock.mono_ns())[1] == WINDOW
    bench.conns[0].shut()
    assert (bench.turn()[1], bench.lane.busy) == (NOTHING, 0)
    assert figures_of(bench.row()).succeeded == 0


def test_no_arrival_is_decided_in_a_window_that_has_ended(bench: Bench) -> None:
    """It stays in the ration."""
    bench.ration(0)
    assert bench.turn(window_ends_ns=bench.clock.mono_ns())[:2] == (0, WINDOW)
    assert (bench.lane.left, bench.lane.free) == (1, 1)


# ---- closed load --------------------------------------------------------------------------------


def test_closed_load_takes_as_many_as_there_are_slots() -> None:
    """Each answer frees a slot, which takes the next at once; intended is when it became free."""
    bench = Bench(2, closed=True)
    bench.lane.push_slot(bench.base_ns)
    bench.lane.push_slot(bench.base_ns + 1)
    bench.lane.ration(1, 0, 5, 2, 3, 0, None)
    assert bench.settle() == 2
    assert (bench.lane.slots, bench.lane.left) == (0, 1)
    bench.ends[1].sendall(OK)
    assert bench.settle() == 1
    assert bench.lane.slots == 0
    for end in bench.ends:
        end.sendall(OK)
    bench.settle()
    figures = figures_of(bench.row())
    assert (figures.succeeded, bench.lane.slots) == (3, 2)
    assert bench.lane.pop_slot() <= bench.lane.pop_slot()
    with pytest.raises(IndexError):
        bench.lane.pop_slot()
    bench.close()


@pytest.mark.parametrize("connections", [260, 1])
def test_closed_load_fills_all_its_slots_though_nobody_answers(connections: int) -> None:
    """Also more of them than are filled in one go; what has no connection yet waits for one."""
    bench = Bench(connections, closed=True)
    for _ in range(260):
        bench.lane.push_slot(bench.base_ns)
    bench.lane.ration(1, 0, 0, 1, 1000, 0, None)
    assert bench.turn()[:2] == (260, NOTHING)
    assert (bench.lane.busy, bench.lane.waiting) == (connections, 260 - connections)
    assert bench.lane.left == 740
    bench.close()


def test_closed_load_is_not_due_before_it_was_granted() -> None:
    """However long a connection was free."""
    bench = Bench(closed=True)
    bench.lane.push_slot(0)
    bench.lane.ration(1, 0, 0, 1, 1, bench.base_ns, None)
    bench.settle()
    lag_ns = figures_of(bench.row()).lag.max_ns
    assert lag_ns is not None
    assert lag_ns < SECOND
    assert bench.lane.first_lag_ns == lag_ns
    bench.close()


# ---- what is handed over ------------------------------------------------------------------------


def test_an_answer_that_is_not_plain_is_handed_over_with_its_exchange(bench: Bench) -> None:
    """Python gets the very bytes, and what it must know to go on; then it uses the connection."""
    bench.ration(0, index=9)
    bench.settle()
    answer = HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nok"
    bench.ends[0].sendall(answer)
    _, what, conn, payload, exchange = bench.turn()
    assert (what, conn, payload) == (DATA, bench.conns[0], answer)
    index, term, request, stage, intended_ns, decided_ns, sent_ns, out, back = exchange
    assert (index, term, request, stage, out, back) == (9, 1, 0, 0, len(GET), 0)
    assert bench.base_ns == intended_ns <= decided_ns <= sent_ns
    assert (bench.lane.busy, bench.lane.free) == (0, 0)
    figures = figures_of(bench.row())
    assert (figures.decided, figures.sent, figures.succeeded) == (1, 1, 0)
    bench.ends[0].sendall(b"more")
    assert bench.turn()[1:] == (DATA, bench.conns[0], b"more", None)


def test_bytes_beyond_the_body_come_on_a_connection_without_exchange(bench: Bench) -> None:
    """The response counts; who owns the connection sees that something came unasked."""
    bench.ration(0)
    bench.settle()
    bench.ends[0].sendall(HEAD + b"Content-Length: 4\r\n\r\nPO")
    bench.turn()
    bench.ends[0].sendall(b"NGandmore")
    assert bench.turn()[1:] == (DATA, bench.conns[0], b"andmore", None)
    assert figures_of(bench.row()).succeeded == 1
    assert bench.lane.free == 0


def test_the_end_of_the_stream_is_handed_over(bench: Bench) -> None:
    """As error 0, with the exchange if there was one, in the head or in the body."""
    bench.ration(0)
    bench.settle()
    bench.ends[0].sendall(HEAD + b"Content-Length: 4\r\n\r\nPO")
    bench.turn()
    assert bench.ends[0].recv(100) == GET
    bench.ends[0].close()
    _, what, conn, error, exchange = bench.turn()
    assert (what, conn, error) == (END, bench.conns[0], 0)
    assert exchange[-1] == len(HEAD) + 21 + 2


def test_a_reset_is_handed_over() -> None:
    """With its errno, over real TCP."""
    listener = socket.create_server(("127.0.0.1", 0))
    near = socket.create_connection(listener.getsockname())
    far, _ = listener.accept()
    near.setblocking(False)
    bench = Bench(0)
    bench.conns.append(_lane.Conn(bench.lane, near.detach(), None))
    bench.conns[0].set_free()
    bench.ration(0)
    bench.settle()
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    far.close()
    listener.close()
    assert bench.turn()[1:4] == (END, bench.conns[0], errno.ECONNRESET)
    bench.close()


def test_a_request_larger_than_the_socket_takes_is_python_s(bench: Bench) -> None:
    """What is left follows by itself."""
    big = b"x" * 1_000_000
    other = Bench(requests=((big, None),), send_buffer=4096)
    other.ration(0)
    _, what, conn, _, exchange = other.turn()
    assert (what, conn, exchange[7]) == (ADOPTED, other.conns[0], len(big))
    waiting = other.conns[0].get_write_buffer_size()
    assert 0 < waiting < len(big)
    read = 0
    while read < len(big):
        read += len(other.ends[0].recv(1 << 20))
        other.turn()
    assert (read, other.conns[0].get_write_buffer_size()) == (len(big), 0)
    other.close()
    assert bench.lane.free == 1


def test_an_answer_that_came_before_the_write_broke_is_heard() -> None:
    """As a server gives it that refuses a body by its head; then the connection is over."""
    bench = Bench(requests=((b"x" * 1_000_000, None),), send_buffer=4096)
    (conn,) = bench.conns
    bench.ration(0)
    assert bench.turn()[1:3] == (ADOPTED, conn)
    bench.ends[0].sendall(OK)
    bench.ends[0].close()
    assert bench.turn()[1:] == (DATA, conn, OK, None)
    assert conn.get_write_buffer_size() > 0
    conn.set_free()
    assert bench.lane.free == 0
    _, what, who, error, _ = bench.turn()
    assert (what, who) == (END, conn)
    assert error in {errno.EPIPE, errno.ECONNRESET}
    bench.close()


def test_what_breaks_while_the_lane_has_the_exchange_is_handed_over_with_it() -> None:
    """Something may wait to be written then too: an answer to a change of keys."""
    bench = Bench(send_buffer=4096)
    (conn,) = bench.conns
    bench.ration(0)
    bench.settle()
    conn.write(b"x" * 1_000_000)
    bench.ends[0].close()
    _, what, who, _, exchange = bench.turn()
    assert (what, who, exchange[0]) == (END, conn, 0)
    assert bench.lane.busy == 0
    bench.close()


def test_a_whole_answer_on_a_broken_connection_does_not_free_it() -> None:
    """Its end is told next."""
    bench = Bench(send_buffer=4096)
    (conn,) = bench.conns
    bench.ration(0, 0)
    bench.settle()
    conn.write(b"x" * 1_000_000)
    bench.ends[0].sendall(OK)
    bench.ends[0].close()
    _, what, who, _, exchange = bench.turn()
    assert (what, who, exchange) == (END, conn, None)
    assert (bench.lane.free, bench.lane.waiting) == (0, 1)
    assert figures_of(bench.row()).succeeded == 1
    bench.close()


def test_a_free_connection_that_takes_more_stays_free() -> None:
    """What waited to be written is no news of the far end."""
    bench = Bench(send_buffer=4096)
    (conn,) = bench.conns
    conn.set_busy()
    conn.write(b"x" * 1_000_000)
    conn.set_free()
    read = 0
    while read < 1_000_000:
        read += len(bench.ends[0].recv(1 << 20))
        assert bench.turn()[1] == NOTHING
    assert (bench.lane.free, conn.get_write_buffer_size()) == (1, 0)
    bench.close()


def test_what_is_written_while_more_waits_follows_it() -> None:
    """In order."""
    bench = Bench(send_buffer=4096)
    (conn,) = bench.conns
    conn.set_busy()
    first, second = b"1" * 500_000, b"2" * 500_000
    conn.write(first)
    conn.write(second)
    read = b""
    while len(read) < len(first + second):
        read += bench.ends[0].recv(1 << 20)
        assert bench.turn()[1] == NOTHING
    assert read == first + second
    bench.close()


def test_writing_to_a_broken_socket_is_told_later(bench: Bench) -> None:
    """Never from within the write."""
    conn = bench.conns[0]
    conn.set_busy()
    bench.ends[0].close()
    conn.write(b"x")
    assert bench.turn()[1:3] == (END, conn)


def test_a_broken_socket_found_at_the_send_is_handed_over(bench: Bench) -> None:
    """The arrival was decided and counts as sent; Python gives it its outcome."""
    bench.conns[0].set_busy()
    near, far = socket.socketpair()
    near.setblocking(False)
    near.shutdown(socket.SHUT_WR)
    conn = _lane.Conn(bench.lane, near.detach(), None)
    conn.set_free()
    bench.conns.append(conn)
    bench.ends.append(far)
    bench.ration(0)
    taken, what, who, error, exchange = bench.turn()
    assert (taken, what, who, error, exchange[0]) == (1, END, conn, errno.EPIPE, 0)


def test_what_comes_on_a_free_connection_takes_it_out_of_use(bench: Bench) -> None:
    """It is not sent on, though it was free when the turn began."""
    bench.ends[0].sendall(b"unasked")
    bench.lane.turn(0, 1000, NEVER_NS)
    bench.ration(0)
    assert bench.turn()[0] == 1
    assert (bench.lane.free, bench.lane.waiting) == (0, 1)


def test_a_connection_that_is_shut_takes_its_exchange_with_it(bench: Bench) -> None:
    """Shutting twice does nothing, and so does writing."""
    bench.ration(0)
    bench.settle()
    conn = bench.conns[0]
    assert conn.shut()
    assert not conn.shut()
    conn.write(b"x")
    conn.set_free()
    conn.set_busy()
    assert (conn.is_closing(), conn.protocol) == (True, None)
    assert (bench.lane.busy, bench.lane.free, bench.turn()[1]) == (0, 0, NOTHING)
    assert bench.ends[0].recv(100) == GET
    assert bench.ends[0].recv(100) == b""


def test_a_shut_connection_is_not_heard_of_though_it_had_news() -> None:
    """Even if the kernel had told of it already."""
    bench = Bench(2)
    for end in bench.ends:
        end.sendall(b"unasked")
    _, what, first, _, _ = bench.turn()
    assert what == DATA
    other = next(conn for conn in bench.conns if conn is not first)
    other.shut()
    assert bench.turn()[1] == NOTHING
    bench.close()


def test_the_connection_that_became_free_last_is_taken_first() -> None:
    """So at a low rate the others grow old, and are closed by the target while idle."""
    bench = Bench(2)
    for _ in range(3):
        bench.ration(0)
        bench.settle()
        assert bench.ends[1].recv(100) == GET
        bench.ends[1].sendall(OK)
        bench.settle()
    assert bench.lane.take_free() is bench.conns[1]
    assert bench.lane.take_free() is bench.conns[0]
    assert bench.lane.take_free() is None
    bench.close()


# ---- calls that make no sense -------------------------------------------------------------------


def test_bad_calls_are_refused(bench: Bench) -> None:
    """With an exception, and without effect."""
    lane = bench.lane
    for bad in (
        (1, 0, 0, 1, 1, 0, None),
        (1, 0, 0, 1, 2, 0, b"12345678"),
        (1, 0, 0, 0, 1, 0, b"12345678"),
        (1, 0, -1, 1, 1, 0, b"12345678"),
    ):
        with pytest.raises(ValueError, match="not a ration"):
            lane.ration(*bad)
    with pytest.raises(ValueError, match="at least one request"):
        _lane.Lane(False, [], 0)
    with pytest.raises(ValueError, match="a request is"):
        _lane.Lane(False, [(b"x", None, b"short", 1)], 0)
    with pytest.raises(TypeError):
        bench.conns[0].write("text")  # type: ignore[arg-type]
    with pytest.raises(OSError, match="Bad file descriptor"):
        _lane.Conn(lane, 1 << 20, None)
    assert (lane.left, lane.free) == (0, 1)
