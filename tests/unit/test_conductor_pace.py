"""The conductor hears at once, and decides as often as it can afford."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

import pytest
from tests.unit.orchestra import JumpingLoop, make_plan
from tests.unit.stage import Stage, outcome, perform

from orchestrator.command import Command, Turn
from orchestrator.terms import Now

_DRIVERS = 40


@pytest.mark.parametrize(
    ("took_s", "fewest", "most"),
    [
        pytest.param(0, 400, 9_999, id="after every heartbeat, where that costs nothing"),
        pytest.param(0.004, 120, 165, id="at most a tenth of the time goes into it"),
        pytest.param(0.1, 30, 40, id="never later than 50 ms after something was heard"),
    ],
)
def test_to_decide_leaves_time_to_hear(
    took_s: float, fewest: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In five seconds with 80 heartbeats a second; every driver counts as heard all the time."""
    turns: list[float] = []
    turn = Command.turn

    def slow(self: Command, now: Now, read_to: Mapping[int, int]) -> Turn:
        loop = cast("JumpingLoop", asyncio.get_running_loop())
        turns.append(loop.time())
        loop._jump.time_s += took_s
        return turn(self, now, read_to)

    async def script(stage: Stage) -> None:
        for k in range(_DRIVERS):
            stage.join(f"d{k}")
            await asyncio.sleep(0.5 / _DRIVERS)
        await asyncio.sleep(2)
        monkeypatch.setattr(Command, "turn", slow)
        run_id = await stage.submit(make_plan(100, 100))
        await stage.until(run_id, "RUNNING")
        await asyncio.sleep(2)
        turns.clear()
        await asyncio.sleep(5)
        assert fewest <= len(turns) <= most
        assert stage.desk.fleet().eligible == _DRIVERS
        report = await stage.report(run_id)
        assert outcome(report) == ("FINISHED", 4_000, 4_000, {}, 0)
        assert report["run"]["drivers"] == _DRIVERS

    perform(0, script)
