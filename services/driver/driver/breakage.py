"""A broken generator ends the process: exceptions that the loop would only log are passed on.

Timers, acknowledgements and protocol callbacks have no caller who could catch what they raise; a
loop logs it and goes on. A driver that goes on like that sends wrong load or wrong numbers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


def watch(loop: asyncio.AbstractEventLoop, on_break: Callable[[str], None]) -> None:
    """Call ``on_break`` with a text whenever something raises that nobody catches.

    Failures of the network are no breakage, unless they come out of a callback of our own.
    """

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        loop.default_exception_handler(context)
        error = context.get("exception")
        if isinstance(error, Exception) and ("handle" in context or not isinstance(error, OSError)):
            on_break(f"{context['message']}: {type(error).__name__}: {error}")

    loop.set_exception_handler(handle)
