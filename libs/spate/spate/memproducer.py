"""The producers in memory: plain and transactional."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from spate.bus import Ack, BusError, FencedError, OnAck, Outgoing, ProducerOptions
from spate.memlog import UNREACHABLE, Reach
from spate.topics import MESSAGE_MAX_BYTES

_GIVE_UP_AFTER_S = 12.0


@dataclass(slots=True)
class _Sent:
    record: Outgoing
    on_ack: OnAck | None
    ready_at_s: float
    expires_at_s: float


class MemoryProducer:
    """Appends records after the delay; see ``spate.bus.Producer``."""

    def __init__(self, reach: Reach, options: ProducerOptions) -> None:
        self._reach = reach
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._queue: deque[_Sent] = deque()
        self._idle = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        reach.log.watch(self._on_change)
        self._was_offline = reach.offline

    def send(self, record: Outgoing, on_ack: OnAck | None = None) -> None:
        """Hand the record over; see ``spate.bus.Producer``."""
        if self._closed:
            self._loop.call_soon(self._refuse, record, on_ack, "the producer is closed")
            return
        if len(record.value or b"") > MESSAGE_MAX_BYTES:
            self._loop.call_soon(self._refuse, record, on_ack, "the record is too large")
            return
        ready_at_s = self._loop.time() + self._reach.log.delay_s
        expires_at_s = self._loop.time() + self._options.delivery_timeout_s
        self._queue.append(_Sent(record, on_ack, ready_at_s, expires_at_s))
        self._idle.clear()
        self._set_timer()

    async def flush(self, timeout_s: float) -> int:
        """Wait until all is acknowledged; see ``spate.bus.Producer``."""
        if self._queue:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._idle.wait()
            except TimeoutError:
                pass
        return len(self._queue)

    @property
    def closed(self) -> bool:
        """True once it was asked to close."""
        return self._closed

    async def close(self) -> None:
        """Give up what is not acknowledged; its acks say so."""
        if self._closed:
            return
        self._closed = True
        self._reach.log.unwatch(self._on_change)
        if self._timer is not None:
            self._timer.cancel()
        while self._queue:
            sent = self._queue.popleft()
            self._refuse(sent.record, sent.on_ack, "the producer was closed")
        self._idle.set()

    def _on_change(self) -> None:
        if self._queue and self._was_offline and not self._reach.offline:
            self._set_timer()
        self._was_offline = self._reach.offline

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._queue:
            self._idle.set()
            return
        head = self._queue[0]
        due_at_s = head.expires_at_s if self._reach.offline else head.ready_at_s
        self._timer = self._loop.call_at(due_at_s, self._pump)

    def _pump(self) -> None:
        now_s = self._loop.time()
        while self._queue:
            sent = self._queue[0]
            if not self._reach.offline and sent.ready_at_s <= now_s:
                self._queue.popleft()
                self._append(sent)
            elif sent.expires_at_s <= now_s:
                self._queue.popleft()
                self._refuse(sent.record, sent.on_ack, "the delivery timed out")
            else:
                break
        self._set_timer()

    def _append(self, sent: _Sent) -> None:
        try:
            ack = self._reach.log.append(sent.record)
        except BusError as error:
            self._refuse(sent.record, sent.on_ack, str(error))
            return
        self._give(sent.on_ack, ack)

    def _refuse(self, record: Outgoing, on_ack: OnAck | None, why: str) -> None:
        self._reach.failed(why)
        partition = -1 if record.partition is None else record.partition
        self._give(on_ack, Ack(record.topic, partition, -1, 0, False, why))

    def _give(self, on_ack: OnAck | None, ack: Ack) -> None:
        if on_ack is not None:
            # Not from within the pump: an ack that raises must not hold the others up.
            self._loop.call_soon(on_ack, ack)


class MemoryTransactionalProducer:
    """Appends several records at once; see ``spate.bus.TransactionalProducer``."""

    def __init__(self, reach: Reach, transactional_id: str) -> None:
        self._reach = reach
        self._id = transactional_id
        self._epoch: int | None = None
        self._usable = True
        self._closed = False

    async def start(self) -> None:
        """Take over the transactional id; see ``spate.bus.TransactionalProducer``."""
        await self._arrive()
        self._epoch = self._reach.log.take_over(self._id)

    async def commit(self, records: Sequence[Outgoing]) -> tuple[Ack, ...]:
        """Append all records in one transaction; see ``spate.bus.TransactionalProducer``."""
        if not records:
            return ()
        if self._epoch is None:
            raise BusError("the transactional producer was not started")
        try:
            await self._arrive()
            if not self._reach.log.holds(self._id, self._epoch):
                raise FencedError(f"another producer took {self._id} over")
            if any(len(record.value or b"") > MESSAGE_MAX_BYTES for record in records):
                raise BusError("the record is too large")  # noqa: TRY301 - ends it like the rest
            return self._reach.log.append_all(records)
        except BusError:
            self._usable = False
            raise

    @property
    def closed(self) -> bool:
        """True once it was asked to close."""
        return self._closed

    async def close(self) -> None:
        """End a commit that waits for the log, with an error."""
        self._closed = True
        self._usable = False
        self._reach.log.nudge()  # ends a wait for the log

    async def _arrive(self) -> None:
        """Wait for the log; the loop runs at least once, as with a real one."""
        if not self._usable:
            raise BusError("the transactional producer is closed or has failed")
        await asyncio.sleep(self._reach.log.delay_s)
        if self._reach.offline:
            await self._wait_online()
        if not self._usable:
            raise BusError("the transactional producer was closed")

    async def _wait_online(self) -> None:
        online = asyncio.Event()

        def look() -> None:
            if not self._reach.offline or not self._usable:
                online.set()

        self._reach.log.watch(look)
        try:
            async with asyncio.timeout(_GIVE_UP_AFTER_S):
                await online.wait()
        except TimeoutError:
            self._reach.failed(UNREACHABLE)
            raise BusError(UNREACHABLE) from None
        finally:
            self._reach.log.unwatch(look)
