"""One driver: heartbeats, control and engine around a session, whatever carries the messages.

With Kafka the carrier is ``driver.link``; ``spate run --local`` is its own carrier. Both run this
very class.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from driver.clock import Clock
from driver.engine import Engine
from driver.levels import Levels
from driver.licence import LogLostError
from driver.load import Load
from driver.reporter import Reporter
from driver.run_log import RunLog
from driver.session import Session
from driver.tally import Totals
from spate.bus import Ack
from spate.messages import (
    STATE_ORDER,
    AnyMessage,
    Beat,
    Grants,
    Heartbeat,
    Order,
    PlanDocument,
    SnapshotMessage,
)
from spate.timing import SECOND, Timing

_LATE_RATHER_THAN_EARLY_S = 0.001
"""The loop's timers count in milliseconds and round; a cut just before a second's end is no use."""


class Carrier(Protocol):
    """Takes a driver's messages to the orchestrator."""

    def heartbeat(self, message: Heartbeat) -> None:
        """Send now; the fate comes back through ``Driver.acknowledged``."""

    def snapshot(self, message: SnapshotMessage) -> None:
        """Deliver, however long it takes."""


EngineMaker = Callable[[Load, Callable[[], None], Callable[[int], int]], Engine]
"""Makes the engine of a run from its load, ``wish`` and ``turn`` (see ``Engine``)."""


