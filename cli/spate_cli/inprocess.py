"""Runs a plan inside this process: one driver, and the little of an orchestrator that it needs.

The driver is the very one of the fleet, with its session, engine and recorder; the log between it
and the orchestrator is replaced by function calls. Totals and report come from the same classes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Callable
from typing import Any

from driver.assembly import assemble, spare_collector
from driver.breakage import watch
from driver.clock import Clock
from driver.driver import Driver
from spate.aggregator import Aggregator
from spate.bus import Ack
from spate.grant import Range
from spate.live import live_view
from spate.messages import (
    Beat,
    Heartbeat,
    Order,
    RunState,
    SnapshotMessage,
)
from spate.plan import Plan
from spate.plan_load import LONGEST_RUN_NS
from spate.report import build_report
from spate.report_facts import LedgerFacts, RunFacts, TermFacts
from spate.report_windows import rows_at
from spate.schedule import plan_schedule
from spate.target_check import target_problem
from spate.timing import MS, SECOND, Timing
from spate.units import format_duration
from spate_cli.exits import CommandError, Exit
from spate_cli.local_settings import allowed_targets, lane
from spate_cli.sole_grant import sole_grant

_DRIVER = "local"
_START_LEAD_NS = 50 * MS
_LOOK_EVERY_S = 0.02
_TOO_LONG = f"the run has lasted {format_duration(LONGEST_RUN_NS)}, the longest there is"

Tell = Callable[[dict[str, Any]], None]


async def run_in_process(
    plan: Plan, run_id: str, on_progress: Tell, stop: asyncio.Event
) -> dict[str, Any]:
    """Run a plan here and return its report.

    ``on_progress`` is told ``{"event": KIND, "data": …}`` with the events of the live feed. When
    ``stop`` is set, what is in flight is finished and nothing more is started.

    Raises:
        CommandError: if the target is not on the allowlist.
    """
    allowlist = allowed_targets()
    problem = await target_problem(plan, allowlist)
    if problem is not None:
        raise CommandError(Exit.REFUSED, problem)
    here = _Here(plan, run_id)
    # What a driver's log would be told is in the report and on the screen.
    logging.getLogger("driver").addHandler(logging.NullHandler())
    driver = assemble(
        driver_id=_DRIVER,
        boot_id=here.boot_id,
        timing=here.timing,
        clock=here.clock,
        carrier=here,
        allowlist=allowlist,
        environ=os.environ,
        lane=lane(),
    )
    here.driver = driver
    working = asyncio.create_task(driver.run())
    broken: list[str] = []
    watch(asyncio.get_running_loop(), broken.append)
    try:
        await here.conduct(on_progress, stop, working, broken)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await driver.close()
    return here.report()


class _Here:
    """Carries the driver's messages, and decides what an orchestrator would."""

    driver: Driver

    def __init__(self, plan: Plan, run_id: str) -> None:
        self.plan = plan
        self.run_id = run_id
        self.boot_id = secrets.token_hex(8)
        self.timing = Timing()
        self.clock = Clock()
        self.schedule = plan_schedule(plan, 1)
        self.aggregator = Aggregator(plan, self.schedule, run_id)
        self._range = Range(1, 0, 1, self.schedule.count)
        self._missed: tuple[tuple[str, Range], ...] = ()
        self._term: int | None = None
        self._decided = 0
        self._quiet = False
        self._stopped = False
        self._reason: str | None = None
        self._created_at_ns = self.clock.wall_ns()
        self._states: list[tuple[int, RunState]] = []
        self._enter("PREPARING")
        self._started_at_ns: int | None = None
        self._start_mono_ns: int | None = None
        self._ended_at_ns: int | None = None
        self._appended = 0
        self._beat_n = 0

    # ---- what the driver says ------------------------------------------------------------------

    def heartbeat(self, message: Heartbeat) -> None:
        """Take a heartbeat, and acknowledge it in the loop's next turn."""
        if self._term is not None and message.run_id == self.run_id:
            self._hear(message, self._term)
        self._appended += 1
        ack = Ack("heartbeat", 0, self._appended, message.sent_at_ns // 1_000_000, True, None)
        asyncio.get_running_loop().call_soon(self.driver.acknowledged, message.n, ack)

    def snapshot(self, message: SnapshotMessage) -> None:
        """Add a snapshot to the totals."""
        self.aggregator.add(message)

    def _hear(self, message: Heartbeat, term: int) -> None:
        if message.term == term:
            self._decided = sum(said.decided for said in message.ranges)
            return
        # The term closed: because of a stop, or because this process was frozen for so long that
        # a fleet would have given its work away.
        if not self._missed and self._range.size == self.schedule.count:
            closed = next((end for end in message.closed if end.term == term), None)
            decided = sum(end.decided for end in closed.ranges) if closed else 0
            rest = self._range.tail(decided, 2)
            if rest.size:
                cause = "fenced" if self._state == "RUNNING" else "aborted"
                self._missed = ((cause, rest),)
            self._range = self._range.head(decided)
            self._decided = decided
        self._quiet = message.in_flight == 0

    # ---- what an orchestrator would say --------------------------------------------------------

    async def conduct(
        self, tell: Tell, stop: asyncio.Event, working: asyncio.Task[None], broken: list[str]
    ) -> None:
        """Take the run from its grants to its end; ``broken`` fills if the generator breaks.

        Raises:
            CommandError: if the driver cannot take part, or broke.
        """
        while not self.driver.session.licensed:
            await self._wait(working)
        self._grant()
        spare_collector()
        await self.driver.warmed()
        if self.driver.session.refusal is not None:
            raise CommandError(Exit.FAILED, self.driver.session.refusal)
        self._start()
        tell({"event": "snapshot", "data": self._view([])})
        told, told_ns, beat_ns = 0, 0, 0
        while not self._settled():
            now_ns = self.clock.mono_ns()
            if broken:
                raise CommandError(Exit.FAILED, f"the generator broke: {broken[0]}")
            if self._state == "RUNNING":
                self._look_for_the_end(stop, now_ns)
            if now_ns - beat_ns >= self.timing.beat_every_ns:
                beat_ns = now_ns
                self._beat()
            if now_ns - told_ns >= SECOND // 2 and self.aggregator.revision > told:
                rows, told, told_ns = self._rows(told), self.aggregator.revision, now_ns
                # Each takes a while, and requests may be due. The view finds the sums made.
                for add_up in (self.aggregator.totals, self.aggregator.by_driver):
                    await asyncio.sleep(0)
                    add_up()
                await asyncio.sleep(0)
                view = self._view(rows)
                await asyncio.sleep(0)
                tell({"event": "window", "data": view})
            await self._wait(working)
        self._order("FINISHED")
        self._ended_at_ns = self.clock.wall_ns()
        tell({"event": "window", "data": self._view(self._rows(told))})
        ended = {"state": self._state, "stopped": self._stopped, "reason": self._reason}
        tell({"event": "end", "data": ended})

    def _look_for_the_end(self, stop: asyncio.Event, now_ns: int) -> None:
        """Start nothing more when a user says so, or a closed load has lasted for too long."""
        lasted_ns = 0 if self.schedule.is_open else now_ns - (self._start_mono_ns or now_ns)
        self._stopped, too_long = stop.is_set(), lasted_ns >= LONGEST_RUN_NS
        self._reason = _TOO_LONG if too_long else None
        if self._stopped or too_long:
            self._order("DRAINING")

    async def _wait(self, working: asyncio.Task[None]) -> None:
        """Let the driver work; if it broke, break too."""
        await asyncio.sleep(_LOOK_EVERY_S)
        if working.done():
            working.result()

    def _settled(self) -> bool:
        owned = self._range.size
        reported = self.aggregator.reported(_DRIVER, self.boot_id, self._term or 0)
        return self._decided >= owned and reported >= owned

    def _grant(self) -> None:
        self._term = self.driver.session.term
        for message in sole_grant(self.plan, self.run_id, self._ledger_facts()):
            self.driver.receive(message)

    def _start(self) -> None:
        self._started_at_ns = self.clock.wall_ns() + _START_LEAD_NS
        self._start_mono_ns = self.clock.mono_ns() + _START_LEAD_NS
        self._enter("RUNNING")
        self._beat()

    def _enter(self, state: RunState) -> None:
        self._state: RunState = state
        self._states.append((self.clock.wall_ns(), state))

    def _order(self, state: RunState) -> None:
        self._enter(state)
        self.driver.receive(
            Order(epoch=0, run_id=self.run_id, revision=2, state=state, needs=1, starts_at_ns=None)
        )

    def _beat(self) -> None:
        self._beat_n += 1
        start_ns = self._start_mono_ns
        self.driver.receive(
            Beat(
                epoch=0,
                n=self._beat_n,
                run_id=self.run_id,
                revision=2,
                state=self._state,
                needs=1,
                starts_at_ns=self._started_at_ns,
                elapsed_ns=None if start_ns is None else self.clock.mono_ns() - start_ns,
                sent_at_ns=self.clock.wall_ns(),
            )
        )

    # ---- what people see -----------------------------------------------------------------------

    def report(self) -> dict[str, Any]:
        """Return the report; there is one once ``conduct`` has returned."""
        return build_report(self._run_facts(), self.aggregator, self._ledger_facts())

    def _view(self, windows: list[dict[str, Any]]) -> dict[str, Any]:
        view = live_view(self._run_facts(), self.aggregator, self._ledger_facts())
        return {**view, "windows": windows}

    def _rows(self, since: int) -> list[dict[str, Any]]:
        facts = self._ledger_facts()
        return rows_at(self.aggregator, facts, self.aggregator.changed_since(since))

    def _run_facts(self) -> RunFacts:
        return RunFacts(
            run_id=self.run_id,
            plan=self.plan,
            state=self._state,
            stopped=self._stopped,
            reason=self._reason,
            created_at_ns=self._created_at_ns,
            started_at_ns=self._started_at_ns,
            ended_at_ns=self._ended_at_ns,
            drivers=1,
            events=tuple(self._event(at_ns, state) for at_ns, state in self._states),
        )

    def _event(self, at_ns: int, state: RunState) -> dict[str, Any]:
        zero_ns = self._created_at_ns if self._started_at_ns is None else self._started_at_ns
        offset_s = round((at_ns - zero_ns) / SECOND, 3)
        return {"offset_s": offset_s, "kind": "state", "driver_id": None, "text": state}

    def _ledger_facts(self) -> LedgerFacts:
        term = TermFacts(
            driver_id=_DRIVER,
            boot_id=self.boot_id,
            term=self._term or 0,
            live=self._state == "RUNNING",
            left_cleanly=False,
            ranges=(self._range,),
        )
        return LedgerFacts(self.schedule.count, self._missed, (term,))
