"""The fleet of the benchmarks says how old its arrivals are."""

from __future__ import annotations

import asyncio
from typing import cast

from tests.bench.simulation.fleet import SimulatedFleet
from tests.unit.orchestra import make_plan, play
from tests.unit.stage import TOPICS, Stage, outcome

from spate.bus import Bus
from spate.membus import MemoryBus


def test_arrivals_are_as_old_as_their_half_second_says() -> None:
    """Two snapshots of four and two arrivals, told 3 s and 1 s ago."""

    async def act() -> None:
        stage = Stage()
        await stage.lead()
        fleet = SimulatedFleet(cast("Bus", MemoryBus(stage.log)), TOPICS, 1, real=False)
        now_s = asyncio.get_running_loop().time()
        fleet.done += [(now_s - 3, 4), (now_s - 1, 6)]
        assert fleet.ages_s(0, 4) == [3.125, 3.25, 3.375, 3.5]
        assert fleet.ages_s(4, 6) == [1.25, 1.5]
        assert fleet.ages_s(0, 6) == fleet.ages_s(0, 4) + fleet.ages_s(4, 6)
        assert fleet.ages_s(6, 6) == []
        assert fleet.ages_after_s(0, 6) == [3.0, 1.0]
        await stage.kill()

    play(act())


def test_a_simulated_fleet_does_all_that_is_planned() -> None:
    """Its heartbeats come at different times, its snapshots at one; every arrival succeeds."""

    async def act() -> None:
        stage = Stage()
        await stage.lead()
        fleet = SimulatedFleet(cast("Bus", MemoryBus(stage.log)), TOPICS, 7, real=False)
        living = asyncio.create_task(fleet.run())
        await asyncio.sleep(2)
        run_id = await stage.submit(make_plan(30, 100, drivers={"min": 7}))
        report = await stage.report(run_id)
        assert outcome(report) == ("FINISHED", 210, 210, {}, 0)
        assert fleet.done[-1][1] == 210
        assert max(fleet.late_s) < 1e-6
        living.cancel()
        await stage.kill()

    play(act())
