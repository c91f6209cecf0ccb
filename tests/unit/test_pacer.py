"""Laws of the pacer, on the kernel's own timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from driver.clock import Clock
from driver.pacer import Pacer

MS = 1_000_000
Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine on a fresh loop of each kind."""

    def runner(work: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as loop:
            loop.run(work)

    return runner


def descriptors() -> set[Path]:
    """Return the open file descriptors of this process."""
    return set(Path("/proc/self/fd").iterdir())


class Timed:
    """A pacer whose calls are timed."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.called_at_ns: list[int] = []
        self.due = asyncio.Event()
        self.pacer = Pacer(asyncio.get_running_loop(), self.clock, self._on_due)

    def _on_due(self) -> None:
        self.called_at_ns.append(self.clock.mono_ns())
        self.due.set()

    async def wait(self) -> None:
        """Wait for a call."""
        await asyncio.wait_for(self.due.wait(), 10)
        self.due.clear()


def test_calls_once_and_not_before_the_deadline(run: Run) -> None:
    """The call comes at the deadline or after it, and once."""

    async def work() -> None:
        timed = Timed()
        deadline_ns = timed.clock.mono_ns() + 3 * MS
        timed.pacer.arm(deadline_ns)
        assert deadline_ns == timed.pacer.deadline_ns
        await timed.wait()
        assert timed.pacer.deadline_ns is None
        await asyncio.sleep(0.005)
        assert len(timed.called_at_ns) == 1
        assert timed.called_at_ns[0] >= deadline_ns
        timed.pacer.close()

    run(work())


def test_past_deadline_is_due_at_once(run: Run) -> None:
    """A deadline that has passed, however long ago, is due in the next iteration."""

    async def work() -> None:
        timed = Timed()
        for deadline_ns in (timed.clock.mono_ns() - MS, 1, 0, -5):
            timed.pacer.arm(deadline_ns)
            assert not timed.due.is_set()
            await timed.wait()
        timed.pacer.close()

    run(work())


def test_last_deadline_counts(run: Run) -> None:
    """Arming again replaces the deadline, earlier or later; None takes it away."""

    async def work() -> None:
        timed = Timed()
        now_ns = timed.clock.mono_ns()
        timed.pacer.arm(now_ns + 3_600_000 * MS)
        timed.pacer.arm(now_ns + 2 * MS)
        timed.pacer.arm(now_ns + 2 * MS)
        await timed.wait()
        timed.pacer.arm(1)
        timed.pacer.arm(None)
        await asyncio.sleep(0.005)
        timed.pacer.arm(1)
        timed.pacer.arm(timed.clock.mono_ns() + 3_600_000 * MS)
        await asyncio.sleep(0.005)
        assert len(timed.called_at_ns) == 1
        timed.pacer.close()

    run(work())


def test_armed_again_from_the_call(run: Run) -> None:
    """A pacer armed from its own call goes on, deadline by deadline."""

    async def work() -> None:
        clock = Clock()
        calls: list[int] = []
        finished = asyncio.Event()
        start_ns = clock.mono_ns()

        def on_due() -> None:
            calls.append(clock.mono_ns())
            if len(calls) < 20:
                pacer.arm(start_ns + len(calls) * MS // 4)
            else:
                finished.set()

        pacer = Pacer(asyncio.get_running_loop(), clock, on_due)
        pacer.arm(start_ns)
        await asyncio.wait_for(finished.wait(), 10)
        assert all(at_ns >= start_ns + k * MS // 4 for k, at_ns in enumerate(calls))
        pacer.close()

    run(work())


def test_early_wake_up_is_not_passed_on(run: Run) -> None:
    """A wake-up whose deadline was moved meanwhile calls nobody."""

    async def work() -> None:
        timed = Timed()
        timed.pacer._readable()
        timed.pacer.arm(1)
        await asyncio.sleep(0)
        timed.due.clear()
        timed.called_at_ns.clear()
        timed.pacer.arm(1)
        timed.pacer._deadline_ns = timed.clock.mono_ns() + 3_600_000 * MS
        await asyncio.sleep(0.005)
        assert timed.called_at_ns == []
        timed.pacer.close()

    run(work())


def test_close_frees_the_timer(run: Run) -> None:
    """A closed pacer has given back its descriptor and calls nobody; closing again does nothing."""

    async def work() -> None:
        before = descriptors()
        timed = Timed()
        timed.pacer.arm(1)
        timed.pacer.close()
        timed.pacer.close()
        assert before == descriptors()
        await asyncio.sleep(0.005)
        assert timed.called_at_ns == []
        with pytest.raises(OSError, match="Bad file descriptor"):
            timed.pacer.arm(1)

    run(work())


def test_clock() -> None:
    """Each clock gives integer nanoseconds, and one reading holds all three."""
    clock = Clock()
    first, second = clock.now(), clock.now()
    assert first.boot_ns <= second.boot_ns
    assert first.mono_ns <= second.mono_ns
    assert second.boot_ns >= first.mono_ns
    assert abs(first.wall_ns - second.wall_ns) < 3_600_000 * MS
    assert clock.cpu_ns() > 0
