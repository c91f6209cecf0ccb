"""Writes the orchestrator's transactions, one at a time, and outlives a broker's absence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from spate.bus import Ack, Bus, BusError, FencedError, Outgoing, TransactionalProducer

_LOG = logging.getLogger("orchestrator")
_AGAIN_AFTER_S = 0.5


class Writer:
    """A transactional producer that is made anew when it failed.

    Records whose transaction may or may not have been committed are written again: each is the
    full state of its key or an order with its revision, so twice is as good as once.
    """

    def __init__(self, bus: Bus, transactional_id: str) -> None:
        self._bus = bus
        self._id = transactional_id
        self._producer: TransactionalProducer | None = None
        self._lock = asyncio.Lock()
        self.failing = False

    async def start(self) -> None:
        """Take over the transactional id.

        Raises:
            BusError: if the log cannot be reached.
        """
        self._producer = self._bus.transactional_producer(self._id)
        await self._producer.start()

    async def commit(self, records: Sequence[Outgoing]) -> tuple[Ack, ...]:
        """Write all records as one fact, however long it takes.

        Raises:
            FencedError: if another process has taken over; this one must end.
        """
        async with self._lock:
            while True:
                try:
                    if self._producer is None:
                        await self._renew()
                    assert self._producer is not None
                    acks = await self._producer.commit(records)
                except FencedError:
                    raise
                except BusError as error:
                    if not self.failing:
                        _LOG.warning("the journal cannot be written: %s", error)
                    self.failing = True
                    await self._discard()
                    await asyncio.sleep(_AGAIN_AFTER_S)
                else:
                    self.failing = False
                    return acks

    async def close(self) -> None:
        """Free the connection."""
        await self._discard()

    async def _renew(self) -> None:
        producer = self._bus.transactional_producer(self._id)
        try:
            await producer.start()
        except BusError:
            await producer.close()
            raise
        self._producer = producer

    async def _discard(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.close()
