"""Laws of the requester, with a network and a clock that the test plays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from driver.arrival import Arrival
from driver.attempt_budget import AttemptBudget
from driver.clock import Clock
from driver.connector import ConnectError, Connector
from driver.http1 import Connection
from driver.requester import Requester
from spate.allowlist import Allowlist
from spate.plan import parse_plan

MS = 1_000_000
START_NS = 10**18
"""Far in the future of the machine's clock, so that the kernel's timer never strikes by itself."""

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class FakeClock(Clock):
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.reading_ns = START_NS

    def mono_ns(self) -> int:
        """Return the time that was set."""
        return self.reading_ns


class FakeTransport(asyncio.Transport):
    """Takes requests; closes in the next iteration of the loop, as real ones do."""

    def __init__(self, protocol: Connection) -> None:
        super().__init__()
        self.protocol = protocol
        self.written: list[bytes] = []
        self.closing = False

    def write(self, data: Any) -> None:
        """Keep the request."""
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        """Whether it was aborted."""
        return self.closing

    def abort(self) -> None:
        """Close soon."""
        if not self.closing:
            self.closing = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def get_write_buffer_size(self) -> int:
        """Everything is sent."""
        return 0

    def answer(self, data: bytes = ANSWER) -> None:
        """Let the target answer."""
        self.protocol.data_received(data)


class FakeConnector(Connector):
    """Attempts wait until the test decides them."""

    def __init__(self) -> None:
        self.attempts: list[tuple[Connection, asyncio.Future[None]]] = []
        self.transports: list[FakeTransport] = []

    async def connect(self, protocol: asyncio.Protocol) -> None:
        """Wait for the test's word."""
        assert isinstance(protocol, Connection)
        word: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.attempts.append((protocol, word))
        await word

    async def succeed(self, count: int = 1) -> None:
        """Let the oldest attempts succeed."""
        for _ in range(count):
            protocol, word = self.attempts.pop(0)
            transport = FakeTransport(protocol)
            self.transports.append(transport)
            protocol.connection_made(transport)
            word.set_result(None)
        await turns()

    async def fail(self, error: Exception, count: int = 1) -> None:
        """Let the oldest attempts fail."""
        for _ in range(count):
            self.attempts.pop(0)[1].set_exception(error)
        await turns()


async def turns() -> None:
    """Let everything happen that can."""
    for _ in range(5):
        await asyncio.sleep(0)


class Bench:
    """A requester on the test's network, and what it reported."""

    def __init__(self, connections: int = 2) -> None:
        self.clock = FakeClock()
        self.network = FakeConnector()
        self.log: list[str] = []
        self.submit_on_idle: list[Arrival] = []
        plan = parse_plan(
            {
                "name": "unit",
                "target": "http://target:80",
                "requests": [{"path": "/a"}, {"path": "/b", "expect": {"status": [404]}}],
                "load": {"test_type": "avalanche", "message_count_per_driver": 1},
                "limits": {"connections": connections, "timeout": "1s", "connect_timeout": "1s"},
            }
        )
        self.requester = Requester(
            plan=plan,
            loop=asyncio.get_running_loop(),
            clock=self.clock,
            allowlist=Allowlist.parse("target"),
            environ={},
            run_id="run-1",
            on_sent=lambda arrival: self.log.append(f"sent {arrival.index}"),
            on_done=lambda arrival: self.log.append(f"{arrival.outcome} {arrival.index}"),
            on_dropped=lambda arrival, cause: self.log.append(f"{cause} {arrival.index}"),
            on_connected=self._connected,
            on_idle=self._idle,
            connector=self.network,
        )

    def _connected(self, connect_ns: int, arrival: Arrival | None) -> None:
        who = "nobody" if arrival is None else arrival.index
        self.log.append(f"connected {connect_ns // MS} ms for {who}")

    def _idle(self) -> None:
        if self.submit_on_idle:
            self.requester.submit(self.submit_on_idle.pop(0))
        else:
            self.log.append("idle")

    def arrival(self, index: int, *, term: int = 0, request: int = 0) -> Arrival:
        """Return an arrival decided now."""
        now_ns = self.clock.reading_ns
        return Arrival(index, term, request, 0, now_ns, now_ns)

    async def submit(self, *indices: int, term: int = 0) -> None:
        """Submit arrivals and let attempts begin."""
        for index in indices:
            self.requester.submit(self.arrival(index, term=term))
        await turns()

    def told(self) -> list[str]:
        """Return what was reported since the last look."""
        log, self.log = self.log, []
        return log

    async def later(self, ms: int) -> None:
        """Let time pass and the timer strike."""
        self.clock.reading_ns += ms * MS
        self.requester._sweep()
        await turns()


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    """A requester that is closed after the test and leaves no task behind."""
    made = Bench()
    yield made
    await made.requester.close()
    assert (made.requester.in_flight, made.requester.connections) == (0, 0)
    assert len(asyncio.all_tasks()) == 1


