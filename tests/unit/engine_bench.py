"""An engine in the hands of a test: its session, its clock and its HTTP client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.unit.driver_fakes import START_NS, FakeClock, FakeRequester, plan_of

from driver.arrival import Arrival
from driver.engine import Engine
from driver.levels import Levels
from driver.load import Load
from driver.recorder import Recorder
from driver.requester import Requester
from driver.session import Session
from spate.bus import Ack
from spate.choice import RequestChoice
from spate.grant import Range
from spate.messages import Beat, Grant, Grants, Heartbeat, PlanDocument, RunState
from spate.timing import MS, SECOND, Timing

LEVELS = Levels(0, 1, 0, 0.0, None)


class NotedRecorder(Recorder):
    """Writes down what it is told."""

    def __init__(self, load: Load, choice: RequestChoice) -> None:
        super().__init__(load.schedule, choice)
        self.notes: list[str] = []

    def sent(self, arrival: Arrival) -> None:
        """Note a send."""
        super().sent(arrival)
        self.notes.append(f"sent {arrival.index}")

    def done(self, arrival: Arrival) -> None:
        """Note an outcome."""
        super().done(arrival)
        self.notes.append(f"{arrival.outcome} {arrival.index}")

    def dropped(self, term: int, index: int, cause: str) -> None:
        """Note a drop."""
        super().dropped(term, index, cause)
        self.notes.append(f"dropped({cause}) {index} of term {term}")

    def missed(self, term: int, index: int, cause: str) -> None:
        """Note a miss."""
        super().missed(term, index, cause)
        self.notes.append(f"missed({cause}) {index} of term {term}")

    def connected(self, connect_ns: int, request: int, stage: int) -> None:
        """Note a connection."""
        super().connected(connect_ns, request, stage)
        self.notes.append(f"connected in {connect_ns}")


class Bench:
    """An engine in a run that has begun, with everything granted and the first claim allowed."""

    def __init__(
        self,
        test_type: str = "tsunami",
        *,
        count: int = 1000,
        delay_ms: float = 10,
        in_flight: int = 100,
        sockets: int = 3,
        connections: int = 3,
        elapsed_ns: int = 0,
    ) -> None:
        self.clock = FakeClock()
        self.session = Session("d", "b", Timing())
        self.plan = plan_of(test_type, count, delay_ms, in_flight, connections)
        self.count = count
        self.sockets = sockets
        self.offset = 0
        self.revision = 0
        self.next_id = 1
        self.wishes = 0
        self.turns: list[int] = []
        self.exchange()
        self.grant(Range(1, 0, 1, count))
        self.beat("RUNNING", elapsed_ns)
        self.exchange()
        load = self.session.load
        assert load is not None
        choice = RequestChoice(1, [1])
        self.recorder = NotedRecorder(load, choice)
        self.engine = Engine(
            load,
            session=self.session,
            clock=self.clock,
            loop=asyncio.get_running_loop(),
            recorder=self.recorder,
            choice=choice,
            make_requester=self._make_requester,
            wish=self._wish,
            turn=self._turn,
        )

    def _make_requester(
        self,
        load: Load,
        *,
        on_sent: Callable[[Arrival], None],
        on_done: Callable[[Arrival], None],
        on_dropped: Callable[[Arrival, str], None],
        on_connected: Callable[[int, Arrival | None], None],
        on_idle: Callable[[], None],
    ) -> Requester:
        assert load is self.session.load
        self.requester = FakeRequester(
            self.clock,
            self.sockets,
            on_sent=on_sent,
            on_done=on_done,
            on_dropped=on_dropped,
            on_connected=on_connected,
            on_idle=on_idle,
        )
        return self.requester

    def _wish(self) -> None:
        self.wishes += 1

    def _turn(self, mono_ns: int) -> int:
        self.turns.append(mono_ns - START_NS)
        return mono_ns + SECOND

    def exchange(self) -> None:
        """Send a heartbeat, acknowledged at once."""
        self.acknowledge(self.heartbeat())

    def heartbeat(self) -> Heartbeat:
        """Send a heartbeat."""
        return self.session.heartbeat(self.clock.now(), LEVELS)

    def acknowledge(self, message: Heartbeat) -> None:
        """Acknowledge a heartbeat, appended now."""
        self.offset += 1
        ack = Ack("h", 0, self.offset, self.clock.ns // MS, True, None)
        self.session.on_ack(message.n, ack, self.clock.now())

    def grant(self, *ranges: Range) -> None:
        """Grant ranges to the present term."""
        digest = self.plan.digest()
        self.session.on_plan(
            PlanDocument(epoch=0, run_id="r", digest=digest, plan=self.plan.to_document())
        )
        self.revision += 1
        mine = Grant(
            driver_id="d", boot_id="b", term=self.session.term, closed_through=0, ranges=ranges
        )
        self.session.on_grants(
            Grants(
                epoch=0,
                run_id="r",
                revision=self.revision,
                part=0,
                parts=1,
                plan_digest=digest,
                count=self.count,
                drivers_at_start=1,
                grants=(mine,),
            ),
            self.clock.now(),
        )

    def beat(self, state: RunState, elapsed_ns: int | None = None) -> None:
        """Tell the state."""
        self.session.on_beat(
            Beat(
                epoch=0,
                n=1,
                run_id="r",
                revision=1,
                state=state,
                needs=1,
                starts_at_ns=None,
                elapsed_ns=elapsed_ns,
                sent_at_ns=self.clock.ns,
            ),
            self.clock.now(),
        )

    def deadline_ns(self) -> int | None:
        """When the engine's timer strikes, relative to the beginning of the test."""
        deadline_ns = self.engine._pacer.deadline_ns
        return None if deadline_ns is None else deadline_ns - START_NS

    def wait(self, ns: int) -> None:
        """Let time pass."""
        self.clock.ns += ns
