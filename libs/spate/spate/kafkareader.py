"""The reader on Kafka: hand-assigned partitions, committed records, batches to the loop."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Mapping
from functools import partial

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import TopicMetadata  # type: ignore[attr-defined]  # no __all__

from spate.bus import Batch, BusError, Received, Start
from spate.bus import TopicPartition as Place
from spate.kafkaclient import (
    PROBE_S,
    QUIET_POLLS,
    Links,
    Setting,
    Settings,
    append_time,
    bus_error,
    describe,
    in_thread,
    post,
    wait_closed,
)

_POLL_S = 0.1
_AT_ONCE = 500
_HELD_RECORDS = 5_000
_HELD_BYTES = 32 * 1024 * 1024
_EMPTY = Batch((), frozenset())

_Item = Received | Place | BusError


class KafkaReader:
    """Reads partitions assigned by hand; see ``spate.bus.Reader``.

    A start at ``latest`` is settled when the broker is first asked: what is appended after the
    first read that reports the end is certainly seen.

    A consumer of the library that has lost its way to the broker for good is replaced by one that
    goes on where it was.
    """

    def __init__(self, settings: Settings, positions: Mapping[Place, Start], links: Links) -> None:
        if not positions:
            raise ValueError("a reader needs a partition to read")
        self._settings = settings
        self._links = links
        self._positions = dict(positions)
        self._loop = links.loop()
        self._items: deque[_Item] = deque()
        self._arrived = asyncio.Event()
        self._closing = threading.Event()
        self._room = threading.Event()
        # Written by one side each, so that the thread can see how much is held without a lock.
        self._given = self._given_bytes = self._taken = self._taken_bytes = 0
        client = self._connect()
        self._unheard = set(positions)
        self._ended = in_thread(self._loop, "kafka-reader", partial(self._run, client))

    async def read(self, max_records: int = 1000, timeout_s: float = 0.25) -> Batch:
        """Return what there is; see ``spate.bus.Reader``."""
        if not self._items and not self._closing.is_set():
            self._arrived.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._arrived.wait()
            except TimeoutError:
                return _EMPTY
        if self._closing.is_set():
            raise BusError("the reader is closed")
        return self._take(max_records)

    @property
    def closed(self) -> bool:
        """True once it was asked to close."""
        return self._closing.is_set()

    async def close(self) -> None:
        """Stop reading and free the connection."""
        self._closing.set()
        self._room.set()
        self._arrived.set()
        await wait_closed(self._ended)

    def _take(self, max_records: int) -> Batch:
        records: list[Received] = []
        ends: set[Place] = set()
        while self._items and len(records) < max_records:
            item = self._items[0]
            if isinstance(item, BusError):
                if records or ends:
                    break  # first what came before it
                self._items.popleft()
                raise item
            self._items.popleft()
            if isinstance(item, Received):
                records.append(item)
                self._taken_bytes += len(item.value)
            else:
                ends.add(item)
        self._taken += len(records)
        self._room.set()
        return Batch(tuple(records), frozenset(ends))

    def _connect(self) -> Consumer:
        try:
            client = Consumer(reader_settings(self._settings), error_cb=self._links.on_error)
            client.assign(
                [TopicPartition(t, p, _offset(at)) for (t, p), at in self._positions.items()]
            )
        except KafkaException as error:
            raise bus_error("making a reader", error) from error
        return client

    def _run(self, client: Consumer) -> None:
        quiet_polls = 0
        try:
            while not self._closing.is_set():
                if self._is_full():
                    self._room.wait(_POLL_S)
                    self._room.clear()
                    continue
                # consume() alone would wait for a full batch or the timeout.
                first = client.poll(_POLL_S)
                if first is None:
                    quiet_polls += 1
                    if quiet_polls % QUIET_POLLS == 0 and not self._probe(client):
                        client.close()
                        client = self._connect()
                    continue
                quiet_polls = 0
                self._hand_over([first, *client.consume(_AT_ONCE, 0)])
        finally:
            client.close()

    def _is_full(self) -> bool:
        return (
            self._given - self._taken > _HELD_RECORDS
            or self._given_bytes - self._taken_bytes > _HELD_BYTES
        )

    def _hand_over(self, messages: list[Message]) -> None:
        items = [_item(message) for message in messages]
        for message in messages:
            if not _failed(message):
                self._unheard.discard(_place(message))
                self._positions[_place(message)] = _next_offset(message)
        for item in items:
            if isinstance(item, Received):
                self._given += 1
                self._given_bytes += len(item.value)
        post(self._loop, self._give, [item for item in items if item is not None])

    def _give(self, items: list[_Item]) -> None:
        if any(not isinstance(item, BusError) for item in items):
            self._links.well()
        self._items.extend(items)
        if items:
            self._arrived.set()

    def _probe(self, client: Consumer) -> bool:
        """Ask the broker what the library does not say while nothing is read.

        That it is back, if it was away; and that a partition does not exist. Tells whether there
        was an answer.
        """
        found: dict[str, TopicMetadata] = {}
        try:
            for topic in {topic for topic, _ in self._unheard or self._positions}:
                found |= client.list_topics(topic, timeout=PROBE_S).topics
        except KafkaException:
            return False
        post(self._loop, self._links.well)
        for topic, partition in sorted(self._unheard):
            if topic not in found or partition not in found[topic].partitions:
                self._unheard.remove((topic, partition))
                missing = BusError(f"there is no partition {topic}[{partition}]")
                post(self._loop, self._give, [missing])
        return True


def reader_settings(settings: Settings) -> dict[str, Setting]:
    """Return the settings of every reader."""
    return {
        # Required by the library; nobody joins this group and nothing is committed to it.
        "group.id": "spate",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "allow.auto.create.topics": False,
        "fetch.wait.max.ms": 50,
        "fetch.error.backoff.ms": 100,
        "fetch.queue.backoff.ms": 50,
        "queued.max.messages.kbytes": 16 * 1024,
        **settings,
    }


def _offset(start: Start) -> int:
    if start == "earliest":
        return OFFSET_BEGINNING
    if start == "latest":
        return OFFSET_END
    return start


def _failed(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() != KafkaError._PARTITION_EOF  # noqa: SLF001 - its name


def _next_offset(message: Message) -> int:
    """Return where to read on: after a record, or at the end that was met."""
    offset = message.offset()
    assert offset is not None
    return offset if message.error() else offset + 1


def _place(message: Message) -> Place:
    topic, partition = message.topic(), message.partition()
    assert topic is not None
    assert partition is not None
    return (topic, partition)


def _item(message: Message) -> _Item | None:
    error = message.error()
    if error is None:
        topic, partition = _place(message)
        offset = message.offset()
        assert offset is not None
        stamp_ms, by_log = append_time(message)
        key = message.key()
        return Received(
            topic=topic,
            partition=partition,
            offset=offset,
            append_ms=stamp_ms,
            append_time=by_log,
            key=None if key is None else key.decode("utf-8", "replace"),
            value=message.value() or b"",
        )
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the library's name
        return _place(message)
    if error.retriable() or error.code() in _PASSING:
        return None
    return BusError(f"reading {message.topic()}[{message.partition()}]: {describe(error)}")


_PASSING = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - the library's name
        KafkaError._TRANSPORT,  # noqa: SLF001 - the library's name
        KafkaError._TIMED_OUT,  # noqa: SLF001 - the library's name
        # The library asks for the group, which nobody uses; so nobody needs a right to it.
        KafkaError.GROUP_AUTHORIZATION_FAILED,
    }
)
