"""Nothing that was submitted outlives its timeout: one timer for all of it."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable

from driver.clock import Clock
from driver.outstanding import Outstanding
from driver.pacer import Pacer


class Timeouts:
    """Calls ``on_due`` when the oldest outstanding arrival has run out of time.

    Raises:
        OSError: if the kernel gives no timer.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        clock: Clock,
        outstanding: Outstanding,
        timeout_ns: int,
        on_due: Callable[[], None],
    ) -> None:
        self._outstanding = outstanding
        self._timeout_ns = timeout_ns
        self._watching = False
        self._pacer = Pacer(loop, clock, on_due)

    def watch(self) -> None:
        """See to it that the timer is set if anything is outstanding."""
        if not self._watching:
            self.renew()

    def renew(self) -> None:
        """Set the timer for the oldest: all have the same timeout."""
        oldest_ns = self._outstanding.oldest_ns()
        self._watching = oldest_ns is not None
        self._pacer.arm(None if oldest_ns is None else oldest_ns + self._timeout_ns)

    def close(self) -> None:
        """Free the timer."""
        self._pacer.close()
