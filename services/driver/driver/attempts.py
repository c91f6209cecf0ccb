"""The connection attempts under way: begun within a budget, each ending in success or a kind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from driver.attempt_budget import AttemptBudget
from driver.clock import Clock
from driver.connector import ConnectError, Connector
from driver.http1 import Connection

_NS_PER_S = 1_000_000_000


class Attempts:
    """Attempts to connect, each with the connection that it would make ready.

    ``make`` returns a new connection, given when its attempt began; ``on_failed(kind)`` is called
    for each attempt that failed, ``on_budget()`` when attempts may begin again after ``may_begin``
    said no. None of them is called from within a method of this class.
    """

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        connector: Connector,
        make: Callable[[int], Connection],
        on_failed: Callable[[str], None],
        on_budget: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._connector = connector
        self._make = make
        self._on_failed = on_failed
        self._on_budget = on_budget
        self._connecting: set[Connection] = set()
        self._tasks: dict[Connection, asyncio.Task[None]] = {}
        self._budget = AttemptBudget()
        self._wake: asyncio.TimerHandle | None = None
        self._setbacks = 0

    def __len__(self) -> int:
        """Return how many are under way."""
        return len(self._connecting)

    @property
    def setbacks(self) -> int:
        """Failures and cancellations so far."""
        return self._setbacks

    def may_begin(self) -> bool:
        """Use up one attempt of the budget; False, and a call later, if there is none left."""
        now_ns = self._clock.mono_ns()
        if self._budget.take(now_ns):
            return True
        if self._wake is None:
            pause_s = (self._budget.refill_ns - now_ns) / _NS_PER_S
            self._wake = self._loop.call_later(pause_s, self._woken)
        return False

    def begin(self) -> asyncio.Task[None]:
        """Begin an attempt."""
        connection = self._make(self._clock.mono_ns())
        self._connecting.add(connection)
        task = self._loop.create_task(self._connect(connection))
        self._tasks[connection] = task
        task.add_done_callback(lambda _: self._tasks.pop(connection))
        return task

    def succeeded(self, connection: Connection) -> bool:
        """Note that the connection is ready; False if its attempt was cancelled meanwhile."""
        if connection not in self._connecting:
            return False
        self._connecting.discard(connection)
        self._budget.succeeded()
        return True

    def cancel(self) -> None:
        """End all attempts; none of them is heard of again.

        One whose connection was made in this very turn of the loop comes to its end by itself. If
        it were cancelled, the loop would close the socket and never say so.
        """
        self._setbacks += 1
        for connection in self._connecting:
            self._tasks[connection].cancel()
        self._connecting.clear()
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None

    async def ended(self) -> None:
        """Wait until the tasks of all attempts have ended."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks.values()))

    def _woken(self) -> None:
        self._wake = None
        self._on_budget()

    async def _connect(self, connection: Connection) -> None:
        try:
            await self._connector.connect(connection)
        except ConnectError as error:
            self._failed(connection, error.kind)
        except Exception:
            # A fault of ours: the arrival gets its outcome, the loop's handler the traceback.
            self._failed(connection, "internal")
            raise

    def _failed(self, connection: Connection, kind: str) -> None:
        if connection not in self._connecting:
            # Ready before the limit struck, or cancelled.
            return
        self._connecting.discard(connection)
        self._setbacks += 1
        self._budget.failed(self._clock.mono_ns())
        self._on_failed(kind)
