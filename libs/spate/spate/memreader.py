"""The reader in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from spate.bus import Batch, BusError, Received, Start, TopicPartition
from spate.memlog import Reach


class MemoryReader:
    """Reads partitions assigned by hand; see ``spate.bus.Reader``."""

    def __init__(self, reach: Reach, positions: Mapping[TopicPartition, Start]) -> None:
        if not positions:
            raise ValueError("a reader needs a partition to read")
        self._reach = reach
        self._starts = dict(positions)
        self._positions: dict[TopicPartition, int] = {}
        self._at_end: set[TopicPartition] = set()
        self._changed = asyncio.Event()
        self._closed = False
        reach.log.watch(self._changed.set)

    async def read(self, max_records: int = 1000, timeout_s: float = 0.25) -> Batch:
        """Return what there is; see ``spate.bus.Reader``."""
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    if self._closed:
                        raise BusError("the reader is closed")
                    self._changed.clear()
                    if not self._reach.offline:
                        batch = self._take(max_records)
                        if batch.records or batch.ends:
                            return batch
                    await self._changed.wait()
        except TimeoutError:
            return Batch((), frozenset())

    @property
    def closed(self) -> bool:
        """True once it was asked to close."""
        return self._closed

    async def close(self) -> None:
        """Stop reading; a read that waits raises."""
        if not self._closed:
            self._closed = True
            self._reach.log.unwatch(self._changed.set)
            self._changed.set()

    def _take(self, max_records: int) -> Batch:
        records: list[Received] = []
        ends: set[TopicPartition] = set()
        for place in self._starts:
            partition = self._reach.log.partition(place)
            position = self._position(place)
            found = partition.since(position, max_records - len(records))
            if found:
                records.extend(found)
                position = found[-1].offset + 1
                self._at_end.discard(place)
            if len(records) < max_records:
                # Commit markers at the end are passed without a word.
                position = partition.end
                if place not in self._at_end:
                    self._at_end.add(place)
                    ends.add(place)
            self._positions[place] = position
        return Batch(tuple(records), frozenset(ends))

    def _position(self, place: TopicPartition) -> int:
        if place not in self._positions:
            start = self._starts[place]
            found = self._reach.log.partition(place)
            self._positions[place] = (
                found.start if start == "earliest" else found.end if start == "latest" else start
            )
        return self._positions[place]
