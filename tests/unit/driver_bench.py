"""A driver in the hands of a test: it has a session and an engine, and the test is its fleet."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from tests.unit.driver_fakes import FakeClock, FakeRequester, plan_of

from driver.arrival import Arrival
from driver.clock import Clock
from driver.driver import Driver
from driver.engine import Engine
from driver.load import Load
from driver.recorder import Recorder
from driver.requester import Requester
from driver.session import Session
from spate.bus import Ack
from spate.choice import RequestChoice
from spate.grant import Range
from spate.messages import (
    Beat,
    Grant,
    Grants,
    Heartbeat,
    PlanDocument,
    RunState,
    SnapshotMessage,
)
from spate.timing import MS, Timing


class Bench:
    """A driver whose messages are kept; it is its own carrier. Time stands still unless real."""

    def __init__(self, *, real: bool = False) -> None:
        self.fake = FakeClock()
        self.clock: Clock = Clock() if real else self.fake
        self.timing = Timing(heartbeat_every_ns=40 * MS, snapshot_every_ns=100 * MS)
        self.session = Session("d", "b", self.timing)
        self.heartbeats: list[Heartbeat] = []
        self.snapshots: list[SnapshotMessage] = []
        self.requesters: list[FakeRequester] = []
        self.order_of_things: list[str] = []
        self.fate = "acknowledged"
        self.warm_breaks = False
        self.refuses: str | None = None
        self.offset = 0
        self.revision = 0
        self.plan = plan_of("tsunami", 1000, 10, 100)
        self.driver = Driver(
            self.session,
            timing=self.timing,
            clock=self.clock,
            carrier=self,
            make_engine=self._make_engine,
        )

    @property
    def requester(self) -> FakeRequester:
        """The latest HTTP client."""
        return self.requesters[-1]

    def heartbeat(self, message: Heartbeat) -> None:
        """Take a heartbeat; its fate is told in the loop's next turn."""
        self.heartbeats.append(message)
        self.order_of_things.append("heartbeat")
        self.offset += 1
        ack = Ack("h", 0, self.offset, self.clock.wall_ns() // MS, True, None)
        if self.fate == "refused":
            ack = Ack("h", 0, -1, 0, False, "the producer is closed")
        if self.fate != "silence":
            asyncio.get_running_loop().call_soon(self.driver.acknowledged, message.n, ack)

    def snapshot(self, message: SnapshotMessage) -> None:
        """Take a snapshot."""
        self.snapshots.append(message)
        self.order_of_things.append("snapshot")

    def _make_engine(
        self, load: Load, wish: Callable[[], None], turn: Callable[[int], int]
    ) -> Engine:
        if self.refuses is not None:
            raise ValueError(self.refuses)
        choice = RequestChoice(1, [1])
        return Engine(
            load,
            session=self.session,
            clock=self.clock,
            loop=asyncio.get_running_loop(),
            recorder=Recorder(load.schedule, choice),
            choice=choice,
            make_requester=self._make_requester,
            wish=wish,
            turn=turn,
        )

    def _make_requester(
        self,
        load: Load,  # noqa: ARG002 - part of the port
        *,
        on_sent: Callable[[Arrival], None],
        on_done: Callable[[Arrival], None],
        on_dropped: Callable[[Arrival, str], None],
        on_connected: Callable[[int, Arrival | None], None],
        on_idle: Callable[[], None],
    ) -> Requester:
        made = FakeRequester(
            self.clock,
            2,
            on_sent=on_sent,
            on_done=on_done,
            on_dropped=on_dropped,
            on_connected=on_connected,
            on_idle=on_idle,
        )
        made.warm_breaks = self.warm_breaks
        self.requesters.append(made)
        return made

    def grant(self, *ranges: Range, run_id: str = "r") -> None:
        """Grant ranges to the present term."""
        digest = self.plan.digest()
        self.driver.receive(
            PlanDocument(epoch=0, run_id=run_id, digest=digest, plan=self.plan.to_document())
        )
        self.revision += 1
        mine = Grant(
            driver_id="d", boot_id="b", term=self.session.term, closed_through=0, ranges=ranges
        )
        self.driver.receive(
            Grants(
                epoch=0,
                run_id=run_id,
                revision=self.revision,
                part=0,
                parts=1,
                plan_digest=digest,
                count=1000,
                drivers_at_start=1,
                grants=(mine,),
            )
        )

    def beat(self, state: RunState, elapsed_ns: int = 0) -> None:
        """Tell the state."""
        self.driver.receive(
            Beat(
                epoch=0,
                n=1,
                run_id="r",
                revision=1,
                state=state,
                needs=1,
                starts_at_ns=None,
                elapsed_ns=elapsed_ns,
                sent_at_ns=self.clock.wall_ns(),
            )
        )

    async def begin(self) -> None:
        """Bring the run to its start, with the first claim allowed."""
        self.driver.send_heartbeat()
        await turns()
        self.grant(Range(1, 0, 1, 1000))
        await turns()
        self.beat("RUNNING")
        await turns()


async def turns() -> None:
    """Let everything happen that can."""
    for _ in range(5):
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def at_work(driver: Driver) -> AsyncIterator[None]:
    """Let the driver work, and end it."""
    task = asyncio.create_task(driver.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await driver.close()
