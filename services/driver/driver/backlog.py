"""Snapshots on their way: kept in the order of their numbers until the log has them (R11)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from spate.bus import Ack, Outgoing, Producer

_UNDER_WAY = 8
"""Records in the producer's hands at a time; two a second and a few milliseconds each need one.

The rest waits here: what the producer holds cannot be put behind a record that failed."""

_BEHIND = 8
"""Four seconds of snapshots: longer than a broker takes to hand a partition to another."""

_BACK_OFF_S = 1.0
"""Between a failure, which itself takes the producer's delivery time-out, and the next attempt."""

_MOST_RECORDS = 600
"""Five minutes at two a second: a log that is away for longer is not coming back by itself."""

_MOST_BYTES = 64 * 1024 * 1024
"""What a driver's memory limit must leave room for beside the load itself."""


class BacklogError(Exception):
    """Snapshots cannot be delivered, and more of them are not kept: the driver must end."""


class Backlog:
    """Sends numbered records in order, each under its number until it is acknowledged.

    After a failure nothing is sent until the fate of all that is under way is known; a moment
    later everything that is left goes out again, the oldest first. ``bytes`` is the size of what
    is kept, ``resent`` how often a record failed, ``oldest_ns`` when the oldest that is kept was
    added, by ``mono_ns``; None without one.
    """

    def __init__(self, producer: Producer, mono_ns: Callable[[], int]) -> None:
        self.bytes = 0
        self.resent = 0
        self.oldest_ns: int | None = None
        self._producer = producer
        self._mono_ns = mono_ns
        self._kept: dict[int, Outgoing] = {}
        self._added_ns: dict[int, int] = {}
        self._waiting: deque[int] = deque()
        self._under_way: set[int] = set()
        self._setback = False

    def __len__(self) -> int:
        """Return how many records the log may not hold yet."""
        return len(self._kept)

    @property
    def behind(self) -> bool:
        """Whether so much waits that nothing should be added without need."""
        return len(self._kept) > _BEHIND

    def add(self, number: int, record: Outgoing) -> None:
        """Take a record, whose number is above all earlier ones.

        Raises:
            BacklogError: if too much is kept; the record is taken all the same.
        """
        self._kept[number] = record
        self._added_ns[number] = self._mono_ns()
        if self.oldest_ns is None:
            self.oldest_ns = self._added_ns[number]
        self.bytes += _size(record)
        self._waiting.append(number)
        self._go_on()
        if len(self._kept) > _MOST_RECORDS or self.bytes > _MOST_BYTES:
            raise BacklogError(
                f"Kafka does not take what this driver has to report: {len(self._kept)} snapshots "
                f"({self.bytes / 1e6:.1f} MB) wait for topic {record.topic}, and more are not "
                "kept; the driver ends, and what it could not deliver counts as unconfirmed"
            )

    def _go_on(self) -> None:
        while self._waiting and len(self._under_way) < _UNDER_WAY and not self._setback:
            number = self._waiting.popleft()
            self._under_way.add(number)
            self._producer.send(self._kept[number], partial(self._fate, number))

    def _fate(self, number: int, ack: Ack) -> None:
        self._under_way.discard(number)
        if ack.error is None:
            self.bytes -= _size(self._kept.pop(number))
            del self._added_ns[number]
            self.oldest_ns = next(iter(self._added_ns.values()), None)
        else:
            self.resent += 1
            self._setback = True
        if not self._setback:
            self._go_on()
        elif not self._under_way:
            asyncio.get_running_loop().call_later(_BACK_OFF_S, self._again)

    def _again(self) -> None:
        self._setback = False
        self._waiting = deque(self._kept)
        self._go_on()


def _size(record: Outgoing) -> int:
    return len(record.value or b"")
