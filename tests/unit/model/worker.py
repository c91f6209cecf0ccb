"""A driver process: the real session, the engine's double, and a producer that may fail."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.unit.model.engine import Engine
from tests.unit.model.log import TOPICS, Log, Place
from tests.unit.model.producer import Producers, Weather
from tests.unit.model.timeline import Clocks, Life, Process, Timeline
from tests.unit.model.truth import Truth

from driver.levels import Levels
from driver.licence import LogLostError
from driver.ranges import HeldRanges
from driver.session import Session
from spate.messages import (
    STATE_ORDER,
    AnyMessage,
    Beat,
    Cell,
    Grants,
    Order,
    PlanDocument,
    SnapshotMessage,
)
from spate.timing import MS, SECOND, Timing

_FLUSH_NS = 5 * SECOND


class Worker:
    """One driver process from its start to its end. ``ended`` says that it does nothing more."""

    def __init__(
        self,
        driver_id: str,
        boot_id: str,
        *,
        timeline: Timeline,
        log: Log,
        truth: Truth,
        timing: Timing,
        clocks: Clocks,
        random: Random,
        service_ms: int,
    ) -> None:
        self.session = Session(driver_id, boot_id, timing)
        self.engine: Engine | None = None
        self.clocks = clocks
        self.seq = 0
        self.first_seq = 1
        self.leaving = False
        self.process = Process(self._live())
        self._timeline, self._log, self._truth = timeline, log, truth
        self._timing, self._random, self._service_ms = timing, random, service_ms
        self._producers = Producers(
            timeline, log, random, sum(map(ord, driver_id)) % 3, timing.fence_after_ns
        )
        self._producers.belong_to(self.process)
        self._pulse_ns = 0
        self._cut_ns = 0
        self._start_ns: int | None = None
        self._position: dict[Place, int] = {}
        timeline.spawn(self.process)

    @property
    def ended(self) -> bool:
        """Whether it is gone for good."""
        return self.process.dead

    @property
    def weather(self) -> Weather:
        """What its way to the log is like."""
        return self._producers.weather

    @property
    def name(self) -> str:
        """Name the process."""
        return f"{self.session.driver_id}/{self.session.boot_id}"

    def kill(self) -> None:
        """End it without a word."""
        self.process.dead = True
        if self.leaving:
            self._truth.excused.add(self.session.driver_id)

    # ---- its life ------------------------------------------------------------------------------

    def _live(self) -> Life:
        for topic in (TOPICS.test_config, TOPICS.trigger):
            self._position[topic, 0] = self._log.partitions[topic, 0].stable
        while not self.leaving:
            yield from self._wait()
            if not self._turn():
                return
        yield from self._leave()

    def _leave(self) -> Life:
        """Hand back the work, finish what is in flight, report it all (R12)."""
        self.session.leave(self.clocks.moment(self._timeline.now_ns))
        self._act()
        limit_ns = self._mono_ns() + 6 * SECOND
        while self.engine is not None and self.engine.in_flight and self._mono_ns() < limit_ns:
            yield from self._wait()
            if not self._turn():
                return
        self._send_heartbeat()
        limit_ns = self._mono_ns() + _FLUSH_NS
        producers = self._producers
        while (producers.outbox or producers.unanswered) and self._mono_ns() < limit_ns:
            yield from self._wait()
            if not self._turn():
                return
        if producers.outbox:
            self._truth.excused.add(self.session.driver_id)
            self._truth.blame("a driver left before its snapshots were delivered")

    def _wait(self) -> Life:
        yield self._random.randrange(20, 80) * MS

    def _turn(self) -> bool:
        """One round of the loop, in any order; tell whether to go on."""
        jobs: list[Callable[[], None]] = [self._take_acks, self._listen, self._pump, self._pulse]
        self._random.shuffle(jobs)
        try:
            for job in jobs:
                job()
        except LogLostError:
            return False
        self._cut_in_time()
        self._producers.deliver()
        self._truth.check_session(self.session, self._log.claims)
        return True

    def _take_acks(self) -> None:
        while self._producers.acks:
            n, ack = self._producers.acks.popleft()
            self.session.on_ack(n, ack, self.clocks.moment(self._timeline.now_ns))
            self._act()

    def _listen(self) -> None:
        now_ns = self._timeline.now_ns
        if now_ns < self.weather.deaf_until_ns:
            return
        heard: list[AnyMessage] = []
        for place, position in self._position.items():
            found, self._position[place], _ = self._log.read(place, position, now_ns - 3 * MS)
            heard += [message for _, message in found if message is not None]
        if self.weather.skips:
            heard, self.weather.skips = [], False
        for message in heard:
            self._receive(message)

    def _receive(self, message: AnyMessage) -> None:
        now = self.clocks.moment(self._timeline.now_ns)
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

    def _pump(self) -> None:
        if self.engine is not None:
            self.engine.pump(self._mono_ns())

    def _pulse(self) -> None:
        if self.session.wants_heartbeat or self._mono_ns() >= self._pulse_ns:
            self._send_heartbeat()
            self._act()

    # ---- what driver.Driver does ---------------------------------------------------------------

    def _mono_ns(self) -> int:
        return self.clocks.moment(self._timeline.now_ns).mono_ns

    def _look(self) -> HeldRanges | None:
        held = self.session.look(self.clocks.moment(self._timeline.now_ns))
        self._hand_back()
        return held

    def _hand_back(self) -> None:
        for closure in self.session.take_closures():
            if self.engine is not None:
                self.engine.closed(closure)

    def _act(self) -> None:
        self._hand_back()
        load = self.session.load
        if load is not None and (self.engine is None or self.engine.load is not load):
            if self.engine is not None:
                self._cut(self.engine)
            self._start_ns, self.first_seq = None, self.seq + 1
            self.engine = Engine(
                load=load,
                session=self.session,
                truth=self._truth,
                random=self._random,
                look=self._look,
                service_ms=self._service_ms,
            )
        if self.engine is not None:
            self.engine.follow_state()
            self.engine.pump(self._mono_ns())
        if self.session.wants_heartbeat:
            self._send_heartbeat()

    def _send_heartbeat(self) -> None:
        self._look()
        engine, state = self.engine, self.session.state
        draining = state is not None and STATE_ORDER[state] >= STATE_ORDER["DRAINING"]
        if engine and (draining or self.session.leaving) and not engine.silent:
            self._cut(engine)
            engine.silent = engine.in_flight == 0
        in_flight = engine.in_flight if engine else 0
        now = self.clocks.moment(self._timeline.now_ns)
        message = self.session.heartbeat(
            now, Levels(in_flight, self.first_seq, self.seq, 0.1, None)
        )
        self._pulse_ns = now.mono_ns + self._timing.heartbeat_every_ns
        self._producers.heartbeat(message)

    def _cut_in_time(self) -> None:
        now_ns = self._mono_ns()
        if self.engine is None or self.engine.silent or now_ns < self._cut_ns:
            return
        self._cut_ns = now_ns + self._timing.snapshot_every_ns
        self._cut(self.engine)

    def _cut(self, engine: Engine) -> None:
        """Put into snapshots what was counted, see ``driver.reporter``."""
        if engine.load is self.session.load:
            self._start_ns = self.session.start_mono_ns
        now_ns = self._mono_ns()
        if self._start_ns is None or now_ns < self._start_ns:
            return
        pieces: list[tuple[int, tuple[Cell, ...]]] = engine.take_cells()
        for term, cells in pieces or [(self.session.term, ())]:
            self.seq += 1
            message = SnapshotMessage(
                driver_id=self.session.driver_id,
                boot_id=self.session.boot_id,
                term=term,
                run_id=engine.load.run_id,
                seq=self.seq,
                window=(now_ns - self._start_ns) // SECOND,
                cells=cells,
                in_flight=engine.in_flight,
                connections=1,
                cpu=0.1,
                clock_offset_ns=None,
                start_skew_ns=None,
            )
            self._producers.snapshot(message)
