"""The idempotent producer on Kafka: sends never wait, acknowledgements come in batches."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from spate.bus import Ack, BusError, OnAck, Outgoing, ProducerOptions
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
from spate.topics import MESSAGE_MAX_BYTES

OnDelivery = Callable[[KafkaError | None, Message], None]

_POLL_S = 0.1
_RENEW_AFTER_S = 1.0
_LAST_FLUSH_S = 1.0
_BUFFER_KB = 64 * 1024


class KafkaProducer:
    """Appends records idempotently, in order per partition; see ``spate.bus.Producer``.

    The handshake for the producer's identity starts with the constructor and takes up to 0.5 s;
    the first record waits for it. Who needs the first record to be punctual makes the producer a
    second earlier, or sends something unimportant and awaits its acknowledgement.

    A producer of the library that has lost its way to the broker for good, or met a fatal error, is
    replaced by another; what the first one held is refused.
    """

    def __init__(self, settings: Settings, options: ProducerOptions, links: Links) -> None:
        self._settings = {
            **producer_settings(settings),
            "delivery.timeout.ms": int(options.delivery_timeout_s * 1000),
            "linger.ms": options.linger_ms,
            "compression.type": options.compression,
        }
        self._links = links
        self._loop = links.loop()
        self._closing = threading.Event()
        self._spent = False
        self._pending = 0
        # The topic of what was sent since something was acknowledged; both threads write it.
        self._owing: str | None = None
        self._quiet_polls = 0
        self._idle: list[asyncio.Future[None]] = []
        self._acknowledged: list[tuple[OnAck | None, Ack]] = []
        self._client: Producer | None = self._connect()
        self._ended = in_thread(self._loop, "kafka-producer", self._run)

    def send(self, record: Outgoing, on_ack: OnAck | None = None) -> None:
        """Hand the record over; see ``spate.bus.Producer``."""
        self._pending += 1
        self._owing = record.topic
        client = self._client
        try:
            if client is None or self._closing.is_set():
                raise BufferError("the producer is closed")  # noqa: TRY301 - refused like the rest
            produce(client, record, partial(self._on_delivery, on_ack))
        except (BufferError, KafkaException) as error:
            refused = refusal(record, describe(error.args[0]))
            self._loop.call_soon(self._give, [(on_ack, refused)])

    async def flush(self, timeout_s: float) -> int:
        """Wait until all is acknowledged; see ``spate.bus.Producer``."""
        if self._pending:
            idle: asyncio.Future[None] = self._loop.create_future()
            self._idle.append(idle)
            await asyncio.wait([idle], timeout=timeout_s)
        return self._pending

    @property
    def closed(self) -> bool:
        """True once it was asked to close."""
        return self._closing.is_set()

    async def close(self) -> None:
        """Give up what is not acknowledged (its acks say so) and free the connection."""
        self._closing.set()
        await wait_closed(self._ended)

    def _connect(self) -> Producer:
        try:
            return Producer(dict(self._settings), error_cb=self._on_error)
        except KafkaException as error:
            raise bus_error("making a producer", error) from error

    def _run(self) -> None:
        while not self._closing.is_set():
            assert self._client is not None
            served = self._client.poll(_POLL_S)
            self._post()
            if self._spent or (not served and self._is_lost(self._client)):
                self._renew()
        self._drop()

    def _is_lost(self, client: Producer) -> bool:
        """Tell whether nothing is acknowledged any more because there is no way to a broker."""
        owing = self._owing
        self._quiet_polls = 0 if owing is None else self._quiet_polls + 1
        if owing is None or self._quiet_polls % QUIET_POLLS:
            return False
        try:
            client.list_topics(owing, timeout=PROBE_S)
        except KafkaException:
            return True
        return False

    def _renew(self) -> None:
        self._drop()
        self._spent = False
        self._quiet_polls = 0
        self._closing.wait(_RENEW_AFTER_S)
        if not self._closing.is_set():
            self._client = self._connect()

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.purge()
            client.flush(_LAST_FLUSH_S)  # serves the delivery reports of what was purged
            self._post()

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._spent = True
        self._links.on_error(error)

    def _on_delivery(self, on_ack: OnAck | None, error: KafkaError | None, found: Message) -> None:
        if error is None:
            self._owing = None
        self._acknowledged.append((on_ack, to_ack(error, found)))

    def _post(self) -> None:
        """Hand all acknowledgements of one poll over with one wake-up."""
        if self._acknowledged:
            batch, self._acknowledged = self._acknowledged, []
            post(self._loop, self._give, batch)

    def _give(self, batch: list[tuple[OnAck | None, Ack]]) -> None:
        self._pending -= len(batch)
        if any(ack.error is None for _, ack in batch):
            self._links.well()
        for on_ack, ack in batch:
            if on_ack is not None:
                self._call(on_ack, ack)
        if not self._pending:
            idle, self._idle = self._idle, []
            for waiter in idle:
                if not waiter.done():
                    waiter.set_result(None)

    def _call(self, on_ack: OnAck, ack: Ack) -> None:
        try:
            on_ack(ack)
        except Exception as error:  # noqa: BLE001 - the other acks of the batch must not be lost
            self._loop.call_exception_handler(
                {"message": "an acknowledgement was not handled", "exception": error}
            )


def producer_settings(settings: Settings) -> dict[str, Setting]:
    """Return the settings of every producer, transactional or not."""
    return {
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": "murmur2_random",
        "message.max.bytes": MESSAGE_MAX_BYTES,
        "queue.buffering.max.kbytes": _BUFFER_KB,
        "request.timeout.ms": 5_000,
        **settings,
    }


def produce(client: Producer, record: Outgoing, on_delivery: OnDelivery) -> None:
    """Give one record to the client library.

    Raises:
        BufferError: if its buffer is full.
        KafkaException: if it refuses the record.
    """
    client.produce(
        record.topic,
        value=record.value,
        key=record.key,
        partition=-1 if record.partition is None else record.partition,
        on_delivery=on_delivery,
    )


def to_ack(error: KafkaError | None, found: Message) -> Ack:
    """Return the acknowledgement for a delivery report."""
    topic = found.topic() or ""
    partition = found.partition()
    if error is not None:
        return Ack(topic, -1 if partition is None else partition, -1, 0, False, describe(error))
    stamp_ms, by_log = append_time(found)
    offset = found.offset()
    if offset is None or partition is None:
        raise BusError("the log acknowledged a record without saying where it is")
    return Ack(topic, partition, offset, stamp_ms, by_log, None)


def refusal(record: Outgoing, why: str) -> Ack:
    """Return the acknowledgement of a record that was not even taken."""
    partition = -1 if record.partition is None else record.partition
    return Ack(record.topic, partition, -1, 0, False, why)
