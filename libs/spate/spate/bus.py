"""The port to the log: what Spate asks of Kafka, and what the in-memory bus gives likewise.

A *topic* here is its full name. All calls are for one asyncio loop; callbacks come on that loop.
Readers see only committed records, in the order of each partition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

TopicPartition = tuple[str, int]
Start = int | Literal["earliest", "latest"]


class BusError(Exception):
    """The log did not take or give what was asked; trying again may help."""


class RefusedError(BusError):
    """The log is there and will not have us as we are; trying again does not help."""


class FencedError(BusError):
    """Another producer took over this transactional id: this one has ended for good.

    Kafka fences in the same way a producer whose transaction was open for longer than the
    transaction timeout, so the journal must say whether there really is another.
    """


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to append.

    ``partition`` None lets the key decide. ``value`` None is a tombstone: it deletes the key from
    a compacted topic.
    """

    topic: str
    value: bytes | None
    key: str | None = None
    partition: int | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """A record as read.

    ``append_ms`` is the log's append time (LogAppendTime) or the sender's time, as
    ``append_time`` says. ``value`` is empty for a tombstone.
    """

    topic: str
    partition: int
    offset: int
    append_ms: int
    append_time: bool
    key: str | None
    value: bytes


@dataclass(frozen=True, slots=True)
class Ack:
    """What became of a sent record: where and when it was appended, or why it was not.

    With an ``error`` the record may have been appended all the same, unless the bus never took it;
    ``offset`` is then -1.
    """

    topic: str
    partition: int
    offset: int
    append_ms: int
    append_time: bool
    error: str | None


OnAck = Callable[[Ack], None]


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in log order per partition, and the partitions of which the end was reached."""

    records: tuple[Received, ...]
    ends: frozenset[TopicPartition]


class Bounds(NamedTuple):
    """What a partition holds: from offset ``first`` on, all below ``end`` is committed."""

    first: int
    end: int


class Producer(Protocol):
    """Appends records idempotently, in order per partition."""

    def send(self, record: Outgoing, on_ack: OnAck | None = None) -> None:
        """Hand the record over without waiting; ``on_ack`` is called once, later, on the loop.

        A full buffer is an ``Ack`` with an error, never an exception or a wait.
        """

    async def flush(self, timeout_s: float) -> int:
        """Wait until all is acknowledged; return how many records still are not."""

    async def close(self) -> None:
        """Give up what is not acknowledged and free the connection."""


class TransactionalProducer(Protocol):
    """Appends several records as one fact."""

    async def start(self) -> None:
        """Take over the transactional id from whoever held it.

        Raises:
            BusError: if the log cannot be reached.
        """

    async def commit(self, records: Sequence[Outgoing]) -> tuple[Ack, ...]:
        """Append all records in one transaction and return where each one is.

        Raises:
            FencedError: if another process has taken over the transactional id.
            BusError: if the transaction was aborted, or its fate is unknown; the producer is then
                of no more use: close it and make another.
        """

    async def close(self) -> None:
        """Free the connection; an open transaction is aborted."""


class Reader(Protocol):
    """Reads partitions assigned by hand; no consumer group is involved."""

    async def read(self, max_records: int = 1000, timeout_s: float = 0.25) -> Batch:
        """Return what there is, waiting at most ``timeout_s`` for the first record.

        A partition is among ``ends`` each time the reader newly reaches its end. While the log
        cannot be reached the batch is empty; reading goes on by itself when it is back.

        Raises:
            BusError: if a position is no longer in the log, or the partition does not exist.
        """

    async def close(self) -> None:
        """Stop reading and free the connection."""


@dataclass(frozen=True, slots=True)
class ProducerOptions:
    """How a producer trades delay for throughput.

    ``delivery_timeout_s`` bounds the wait for an acknowledgement, errors included.
    """

    linger_ms: float = 5.0
    delivery_timeout_s: float = 30.0
    compression: Literal["none", "zstd"] = "zstd"


@dataclass(slots=True)
class BusHealth:
    """What went wrong on the way to the log, for ``/metrics`` and ``/readyz``.

    ``down_since_ns`` is monotonic time, None while at least one broker is connected.
    """

    errors: int = 0
    last_error: str | None = None
    down_since_ns: int | None = None


class Bus(Protocol):
    """Makes producers and readers, and knows the topics."""

    @property
    def health(self) -> BusHealth:
        """The state of the connections of this process."""

    def producer(self, options: ProducerOptions) -> Producer:
        """Return a new idempotent producer (acks=all)."""

    def transactional_producer(self, transactional_id: str) -> TransactionalProducer:
        """Return a producer that is not started yet."""

    def reader(self, positions: Mapping[TopicPartition, Start]) -> Reader:
        """Return a reader of these partitions, from these offsets on."""

    async def ensure_topics(self, wanted: Sequence[TopicConfig]) -> None:
        """Create the topics that are missing.

        Raises:
            RefusedError: if the log does not let us in, or a topic exists with another number of
                partitions or a setting that the protocol rests on (the message names both).
            BusError: if the log cannot be reached.
        """

    async def bounds(self, topic: str) -> dict[int, Bounds]:
        """Return of each partition what it holds now.

        Raises:
            BusError: if the log cannot be reached or there is no such topic.
        """

    async def close(self) -> None:
        """Close everything that was made here."""


@dataclass(frozen=True, slots=True)
class TopicConfig:
    """A topic as it must exist; ``settings`` are Kafka's topic configuration names."""

    name: str
    partitions: int
    settings: Mapping[str, str]
