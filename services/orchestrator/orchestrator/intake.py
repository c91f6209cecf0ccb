"""What the orchestrator reads while it runs: drivers' signs of life, and their snapshots."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from spate.bus import Bounds, Bus, BusError, Reader, Received, Start, TopicPartition
from spate.messages import AnyMessage, BadMessageError, SnapshotMessage, decode
from spate.snapshot_parts import Parts, read_parts
from spate.topics import Topics

_LOG = logging.getLogger("orchestrator")

Heard = list[tuple[AnyMessage, Received]]
Take = Callable[[SnapshotMessage, Received, Parts | None], None]


class Intake:
    """Two readers: control messages are never held up by the flood of snapshots.

    ``bad_messages`` counts, by topic, records that were no messages of ours. Reading begins at
    ``heartbeat_offset`` of the heartbeats. ``read_to`` is the offset of the next snapshot, by
    partition; ``metrics_held`` is where the partitions ended when reading began.
    """

    def __init__(self, bus: Bus, topics: Topics) -> None:
        self.heartbeat_offset = 0
        self.bad_messages: dict[str, int] = {}
        self.read_to: dict[int, int] = {}
        self.metrics_held: dict[int, int] = {}
        self._bus = bus
        self._topics = topics
        self._control: Reader | None = None
        self._metrics: Reader | None = None

    async def open(self, heartbeat_from: int | None, metrics_from: Mapping[int, int]) -> str | None:
        """Begin where the journal says, elsewhere at the present ends; ``register`` at its start.

        Returns:
            What the log should hold and does not, as a sentence (R16); None if all is there.

        Raises:
            BusError: if the log cannot be reached.
        """
        heartbeat = (await self._bus.bounds(self._topics.heartbeat))[0]
        metrics = await self._bus.bounds(self._topics.metrics)
        losses = []
        self.heartbeat_offset = heartbeat.end if heartbeat_from is None else heartbeat_from
        if not _holds(heartbeat, self.heartbeat_offset):
            losses.append(f"{self._topics.heartbeat} from offset {self.heartbeat_offset} on")
            self.heartbeat_offset = heartbeat.end
        for partition, bounds in metrics.items():
            offset = metrics_from.get(partition, bounds.end)
            if not _holds(bounds, offset):
                losses.append(f"{self._topics.metrics}[{partition}] from offset {offset} on")
                offset = bounds.first
            self.read_to[partition], self.metrics_held[partition] = offset, bounds.end
        control: dict[TopicPartition, Start] = {
            (self._topics.heartbeat, 0): self.heartbeat_offset,
            (self._topics.register, 0): "earliest",
        }
        places: dict[TopicPartition, Start] = {
            (self._topics.metrics, p): offset for p, offset in self.read_to.items()
        }
        self._control = self._bus.reader(control)
        self._metrics = self._bus.reader(places)
        return f"the log lost {' and '.join(losses)}" if losses else None

    async def control(self, timeout_s: float) -> Heard:
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

    async def snapshots(self, take: Take) -> None:
        """Hand every snapshot to ``take``, until cancelled.

        A ValueError or ArithmeticError marks it as bad.

        Raises:
            BusError: if the log lost what was to be read.
        """
        assert self._metrics is not None
        while True:
            batch = await self._metrics.read(max_records=500)
            messages = [self._decode(record) for record in batch.records]
            parts = iter(read_parts([m for m in messages if isinstance(m, SnapshotMessage)]))
            for message, record in zip(messages, batch.records, strict=True):
                if isinstance(message, SnapshotMessage):
                    try:
                        take(message, record, next(parts))
                    except (ValueError, ArithmeticError) as error:
                        whose = {"run_id": message.run_id, "driver_id": message.driver_id}
                        text = "run %s: a snapshot of %s is refused: %s"
                        _LOG.warning(text, *whose.values(), error, extra=whose)
                        self._bad(record.topic)
                elif message is not None:
                    self._bad(record.topic)
                self.read_to[record.partition] = record.offset + 1
            # Merging is work for the CPU: heartbeats must get their turn between two batches.
            await asyncio.sleep(0)

    @property
    def caught_up(self) -> bool:
        """Whether all snapshots were read that were there when reading began.

        Offsets may be compared because nothing on ``metrics`` is transactional.
        """
        return all(self.read_to[p] >= end for p, end in self.metrics_held.items())

    async def metrics_ends(self) -> dict[int, int] | None:
        """Return where the partitions of ``metrics`` end now, None if that cannot be known."""
        try:
            bounds = await self._bus.bounds(self._topics.metrics)
        except BusError as error:
            _LOG.warning("where the metrics end is not known: %s", error)
            return None
        return {p: found.end for p, found in bounds.items()}

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


def _holds(bounds: Bounds, offset: int) -> bool:
    """Tell whether all from ``offset`` on is still there (or not yet written)."""
    return bounds.first <= offset <= bounds.end
