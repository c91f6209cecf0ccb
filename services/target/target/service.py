"""What all connections of one target share: the counts, the behaviour and the known paths."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from target.answer import FAILED, Answer, answer_for, answer_with
from target.behaviour import Behaviour
from target.metrics import Counts, Exposition

MOST_ROUTES = 1024
_JSON = "application/json"
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Route:
    """A path that load requests were sent to: the key of its count and its answer."""

    key: str
    answer: Answer


class Connected(Protocol):
    """A connection as the service sees it."""

    def finish(self) -> None:
        """Answer what was received, then close."""

    def abort(self) -> None:
        """Close now."""


class Service:
    """Answers requests, and counts those that are load before their answer is given.

    Args:
        now: monotonic seconds.
        plain: whether answers need no clock; then they go out in the same turn of the loop.
    """

    def __init__(
        self, counts: Counts, behaviour: Behaviour, exposition: Exposition, now: Callable[[], float]
    ) -> None:
        self.counts = counts
        self.now = now
        self.plain = behaviour.is_plain
        self.records_index = counts.indices is not None
        self._connections: set[Connected] = set()
        self._finishing = False
        self._finished = asyncio.Event()
        self._behaviour = behaviour
        self._routes: dict[bytes, Route] = {}
        self._own: dict[bytes, Callable[[], Answer]] = {
            b"/count": lambda: answer_with(
                200, json.dumps(counts.document()).encode(), content_type=_JSON
            ),
            b"/metrics": lambda: answer_with(200, exposition.text(), content_type=_PROMETHEUS),
            b"/healthz": lambda: answer_with(200, b"ok\n"),
        }

    def own_answer(self, path: bytes) -> Answer | None:
        """Return the answer where the path is about the target itself, None where it is load."""
        make = self._own.get(path)
        return None if make is None else make()

    def load_answer(self, path: bytes, index: bytes | None) -> tuple[float, Answer]:
        """Count a load request received in full; return when it is due, and its answer.

        The instant is of ``now``; 0 means at once.
        """
        route = self._routes.get(path) or self._learn(path)
        counts = self.counts
        if index is not None and counts.indices is not None:
            counts.indices.record(index)
        answer = route.answer
        if self.plain and not answer.delay_s:
            counts.received(route.key, answer.status)
            return 0.0, answer
        treatment = self._behaviour.treat(self.now(), answer.delay_s)
        if treatment.failed:
            answer = FAILED
        counts.received(route.key, answer.status)
        return treatment.due_s, answer

    def _learn(self, path: bytes) -> Route:
        if len(self._routes) >= MOST_ROUTES:
            self._routes.clear()
        route = self._routes[path] = Route(self.counts.path_key(path), answer_for(path))
        return route

    def joined(self, connection: Connected) -> None:
        """Take in a connection that was made."""
        self._connections.add(connection)
        self.counts.connections += 1
        self.counts.connections_accepted += 1

    def left(self, connection: Connected) -> None:
        """Forget a connection that was lost."""
        self._connections.discard(connection)
        self.counts.connections -= 1
        if self._finishing and not self._connections:
            self._finished.set()

    async def finish(self, within_s: float) -> None:
        """Let every connection answer what it has received; close those that are not done then."""
        self._finishing = True
        if not self._connections:
            return
        for connection in tuple(self._connections):
            connection.finish()
        try:
            async with asyncio.timeout(within_s):
                await self._finished.wait()
        except TimeoutError:
            for connection in tuple(self._connections):
                connection.abort()
            # Aborted transports close in the next turn of the loop.
            await asyncio.sleep(0)
