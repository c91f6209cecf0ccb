"""What the orchestrator reads while it runs: drivers' signs of life, and their snapshots."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from spate.bus import Bus, BusError, Reader, Received, Start, TopicPartition
from spate.messages import AnyMessage, BadMessageError, SnapshotMessage, decode
from spate.topics import Topics

_LOG = logging.getLogger("orchestrator")
_AGAIN_AFTER_S = 0.5


class Intake:
    """Two readers: control messages are never held up by the flood of snapshots.

    ``bad_messages`` counts, by topic, records that were no messages of ours. Reading begins at
    ``heartbeat_offset`` of the heartbeats.
    """

    def __init__(self, bus: Bus, topics: Topics) -> None:
        self.heartbeat_offset = 0
        self.bad_messages: dict[str, int] = {}
        self._bus = bus
        self._topics = topics
        self._control: Reader | None = None
        self._metrics: Reader | None = None
        self._read_to: dict[int, int] = {}

    async def open(self) -> None:
        """Begin at the present ends of the topics, and at the start of ``register``.

        Raises:
            BusError: if the log cannot be reached.
        """
        partitions = await self._bus.partitions(self._topics.metrics)
        ends: dict[TopicPartition, Start] = {
            (self._topics.metrics, p): "latest" for p in range(partitions)
        }
        probe = self._bus.reader({**ends, (self._topics.heartbeat, 0): "latest"})
        try:
            for p in range(partitions):
                self._read_to[p] = (await probe.bounds((self._topics.metrics, p)))[1]
            self.heartbeat_offset = (await probe.bounds((self._topics.heartbeat, 0)))[1]
        finally:
            await probe.close()
        control: dict[TopicPartition, Start] = {
            (self._topics.heartbeat, 0): self.heartbeat_offset,
            (self._topics.register, 0): "earliest",
        }
        metrics: dict[TopicPartition, Start] = {
            (self._topics.metrics, p): offset for p, offset in self._read_to.items()
        }
        self._control = self._bus.reader(control)
        self._metrics = self._bus.reader(metrics)

    async def control(self, timeout_s: float) -> list[tuple[AnyMessage, Received]]:
        """Return heartbeats, beats and registrations, waiting at most ``timeout_s`` for one.

        Raises:
            BusError: if the log lost what was to be read, or does not stamp heartbeats itself.
        """
        assert self._control is not None
        batch = await self._control.read(timeout_s=max(0.001, timeout_s))
        messages = []
        for record in batch.records:
            if record.topic == self._topics.heartbeat and not record.append_time:
                raise BusError(
                    f"the topic {record.topic} must have message.timestamp.type=LogAppendTime: "
                    "its times decide who is lost"
                )
            message = self._decode(record)
            if message is not None:
                messages.append((message, record))
        return messages

    async def snapshots(self, take: Callable[[SnapshotMessage], None]) -> None:
        """Hand every snapshot to ``take``, until cancelled.

        A ValueError or ArithmeticError marks it as bad.

        Raises:
            BusError: if the log lost what was to be read.
        """
        assert self._metrics is not None
        while True:
            batch = await self._metrics.read(max_records=500)
            for record in batch.records:
                message = self._decode(record)
                if isinstance(message, SnapshotMessage):
                    try:
                        take(message)
                    except (ValueError, ArithmeticError) as error:
                        _LOG.warning("a snapshot of %s is refused: %s", record.key, error)
                        self._bad(record.topic)
                elif message is not None:
                    self._bad(record.topic)
                self._read_to[record.partition] = record.offset + 1
            # Merging is work for the CPU: heartbeats must get their turn between two batches.
            await asyncio.sleep(0)

    async def metrics_ends(self) -> dict[int, int] | None:
        """Return where the partitions of ``metrics`` end now, None if that cannot be known."""
        assert self._metrics is not None
        try:
            asked = [self._metrics.bounds((self._topics.metrics, p)) for p in self._read_to]
            found = await asyncio.gather(*asked)
            return {p: end for p, (_, end) in zip(self._read_to, found, strict=True)}
        except BusError as error:
            _LOG.warning("where the metrics end is not known: %s", error)
            await asyncio.sleep(_AGAIN_AFTER_S)
            return None

    def metrics_read_to(self, ends: dict[int, int]) -> bool:
        """Tell whether all snapshots below these ends were read.

        Offsets may be compared here because nothing on ``metrics`` is transactional: no marker
        takes an offset.
        """
        return all(self._read_to[p] >= end for p, end in ends.items())

    async def close(self) -> None:
        """Stop reading."""
        for reader in (self._control, self._metrics):
            if reader is not None:
                await reader.close()

    def _decode(self, record: Received) -> AnyMessage | None:
        try:
            return decode(record.value)
        except BadMessageError:
            self._bad(record.topic)
            return None

    def _bad(self, topic: str) -> None:
        name = topic.rpartition(".")[2]
        self.bad_messages[name] = self.bad_messages.get(name, 0) + 1