class Driver:
    """Keeps the session informed and the engine running.

    ``behind`` tells whether the carrier has so many snapshots to deliver that one without news
    would be one too many.
    """

    def __init__(
        self,
        session: Session,
        *,
        timing: Timing,
        clock: Clock,
        carrier: Carrier,
        make_engine: EngineMaker,
        behind: Callable[[], bool] = lambda: False,
    ) -> None:
        self.session = session
        self.engine: Engine | None = None
        self.cpu = 0.0
        self.clock_offset_ns: int | None = None
        self._timing = timing
        self._clock = clock
        self._carrier = carrier
        self._make_engine = make_engine
        self._reporter = Reporter(
            session, clock, timing.snapshot_every_ns, carrier.snapshot, behind, soon=self._soon
        )
        self._cpu_mark = (clock.mono_ns(), clock.cpu_ns())
        self._retired: set[asyncio.Task[None]] = set()
        self._log = RunLog(session)
        self._pulse_due_ns = 0
        self._wished = asyncio.Event()
        self._closed = False

    @property
    def last_seq(self) -> int:
        """The number of the newest snapshot."""
        return self._reporter.seq

    @property
    def totals(self) -> Totals:
        """What this process has done so far."""
        return self._reporter.tally.totals

    @property
    def start_skew_ns(self) -> int | None:
        """How late the first arrival of the newest run was, as the latest snapshot said."""
        return self._reporter.start_skew_ns

    @property
    def in_flight(self) -> int:
        """Arrivals decided and not done."""
        engine = self.engine
        return engine.requester.in_flight if engine else 0

    async def run(self) -> None:
        """Send heartbeats and cut snapshots until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._pulse())
            tasks.create_task(self._cuts())

    def receive(self, message: AnyMessage) -> None:
        """Take a control message and act on what it changed."""
        now = self._clock.now()
        match message:
            case PlanDocument():
                self.session.on_plan(message)
            case Grants():
                self.session.on_grants(message, now)
            case Order():
                self.session.on_order(message, now)
            case Beat():
                self.session.on_beat(message, now)
            case _:
                return
        self._act()

    def acknowledged(self, n: int, ack: Ack) -> None:
        """Take the fate of heartbeat ``n``.

        Raises:
            LogLostError: if the log cannot be relied on; the process must end.
        """
        try:
            self.session.on_ack(n, ack, self._clock.now())
        except LogLostError:
            self._hand_back()
            raise
        self._act()

    async def warmed(self) -> None:
        """Wait until the connections of a run just taken up are open, or could not be opened."""
        await asyncio.gather(*self._retired, return_exceptions=True)

    async def leave(self, limit_ns: int) -> None:
        """Hand back the work, finish what is in flight and report it all (R12)."""
        self.session.leave(self._clock.now())
        self._act()
        deadline_ns = self._clock.mono_ns() + limit_ns
        while self.in_flight and self._clock.mono_ns() < deadline_ns:  # noqa: ASYNC110 - once in a life
            await asyncio.sleep(0.02)
        self.send_heartbeat()

    async def close(self) -> None:
        """Free timers and connections; nothing is done any more, whatever arrives."""
        self._closed = True
        with contextlib.suppress(Exception):  # what broke once may break again; it is known
            self._reporter.flush()
        if self.engine is not None:
            await self.engine.close()
            self.engine = None
        for task in tuple(self._retired):
            with contextlib.suppress(Exception):
                await task

    def send_heartbeat(self) -> None:
        """Send a heartbeat now; towards the end, all that is known is reported before it."""
        now = self._clock.now()
        self.session.look(now)
        self._hand_back()
        # What it says of the snapshots must hold for all that was cut.
        self._reporter.flush()
        engine, state = self.engine, self.session.state
        draining = state is not None and STATE_ORDER[state] >= STATE_ORDER["DRAINING"]
        if engine and (draining or self.session.leaving) and not engine.silent:
            self._reporter.cut(engine, self.cpu)
            engine.silent = engine.requester.in_flight == 0
        reporter = self._reporter
        levels = Levels(
            self.in_flight, reporter.first_seq, reporter.seq, self.cpu, reporter.lag_p99_ns
        )
        message = self.session.heartbeat(now, levels)
        self.clock_offset_ns = message.clock.offset_ns if message.clock else None
        self._pulse_due_ns = now.mono_ns + self._timing.heartbeat_every_ns
        self._carrier.heartbeat(message)

    def _act(self) -> None:
        """Do what the session's last change asks for."""
        if self._closed:
            return
        self._hand_back()
        self._log.look()
        load = self.session.load
        taken = self.engine is not None and self.engine.load is load
        if load is not None and not taken and self.session.refusal is None:
            self._take_up(load)
        if self.engine is not None:
            self.engine.follow_state()
            self.engine.pump()
        if self.session.wants_heartbeat:
            self.send_heartbeat()

    def _hand_back(self) -> None:
        """Account for what the terms that closed had not put on a socket (R4)."""
        for closure in self.session.take_closures():
            self._log.closed(closure)
            if self.engine is not None:
                self.engine.closed(closure)

    def _take_up(self, load: Load) -> None:
        """Replace the engine of the last run by one for this, or say why there cannot be one."""
        if self.engine is not None:
            self._reporter.cut(self.engine, self.cpu)
            self._spawn(self.engine.close())
            self.engine = None
        self._reporter.begin()
        engine: Engine | None = None

        def turn(mono_ns: int) -> int:
            assert engine is not None
            return self._reporter.turn(engine, self.cpu, mono_ns)

        try:
            self.engine = engine = self._make_engine(load, self._wished.set, turn)
        except ValueError as error:
            # A secret that is not here, or a certificate that is none: of the plan, not of ours.
            self.session.refuse(str(error))
            self._log.look()
        else:
            self._spawn(engine.warm())

    def _soon(self, call: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_soon(call)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._retired.add(task)
        task.add_done_callback(self._retire)

    def _retire(self, task: asyncio.Task[None]) -> None:
        """Forget a task; what it raised goes to the loop's handler at once."""
        self._retired.discard(task)
        if not task.cancelled():
            task.result()

    async def _pulse(self) -> None:
        while True:
            if self.session.wants_heartbeat or self._pulse_left_ns() <= 0:
                self._measure_cpu()
                self.send_heartbeat()
                self._act()
            self._wished.clear()
            with contextlib.suppress(TimeoutError):
                left_ns = self._pulse_left_ns()
                async with asyncio.timeout(max(0, left_ns) / SECOND):
                    await self._wished.wait()

    def _pulse_left_ns(self) -> int:
        """Return how long the next heartbeat has; a little more while a snapshot is told in pieces.

        It would have the rest told at once, which takes milliseconds in which nothing is sent.
        """
        slack_ns = self._timing.heartbeat_slack_ns if self._reporter.telling else 0
        return self._pulse_due_ns + slack_ns - self._clock.mono_ns()

    async def _cuts(self) -> None:
        every_ns = self._timing.snapshot_every_ns
        while True:
            start_ns = self.session.start_mono_ns
            now_ns = self._clock.mono_ns()
            phase_ns = (now_ns - start_ns) % every_ns if start_ns is not None else 0
            await asyncio.sleep((every_ns - phase_ns) / SECOND + _LATE_RATHER_THAN_EARLY_S)
            engine = self.engine
            if engine is not None and not engine.silent:
                self._reporter.tick(engine, self.cpu)

    def _measure_cpu(self) -> None:
        now_ns, cpu_ns = self._clock.mono_ns(), self._clock.cpu_ns()
        before_ns, cpu_before_ns = self._cpu_mark
        if now_ns - before_ns >= SECOND // 4:
            self.cpu = round((cpu_ns - cpu_before_ns) / (now_ns - before_ns), 4)
            self._cpu_mark = (now_ns, cpu_ns)