async def test_waits_for_its_connection(bench: Bench) -> None:
    """An arrival without a free connection waits for a new one and is sent as it opens."""
    await bench.submit(0)
    assert (bench.requester.in_flight, bench.requester.waiting) == (1, 1)
    bench.clock.reading_ns += 5 * MS
    await bench.network.succeed()
    assert bench.told() == ["connected 5 ms for 0", "sent 0", "idle"]
    assert (bench.requester.in_flight, bench.requester.waiting) == (1, 0)
    assert (bench.requester.connections, bench.requester.free) == (1, 0)
    bench.network.transports[0].answer()
    assert bench.told() == ["succeeded 0", "idle"]
    assert (bench.requester.in_flight, bench.requester.free) == (0, 1)
    await bench.submit(1)
    assert bench.told() == ["sent 1"]
    assert len(bench.network.transports[0].written) == 2
    assert bench.network.attempts == []


async def test_request_and_expectation_are_the_arrivals(bench: Bench) -> None:
    """Each arrival sends its own request of the plan and is judged by what that one expects."""
    arrival = bench.arrival(0, request=1)
    bench.requester.submit(arrival)
    await turns()
    await bench.network.succeed()
    assert bench.network.transports[0].written[0].startswith(b"GET /b HTTP/1.1\r\n")
    bench.network.transports[0].answer()
    assert (arrival.outcome, arrival.status) == ("status_other", 200)


async def test_oldest_first_on_at_most_the_limit(bench: Bench) -> None:
    """No more connections than the limit; what waits is sent in order as they become free."""
    await bench.submit(0, 1, 2, 3)
    assert len(bench.network.attempts) == 2
    await bench.network.succeed(2)
    first, second = bench.network.transports
    second.answer()
    first.answer()
    sent = [line for line in bench.told() if line.startswith("sent")]
    assert sent == ["sent 0", "sent 1", "sent 2", "sent 3"]
    assert bench.requester.connections == 2


async def test_latest_used_connection_is_used_next(bench: Bench) -> None:
    """Free connections are a stack, so the others may grow old in peace."""
    await bench.submit(0, 1)
    await bench.network.succeed(2)
    first, second = bench.network.transports
    second.answer()
    first.answer()
    for index in (2, 3):
        await bench.submit(index)
        first.answer()
    assert (len(first.written), len(second.written)) == (3, 1)


async def test_closed_load_keeps_its_connections_busy(bench: Bench) -> None:
    """From on_idle the next arrival goes straight onto the connection that became free."""
    await bench.submit(0)
    bench.submit_on_idle = [bench.arrival(1), bench.arrival(2)]
    await bench.network.succeed()
    transport = bench.network.transports[0]
    # One was taken as the connection opened with room for a second.
    assert bench.requester.in_flight == 2
    transport.answer()
    transport.answer()
    transport.answer()
    assert bench.told()[-2:] == ["succeeded 2", "idle"]
    assert bench.requester.connections == 1


async def test_each_failed_attempt_fails_one_arrival(bench: Bench) -> None:
    """A failed attempt is the outcome of the arrival that waits longest, and of no other."""
    await bench.submit(0, 1, 2)
    bench.clock.reading_ns += MS
    await bench.network.fail(ConnectError("connect_refused", ""))
    assert bench.told() == ["connect_refused 0"]
    assert len(bench.network.attempts) == 2
    await bench.network.fail(ConnectError("tls", ""))
    assert bench.told() == ["tls 1", "idle"]
    assert len(bench.network.attempts) == 1
    await bench.network.fail(ConnectError("blocked", ""))
    assert bench.told() == ["blocked 2", "idle"]
    assert (bench.requester.in_flight, bench.network.attempts) == (0, [])


async def test_failed_arrival_was_not_sent(bench: Bench) -> None:
    """An arrival that failed with its connection has a done time, no sent time and no status."""
    arrival = bench.arrival(0)
    bench.requester.submit(arrival)
    await turns()
    bench.clock.reading_ns += MS
    await bench.network.fail(ConnectError("dns", ""))
    assert (arrival.outcome, arrival.sent_ns, arrival.status) == ("dns", 0, 0)
    assert arrival.done_ns == START_NS + MS


async def test_attempt_that_fails_for_nobody(bench: Bench) -> None:
    """An attempt whose arrival was served otherwise fails without an outcome."""
    await bench.submit(0)
    await bench.network.succeed()
    await bench.submit(1)
    bench.network.transports[0].answer()
    bench.network.transports[0].answer()
    bench.told()
    await bench.network.fail(ConnectError("connect_refused", ""))
    assert bench.told() == ["idle"]


