"""Doubles for the orchestrator's surroundings: time that jumps, an archive."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from orchestrator.archive import ArchiveError, KeyOwner
from orchestrator.clock import Clock
from orchestrator.terms import Now
from spate.messages import Heartbeat
from spate.plan import Plan, parse_plan

MS, SECOND = 1_000_000, 1_000_000_000
WALL_NS = 1_795_000_000 * SECOND
_T = TypeVar("_T")


def make_plan(count: int = 20, delay_ms: int = 50, **more: Any) -> Plan:
    """Return a tsunami of so many arrivals a driver; ``more`` are parts of the plan."""
    return parse_plan(
        {
            "name": "waves",
            "target": "http://127.0.0.1:8000",
            "requests": [{"path": "/ping"}],
            "load": {
                "test_type": "tsunami",
                "message_count_per_driver": count,
                "message_delay_ms": delay_ms,
            },
            **more,
        }
    )


def heartbeat(driver_id: str = "d1", boot_id: str = "b", **fields: Any) -> Heartbeat:
    """Return a healthy driver's heartbeat without work; ``fields`` differ from that."""
    usual: dict[str, Any] = {
        "driver_id": driver_id,
        "boot_id": boot_id,
        "term": 1,
        "n": 1,
        "first": False,
        "run_id": None,
        "state": None,
        "revision": 0,
        "epoch": 0,
        "leaving": False,
        "ranges": (),
        "closed": (),
        "in_flight": 0,
        "first_seq": 1,
        "last_seq": 0,
        "beat_age_ns": 0,
        "elapsed_ns": None,
        "sent_at_ns": 0,
        "clock": None,
        "cpu": 0.1,
        "lag_p99_ns": None,
    }
    return Heartbeat(**usual | fields)


def now(at_s: float) -> Now:
    """Return both clocks after so many seconds."""
    at_ns = round(at_s * SECOND)
    return Now(at_ns, WALL_NS + at_ns)


class _Jump(selectors.DefaultSelector):
    """Waits for nothing but threads: time jumps to where the next timer is due."""

    def __init__(self) -> None:
        super().__init__()
        self.time_s = 1000.0
        self.threads = 0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and (timeout is None or (timeout and self.threads)):
            ready = super().select(5)  # a thread may still have something to say
            assert ready, "everybody waits for somebody else"
        elif not ready:
            self.time_s += timeout or 0
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop whose time jumps ahead whenever nothing can be done."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        """Return the loop's own time."""
        return self._jump.time_s

    def run_in_executor(  # type: ignore[override]  # it is the same, told in fewer words
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        """Let a thread work; until it has ended time stands still."""
        future = super().run_in_executor(executor, func, *args)
        self._jump.threads += 1
        future.add_done_callback(self._thread_ended)
        return future

    def _thread_ended(self, _future: object) -> None:
        self._jump.threads -= 1


def play(work: Coroutine[Any, Any, _T]) -> _T:
    """Run ``work`` to its end in time that jumps."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(work)


class LoopClock(Clock):
    """Both clocks by the loop's time; the wall clock may be ahead of the others' by so much."""

    def __init__(self, ahead_s: float = 0) -> None:
        self._ahead_ns = round(ahead_s * SECOND)

    def now(self) -> Now:
        """Return both clocks."""
        at = now(asyncio.get_running_loop().time())
        return Now(at.mono_ns, at.wall_ns + self._ahead_ns)


def loop_ms() -> int:
    """Return the log's clock."""
    return now(asyncio.get_running_loop().time()).wall_ns // MS


class FakeArchive:
    """Keeps reports in a dict; ``broken`` makes it refuse so many times."""

    def __init__(self) -> None:
        self.reports: dict[str, Mapping[str, Any]] = {}
        self.keys: dict[str, KeyOwner] = {}
        self.broken = 0

    async def put(
        self,
        report: Mapping[str, Any],
        windows: bytes,  # noqa: ARG002 - the archive's signature
        *,
        idempotency_key: str | None = None,
        body_digest: str | None = None,
    ) -> bool:
        """Store a report, unless it is there."""
        if self.broken:
            self.broken -= 1
            raise ArchiveError("archive: the disk is full")
        run_id = report["run"]["id"]
        if idempotency_key is not None:
            self.keys[idempotency_key] = KeyOwner(run_id, body_digest or "")
        return self.reports.setdefault(run_id, report) is report

    async def report(self, run_id: str) -> bytes | None:
        """Return whether there is a report, as some bytes."""
        return b"{}" if run_id in self.reports else None

    async def run_of_key(self, key: str) -> KeyOwner | None:
        """Return whose key it is."""
        return self.keys.get(key)
