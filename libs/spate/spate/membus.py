"""The bus in memory: the same promises as on Kafka, within one asyncio loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TypeVar

from spate.bus import Bounds, BusHealth, ProducerOptions, Start, TopicConfig, TopicPartition
from spate.memlog import MemoryLog, Reach
from spate.memproducer import MemoryProducer, MemoryTransactionalProducer
from spate.memreader import MemoryReader

__all__ = ["MemoryBus", "MemoryLog"]

_Client = MemoryProducer | MemoryReader | MemoryTransactionalProducer
_Made = TypeVar("_Made", MemoryProducer, MemoryReader, MemoryTransactionalProducer)


class MemoryBus:
    """One process's way to a ``MemoryLog``; see ``spate.bus.Bus``.

    ``offline`` cuts this process off; the log and the others go on.
    """

    def __init__(self, log: MemoryLog) -> None:
        self._reach = Reach(log)
        self._made: list[_Client] = []

    @property
    def health(self) -> BusHealth:
        """The state of the way to the log; an outage counts from when it is first looked at."""
        health = self._reach.health
        if not self.offline:
            health.down_since_ns = None
        elif health.down_since_ns is None:
            health.down_since_ns = int(asyncio.get_running_loop().time() * 1e9)
        return health

    @property
    def offline(self) -> bool:
        """True while this process does not reach the log."""
        return self._reach.offline

    @offline.setter
    def offline(self, value: bool) -> None:
        self._reach.cut = value
        self._reach.log.nudge()

    def producer(self, options: ProducerOptions) -> MemoryProducer:
        """Return a new producer."""
        return self._keep(MemoryProducer(self._reach, options))

    def transactional_producer(self, transactional_id: str) -> MemoryTransactionalProducer:
        """Return a producer that is not started yet."""
        return self._keep(MemoryTransactionalProducer(self._reach, transactional_id))

    def reader(self, positions: Mapping[TopicPartition, Start]) -> MemoryReader:
        """Return a reader of these partitions, from these offsets on."""
        return self._keep(MemoryReader(self._reach, positions))

    async def ensure_topics(self, wanted: Sequence[TopicConfig]) -> None:
        """Create the topics that are missing; see ``spate.bus.Bus``."""
        self._reach.require()
        self._reach.log.ensure(wanted)

    async def bounds(self, topic: str) -> dict[int, Bounds]:
        """Return what each partition of a topic holds; see ``spate.bus.Bus``."""
        self._reach.require()
        partitions = self._reach.log.topic(topic)
        return {p: Bounds(held.start, held.end) for p, held in enumerate(partitions)}

    async def close(self) -> None:
        """Close everything that was made here."""
        made, self._made = self._made, []
        for client in made:
            await client.close()

    def _keep(self, made: _Made) -> _Made:
        self._made = [client for client in self._made if not client.closed]
        self._made.append(made)
        return made