async def test_failures_do_not_become_a_storm(bench: Bench) -> None:
    """After failures attempts are rationed, and go on when the ration is renewed."""
    error = ConnectError("connect_refused", "")
    await bench.submit(*range(40))
    attempted = 0
    while bench.network.attempts:
        attempted += len(bench.network.attempts)
        await bench.network.fail(error, len(bench.network.attempts))
    # The two at first, the ration of the failing state, no more while the clock stands.
    assert attempted == 12
    assert bench.requester.waiting == 28
    bench.clock.reading_ns += 5 * MS
    await asyncio.sleep(0.02)
    assert len(bench.network.attempts) == 2
    await bench.network.succeed()
    assert len(bench.network.attempts) == 1


async def test_fault_of_the_attempt_is_internal(bench: Bench) -> None:
    """An error that no attempt should raise is an outcome, and is told to the loop's handler."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    await bench.submit(0)
    await bench.network.fail(RuntimeError("broken"))
    assert bench.told() == ["internal 0", "idle"]
    assert [str(context["exception"]) for context in told] == ["broken"]


async def test_timeout_on_a_socket(bench: Bench) -> None:
    """What was sent fails by timeout, and its connection is closed and replaced at need."""
    await bench.submit(0)
    await bench.network.succeed()
    await bench.later(999)
    assert bench.requester.in_flight == 1
    bench.told()
    await bench.later(1)
    assert bench.told() == ["timeout 0", "idle"]
    assert bench.network.transports[0].closing
    assert bench.requester.connections == 0
    await bench.submit(1)
    await bench.network.succeed()
    assert "sent 1" in bench.told()


async def test_timeout_while_connecting(bench: Bench) -> None:
    """What waits for an attempt fails by connect_timeout; without any connection, all of it."""
    await bench.submit(0, 1, 2)
    await bench.later(1000)
    assert bench.told() == ["connect_timeout 0", "connect_timeout 1", "connect_timeout 2", "idle"]


async def test_timeout_while_waiting_for_a_busy_connection(bench: Bench) -> None:
    """What waits for connections that are all busy is dropped; what is on them times out."""
    await bench.submit(0, 1)
    await bench.network.succeed(2)
    await bench.submit(2)
    bench.told()
    await bench.later(1000)
    assert bench.told() == ["timeout 0", "timeout 1", "no_connection 2", "idle"]


async def test_timeout_while_only_some_are_connecting(bench: Bench) -> None:
    """With one attempt and one busy connection one arrival was connecting, the next was not."""
    await bench.submit(0)
    await bench.network.succeed()
    bench.clock.reading_ns += 500 * MS
    bench.network.transports[0].answer()
    await bench.submit(1)
    await bench.submit(2, 3)
    bench.told()
    await bench.later(1000)
    assert bench.told() == ["timeout 1", "connect_timeout 2", "no_connection 3", "idle"]


async def test_timeouts_in_order(bench: Bench) -> None:
    """Each arrival has its own deadline; what was answered has none."""
    await bench.submit(0)
    await bench.network.succeed()
    bench.clock.reading_ns += 400 * MS
    await bench.submit(1)
    bench.network.transports[0].answer()
    bench.told()
    await bench.later(600)
    assert bench.told() == []
    await bench.later(399)
    assert bench.told() == []
    await bench.later(1)
    assert bench.told() == ["timeout 1", "idle"]


async def test_take_back(bench: Bench) -> None:
    """What waits and belongs to the closed terms comes back; what is on a socket goes on."""
    await bench.submit(0, term=1)
    await bench.network.succeed()
    await bench.submit(1, 2, term=1)
    await bench.submit(3, term=2)
    bench.told()
    assert [arrival.index for arrival in bench.requester.take_back(1)] == [1, 2]
    assert bench.requester.take_back(1) == []
    assert (bench.requester.in_flight, bench.requester.waiting) == (2, 1)
    bench.network.transports[0].answer()
    assert bench.told() == ["succeeded 0", "sent 3", "idle"]
    await bench.later(1000)
    assert bench.told() == ["timeout 3", "idle"]


async def test_cancel_all(bench: Bench) -> None:
    """Cancelling closes the sockets, ends the attempts and reports nothing."""
    await bench.submit(0)
    await bench.network.succeed()
    await bench.submit(1, 2)
    bench.told()
    bench.requester.cancel_all()
    bench.network.transports[0].answer()
    await turns()
    await bench.later(5000)
    assert bench.told() == []
    assert (bench.requester.in_flight, bench.requester.connections) == (0, 0)
    assert bench.network.transports[0].closing
    assert [word.cancelled() for _, word in bench.network.attempts] == [True]


async def test_cancelled_attempt_that_succeeds_anyway(bench: Bench) -> None:
    """A connection that is ready only after the cancellation is closed."""
    await bench.submit(0)
    bench.requester.cancel_all()
    protocol, _ = bench.network.attempts.pop()
    transport = FakeTransport(protocol)
    protocol.connection_made(transport)
    assert transport.closing
    assert bench.told() == []


async def test_cancel_all_gives_up_a_planned_retry(bench: Bench) -> None:
    """After a cancellation no attempt begins by itself."""
    await bench.submit(*range(40))
    while bench.network.attempts:
        await bench.network.fail(ConnectError("dns", ""), len(bench.network.attempts))
    bench.requester.cancel_all()
    bench.clock.reading_ns += 5 * MS
    await asyncio.sleep(0.01)
    assert bench.network.attempts == []


async def test_opened_before_the_attempt_ran_out_of_time(bench: Bench) -> None:
    """A limit that strikes after the connection is ready fails nothing."""
    await bench.submit(0)
    protocol, word = bench.network.attempts.pop()
    transport = FakeTransport(protocol)
    protocol.connection_made(transport)
    bench.told()
    word.set_exception(ConnectError("connect_timeout", ""))
    await turns()
    assert bench.told() == []
    transport.answer()
    assert bench.told() == ["succeeded 0", "idle"]


async def test_connection_lost_while_idle(bench: Bench) -> None:
    """A connection that ended while idle is not used and fails no arrival."""
    await bench.submit(0)
    await bench.network.succeed()
    bench.network.transports[0].answer()
    bench.network.transports[0].protocol.eof_received()
    assert (bench.requester.connections, bench.requester.free) == (0, 0)
    bench.told()
    await bench.submit(1)
    assert bench.told() == []
    await bench.network.succeed()
    assert "sent 1" in bench.told()


async def test_connection_that_is_closing_is_passed_over(bench: Bench) -> None:
    """A transport that broke in this very iteration is not written to."""
    await bench.submit(0, 1)
    await bench.network.succeed(2)
    first, second = bench.network.transports
    first.answer()
    second.answer()
    second.abort()
    await bench.submit(2)
    assert (len(first.written), len(second.written)) == (2, 1)
    first.answer()
    first.abort()
    bench.requester.submit(bench.arrival(3))
    assert bench.requester.waiting == 1


async def test_warm_opens_all() -> None:
    """Warming opens every connection, a bounded number at once, and reports each."""
    bench = Bench(connections=70)
    task = asyncio.create_task(bench.requester.warm())
    await turns()
    assert len(bench.network.attempts) == 32
    await bench.network.succeed(10)
    assert len(bench.network.attempts) == 32
    await bench.network.succeed(32)
    assert len(bench.network.attempts) == 28
    await bench.network.succeed(28)
    await task
    assert (bench.requester.connections, bench.requester.free) == (70, 70)
    assert bench.told() == ["connected 0 ms for nobody", "idle"] * 70
    await bench.requester.warm()
    await bench.requester.close()
    await bench.requester.close()


async def test_warm_stops_at_a_failure() -> None:
    """Warming is not fatal: after a failure it begins no more attempts."""
    bench = Bench(connections=70)
    task = asyncio.create_task(bench.requester.warm())
    await turns()
    await bench.network.fail(ConnectError("connect_refused", ""))
    assert len(bench.network.attempts) == 31
    await bench.network.succeed(31)
    await task
    assert bench.requester.connections == 31
    assert all("refused" not in line for line in bench.told())
    await bench.requester.close()


async def test_close_while_warming() -> None:
    """Closing ends the warming."""
    bench = Bench(connections=70)
    task = asyncio.create_task(bench.requester.warm())
    await turns()
    await bench.requester.close()
    await task
    assert bench.requester.connections == 0
    with pytest.raises(RuntimeError, match="closed"):
        bench.requester.submit(bench.arrival(0))


def test_budget() -> None:
    """There is no limit before a failure, so many in a tick after it, none after a success."""
    budget = AttemptBudget(per_tick=2, tick_ns=10)
    assert [budget.take(0) for _ in range(5)] == [True] * 5
    budget.failed(100)
    assert [budget.take(105) for _ in range(3)] == [True, True, False]
    assert budget.refill_ns == 110
    budget.failed(107)
    assert not budget.take(109)
    assert [budget.take(113) for _ in range(3)] == [True, True, False]
    assert budget.refill_ns == 123
    budget.succeeded()
    assert [budget.take(114) for _ in range(5)] == [True] * 5
