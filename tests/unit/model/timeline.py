"""Virtual time: processes are generators that say how long they wait, and faults stop them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from heapq import heappop, heappush

from driver.moment import Moment
from orchestrator.terms import Now
from spate.timing import SECOND

Life = Generator[int, None, None]
"""What a process does; it yields for how many ns it waits."""


@dataclass(slots=True)
class Clocks:
    """One process's clocks against the true time: each has an offset, all go at one rate.

    ``ppm`` is how much faster than the true time they go, in millionths.
    """

    boot_ns: int = 0
    mono_ns: int = 0
    wall_ns: int = 0
    ppm: int = 0

    def moment(self, true_ns: int) -> Moment:
        """Read all three."""
        at_ns = true_ns + true_ns * self.ppm // 1_000_000
        return Moment(at_ns + self.boot_ns, at_ns + self.mono_ns, at_ns + self.wall_ns)

    def now(self, true_ns: int) -> Now:
        """Read what an orchestrator goes by."""
        read = self.moment(true_ns)
        return Now(read.mono_ns, read.wall_ns)


@dataclass(slots=True, eq=False)
class Process:
    """Something that lives in virtual time: dead for good, or frozen until then."""

    life: Life
    dead: bool = False
    frozen_until_ns: int = 0


@dataclass(slots=True)
class Timeline:
    """Runs processes and single events in the order of their times."""

    now_ns: int = 100 * SECOND
    steps: int = 0
    after_step: Callable[[], None] = lambda: None
    _queue: list[tuple[int, int, Process | Callable[[], None]]] = field(default_factory=list)
    _count: int = 0

    def spawn(self, process: Process, after_ns: int = 0) -> None:
        """Let a process live from then on."""
        self._push(self.now_ns + after_ns, process)

    def at(self, at_ns: int, act: Callable[[], None]) -> None:
        """Do something once."""
        self._push(max(at_ns, self.now_ns), act)

    def run(self, until_ns: int, done: Callable[[], bool] = lambda: False) -> None:
        """Let everything happen that is due before ``until_ns``, or until ``done``."""
        while self._queue and self._queue[0][0] < until_ns and not done():
            at_ns, _, what = heappop(self._queue)
            self.now_ns = max(self.now_ns, at_ns)
            if isinstance(what, Process):
                self._resume(what)
            else:
                what()
        if not done():
            self.now_ns = max(self.now_ns, until_ns)

    def _resume(self, process: Process) -> None:
        if process.dead:
            return
        if process.frozen_until_ns > self.now_ns:
            self._push(process.frozen_until_ns, process)
            return
        self.steps += 1
        try:
            wait_ns = next(process.life)
        except StopIteration:
            process.dead = True
        else:
            self._push(self.now_ns + wait_ns, process)
        self.after_step()

    def _push(self, at_ns: int, what: Process | Callable[[], None]) -> None:
        self._count += 1
        heappush(self._queue, (at_ns, self._count, what))
