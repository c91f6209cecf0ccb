"""The one loop: reads what drivers say, lets the command decide, commits and tells.

    heartbeat ──▶ ┌─────────┐ ──▶ one transaction: journal + orders + beat
    users ──────▶ │ command │
    metrics ────▶ └─────────┘ ──▶ then: the level of control, the news

One transaction at a time, and no heartbeat is read while it is open (R14).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from orchestrator.clock import Clock
from orchestrator.command import Command
from orchestrator.director import Director
from orchestrator.intake import Intake
from orchestrator.pace import Pace
from orchestrator.terms import Now
from orchestrator.writer import Writer
from spate.timing import MS, SECOND, Timing

_LOG = logging.getLogger("orchestrator")

_PAUSE_SHARE: Final = 9
"""To decide is to look at everybody; it costs a tenth of the time at most: hearing comes first."""

_LONGEST_PAUSE_NS: Final = 50 * MS
"""A quarter of what the protocol allows between hearing of a loss and ordering what follows."""


class Conductor:
    """Keeps runs and fleet in step with the log.

    ``on_change`` is told of a run after a change of it was committed.
    """

    def __init__(
        self,
        *,
        command: Command,
        timing: Timing,
        clock: Clock,
        intake: Intake,
        writer: Writer,
        pace: Pace,
        on_change: Callable[[Director], None],
    ) -> None:
        self._command = command
        self._timing = timing
        self._clock = clock
        self._intake = intake
        self._writer = writer
        self._pace = pace
        self._on_change = on_change
        self._turn_lock = asyncio.Lock()
        self._turn_due_ns = 0
        self._undecided = False

    async def catch_up(self) -> None:
        """Hear again what was said while no orchestrator read it (R13).

        That is all up to a beat of our own: a topic that is written all the time may never be
        said to have come to its end (A6).

        Raises:
            BusError: if the log lost what was to be read.
            FencedError: if another orchestrator has taken over.
        """
        await self._writer.commit([self._command.first_beat(self._clock.now())])
        self._command.fleet.replaying = True
        while self._command.beat_awaited:
            for message, record in await self._intake.control(self._timing.beat_every_ns / SECOND):
                self._command.hear(message, record, self._clock.now())
        self._command.fleet.replaying = False

    async def run(self) -> None:
        """Turn until cancelled.

        Raises:
            FencedError: if another orchestrator has taken over.
            BusError: if the log lost what was to be read.
        """
        while True:
            await self._hear()
            if self._undecided and self._clock.now().mono_ns < self._decide_by_ns():
                continue  # what else is heard by then is decided upon together
            await self.turn()
            if self._command.settled_runs():
                ends = await self._intake.metrics_ends()
                if ends is not None:
                    self._command.learn_ends(ends)
                    await self.turn()

    async def turn(self, act: Callable[[Now], None] | None = None) -> None:
        """Do ``act``, decide what follows, and commit it as one fact.

        Raises:
            WrongMoveError: from ``act``; nothing is changed then.
            FencedError: if another orchestrator has taken over.
        """
        async with self._turn_lock:
            now = self._clock.now()
            if act is not None:
                act(now)
            self._command.fleet.forget(now.mono_ns)
            turn = self._command.turn(now, self._intake.read_to)
            self._rest(now)
            if turn.records:
                await self._writer.commit(turn.records)
                self._pace.note(self._clock.now().mono_ns - now.mono_ns)
            if turn.beat:
                self._writer.tell(self._command.level(self._clock.now()))
            for director in turn.changed:
                self._on_change(director)
            # Last: what follows from it is not committed before the next turn.
            self._look_back(now)

    def _rest(self, began: Now) -> None:
        """Set when to decide again, by how long it took this time."""
        self._undecided = False
        now_ns = self._clock.now().mono_ns
        pause_ns = min(_LONGEST_PAUSE_NS, _PAUSE_SHARE * (now_ns - began.mono_ns))
        self._turn_due_ns = now_ns + pause_ns

    def _decide_by_ns(self) -> int:
        return min(self._turn_due_ns, self._command.beat_due_ns())

    def _look_back(self, began: Now) -> None:
        """See whether the log was away while a transaction was to be committed."""
        now = self._clock.now()
        away_ns = now.mono_ns - began.mono_ns
        if away_ns >= self._timing.lost_after_ns:
            _LOG.warning("nothing could be written for %.1f s", away_ns / SECOND)
            self._command.log_was_away(away_ns, now)

    async def _hear(self) -> None:
        """Read what drivers say, until there is something to decide at the latest.

        What was read is taken in between two transactions, and only then counts as read.
        """
        until_ns = self._decide_by_ns() if self._undecided else self._command.beat_due_ns()
        wait_ns = max(0, until_ns - self._clock.now().mono_ns)
        heard = await self._intake.control(wait_ns / SECOND)
        async with self._turn_lock:
            for message, record in heard:
                self._command.hear(message, record, self._clock.now())
            self._undecided = self._undecided or bool(heard)
