"""A fleet in one process: real messages on a real Kafka, and no HTTP.

What comes from the orchestrator is read and decoded once for all drivers; each speaks for itself.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import Final, cast

from tests.unit.orchestra import WALL_NS
from tests.unit.scripted_driver import ScriptedDriver

from spate.bus import Bus, Outgoing, Producer, ProducerOptions, Reader
from spate.histogram import Histogram
from spate.messages import AnyMessage, BadMessageError, Beat, Cell, Order, Register, decode, encode
from spate.topics import Topics

_EVERY_S: Final = 0.5
"""Between two heartbeats, and between two snapshots, of a driver."""

_SHAPES: Final = 64
"""Different histograms that are made beforehand; every snapshot takes one of them."""


class SimulatedFleet:
    """So many drivers; ``done`` says when how many arrivals had succeeded in all of them."""

    def __init__(self, bus: Bus, topics: Topics, size: int) -> None:
        self._topics = topics
        self._reader = bus.reader(
            {(topics.test_config, 0): "latest", (topics.trigger, 0): "latest"}
        )
        self._shared = _Shared(bus)
        self._drivers = [
            _Driver(cast("Bus", self._shared), topics, f"simulated-{k:04}") for k in range(size)
        ]
        self.done: list[tuple[float, int]] = [(0.0, 0)]

    async def run(self) -> None:
        """Live until cancelled: all drivers speak once in half a second, one after the other."""
        listening = asyncio.create_task(self._listen())
        try:
            for driver in self._drivers:
                driver.register()
            due_s = asyncio.get_running_loop().time()
            while True:
                for k, driver in enumerate(self._drivers):
                    before = driver.succeeded
                    driver.pulse()
                    if driver.succeeded > before:
                        total = self.done[-1][1] + driver.succeeded - before
                        self.done.append((time.monotonic(), total))
                    if k % 10 == 0:
                        await asyncio.sleep(0)
                due_s += _EVERY_S
                await asyncio.sleep(max(0.0, due_s - asyncio.get_running_loop().time()))
        finally:
            listening.cancel()

    async def _listen(self) -> None:
        while True:
            batch = await self._reader.read(timeout_s=0.1)
            for record in batch.records:
                try:
                    message = decode(record.value)
                except BadMessageError:
                    continue
                for driver in self._drivers:
                    driver.receive(message)
                    await asyncio.sleep(0)


class _Shared:
    """A bus of which all drivers have the same producer, and none a reader."""

    def __init__(self, bus: Bus) -> None:
        self._producer = bus.producer(ProducerOptions(linger_ms=5, delivery_timeout_s=2))

    def producer(self, _options: ProducerOptions) -> Producer:
        return self._producer

    def reader(self, _positions: object) -> Reader | None:
        return None


class _Driver(ScriptedDriver):
    """Reports histograms as a real driver does, and lives by the real wall clock."""

    def __init__(self, bus: Bus, topics: Topics, driver_id: str) -> None:
        super().__init__(bus, topics, driver_id, boot_id=f"{random.getrandbits(64):016x}")
        self.succeeded = 0

    def register(self) -> None:
        """Make itself known."""
        told = Register(
            driver_id=self.driver_id,
            boot_id=self.boot_id,
            address="127.0.0.1:1",
            version="0",
            cpu_count=1,
        )
        self._send(Outgoing(self._topics.register, encode(told), self.driver_id))

    def receive(self, message: AnyMessage) -> None:
        """Obey; a start is named by the wall clock, and the script's own begins elsewhere."""
        if isinstance(message, Order | Beat) and message.starts_at_ns is not None:
            ahead_ns = message.starts_at_ns - time.time_ns()
            own_ns = WALL_NS + round(asyncio.get_running_loop().time() * 1e9) + ahead_ns
            message = message.model_copy(update={"starts_at_ns": own_ns})
        super().receive(message)

    def make_cell(self, sent: int, missed: int) -> Cell:
        """Return what so many arrivals look like in a snapshot."""
        self.succeeded += sent
        plain = super().make_cell(sent, missed)
        if not sent:
            return plain
        return plain.model_copy(update=_durations(sent))


def _durations(n: int) -> dict[str, object]:
    """Return the histograms of ``n`` arrivals, from a stock."""
    stock = _STOCK.setdefault(n, [])
    if len(stock) < _SHAPES:
        values = sorted(random.lognormvariate(16, 0.6) for _ in range(n))
        slow = Histogram.of([int(value) for value in values]).to_wire()
        quick = Histogram.of([int(value / 100) for value in values]).to_wire()
        stock.append(
            {
                "response_time": slow,
                "response_time_succeeded": slow,
                "service_time": slow,
                "lag": quick,
                "wait_time": quick,
                "bytes_sent": 100 * n,
                "bytes_received": 120 * n,
            }
        )
    return random.choice(stock)


_STOCK: dict[int, list[dict[str, object]]] = {}
