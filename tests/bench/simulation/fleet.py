"""A fleet in one process: real messages on a real Kafka, and no HTTP.

What comes from the orchestrator is read and decoded once for all drivers; each speaks for itself.
As with real drivers, the snapshots of all come at the same instants, twice a second, and the
heartbeats at any time.
"""

from __future__ import annotations

import asyncio
import random
import time
from bisect import bisect_left
from itertools import pairwise
from typing import Final, cast

from tests.unit.orchestra import WALL_NS
from tests.unit.scripted_driver import ScriptedDriver

from spate.bus import Bus, Outgoing, Producer, ProducerOptions, Reader
from spate.histogram import Histogram
from spate.messages import AnyMessage, BadMessageError, Beat, Cell, Order, Register, decode, encode
from spate.topics import Topics

EVERY_S: Final = 0.5
"""Between two heartbeats, and between two snapshots, of a driver."""

_SLOTS: Final = 50
"""Into so many moments of the half second the drivers' heartbeats are divided."""

_SHAPES: Final = 64
"""Different histograms that are made beforehand; every snapshot takes one of them."""


class SimulatedFleet:
    """So many drivers; ``done`` says when how many arrivals had succeeded in all of them.

    Times are those of the loop. ``late_s`` is how late each moment of the simulation was: it must
    not be what limits. In time that is not ``real`` a start is named by the scripts' own clock.
    """

    def __init__(self, bus: Bus, topics: Topics, size: int, *, real: bool = True) -> None:
        self._topics = topics
        self._reader = bus.reader(
            {(topics.test_config, 0): "latest", (topics.trigger, 0): "latest"}
        )
        self._shared = _Shared(bus)
        self._drivers = [
            _Driver(cast("Bus", self._shared), topics, f"simulated-{k:04}", real=real)
            for k in range(size)
        ]
        self.done: list[tuple[float, int]] = [(0.0, 0)]
        self.late_s: list[float] = []

    async def run(self) -> None:
        """Live until cancelled."""
        listening = asyncio.create_task(self._listen())
        try:
            for driver in self._drivers:
                driver.register()
            due_s = asyncio.get_running_loop().time()
            while True:
                await self._report()
                for slot in range(_SLOTS):
                    for driver in self._drivers[slot::_SLOTS]:
                        driver.pulse()
                    due_s += EVERY_S / _SLOTS
                    left_s = due_s - asyncio.get_running_loop().time()
                    self.late_s.append(max(0.0, -left_s))
                    await asyncio.sleep(max(0.0, left_s))
        finally:
            listening.cancel()

    def ages_s(self, shown: int, total: int) -> list[float]:
        """Return how old each arrival is now, from the one after ``shown`` to number ``total``.

        Those that a snapshot told are taken to have come evenly over the half second before it.
        """
        ages: list[float] = []
        for told_s, had, has in self._told(shown, total):
            steps = has - had
            ages += [told_s + EVERY_S * step / steps for step in range(1, steps + 1)]
        return ages

    def ages_after_s(self, shown: int, total: int) -> list[float]:
        """Return how old the snapshots are now that told these arrivals."""
        return [told_s for told_s, _, _ in self._told(shown, total)]

    def _told(self, shown: int, total: int) -> list[tuple[float, int, int]]:
        """Return how long ago each snapshot came, and how many had succeeded before and after."""
        now_s = asyncio.get_running_loop().time()
        totals = [done for _, done in self.done]
        new = self.done[bisect_left(totals, shown + 1) - 1 : bisect_left(totals, total) + 1]
        return [(now_s - at, had, has) for (_, had), (at, has) in pairwise(new)]

    async def _report(self) -> None:
        """Let every driver send a snapshot of what was due by now."""
        for k, driver in enumerate(self._drivers):
            before = driver.succeeded
            driver.report()
            if driver.succeeded > before:
                total = self.done[-1][1] + driver.succeeded - before
                self.done.append((asyncio.get_running_loop().time(), total))
            if k % 10 == 0:
                await asyncio.sleep(0)

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

    def __init__(self, bus: Bus, topics: Topics, driver_id: str, *, real: bool) -> None:
        super().__init__(bus, topics, driver_id, boot_id=f"{random.getrandbits(64):016x}")
        self.succeeded = 0
        self._quiet = True
        self._real = real

    def report(self) -> None:
        """Do what is due by now, and send a snapshot of it."""
        self._quiet = False
        self.work()
        self._quiet = True

    def work(self) -> None:
        """Do nothing when a heartbeat asks for it: snapshots have their own time."""
        if self._quiet:
            self.look()
        else:
            super().work()

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
        if self._real and isinstance(message, Order | Beat) and message.starts_at_ns is not None:
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
