"""The log in memory: partitions, offsets, fencing, as Kafka has them, for one asyncio loop."""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Callable, Sequence

from spate.bus import (
    Ack,
    BusError,
    BusHealth,
    Outgoing,
    Received,
    RefusedError,
    TopicConfig,
    TopicPartition,
)

UNREACHABLE = "the log cannot be reached"
HELD_BYTES = 64 * 1024 * 1024
"""What a partition holds at least before its oldest (or outdated) records go."""


class Partition:
    """One ordered sequence of records; offsets only grow and may have gaps."""

    def __init__(self, place: TopicPartition, config: TopicConfig, held_bytes: int) -> None:
        self._place = place
        self._by_log = config.settings.get("message.timestamp.type") == "LogAppendTime"
        self._compacted = config.settings.get("cleanup.policy") == "compact"
        self._limit_bytes = self._held_bytes = held_bytes
        self._bytes = 0
        self._offsets: list[int] = []
        self._records: list[Received] = []
        self.start = 0
        self.end = 0

    def append(self, key: str | None, value: bytes, append_ms: int) -> Received:
        """Append a record and return it as readers will see it."""
        record = Received(*self._place, self.end, append_ms, self._by_log, key, value)
        self._offsets.append(record.offset)
        self._records.append(record)
        self.end += 1
        self._bytes += len(value)
        if self._bytes > self._limit_bytes:
            self._shed()
        return record

    def mark(self) -> None:
        """Let a commit marker take an offset; readers never see it."""
        self.end += 1

    def since(self, offset: int, at_most: int) -> Sequence[Received]:
        """Return up to so many records from this offset on.

        Raises:
            BusError: if the offset is before the first held or behind the end.
        """
        if not self.start <= offset <= self.end:
            topic, partition = self._place
            raise BusError(
                f"reading {topic}[{partition}]: offset {offset} is outside "
                f"[{self.start}, {self.end}]"
            )
        first = bisect_left(self._offsets, offset)
        return self._records[first : first + at_most]

    def delete_before(self, offset: int) -> None:
        """Forget what is older, as retention does."""
        first = bisect_left(self._offsets, offset)
        self._keep(self._records[first:])
        self.start = max(self.start, min(offset, self.end))

    def wipe(self) -> None:
        """Lose everything, offsets included, as a broker does that lost its disk."""
        self._keep([])
        self.start = self.end = 0

    def _shed(self) -> None:
        if self._compacted:
            latest = {record.key: record.offset for record in self._records}
            self._keep([r for r in self._records if latest[r.key] == r.offset and r.value])
            # What is left may be much; then wait for as much again before the next look.
            self._limit_bytes = max(self._held_bytes, 2 * self._bytes)
        else:
            self.delete_before(self._offsets[len(self._offsets) // 2])

    def _keep(self, records: list[Received]) -> None:
        self._records = records
        self._offsets = [record.offset for record in records]
        self._bytes = sum(len(record.value) for record in records)


class MemoryLog:
    """What a Kafka cluster is to several processes, for several ``MemoryBus`` of one loop.

    Args:
        now_ms: the log's own clock, wall time in ms since 1970.
        held_bytes: see ``HELD_BYTES``.

    ``delay_s`` holds every record and every commit back for so long; ``offline`` makes the log
    unreachable for everybody (``MemoryBus.offline`` for one of them).
    """

    def __init__(self, now_ms: Callable[[], int], held_bytes: int = HELD_BYTES) -> None:
        self._now_ms = now_ms
        self._held_bytes = held_bytes
        self._topics: dict[str, list[Partition]] = {}
        self._configs: dict[str, TopicConfig] = {}
        self._epochs: dict[str, int] = {}
        self._watchers: list[Callable[[], None]] = []
        self._offline = False
        self.delay_s = 0.0

    @property
    def offline(self) -> bool:
        """True while nobody reaches the log."""
        return self._offline

    @offline.setter
    def offline(self, value: bool) -> None:
        self._offline = value
        self.nudge()

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call this after every change: records appended, offline or online again."""
        self._watchers.append(watcher)

    def unwatch(self, watcher: Callable[[], None]) -> None:
        """Do not call it any more."""
        self._watchers.remove(watcher)

    def ensure(self, wanted: Sequence[TopicConfig]) -> None:
        """Create what is missing.

        Raises:
            RefusedError: if a topic has another number of partitions or another timestamp type.
        """
        for config in wanted:
            found = self._configs.setdefault(config.name, config)
            if found.partitions != config.partitions:
                raise RefusedError(
                    f"the topic {config.name} has {found.partitions} partitions "
                    f"where {config.partitions} are needed"
                )
            name = "message.timestamp.type"
            is_now = found.settings.get(name, "CreateTime")
            if is_now != config.settings.get(name, is_now):
                raise RefusedError(
                    f"the topic {config.name} has {name}={is_now} "
                    f"where {config.settings[name]} is needed"
                )
            if config.name not in self._topics:
                self._topics[config.name] = [
                    Partition((config.name, p), config, self._held_bytes)
                    for p in range(config.partitions)
                ]

    def topic(self, name: str) -> list[Partition]:
        """Return the partitions of a topic.

        Raises:
            BusError: if there is no such topic.
        """
        try:
            return self._topics[name]
        except KeyError:
            raise BusError(f"there is no topic {name}") from None

    def partition(self, place: TopicPartition) -> Partition:
        """Return one partition.

        Raises:
            BusError: if there is no such partition.
        """
        topic, partition = place
        found = self.topic(topic)
        if not 0 <= partition < len(found):
            raise BusError(f"there is no partition {topic}[{partition}]")
        return found[partition]

    def append(self, record: Outgoing) -> Ack:
        """Append one record.

        Raises:
            BusError: if there is no such partition.
        """
        ack = self._append(record)
        self.nudge()
        return ack

    def append_all(self, records: Sequence[Outgoing]) -> tuple[Ack, ...]:
        """Append all records and a commit marker to each partition, or nothing.

        Raises:
            BusError: if there is no such partition.
        """
        places = [self._place(record) for record in records]
        touched = {place: self.partition(place) for place in places}
        acks = tuple(self._append(record) for record in records)
        for partition in touched.values():
            partition.mark()
        self.nudge()
        return acks

    def take_over(self, transactional_id: str) -> int:
        """Return the epoch of a new holder of this id; all earlier epochs are fenced."""
        self._epochs[transactional_id] = self._epochs.get(transactional_id, 0) + 1
        return self._epochs[transactional_id]

    def holds(self, transactional_id: str, epoch: int) -> bool:
        """Tell whether this epoch of the id is the newest."""
        return self._epochs.get(transactional_id) == epoch

    def _append(self, record: Outgoing) -> Ack:
        place = self._place(record)
        found = self.partition(place).append(record.key, record.value or b"", self._now_ms())
        return Ack(*place, found.offset, found.append_ms, found.append_time, None)

    def _place(self, record: Outgoing) -> TopicPartition:
        if record.partition is not None:
            return (record.topic, record.partition)
        count = len(self.topic(record.topic))
        return (record.topic, zlib.crc32((record.key or "").encode()) % count)

    def nudge(self) -> None:
        """Tell all watchers that something changed."""
        for watcher in tuple(self._watchers):
            watcher()


class Reach:
    """One process's connection to the log: ``cut`` severs it for this process alone."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.health = BusHealth()
        self.cut = False

    @property
    def offline(self) -> bool:
        """True while this process does not reach the log."""
        return self.cut or self.log.offline

    def failed(self, text: str) -> None:
        """Count an error."""
        self.health.errors += 1
        self.health.last_error = text

    def require(self) -> None:
        """Return if the log can be reached.

        Raises:
            BusError: if it cannot.
        """
        if self.offline:
            self.failed(UNREACHABLE)
            raise BusError(UNREACHABLE)
