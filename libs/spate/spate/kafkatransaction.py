"""The transactional producer on Kafka: several records become one fact."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from spate.bus import Ack, BusError, FencedError, Outgoing
from spate.kafkaclient import (
    Links,
    Settings,
    bus_error,
    describe,
    in_thread,
    post,
    wait_closed,
)
from spate.kafkaproducer import produce, producer_settings, to_ack

TRANSACTION_TIMEOUT_S = 10.0
"""After this long the broker itself ends an open transaction."""

_GIVE_UP_AFTER_S = TRANSACTION_TIMEOUT_S + 2.0
_SLICE_S = 0.5
_PAUSE_S = 0.05
_LAST_FLUSH_S = 1.0
_FENCED = frozenset(
    {
        KafkaError._FENCED,  # noqa: SLF001 - the library's name
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.PRODUCER_FENCED,
    }
)
_T = TypeVar("_T")


class KafkaTransactionalProducer:
    """Appends several records as one fact; see ``spate.bus.TransactionalProducer``.

    The library's calls block, so they are made in one thread of their own, in slices of 0.5 s:
    closing interrupts a call that waits for a broker.
    """

    def __init__(self, settings: Settings, transactional_id: str, links: Links) -> None:
        self._links = links
        self._loop = links.loop()
        self._closing = threading.Event()
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        try:
            self._client: Producer | None = Producer(
                {
                    **producer_settings(settings),
                    "transactional.id": transactional_id,
                    "transaction.timeout.ms": int(TRANSACTION_TIMEOUT_S * 1000),
                    "delivery.timeout.ms": int(TRANSACTION_TIMEOUT_S * 1000),
                    "linger.ms": 0,
                    "compression.type": "zstd",
                },
                error_cb=links.on_error,
            )
        except KafkaException as error:
            raise bus_error("making a transactional producer", error) from error
        self._ended = in_thread(self._loop, "kafka-transactions", self._run)

    async def start(self) -> None:
        """Take over the transactional id; see ``spate.bus.TransactionalProducer``."""
        await self._call("taking over the transactional id", self._start)

    async def commit(self, records: Sequence[Outgoing]) -> tuple[Ack, ...]:
        """Append all records in one transaction; see ``spate.bus.TransactionalProducer``."""
        if not records:
            return ()
        work = partial(self._commit, tuple(records))
        return await self._call("committing a transaction", work)

    @property
    def closed(self) -> bool:
        """True once it was asked to close."""
        return self._closing.is_set()

    async def close(self) -> None:
        """Free the connection; an open transaction is aborted."""
        self._closing.set()
        self._work.put(lambda: None)
        await wait_closed(self._ended)

    async def _call(self, doing: str, work: Callable[[Producer, threading.Event], _T]) -> _T:
        if self._closing.is_set():
            raise BusError("the transactional producer is closed")
        future = self._loop.create_future()
        give_up = threading.Event()
        timer = self._loop.call_later(_GIVE_UP_AFTER_S, give_up.set)

        def settle(result: _T | None, error: BusError | None) -> None:
            if future.done():
                return
            if error is None:
                self._links.well()
                future.set_result(result)
            else:
                future.set_exception(error)

        def run() -> None:
            try:
                if self._client is None or self._closing.is_set():
                    raise BusError(f"{doing}: the transactional producer is closed")  # noqa: TRY301
                result = work(self._client, give_up)
            except KafkaException as error:
                post(self._loop, settle, None, _to_error(doing, error))
            except BufferError as error:
                post(self._loop, settle, None, BusError(f"{doing}: {error}"))
            except BusError as error:
                post(self._loop, settle, None, error)
            else:
                post(self._loop, settle, result, None)

        self._work.put(run)
        try:
            found: _T = await future
            return found
        finally:
            timer.cancel()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                work = self._work.get(timeout=_SLICE_S)
            except queue.Empty:
                if self._client is not None:
                    self._client.poll(0)  # serves errors while there is nothing to do
            else:
                work()
        while not self._work.empty():
            self._work.get()()  # each says that the producer is closed
        client, self._client = self._client, None
        if client is not None:
            client.purge()
            # Who was fenced is told so once more, and has nothing left to flush.
            with contextlib.suppress(KafkaException):
                client.flush(_LAST_FLUSH_S)

    def _start(self, client: Producer, give_up: threading.Event) -> None:
        self._patiently(client.init_transactions, give_up)

    def _commit(
        self, records: Sequence[Outgoing], client: Producer, give_up: threading.Event
    ) -> tuple[Ack, ...]:
        acks: dict[int, Ack] = {}

        def on_delivery(index: int, error: KafkaError | None, found: Message) -> None:
            acks[index] = to_ack(error, found)

        client.begin_transaction()
        try:
            for index, record in enumerate(records):
                produce(client, record, partial(on_delivery, index))
            self._patiently(client.commit_transaction, give_up)
        except KafkaException as error:
            if error.args[0].txn_requires_abort():
                self._abort(client)
            raise
        except BufferError:
            self._abort(client)
            raise
        return tuple(acks[index] for index in range(len(records)))

    def _patiently(self, call: Callable[[float], None], give_up: threading.Event) -> None:
        """Repeat a call that may be resumed after a timeout, until it is done or given up."""
        while True:
            try:
                call(_SLICE_S)
            except KafkaException as error:
                if not error.args[0].retriable() or give_up.is_set() or self._closing.is_set():
                    raise
                give_up.wait(_PAUSE_S)
            else:
                return

    def _abort(self, client: Producer) -> None:
        try:
            client.purge()
            client.abort_transaction(_SLICE_S)
        except KafkaException as error:
            self._links.on_error(error.args[0])


def _to_error(doing: str, error: KafkaException) -> BusError:
    inner = error.args[0]
    if inner.code() in _FENCED:
        return FencedError(f"{doing}: another producer took the id over: {describe(inner)}")
    return bus_error(doing, error)
