"""What a process cannot begin without, and why it is not there yet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_PAUSE_S = 1.0
_TELL_EVERY_S = 10.0


class Waiting:
    """Waits for one thing after the other, and tells the log every some seconds for which.

    ``reason`` is a sentence, and None once everything is there.
    """

    def __init__(
        self, log: logging.Logger, pause_s: float = _PAUSE_S, tell_every_s: float = _TELL_EVERY_S
    ) -> None:
        self.reason: str | None = "getting ready"
        self._log = log
        self._pause_s = pause_s
        self._tell_every_s = tell_every_s

    async def until(
        self,
        what: str,
        attempt: Callable[[], Awaitable[T]],
        passing: type[Exception],
        final: type[Exception],
    ) -> T:
        """Repeat an attempt until it comes off, and return what it gives.

        Errors of the type ``passing`` are waited out, but for those of its subtype ``final``,
        which no waiting mends: these are raised like everything else.
        """
        loop = asyncio.get_running_loop()
        told_s: float | None = None
        self.reason = f"waiting for {what}"
        while True:
            try:
                found = await attempt()
            except final:
                raise
            except passing as error:
                self.reason = f"waiting for {what}: {error}"
                now_s = loop.time()
                if told_s is None or now_s - told_s >= self._tell_every_s:
                    told_s = now_s
                    self._log.warning("%s", self.reason)
                await asyncio.sleep(self._pause_s)
            else:
                if told_s is not None:
                    self._log.info("%s is there", what)
                self.reason = "getting ready"
                return found

    def over(self) -> None:
        """Say that everything is there."""
        self.reason = None
