"""Writes the orchestrator's transactions, one at a time, and outlives a broker's absence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from orchestrator.leadership import Leadership
from spate.bus import (
    Ack,
    Bus,
    BusError,
    FencedError,
    Outgoing,
    Producer,
    ProducerOptions,
    TransactionalProducer,
)

_LOG = logging.getLogger("orchestrator")
_AGAIN_AFTER_S = 0.5


class Writer:
    """A transactional producer that is made anew when it failed.

    Records whose transaction may or may not have been committed are written again: each is the
    full state of its key or an order with its revision, so twice is as good as once. A producer
    is fenced by another process or by a broker that ended a transaction which took too long; the
    journal says which it was (R15).
    """

    def __init__(self, bus: Bus, transactional_id: str, leadership: Leadership) -> None:
        self.failing = False
        self._since_s: float | None = None
        self._bus = bus
        self._id = transactional_id
        self._leadership = leadership
        self._producer: TransactionalProducer | None = None
        self._herald: Producer | None = None
        self._lock = asyncio.Lock()
        self._fenced: FencedError | None = None

    async def start(self) -> None:
        """Take over the transactional id.

        Raises:
            BusError: if the log cannot be reached.
        """
        producer = self._bus.transactional_producer(self._id)
        try:
            await producer.start()
        except BusError:
            await producer.close()
            raise
        self._producer = producer

    async def commit(self, records: Sequence[Outgoing]) -> tuple[Ack, ...]:
        """Write all records as one fact, however long it takes.

        Raises:
            FencedError: if another process leads; this one must end.
        """
        async with self._lock:
            self._since_s = asyncio.get_running_loop().time()
            try:
                return await self._commit_at_last(records)
            finally:
                self._since_s = None

    @property
    def waiting_s(self) -> float:
        """For how long the transaction that is open has been waiting for Kafka, 0 without one."""
        if self._since_s is None:
            return 0.0
        return asyncio.get_running_loop().time() - self._since_s

    def tell(self, record: Outgoing) -> None:
        """Send what is no fact and may be lost, at once and outside of any transaction."""
        if self._herald is None:
            options = ProducerOptions(linger_ms=0, delivery_timeout_s=1.0, compression="none")
            self._herald = self._bus.producer(options)
        self._herald.send(record)

    async def close(self) -> None:
        """Free the connections."""
        herald, self._herald = self._herald, None
        if herald is not None:
            await herald.close()
        await self._discard()

    async def _commit_at_last(self, records: Sequence[Outgoing]) -> tuple[Ack, ...]:
        """Try until it is done, or another process leads."""
        while self._fenced is None:
            try:
                acks = await self._commit(records)
            except BusError as error:
                if not self.failing:
                    _LOG.warning("the journal cannot be written: %s", error)
                self.failing = True
                await self._discard()
                await asyncio.sleep(_AGAIN_AFTER_S)
            else:
                if self.failing:
                    _LOG.info("the journal can be written again")
                self.failing = False
                return acks
        raise self._fenced

    async def _discard(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.close()

    async def _commit(self, records: Sequence[Outgoing]) -> tuple[Ack, ...]:
        if self._producer is None:
            # Before, lest a healthy successor be fenced; after, for one that came meanwhile.
            await self._check()
            await self.start()
            await self._check()
        assert self._producer is not None
        return await self._producer.commit(records)

    async def _check(self) -> None:
        try:
            await self._leadership.check()
        except FencedError as error:
            self._fenced = error
            raise
