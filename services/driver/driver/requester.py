"""The requester sends arrivals over a bounded pool of connections and says what became of each.

It never repeats a request by itself: an arrival goes onto one socket once (A7 of the protocol).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping

from driver.arrival import Arrival
from driver.attempts import Attempts
from driver.clock import Clock
from driver.connector import Connector
from driver.expectation import expectation_of
from driver.http1 import BodyConnection, Connection
from driver.pacer import Pacer
from driver.pool import Pool
from driver.request_bytes import request_bytes
from driver.resolver import Resolver
from driver.tls import tls_settings
from spate.allowlist import Allowlist
from spate.plan import Plan

_WARM_AT_ONCE = 32


class Requester:
    """The HTTP client of one run.

    An arrival is *outstanding* from ``submit`` to its end: it waits for a connection (oldest
    first) or is on one.

    The callbacks come on the loop, never from within ``submit``, ``take_back`` or ``cancel_all``
    (``on_sent`` excepted: it may come from ``submit``), and may call any of those:

    * ``on_sent(arrival)``: ``sent_ns`` and ``bytes_sent`` are set.
    * ``on_done(arrival)``: ``outcome``, ``done_ns``, ``status`` (0 unless there is a whole
      response) and ``bytes_received`` are set; ``sent_ns`` is 0 if nothing was sent.
    * ``on_dropped(arrival, cause)``: it waited ``limits.timeout`` for a busy connection.
    * ``on_connected(connect_ns, arrival)``: a connection was made; the arrival is the one that
      gets it, None if nobody waits.
    * ``on_idle()``: less is outstanding than there may be connections; called each time an
      arrival ended or a connection was made. (So a closed load has its next index on the way
      although others still wait for attempts that fail.)

    ``connector`` is the port to the network; by default it connects to the plan's target.

    Raises:
        spate.secrets.SecretError: if a secret of the plan is missing.
        ValueError: if ``tls.ca`` holds no certificate.
        OSError: if the kernel gives no timer.
    """

    def __init__(
        self,
        *,
        plan: Plan,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        allowlist: Allowlist,
        environ: Mapping[str, str],
        run_id: str,
        on_sent: Callable[[Arrival], None],
        on_done: Callable[[Arrival], None],
        on_dropped: Callable[[Arrival, str], None],
        on_connected: Callable[[int, Arrival | None], None],
        on_idle: Callable[[], None],
        connector: Connector | None = None,
    ) -> None:
        self._clock = clock
        self._on_sent = on_sent
        self._on_done = on_done
        self._on_dropped = on_dropped
        self._on_connected = on_connected
        self._on_idle = on_idle
        self._limit = plan.limits.connections
        self._timeout_ns = plan.limits.timeout_ns
        self._requests = request_bytes(plan, environ, run_id)
        self._expectations = [
            expectation_of(request.expect.status, request.expect.body_contains, request.method)
            for request in plan.requests
        ]
        looks_at_bodies = any(e.needle is not None or e.no_body for e in self._expectations)
        self._connection_type = BodyConnection if looks_at_bodies else Connection
        origin = plan.origin
        self._resolver = Resolver(
            loop=loop, clock=clock, allowlist=allowlist, host=origin.host, port=origin.port
        )
        self._attempts = Attempts(
            loop=loop,
            clock=clock,
            connector=connector
            or Connector(
                loop=loop,
                resolver=self._resolver,
                tls=tls_settings(plan.tls, origin),
                connect_timeout_ns=plan.limits.connect_timeout_ns,
            ),
            make=self._new_connection,
            on_failed=self._attempt_failed,
            on_budget=self._open_more,
        )
        self._outstanding: dict[Arrival, Connection | None] = {}  # in order of decided_ns
        self._waiting: deque[Arrival] = deque()
        self._pool = Pool()
        self._closed = False
        self._deadline_set = False
        self._pacer = Pacer(loop, clock, self._sweep)

    @property
    def in_flight(self) -> int:
        """Arrivals submitted and not ended: those that wait and those on a socket."""
        return len(self._outstanding)

    @property
    def waiting(self) -> int:
        """Arrivals that wait for a connection."""
        return len(self._waiting)

    @property
    def free(self) -> int:
        """Connections that are open and idle."""
        return self._pool.free

    @property
    def connections(self) -> int:
        """Connections that are open."""
        return self._pool.size

    async def warm(self) -> None:
        """Open connections up to ``limits.connections``, at most 32 at once.

        It stops at the first failure: a target that is not well is not made to suffer, and what
        is missing is opened when it is needed.
        """
        setbacks = self._attempts.setbacks
        missing = self._limit - self._pool.size - len(self._attempts)
        tasks: set[asyncio.Task[None]] = set()
        while True:
            well = self._attempts.setbacks == setbacks
            while well and missing > 0 and len(tasks) < _WARM_AT_ONCE and self._has_room():
                missing -= 1
                tasks.add(self._attempts.begin())
            if not tasks:
                return
            _, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)

    def submit(self, arrival: Arrival) -> None:
        """Send the arrival on a free connection, or let it wait for one.

        Arrivals come in order of ``decided_ns``, from which their timeout runs.

        Raises:
            RuntimeError: if the requester was closed.
        """
        if self._closed:
            raise RuntimeError("the requester is closed")
        connection = None if self._waiting else self._pool.take()
        if connection is not None:
            self._send(connection, arrival)
        else:
            self._outstanding[arrival] = None
            self._waiting.append(arrival)
            self._open_more()
        if not self._deadline_set:
            self._set_deadline()

    def take_back(self, term: int) -> list[Arrival]:
        """Give back, oldest first, what waits and belongs to terms up to ``term`` (R4)."""
        taken = [arrival for arrival in self._waiting if arrival.term <= term]
        if taken:
            self._waiting = deque(a for a in self._waiting if a.term > term)
            for arrival in taken:
                del self._outstanding[arrival]
        return taken

    def cancel_all(self) -> None:
        """Close all sockets and forget all arrivals: no outcome is reported."""
        self._outstanding.clear()
        self._waiting.clear()
        self._attempts.cancel()
        self._pool.abandon_all()
        if not self._closed:
            self._set_deadline()

    async def close(self) -> None:
        """Cancel everything and wait until each socket is closed; closing twice does nothing."""
        if self._closed:
            return
        self.cancel_all()
        self._closed = True
        self._pacer.close()
        await self._attempts.ended()
        await self._resolver.close()
        await self._pool.emptied()

    # What connections call.

    def opened(self, connection: Connection) -> None:
        """Take a new connection into use."""
        if not self._attempts.succeeded(connection):
            # Its attempt was cancelled and closes the socket; uvloop never says that it is closed.
            connection.abandon()
            return
        self._pool.add(connection)
        connect_ns = self._clock.mono_ns() - connection.began_ns
        self._on_connected(connect_ns, self._waiting[0] if self._waiting else None)
        self._go_on()

    def ended(self, connection: Connection, arrival: Arrival) -> None:
        """Pass on an arrival's outcome; the connection serves the next, or is replaced."""
        self._pool.give_back(connection)
        del self._outstanding[arrival]
        self._on_done(arrival)
        self._go_on()

    def lost(self, connection: Connection) -> None:
        """Forget a connection that ended while idle."""
        self._pool.remove(connection)

    def gone(self, connection: Connection) -> None:
        """Note that a socket is closed."""
        self._pool.gone(connection)

    # The rest of the way.

    def _send(self, connection: Connection, arrival: Arrival) -> None:
        self._outstanding[arrival] = connection
        request = arrival.request
        connection.send(
            arrival, self._requests[request].of(arrival.index), self._expectations[request]
        )
        self._on_sent(arrival)

    def _go_on(self) -> None:
        """Use what has become free."""
        while self._waiting:
            connection = self._pool.take()
            if connection is None:
                break
            self._send(connection, self._waiting.popleft())
        if self._waiting:
            self._open_more()
        if len(self._outstanding) < self._limit and not self._closed:
            self._on_idle()

    def _has_room(self) -> bool:
        return not self._closed and self._pool.size + len(self._attempts) < self._limit

    def _open_more(self) -> None:
        """Begin as many attempts as there are arrivals to profit from them."""
        while len(self._attempts) < len(self._waiting) and self._has_room():
            if not self._attempts.may_begin():
                return
            self._attempts.begin()

    def _new_connection(self, began_ns: int) -> Connection:
        return self._connection_type(self, self._clock, began_ns)

    def _attempt_failed(self, kind: str) -> None:
        """Let the failed attempt be the outcome of the arrival that waits longest."""
        if self._waiting:
            arrival = self._waiting.popleft()
            del self._outstanding[arrival]
            self._fail(arrival, kind, self._clock.mono_ns())
        self._go_on()

    def _fail(self, arrival: Arrival, kind: str, now_ns: int) -> None:
        arrival.outcome = kind
        arrival.done_ns = now_ns
        self._on_done(arrival)

    def _set_deadline(self) -> None:
        """Arm the timer for the oldest outstanding arrival: all have the same timeout."""
        oldest = next(iter(self._outstanding), None)
        self._deadline_set = oldest is not None
        self._pacer.arm(None if oldest is None else oldest.decided_ns + self._timeout_ns)

    def _sweep(self) -> None:
        """End what has run out of time."""
        now_ns = self._clock.mono_ns()
        expired: list[tuple[Arrival, Connection | None]] = []
        for arrival, connection in self._outstanding.items():
            if arrival.decided_ns + self._timeout_ns > now_ns:
                break
            expired.append((arrival, connection))
        # With no connection at all everybody waits for attempts; otherwise each attempt has one
        # arrival that would get its connection, and the rest wait for a busy one.
        connecting = len(self._attempts) if self._pool.size else len(expired)
        outcomes: list[tuple[Arrival, str | None]] = []
        for arrival, connection in expired:
            del self._outstanding[arrival]
            if connection is not None:
                self._pool.abandon(connection)
                outcomes.append((arrival, "timeout"))
                continue
            self._waiting.remove(arrival)
            outcomes.append((arrival, "connect_timeout" if connecting > 0 else None))
            connecting -= 1
        self._set_deadline()
        for arrival, kind in outcomes:
            if kind is None:
                self._on_dropped(arrival, "no_connection")
            else:
                self._fail(arrival, kind, now_ns)
        if outcomes:
            self._go_on()
