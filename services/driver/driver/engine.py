"""Takes arrivals as they fall due and hands them to the HTTP client, for one run.

Open load is paced by a timer; closed load by the connections: each completion frees a slot, and
a free slot takes the next index. What may be taken at all is the session's to say.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from driver.arrival import Arrival
from driver.clock import Clock
from driver.closure import Closure
from driver.load import Load
from driver.moment import Moment
from driver.pacer import Pacer
from driver.ranges import HeldRanges
from driver.recorder import Recorder
from driver.requester import Requester
from driver.session import Session
from driver.slots import Slots
from spate.choice import RequestChoice
from spate.messages import STATE_ORDER, Cell

if TYPE_CHECKING:
    from driver.express import Express

_BURST = 64
"""Arrivals between two looks at the clock: about a millisecond of work."""

_BURSTS = 4
"""Bursts before the loop has its turn: heartbeats and responses do not wait for a backlog."""


class RequesterMaker(Protocol):
    """Makes the HTTP client of a run, given where to report."""

    def __call__(
        self,
        load: Load,
        *,
        on_sent: Callable[[Arrival], None],
        on_done: Callable[[Arrival], None],
        on_dropped: Callable[[Arrival, str], None],
        on_connected: Callable[[int, Arrival | None], None],
        on_idle: Callable[[], None],
    ) -> Requester:
        """Return a client that has not connected yet."""


class Engine:
    """One driver's part in one run.

    ``wish`` is called when the session wants a heartbeat sent at once. ``turn`` is called with the
    time (CLOCK_MONOTONIC ns) of an event that lies beyond the present window, before it is
    recorded; it returns when the event's own window ends. ``silent`` is set by the owner when the
    run is over and everything was reported.
    """

    def __init__(
        self,
        load: Load,
        *,
        session: Session,
        clock: Clock,
        loop: AbstractEventLoop,
        recorder: Recorder,
        choice: RequestChoice,
        make_requester: RequesterMaker,
        wish: Callable[[], None],
        turn: Callable[[int], int],
    ) -> None:
        self.load = load
        self.silent = False
        self.recorder = recorder
        self.first_lag_ns: int | None = None
        self._session = session
        self._clock = clock
        self._wish = wish
        self._turn = turn
        self._window_ends_ns = 0
        self._choice = choice
        self._pacer = Pacer(loop, clock, self.pump)
        self._open = load.schedule.is_open
        self._limit = load.plan.limits.in_flight
        self._slots_made = False
        self._pumping = False
        self._ended = False
        self.requester = make_requester(
            load,
            on_sent=self._sent,
            on_done=self._done,
            on_dropped=self._dropped,
            on_connected=self._connected,
            on_idle=self._idle,
        )
        self._free: Slots = deque()
        self._express = self.requester.express
        if self._express is not None:
            self._free = self._express.slots
            self._express.lead(
                in_flight=self._limit if self._open else None,
                turn_window=self._turn_window,
                on_ready=self.pump,
            )

    async def warm(self) -> None:
        """Open the connections before the start."""
        await self.requester.warm()

    def cut(self) -> list[tuple[int, tuple[Cell, ...]]]:
        """Return everything noted since the last cut, as ``Recorder.cut`` does."""
        if self._express is not None:
            self.recorder.absorb(self._express.cut())
        return self.recorder.cut()

    def pump(self) -> None:
        """Decide all that is due and may be decided; set the timer for what comes next."""
        if self._pumping or self._ended:
            return
        self._pumping = True
        try:
            for _ in range(_BURSTS):
                if not self._burst():
                    break
            else:
                # A deadline that has passed comes up again after everybody else's turn.
                self._pacer.arm(self._clock.mono_ns())
        finally:
            self._pumping = False
        if self._session.wants_heartbeat:
            self._wish()

    def closed(self, closure: Closure) -> None:
        """Account for what a closed term had decided and not yet put on a socket (R4)."""
        now_ns = self._clock.mono_ns()
        self._at(now_ns)
        for arrival in self.requester.take_back(closure.term):
            self.recorder.missed(arrival.term, arrival.index, closure.missed)
            self._freed(now_ns)

    def follow_state(self) -> None:
        """Cancel what is in flight once the run has ended for everybody."""
        state = self._session.state
        if state is not None and STATE_ORDER[state] > STATE_ORDER["DRAINING"] and not self._ended:
            self._ended = True
            self._pacer.arm(None)
            self.requester.cancel_all()

    async def close(self) -> None:
        """Free the timer and the connections; nothing is reported any more."""
        self._ended = True
        self._pacer.close()
        await self.requester.close()

    def _burst(self) -> bool:
        """Decide up to a burst of arrivals; tell whether more may be due at once."""
        moment = self._clock.now()
        held = self._look(moment)
        start_ns = self._session.start_mono_ns
        if held is not None and not self._open and not self._slots_made and start_ns is not None:
            self._slots_made = True
            self._free.extend([start_ns] * self.load.plan.limits.connections)
        if self._express is not None and self._let_work(self._express, held, start_ns):
            return True
        if held is None or start_ns is None:
            waiting = start_ns is not None and self._session.state == "RUNNING"
            self._pacer.arm(start_ns if waiting and moment.mono_ns < (start_ns or 0) else None)
            return False
        self._at(moment.mono_ns)
        if not self._open:
            return self._burst_closed(held, start_ns)
        return self._burst_open(held, start_ns, moment.mono_ns - start_ns)

    def _let_work(self, express: Express, held: HeldRanges | None, start_ns: int | None) -> bool:
        """Let the lane do what it can; tell whether the rights are to be looked at for more."""
        more = express.turn(
            held,
            term=self._session.term,
            start_ns=start_ns or 0,
            until_boot_ns=self._session.may_send_until_ns,
            ends_ns=self._window_ends_ns,
        )
        if self.first_lag_ns is None:
            self.first_lag_ns = express.first_lag_ns
        if held is not None and held.half_used:
            self._session.wants_heartbeat = True
        return more

    def _look(self, moment: Moment) -> HeldRanges | None:
        """Ask what may be sent now, and give up what may not (R2, R4)."""
        held = self._session.look(moment)
        for closure in self._session.take_closures():
            self.closed(closure)
        return held

    def _burst_open(self, held: HeldRanges, start_ns: int, elapsed_ns: int) -> bool:
        for _ in range(_BURST):
            taken = self._take(held, elapsed_ns)
            if taken is None:
                next_ns = held.next_due_ns()
                self._pacer.arm(None if next_ns is None else start_ns + next_ns)
                return False
            index, due_ns, late = taken
            if late:
                self.recorder.missed(self._session.term, index, "handover")
            elif self.requester.in_flight >= self._limit:
                self.recorder.dropped(self._session.term, index, "in_flight_limit")
            else:
                self._submit(index, start_ns + due_ns)
        return True

    def _take(self, held: HeldRanges, elapsed_ns: int) -> tuple[int, int, bool] | None:
        """Decide what is due; the lane has left nothing but what is late."""
        if self._express is not None and not held.next_is_late:
            return None
        return held.take_due(elapsed_ns)

    def _burst_closed(self, held: HeldRanges, start_ns: int) -> bool:
        if self._express is not None:
            return False
        for _ in range(_BURST):
            if not self._free:
                return False
            taken = held.take_next()
            if taken is None:
                return False
            if held.half_used:
                self._session.wants_heartbeat = True
            index, since_ns = taken
            free_ns = self._free.popleft()
            # What nobody had granted yet was not due yet, however long a connection was free.
            self._submit(index, free_ns if since_ns is None else max(free_ns, start_ns + since_ns))
        return True

    def _submit(self, index: int, intended_ns: int) -> None:
        arrival = Arrival(
            index,
            self._session.term,
            self._choice.request(index),
            self.load.schedule.stage_of(index),
            intended_ns,
            self._clock.mono_ns(),
        )
        if self.first_lag_ns is None:
            self.first_lag_ns = arrival.decided_ns - intended_ns
        self._at(arrival.decided_ns)
        self.recorder.decided(arrival)
        self.requester.submit(arrival)

    def _sent(self, arrival: Arrival) -> None:
        self._at(arrival.sent_ns)
        self.recorder.sent(arrival)

    def _done(self, arrival: Arrival) -> None:
        self._at(arrival.done_ns)
        self.recorder.done(arrival)
        self._freed(arrival.done_ns)
        self._guard()

    def _dropped(self, arrival: Arrival, cause: str) -> None:
        now_ns = self._clock.mono_ns()
        self._at(now_ns)
        self.recorder.dropped(arrival.term, arrival.index, cause)
        self._freed(now_ns)
        self._guard()

    def _connected(self, connect_ns: int, arrival: Arrival | None) -> None:
        if arrival is None:
            self.recorder.connected(connect_ns, 0, 0)
        else:
            self.recorder.connected(connect_ns, arrival.request, arrival.stage)
        self._guard()

    def _idle(self) -> None:
        if not self._open:
            self.pump()

    def _guard(self) -> None:
        """See that nothing which waits goes out without a licence (R2, R4).

        A connection has just become free or was made: what waits would be put on it next, and
        this process may have been frozen since the last burst.
        """
        if self.requester.waiting:
            self._look(self._clock.now())
            if self._session.wants_heartbeat:
                self._wish()

    def _freed(self, mono_ns: int) -> None:
        """Note that the place of one arrival is free for the next (closed load)."""
        if not self._open:
            self._free.append(mono_ns)

    def _turn_window(self, mono_ns: int) -> int:
        """End the window if ``mono_ns`` lies beyond it; return when the present one ends."""
        self._at(mono_ns)
        return self._window_ends_ns

    def _at(self, mono_ns: int) -> None:
        """End the window first if the event to be recorded lies beyond it."""
        if mono_ns >= self._window_ends_ns:
            self._window_ends_ns = self._turn(mono_ns)
