"""A driver's Kafka side: heartbeats on a producer of their own, snapshots, control messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from driver.backlog import Backlog
from spate.bus import Ack, Batch, Bus, BusError, Outgoing, ProducerOptions
from spate.messages import (
    AnyMessage,
    BadMessageError,
    Heartbeat,
    Register,
    SnapshotMessage,
    decode,
    encode,
)
from spate.timing import SECOND, Timing
from spate.topics import Topics

_LOG = logging.getLogger("driver")
_REOPEN_AFTER_S = 1.0


class Link:
    """Carries one driver's messages over Kafka.

    ``on_ack`` gets the fate of each heartbeat. A snapshot is kept in ``backlog`` until it is
    acknowledged, and sent again under its number as often as it takes (R11).
    """

    def __init__(
        self,
        bus: Bus,
        topics: Topics,
        timing: Timing,
        on_ack: Callable[[int, Ack], None],
        mono_ns: Callable[[], int],
    ) -> None:
        self.bad_messages = 0
        self._bus = bus
        self._topics = topics
        self._on_ack = on_ack
        self._heartbeats = bus.producer(
            ProducerOptions(
                linger_ms=0,
                delivery_timeout_s=timing.fence_after_ns / SECOND,
                compression="none",
            )
        )
        self._snapshots = bus.producer(ProducerOptions())
        self.backlog = Backlog(self._snapshots, mono_ns)

    def register(self, message: Register) -> None:
        """Describe the driver, for display."""
        self._snapshots.send(Outgoing(self._topics.register, encode(message), message.driver_id))

    def heartbeat(self, message: Heartbeat) -> None:
        """Send a heartbeat; its fate goes to ``on_ack``."""
        record = Outgoing(self._topics.heartbeat, encode(message), message.driver_id, 0)
        self._heartbeats.send(record, lambda ack: self._on_ack(message.n, ack))

    def snapshot(self, message: SnapshotMessage) -> None:
        """Send a snapshot, again and again until it is acknowledged.

        Raises:
            BacklogError: if too many are not; the driver must end.
        """
        record = Outgoing(self._topics.metrics, encode(message), message.driver_id)
        self.backlog.add(message.seq, record)

    async def listen(self, receive: Callable[[AnyMessage], None]) -> None:
        """Hand every control message to ``receive``, until cancelled.

        It begins at the end of the topics: the orchestrator repeats what a newcomer must know.
        """
        told: str | None = None
        while True:
            reader = self._bus.reader(
                {(self._topics.test_config, 0): "latest", (self._topics.trigger, 0): "latest"}
            )
            try:
                while True:
                    self._pass_on(await reader.read(timeout_s=1.0), receive)
            except BusError as error:
                # A position that is gone: the newest state is all that counts here.
                if str(error) != told:
                    told = str(error)
                    _LOG.warning("control messages are read anew: %s", told)
                await asyncio.sleep(_REOPEN_AFTER_S)
            finally:
                await reader.close()

    def _pass_on(self, batch: Batch, receive: Callable[[AnyMessage], None]) -> None:
        for record in batch.records:
            try:
                message = decode(record.value)
            except BadMessageError:
                self.bad_messages += 1
            else:
                receive(message)

    async def flush(self, timeout_s: float) -> int:
        """Wait until everything is acknowledged; return how many snapshots are not."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while (left := deadline - loop.time()) > 0:
            await self._heartbeats.flush(min(left, 1.0))
            await self._snapshots.flush(min(left, 1.0))
            if not self.backlog:
                break
            await asyncio.sleep(0.05)
        return len(self.backlog)
