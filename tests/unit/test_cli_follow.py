"""How long the command waits for a run that stands still."""

from __future__ import annotations

import asyncio

from tests.unit.orchestra import play

from spate_cli.follow import Standstill
from spate_cli.progress import Progress


def test_a_run_that_stands_still_is_given_up() -> None:
    """After the limit it is said what it waited for; if it went on meanwhile, time begins anew."""

    async def watch() -> tuple[str, float]:
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        progress = Progress("run-1", "small", None)
        standstill = Standstill(progress, now=loop.time, limit_s=10)
        watching = asyncio.ensure_future(standstill.until_too_long())
        for waiting_for, for_s in (("Kafka", 8), (None, 8), ("Kafka", 0)):
            progress.apply("state", {"waiting_for": waiting_for})
            await asyncio.sleep(for_s)
        return await watching, loop.time() - begun_s

    waited_for, passed_s = play(watch())
    assert waited_for == "Kafka"
    assert 26 <= passed_s <= 28
