"""The requester sends arrivals over a bounded pool of connections and says what became of each.

It never repeats a request by itself: an arrival goes onto one socket once (A7 of the protocol).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from driver.arrival import Arrival, Exchange
from driver.attempts import Attempts
from driver.body_connection import BodyConnection
from driver.clock import Clock
from driver.connector import Connector
from driver.expectation import expectation_of
from driver.http1 import Connection
from driver.lane import attachment, make_express, make_lane
from driver.outstanding import Outstanding
from driver.pool import LanePool, Pool
from driver.queue import Queue
from driver.request_bytes import request_bytes
from driver.resolver import Resolver
from driver.timeouts import Timeouts
from driver.tls import tls_settings
from driver.warm_up import warm_up
from spate.allowlist import Allowlist
from spate.plan import Plan


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
    ``express`` is None unless the run has a lane (see ``driver.lane``); ``native`` allows it.

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
        native: bool = True,
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
        native = native and connector is None
        lane = make_lane(plan, self._requests, self._expectations) if native else None
        self.express = None if lane is None else make_express(lane, self, loop)
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
                attach=attachment(lane),
            ),
            make=self._new_connection,
            on_failed=self._attempt_failed,
            on_budget=self._open_more,
        )
        self._outstanding = Outstanding(lane)
        self._waiting = Queue(lane)
        self._pool = Pool() if lane is None else LanePool(lane)
        self._closed = False
        self._timeouts = Timeouts(
            loop, clock, self._outstanding, plan.limits.timeout_ns, self._sweep
        )

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
        """Open connections up to ``limits.connections``, before the start."""
        missing = self._limit - self._pool.size - len(self._attempts)
        await warm_up(self._attempts, missing, self._has_room)

    def submit(self, arrival: Arrival) -> None:
        """Send the arrival on a free connection, or let it wait for one.

        Arrivals come in order of ``decided_ns``, from which their timeout runs.

        Raises:
            RuntimeError: if the requester was closed.
        """
        if self._closed:
            raise RuntimeError("the requester is closed")
        connection = None if self._waiting.here else self._pool.take()
        if connection is not None:
            self._send(connection, arrival)
        else:
            self._outstanding.place(arrival, None)
            self._waiting.append(arrival)
            self._open_more()
        self._timeouts.watch()

    def attend(self) -> None:
        """See to what the lane has decided: its timeout, and connections for what waits."""
        self._timeouts.watch()
        if self._waiting:
            self._open_more()

    def adopt(self, connection: Connection, exchange: Exchange) -> Arrival:
        """Take over an arrival that the lane has sent on the connection and could not finish."""
        arrival = Arrival.of_exchange(*exchange)
        connection.adopt(arrival, self._expectations[arrival.request])
        self._outstanding.adopt(arrival, connection)
        self._timeouts.watch()
        return arrival

    def take_back(self, term: int) -> list[Arrival]:
        """Give back, oldest first, what waits and belongs to terms up to ``term`` (R4)."""
        taken = self._waiting.take_back(term)
        for arrival in taken:
            self._outstanding.remove(arrival)
        return taken

    def cancel_all(self) -> None:
        """Close all sockets and forget all arrivals: no outcome is reported."""
        self._outstanding.clear()
        self._waiting.clear()
        self._attempts.cancel()
        self._pool.abandon_all()
        if not self._closed:
            self._timeouts.renew()

    async def close(self) -> None:
        """Cancel everything and wait until each socket is closed; closing twice does nothing."""
        if self._closed:
            return
        self.cancel_all()
        self._closed = True
        self._timeouts.close()
        await self._attempts.ended()
        await self._resolver.close()
        await self._pool.emptied()
        if self.express is not None:
            self.express.close()

    # What connections call.

    def opened(self, connection: Connection) -> None:
        """Take a new connection into use."""
        if not self._attempts.succeeded(connection):
            # Its attempt was cancelled and closes the socket; uvloop never says that it is closed.
            connection.abandon()
            return
        self._pool.add(connection)
        connect_ns = self._clock.mono_ns() - connection.began_ns
        self._on_connected(connect_ns, self._waiting.first())
        self._go_on()

    def ended(self, connection: Connection, arrival: Arrival) -> None:
        """Pass on an arrival's outcome; the connection serves the next, or is replaced."""
        self._pool.give_back(connection)
        self._outstanding.remove(arrival)
        self._on_done(arrival)
        self._go_on()

    def lost(self, connection: Connection) -> None:
        """Forget a connection that ended while idle; what waits for one needs another."""
        self._pool.remove(connection)
        if self._waiting:
            self._open_more()

    def gone(self, connection: Connection) -> None:
        """Note that a socket is closed."""
        self._pool.gone(connection)

    # The rest of the way.

    def _send(self, connection: Connection, arrival: Arrival) -> None:
        self._outstanding.place(arrival, connection)
        request = arrival.request
        connection.send(
            arrival, self._requests[request].of(arrival.index), self._expectations[request]
        )
        self._on_sent(arrival)

    def _go_on(self) -> None:
        """Use what has become free."""
        while self._waiting.here:
            connection = self._pool.take()
            if connection is None:
                break
            self._send(connection, self._waiting.popleft())
        if self._waiting:
            self._open_more()
        if self.express is not None and self._waiting:
            self.express.nudge()
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
            self._outstanding.remove(arrival)
            self._fail(arrival, kind, self._clock.mono_ns())
        self._go_on()

    def _fail(self, arrival: Arrival, kind: str, now_ns: int) -> None:
        arrival.outcome = kind
        arrival.done_ns = now_ns
        self._on_done(arrival)

    def _sweep(self) -> None:
        """End what has run out of time."""
        now_ns = self._clock.mono_ns()
        until_ns = now_ns - self._timeout_ns
        expired = self._outstanding.take_expired(until_ns)
        # With no connection at all everybody waits for attempts; otherwise each attempt has one
        # arrival that would get its connection, and the rest wait for a busy one.
        connecting = len(self._attempts) if self._pool.size else len(expired)
        outcomes: list[tuple[Arrival, str | None]] = []
        for arrival, connection in expired:
            if connection is not None:
                self._pool.abandon(connection)
                outcomes.append((arrival, "timeout"))
                continue
            self._waiting.discard(arrival)
            outcomes.append((arrival, "connect_timeout" if connecting > 0 else None))
            connecting -= 1
        self._timeouts.renew()
        for arrival, kind in outcomes:
            if kind is None:
                self._on_dropped(arrival, "no_connection")
            else:
                self._fail(arrival, kind, now_ns)
        if outcomes:
            self._go_on()
