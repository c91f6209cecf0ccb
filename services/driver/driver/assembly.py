"""Puts a driver together from its parts, for a process of its own and for a run in-process."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Mapping

from driver.arrival import Arrival
from driver.clock import Clock
from driver.driver import Carrier, Driver
from driver.engine import Engine
from driver.load import Load
from driver.recorder import Raw, Recorder
from driver.requester import Requester
from driver.session import Session
from driver.traced_recorder import TracedRecorder
from spate.allowlist import Allowlist
from spate.choice import RequestChoice
from spate.timing import Timing
from spate.traceparent import TraceSampling


def assemble(
    *,
    driver_id: str,
    boot_id: str,
    timing: Timing,
    clock: Clock,
    carrier: Carrier,
    allowlist: Allowlist,
    environ: Mapping[str, str],
    raw: Raw | None = None,
    lane: bool = True,
    behind: Callable[[], bool] = lambda: False,
) -> Driver:
    """Return a driver on the running loop; ``environ`` holds the plan's secrets.

    ``lane`` allows the lane, where it was built (see ``driver.lane``). ``behind`` is asked whether
    the carrier lags behind with snapshots (see ``Driver``).
    """
    loop = asyncio.get_running_loop()
    native = lane and raw is None  # the lane keeps no single value
    session = Session(driver_id, boot_id, timing)

    def make_requester(
        load: Load,
        *,
        on_sent: Callable[[Arrival], None],
        on_done: Callable[[Arrival], None],
        on_dropped: Callable[[Arrival, str], None],
        on_connected: Callable[[int, Arrival | None], None],
        on_idle: Callable[[], None],
    ) -> Requester:
        return Requester(
            plan=load.plan,
            loop=loop,
            clock=clock,
            allowlist=allowlist,
            environ=environ,
            run_id=load.run_id,
            on_sent=on_sent,
            on_done=on_done,
            on_dropped=on_dropped,
            on_connected=on_connected,
            on_idle=on_idle,
            native=native,
        )

    def make_recorder(load: Load, choice: RequestChoice) -> Recorder:
        share = load.plan.options.traceparent
        if not share:
            return Recorder(load.schedule, choice, raw)
        sampling = TraceSampling(load.run_id, load.plan.seed, share)
        return TracedRecorder(load.schedule, choice, sampling, raw)

    def make_engine(load: Load, wish: Callable[[], None], turn: Callable[[int], int]) -> Engine:
        choice = RequestChoice(load.plan.seed, [request.weight for request in load.plan.requests])
        return Engine(
            load,
            session=session,
            clock=clock,
            loop=loop,
            recorder=make_recorder(load, choice),
            choice=choice,
            make_requester=make_requester,
            wish=wish,
            turn=turn,
        )

    return Driver(
        session,
        timing=timing,
        clock=clock,
        carrier=carrier,
        make_engine=make_engine,
        behind=behind,
    )


def spare_collector() -> None:
    """Keep the garbage collector from going through what lives as long as the process.

    Modules and classes are tens of thousands of objects; to go through them stops the load for
    tens of milliseconds. To be called once, when everything is imported.
    """
    gc.collect()
    gc.freeze()
