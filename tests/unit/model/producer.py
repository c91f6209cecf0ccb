"""A driver's way to the log: two idempotent producers whose records may fail, late and unknown."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random

from tests.unit.model.log import TOPICS, Log
from tests.unit.model.timeline import Process, Timeline

from spate.bus import Ack
from spate.messages import AnyMessage, Heartbeat, SnapshotMessage
from spate.timing import MS, SECOND

_UNDER_WAY = 8
_FAILED = Ack(TOPICS.heartbeat, 0, -1, 0, False, "the delivery timed out")


@dataclass(slots=True)
class Weather:
    """What a driver's way to the log is like.

    ``mute_until_ns``: nothing is appended; ``deaf_until_ns``: nothing is heard, and afterwards what
    was said meanwhile (unless ``skips``). ``append_ms`` and ``ack_ms`` are the most that a record
    and its acknowledgement take, ``lost`` is the share of snapshots that fail, half of them
    although they are appended, ``unanswered`` that of heartbeats without an answer.
    """

    mute_until_ns: int = 0
    deaf_until_ns: int = 0
    skips: bool = False
    append_ms: int = 15
    ack_ms: int = 15
    lost: float = 0.0
    unanswered: float = 0.0


@dataclass(slots=True)
class Sent:
    """A record on its way."""

    message: AnyMessage
    ready_ns: int
    expires_ns: int
    on_ack: Callable[[Ack], None]
    refused: bool = False
    unanswered: bool = False


class Line:
    """Appends records of one producer to one partition, in the order in which they were sent.

    In a frozen process they wait, too, and may go out as soon as it goes on, however late (A3).
    """

    def __init__(
        self, topic: str, partition: int, timeline: Timeline, log: Log, random: Random
    ) -> None:
        self.weather = Weather()
        self.process = Process(iter(()))  # type: ignore[arg-type]  # set by whom it belongs to
        self._place = (topic, partition)
        self._timeline, self._log, self._random = timeline, log, random
        self._queue: deque[Sent] = deque()
        self._acked_ns = 0

    def __len__(self) -> int:
        """Return how many records wait."""
        return len(self._queue)

    def send(self, sent: Sent) -> None:
        """Take a record."""
        self._queue.append(sent)
        self._timeline.at(sent.ready_ns, self._go_on)

    def _go_on(self) -> None:
        timeline, queue = self._timeline, self._queue
        while queue and queue[0].ready_ns <= timeline.now_ns:
            if self.process.dead and self._random.random() < 0.5:
                queue.clear()
                return
            head = queue[0]
            frozen_ns = self.process.frozen_until_ns
            if frozen_ns > timeline.now_ns:
                if self._random.random() < 0.9:
                    timeline.at(frozen_ns, self._go_on)
                    return
            elif self.weather.mute_until_ns > timeline.now_ns:
                if head.expires_ns > timeline.now_ns:
                    until_ns = min(head.expires_ns, self.weather.mute_until_ns)
                    timeline.at(until_ns, self._go_on)
                    return
                head.refused = True
            queue.popleft()
            self._deliver(head)

    def _deliver(self, sent: Sent) -> None:
        timeline = self._timeline
        if sent.refused:
            sent.on_ack(_FAILED)
            return
        ack = self._log.append(*self._place, sent.message, timeline.now_ns)
        if sent.unanswered:
            timeline.at(sent.expires_ns, lambda: sent.on_ack(_FAILED))
            return
        wait_ns = self._random.randrange(1, self.weather.ack_ms + 1) * MS
        self._acked_ns = max(self._acked_ns, timeline.now_ns + wait_ns)
        timeline.at(self._acked_ns, lambda: sent.on_ack(ack))


class Producers:
    """Heartbeats on a line of their own, and snapshots that go out until the log has them."""

    def __init__(
        self, timeline: Timeline, log: Log, random: Random, partition: int, delivery_ns: int
    ) -> None:
        self.weather = Weather()
        self.outbox: dict[int, SnapshotMessage] = {}
        self.unanswered: set[int] = set()
        self.acks: deque[tuple[int, Ack]] = deque()
        self._heartbeats = Line(TOPICS.heartbeat, 0, timeline, log, random)
        self._snapshots = Line(TOPICS.metrics, partition, timeline, log, random)
        self._heartbeats.weather = self._snapshots.weather = self.weather
        self._timeline, self._random, self._delivery_ns = timeline, random, delivery_ns
        self._under_way: set[int] = set()
        self._again_ns = 0

    def belong_to(self, process: Process) -> None:
        """Say whose producers they are."""
        self._heartbeats.process = self._snapshots.process = process

    def heartbeat(self, message: Heartbeat) -> None:
        """Send a heartbeat; its fate comes into ``acks``."""
        self.unanswered.add(message.n)

        def acked(ack: Ack) -> None:
            self.unanswered.discard(message.n)
            self.acks.append((message.n, ack))

        quiet = self._random.random() < self.weather.unanswered
        self._heartbeats.send(self._sent(message, acked, unanswered=quiet))

    def snapshot(self, message: SnapshotMessage) -> None:
        """Keep a snapshot until it is delivered."""
        self.outbox[message.seq] = message

    def deliver(self) -> None:
        """Send what is not under way; after a failure everything goes out again (R11)."""
        if self._timeline.now_ns < self._again_ns:
            return
        for seq, message in self.outbox.items():
            if len(self._under_way) >= _UNDER_WAY:
                return
            if seq not in self._under_way:
                self._under_way.add(seq)
                lot = self._random.random()
                sent = self._sent(message, partial(self._fate, seq))
                # Half of what fails is appended all the same.
                sent.refused = lot < self.weather.lost / 2
                sent.unanswered = lot < self.weather.lost
                self._snapshots.send(sent)

    def _fate(self, seq: int, ack: Ack) -> None:
        self._under_way.discard(seq)
        if ack.error is None:
            del self.outbox[seq]
        else:
            self._again_ns = self._timeline.now_ns + SECOND

    def _sent(
        self, message: AnyMessage, on_ack: Callable[[Ack], None], *, unanswered: bool = False
    ) -> Sent:
        now_ns = self._timeline.now_ns
        wait_ns = self._random.randrange(1, self.weather.append_ms + 1) * MS
        expires_ns = now_ns + self._delivery_ns
        return Sent(message, now_ns + wait_ns, expires_ns, on_ack, unanswered=unanswered)
