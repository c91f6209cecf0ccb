"""The live feed: one log of events per run, read by any number of subscribers.

A feed keeps its newest events in a ring; a subscriber is only a position in it::

    position     base ............................. end
                      dropped   |  kept events   |
                                ^oldest     ^a subscriber

Nothing is queued per subscriber, so a slow one costs nothing: when its position has fallen out
of the ring it is given a fresh snapshot and goes on from there. That is also how everybody
begins, and what a ``Last-Event-ID`` from another process or too long ago leads to.

Events carry whole values, never differences (a ``window`` row replaces the rows that begin within
its seconds), so an event that the snapshot already includes does no harm. All calls are made on
one asyncio loop.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

EventKind = Literal["snapshot", "state", "window", "fleet", "end"]

MAX_EVENTS = 1_000
MAX_BYTES = 4_000_000
"""Bounds of one run's ring; the sum of the events' text counts."""

_TAKE = 100
"""Events handed over at once: bounds what is joined into one write."""


def _text(data: Mapping[str, Any]) -> str:
    """Return the data as JSON on one line."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True, slots=True)
class Event:
    """One event as every subscriber gets it; ``data`` is JSON on one line."""

    id: str
    kind: EventKind
    data: str


class Feed:
    """The events of one run. ``snapshot()`` returns the state after all events so far."""

    def __init__(
        self,
        run_id: str,
        snapshot: Callable[[], Mapping[str, Any]],
        *,
        base: int,
        max_events: int = MAX_EVENTS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.run_id = run_id
        self._snapshot = snapshot
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._ring: deque[Event] = deque()
        self._bytes = 0
        self._end = base
        self._closed = False
        self._news = asyncio.Event()
        self._snapshot_event: Event | None = None
        self._last_snapshot: Event | None = None
        self.subscribers = 0

    @property
    def end(self) -> int:
        """The position after the newest event."""
        return self._end

    @property
    def oldest(self) -> int:
        """The position of the oldest event kept."""
        return self._end - len(self._ring)

    @property
    def closed(self) -> bool:
        """Whether no event can follow."""
        return self._closed

    def publish(self, kind: Literal["state", "window", "fleet"], data: Mapping[str, Any]) -> None:
        """Append an event; after ``finish`` or ``close`` it is ignored.

        Raises:
            ValueError: if the data holds NaN or infinity.
        """
        if not self._closed:
            self._append(kind, data)

    def finish(self, data: Mapping[str, Any]) -> None:
        """Append ``end``, the last event; the report must be in the archive by now.

        The snapshot is taken here for those who are behind, and not asked for again.
        """
        if not self._closed:
            self._append("end", data)
            self._last_snapshot = self.snapshot_event()
            self.close()

    def close(self) -> None:
        """Let all subscribers read what is there and end; nothing is appended any more."""
        self._closed = True
        self._wake()

    def restart(self, snapshot: Callable[[], Mapping[str, Any]]) -> None:
        """Drop all events and give every subscriber a snapshot: the run was read anew."""
        self._snapshot = snapshot
        self._ring.clear()
        self._bytes = 0
        self._end += 1
        self._wake()

    def position_after(self, last_event_id: str | None) -> int | None:
        """Return where a reader who has seen this id goes on; None if only a snapshot helps."""
        run_id, _, number = (last_event_id or "").rpartition(":")
        if run_id != self.run_id or not (number.isascii() and number.isdigit()):
            return None
        # A number of 19 digits is beyond any position; more would only cost time to convert.
        position = int(number[:20]) + 1
        return position if self.oldest <= position <= self._end else None

    def subscribe(self, last_event_id: str | None = None) -> Subscription:
        """Return a reader that goes on after ``last_event_id``, or begins with a snapshot."""
        return Subscription(self, self.position_after(last_event_id))

    def since(self, position: int) -> list[Event]:
        """Return up to 100 events from a position in ``[oldest, end]`` on."""
        first = position - self.oldest
        return [self._ring[at] for at in range(first, min(first + _TAKE, len(self._ring)))]

    def newest(self) -> list[Event]:
        """Return the newest event, if any is kept."""
        return [self._ring[-1]] if self._ring else []

    def snapshot_event(self) -> Event:
        """Return the state now as an event; its id is that of the newest event it includes.

        It is made once for all who ask between two events.
        """
        if self._last_snapshot is not None:
            return self._last_snapshot
        if self._snapshot_event is None:
            id_ = f"{self.run_id}:{self._end - 1}"
            self._snapshot_event = Event(id_, "snapshot", _text(self._snapshot()))
        return self._snapshot_event

    async def news(self) -> None:
        """Wait for the next event, or the close."""
        await self._news.wait()

    def _append(self, kind: EventKind, data: Mapping[str, Any]) -> None:
        event = Event(f"{self.run_id}:{self._end}", kind, _text(data))
        self._ring.append(event)
        self._bytes += len(event.data)
        self._end += 1
        while len(self._ring) > self._max_events or (
            self._bytes > self._max_bytes and len(self._ring) > 1
        ):
            self._bytes -= len(self._ring.popleft().data)
        self._wake()

    def _wake(self) -> None:
        """Wake all who wait; whoever comes later waits on a new event."""
        self._snapshot_event = None
        self._news.set()
        self._news = asyncio.Event()


class Subscription:
    """A reader's position in a feed; None stands for "needs a snapshot"."""

    def __init__(self, feed: Feed, position: int | None) -> None:
        self._feed = feed
        self._position = position

    def __enter__(self) -> Self:
        """Count as a subscriber."""
        self._feed.subscribers += 1
        return self

    def __exit__(self, *exc: object) -> None:
        """Count no longer."""
        self._feed.subscribers -= 1

    async def take(self, timeout_s: float) -> list[Event] | None:
        """Return the next events, waiting for one; ``[]`` after ``timeout_s``, None at the end."""
        feed = self._feed
        if self._position == feed.end and not feed.closed:
            try:
                async with asyncio.timeout(timeout_s):
                    await feed.news()
            except TimeoutError:
                return []
        if self._position is None or self._position < feed.oldest:
            self._position = feed.end
            # A snapshot includes the end, but only ``end`` tells the reader not to come back.
            return [feed.snapshot_event(), *(e for e in feed.newest() if e.kind == "end")]
        events = feed.since(self._position)
        self._position += len(events)
        return events or None


class Feeds:
    """The feeds of the runs that are not archived.

    ``base`` is where positions begin and must be larger than any position of an earlier process,
    or an old ``Last-Event-ID`` could name another event: wall time in ms when the process began.
    """

    def __init__(self, base: int) -> None:
        self._base = base
        self._feeds: dict[str, Feed] = {}
        self._closed = False

    def open(self, run_id: str, snapshot: Callable[[], Mapping[str, Any]]) -> Feed:
        """Return the run's feed; call it before the run can be seen.

        For a feed that is open already (the journal was read anew) it is a ``restart``.
        """
        feed = self._feeds.get(run_id)
        if feed is None:
            feed = self._feeds[run_id] = Feed(run_id, snapshot, base=self._base)
        else:
            feed.restart(snapshot)
        if self._closed:
            feed.close()
        return feed

    def find(self, run_id: str) -> Feed | None:
        """Return the feed of a run, None if it was finished or never opened."""
        return self._feeds.get(run_id)

    def finish(self, run_id: str, data: Mapping[str, Any]) -> None:
        """Send ``end`` and forget the feed; its readers still get what is left of it."""
        feed = self._feeds.pop(run_id, None)
        if feed is not None:
            feed.finish(data)

    def close(self) -> None:
        """End all streams, for good: the process stops."""
        self._closed = True
        for feed in self._feeds.values():
            feed.close()

    def subscribers(self) -> int:
        """Return how many streams are open."""
        return sum(feed.subscribers for feed in self._feeds.values())
