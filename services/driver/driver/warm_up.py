"""Opens connections before the start, gently."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from driver.attempts import Attempts

_AT_ONCE = 32


async def warm_up(attempts: Attempts, missing: int, has_room: Callable[[], bool]) -> None:
    """Open the connections that are missing, at most 32 at once, while there is room for them.

    It stops at the first failure: a target that is not well is not made to suffer, and what is
    missing is opened when it is needed.
    """
    setbacks = attempts.setbacks
    tasks: set[asyncio.Task[None]] = set()
    while True:
        well = attempts.setbacks == setbacks
        while well and missing > 0 and len(tasks) < _AT_ONCE and has_room():
            missing -= 1
            tasks.add(attempts.begin())
        if not tasks:
            return
        _, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
