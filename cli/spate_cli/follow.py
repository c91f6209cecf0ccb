"""Follows a run to its end, through breaks of the connection and of the orchestrator itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from spate_cli.client import Api, ApiError
from spate_cli.clock import monotonic_s
from spate_cli.display import Display
from spate_cli.progress import Progress
from spate_cli.sse import EventParser, StreamEvent

GIVE_UP_AFTER_S = 60.0
STAND_STILL_S = 120.0
"""Longer than the orchestrator itself lets a run wait: it would have been aborted by now."""
RETRY_EVERY_S = 1.0
SAY_EVERY_S = 10.0
_T = TypeVar("_T")


class Patience:
    """How long nobody answered, and how often to say so.

    Args:
        now: monotonic seconds.
    """

    def __init__(
        self,
        progress: Progress,
        display: Display,
        *,
        now: Callable[[], float] = monotonic_s,
        give_up_after_s: float = GIVE_UP_AFTER_S,
        retry_every_s: float = RETRY_EVERY_S,
    ) -> None:
        self._progress = progress
        self._display = display
        self._now = now
        self._give_up_after_s = give_up_after_s
        self._retry_every_s = retry_every_s
        self._since_s: float | None = None
        self._said_s = 0.0

    def well(self) -> None:
        """Note that the orchestrator answered."""
        if self._since_s is not None:
            self._since_s = None
            self._progress.trouble = None
            self._display.say("the orchestrator answers again")

    async def wait(self, error: ApiError) -> None:
        """Wait before another try.

        Raises:
            ApiError: the one given, if trying again is of no use or it took too long already.
        """
        # An orchestrator that comes back may not know the run before it has replayed its journal.
        if not error.may_pass and error.status not in {404, 409}:
            raise error
        now_s = self._now()
        if self._since_s is None:
            self._since_s, self._said_s = now_s, -SAY_EVERY_S
        left_s = self._since_s + self._give_up_after_s - now_s
        if left_s <= 0:
            raise error
        self._progress.trouble = (
            f"{error}; the load goes on without it; trying again for another {left_s:.0f} s"
        )
        if now_s - self._since_s - self._said_s >= SAY_EVERY_S:
            self._said_s = now_s - self._since_s
            self._display.say(self._progress.trouble)
        await asyncio.sleep(self._retry_every_s)

    async def until_done(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """Return what a call gives, repeated as long as it makes sense.

        Raises:
            ApiError: as ``wait``.
        """
        while True:
            try:
                result = await call()
            except ApiError as error:
                await self.wait(error)
            else:
                self.well()
                return result


class Standstill:
    """For how long the run itself has been waiting for something, without a word to the contrary.

    Args:
        now: monotonic seconds.
    """

    def __init__(
        self,
        progress: Progress,
        *,
        now: Callable[[], float] = monotonic_s,
        limit_s: float = STAND_STILL_S,
        look_every_s: float = RETRY_EVERY_S,
    ) -> None:
        self._progress = progress
        self._now = now
        self._limit_s = limit_s
        self._look_every_s = look_every_s

    async def until_too_long(self) -> str:
        """Return what the run has been waiting for, once that takes too long."""
        since_s: float | None = None
        while True:
            waits_for = self._progress.waiting_for
            if waits_for is None:
                since_s = None
            elif since_s is None:
                since_s = self._now()
            elif self._now() - since_s >= self._limit_s:
                return waits_for
            await asyncio.sleep(self._look_every_s)


class Follower:
    """Feeds the events of a run to its progress and shows it.

    After a break it goes on after the last event it has seen (``Last-Event-ID``); where that is
    gone the orchestrator begins with a new snapshot.
    """

    def __init__(self, api: Api, progress: Progress, display: Display, patience: Patience) -> None:
        self._api = api
        self._progress = progress
        self._display = display
        self._patience = patience
        self._last_id: str | None = None

    async def until_end(self) -> None:
        """Return when the run has ended.

        Raises:
            ApiError: if nobody answers for a minute, or the run is not known or not for us.
        """
        while not self._progress.ended:
            try:
                await self._follow()
                if not self._progress.ended:
                    await self._ask()
            except ApiError as error:
                await self._patience.wait(error)

    async def _follow(self) -> None:
        """Read one stream until it closes."""
        headers = {} if self._last_id is None else {"Last-Event-ID": self._last_id}
        parser = EventParser()
        async with self._api.stream(f"/runs/{self._progress.run_id}/stream", headers) as pieces:
            async for piece in pieces:
                self._patience.well()
                for event in parser.feed(piece):
                    self._take(event)
                if self._progress.ended:
                    return

    async def _ask(self) -> None:
        """Look whether a run whose stream closed without an end has ended."""
        view = await self._api.call("GET", f"/runs/{self._progress.run_id}")
        if view["run"].get("ended_at"):
            self._progress.apply("end", view["run"])
            self._display.show(self._progress)
        else:
            await asyncio.sleep(RETRY_EVERY_S)

    def _take(self, event: StreamEvent) -> None:
        self._last_id = event.id
        try:
            data: Any = json.loads(event.data)
        except ValueError:
            return
        if isinstance(data, dict):
            self._progress.apply(event.kind, data)
            self._display.show(self._progress)
