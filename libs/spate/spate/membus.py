"""The bus in memory: the same promises as on Kafka, within one asyncio loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spate.bus import (
    Ack,
    Batch,
    BusError,
    BusHealth,
    FencedError,
    OnAck,
    Outgoing,
    Producer,
    ProducerOptions,
    Reader,
    Received,
    Start,
    TopicConfig,
    TopicPartition,
    TransactionalProducer,
)
from spate.memlog import MemoryLog
from spate.topics import MESSAGE_MAX_BYTES

__all__ = ["MemoryBus", "MemoryLog"]

_GIVE_UP_AFTER_S = 12.0
_UNREACHABLE = "the log cannot be reached"


class MemoryBus:
    """One process's way to a ``MemoryLog``; see ``spate.bus.Bus``.

    ``offline`` cuts this process off; the log and the others go on.
    """

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self._health = BusHealth()
        self._offline = False
        self._made: list[Producer | TransactionalProducer | Reader] = []

    @property
    def health(self) -> BusHealth:
        """The state of the way to the log."""
        self._note_reach()
        return self._health

    @property
    def offline(self) -> bool:
        """True while this process does not reach the log."""
        return self._offline or self.log.offline

    @offline.setter
    def offline(self, value: bool) -> None:
        self._offline = value
        self.log.nudge()

    def failed(self, text: str) -> None:
        """Count an error."""
        self._health.errors += 1
        self._health.last_error = text

    def producer(self, options: ProducerOptions) -> _Producer:
        """Return a new producer."""
        made = _Producer(self, options)
        self._made.append(made)
        return made

    def transactional_producer(self, transactional_id: str) -> _TransactionalProducer:
        """Return a producer that is not started yet."""
        made = _TransactionalProducer(self, transactional_id)
        self._made.append(made)
        return made

    def reader(self, positions: Mapping[TopicPartition, Start]) -> _Reader:
        """Return a reader of these partitions, from these offsets on."""
        made = _Reader(self, positions)
        self._made.append(made)
        return made

    async def ensure_topics(self, wanted: Sequence[TopicConfig]) -> None:
        """Create the topics that are missing; see ``spate.bus.Bus``."""
        self.require()
        self.log.ensure(wanted)

    async def partitions(self, topic: str) -> int:
        """Return the number of partitions of a topic; see ``spate.bus.Bus``."""
        self.require()
        return len(self.log.topic(topic))

    async def close(self) -> None:
        """Close everything that was made here."""
        made, self._made = self._made, []
        for client in made:
            await client.close()

    def require(self) -> None:
        """Return if the log can be reached.

        Raises:
            BusError: if it cannot.
        """
        if self.offline:
            self.failed(_UNREACHABLE)
            raise BusError(_UNREACHABLE)

    def _note_reach(self) -> None:
        if not self.offline:
            self._health.down_since_ns = None
        elif self._health.down_since_ns is None:
            self._health.down_since_ns = int(asyncio.get_running_loop().time() * 1e9)


@dataclass(slots=True)
class _Sent:
    record: Outgoing
    on_ack: OnAck | None
    ready_at_s: float
    expires_at_s: float


class _Producer:
    def __init__(self, bus: MemoryBus, options: ProducerOptions) -> None:
        self._bus = bus
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._queue: deque[_Sent] = deque()
        self._idle = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        bus.log.watch(self._on_change)
        self._was_offline = bus.offline

    def send(self, record: Outgoing, on_ack: OnAck | None = None) -> None:
        if self._closed:
            self._loop.call_soon(self._refuse, record, on_ack, "the producer is closed")
            return
        if len(record.value or b"") > MESSAGE_MAX_BYTES:
            self._loop.call_soon(self._refuse, record, on_ack, "the record is too large")
            return
        ready_at_s = self._loop.time() + self._bus.log.delay_s
        expires_at_s = self._loop.time() + self._options.delivery_timeout_s
        self._queue.append(_Sent(record, on_ack, ready_at_s, expires_at_s))
        self._idle.clear()
        self._set_timer()

    async def flush(self, timeout_s: float) -> int:
        if self._queue:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._idle.wait()
            except TimeoutError:
                pass
        return len(self._queue)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._bus.log.unwatch(self._on_change)
        if self._timer is not None:
            self._timer.cancel()
        while self._queue:
            sent = self._queue.popleft()
            self._refuse(sent.record, sent.on_ack, "the producer was closed")
        self._idle.set()

    def _on_change(self) -> None:
        if self._queue and self._was_offline and not self._bus.offline:
            self._set_timer()
        self._was_offline = self._bus.offline

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._queue:
            self._idle.set()
            return
        head = self._queue[0]
        due_at_s = head.expires_at_s if self._bus.offline else head.ready_at_s
        self._timer = self._loop.call_at(due_at_s, self._pump)

    def _pump(self) -> None:
        now_s = self._loop.time()
        while self._queue:
            sent = self._queue[0]
            if not self._bus.offline and sent.ready_at_s <= now_s:
                self._queue.popleft()
                self._append(sent)
            elif sent.expires_at_s <= now_s:
                self._queue.popleft()
                self._refuse(sent.record, sent.on_ack, "the delivery timed out")
            else:
                break
        self._set_timer()

    def _append(self, sent: _Sent) -> None:
        try:
            ack = self._bus.log.append(sent.record)
        except BusError as error:
            self._refuse(sent.record, sent.on_ack, str(error))
            return
        self._give(sent.on_ack, ack)

    def _refuse(self, record: Outgoing, on_ack: OnAck | None, why: str) -> None:
        self._bus.failed(why)
        partition = -1 if record.partition is None else record.partition
        self._give(on_ack, Ack(record.topic, partition, -1, 0, False, why))

    def _give(self, on_ack: OnAck | None, ack: Ack) -> None:
        if on_ack is not None:
            # Not from within the pump: an ack that raises must not hold the others up.
            self._loop.call_soon(on_ack, ack)


class _TransactionalProducer:
    def __init__(self, bus: MemoryBus, transactional_id: str) -> None:
        self._bus = bus
        self._id = transactional_id
        self._epoch: int | None = None
        self._usable = True

    async def start(self) -> None:
        await self._reach()
        self._epoch = self._bus.log.take_over(self._id)

    async def commit(self, records: Sequence[Outgoing]) -> tuple[Ack, ...]:
        if not records:
            return ()
        if self._epoch is None:
            raise BusError("the transactional producer was not started")
        try:
            await self._reach()
            if not self._bus.log.holds(self._id, self._epoch):
                raise FencedError(f"another producer took {self._id} over")
            if any(len(record.value or b"") > MESSAGE_MAX_BYTES for record in records):
                raise BusError("the record is too large")  # noqa: TRY301 - ends it like the rest
            return self._bus.log.append_all(records)
        except BusError:
            self._usable = False
            raise

    async def close(self) -> None:
        self._usable = False
        self._bus.log.nudge()  # ends a wait for the log

    async def _reach(self) -> None:
        """Wait for the log; the loop runs at least once, as with a real one."""
        if not self._usable:
            raise BusError("the transactional producer is closed or has failed")
        await asyncio.sleep(self._bus.log.delay_s)
        if self._bus.offline:
            await self._wait_online()
        if not self._usable:
            raise BusError("the transactional producer was closed")

    async def _wait_online(self) -> None:
        online = asyncio.Event()

        def look() -> None:
            if not self._bus.offline or not self._usable:
                online.set()

        self._bus.log.watch(look)
        try:
            async with asyncio.timeout(_GIVE_UP_AFTER_S):
                await online.wait()
        except TimeoutError:
            self._bus.failed(_UNREACHABLE)
            raise BusError(_UNREACHABLE) from None
        finally:
            self._bus.log.unwatch(look)


class _Reader:
    def __init__(self, bus: MemoryBus, positions: Mapping[TopicPartition, Start]) -> None:
        if not positions:
            raise ValueError("a reader needs a partition to read")
        self._bus = bus
        self._starts = dict(positions)
        self._positions: dict[TopicPartition, int] = {}
        self._at_end: set[TopicPartition] = set()
        self._changed = asyncio.Event()
        self._closed = False
        bus.log.watch(self._changed.set)

    async def read(self, max_records: int = 1000, timeout_s: float = 0.25) -> Batch:
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    if self._closed:
                        raise BusError("the reader is closed")
                    self._changed.clear()
                    if not self._bus.offline:
                        batch = self._take(max_records)
                        if batch.records or batch.ends:
                            return batch
                    await self._changed.wait()
        except TimeoutError:
            return Batch((), frozenset())

    async def bounds(self, partition: TopicPartition) -> tuple[int, int]:
        self._bus.require()
        found = self._bus.log.partition(partition)
        return found.start, found.end

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._bus.log.unwatch(self._changed.set)
            self._changed.set()

    def _take(self, max_records: int) -> Batch:
        records: list[Received] = []
        ends: set[TopicPartition] = set()
        for place in self._starts:
            partition = self._bus.log.partition(place)
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
            found = self._bus.log.partition(place)
            self._positions[place] = (
                found.start if start == "earliest" else found.end if start == "latest" else start
            )
        return self._positions[place]
