"""The whole world: a log, orchestrators, drivers, users, and everything that can happen to them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from random import Random
from typing import Any, Literal

from tests.unit.model.leader import Leader
from tests.unit.model.log import WALL_NS, Log
from tests.unit.model.timeline import Clocks, Timeline
from tests.unit.model.truth import Truth, demand
from tests.unit.model.worker import Worker

from orchestrator.director import Director
from spate.plan import Plan, parse_plan
from spate.timing import MS, SECOND, Timing

TIMING = Timing(
    orphan_after_ns=8 * SECOND,
    away_limit_ns=14 * SECOND,
    gather_ns=1500 * MS,
    ready_within_ns=3 * SECOND,
    join_every_ns=2 * SECOND,
    settle_after_ns=3 * SECOND,
)
"""The protocol's, but for the long waits: they only cost steps."""

Trust = Literal["clocks", "log", "neither"]
"""Which half of A4 holds: the processes' clocks count all time, or append times hardly go back."""


def make_plan(kind: str, count: int, least: int = 1, **more: Any) -> Plan:
    """Return a plan with two requests and about so many arrivals for ``least`` drivers."""
    peak = max(1, count // 6)
    loads: dict[str, dict[str, Any]] = {
        "avalanche": {"message_count_per_driver": max(1, count // least)},
        "tsunami": {
            "message_count_per_driver": max(1, count // least),
            "message_delay_ms": max(1, 8000 * least // count),
        },
        "arrivals": {
            "stages": [
                {
                    "name": "up",
                    "duration": "3s",
                    "from": 1,
                    "to": peak,
                    "measured": False,
                },
                {"name": "hold", "duration": "4s", "to": peak},
                {"name": "down", "duration": "1s", "to": 1},
            ]
        },
    }
    document: dict[str, Any] = {
        "name": "waves",
        "target": "http://127.0.0.1:8000",
        "requests": [
            {"name": "often", "path": "/a", "weight": 3},
            {"name": "seldom", "path": "/b", "weight": 1},
        ],
        "load": {"test_type": kind, **loads[kind]},
        "limits": {"connections": 4, "in_flight": 12, "timeout": "1s", "connect_timeout": "1s"},
        "drivers": {"min": least, "wait": "4s", "on_loss": "takeover"},
        "seed": 7,
    }
    for name, part in more.items():
        document[name] = {**document[name], **part}
    return parse_plan(document)


class World:
    """Everything. Whatever is random in it comes from ``random``."""

    def __init__(
        self,
        random: Random,
        *,
        drivers: int = 3,
        trust: Trust = "clocks",
        parts: int = 1,
        service_ms: int = 40,
        timing: Timing = TIMING,
    ) -> None:
        self.random = random
        self.timing = timing
        self.trust = trust
        self.timeline = Timeline()
        self.log = Log(parts)
        self.truth = Truth()
        self.workers: list[Worker] = []
        self.leaders: list[Leader] = []
        self.plans: dict[str, Plan] = {}
        self.happened: list[str] = []
        self._service_ms = service_ms
        self._numbers = itertools.count(1)
        self._asked: dict[str, int] = {}
        self._stamp_ns = 0
        self.lead()
        for _ in range(drivers):
            self.join()

    # ---- time ----------------------------------------------------------------------------------

    def wait(self, ms: int) -> None:
        """Let time pass."""
        self.timeline.run(self.timeline.now_ns + ms * MS)

    def _note(self, what: str) -> None:
        seconds = self.timeline.now_ns / SECOND
        self.happened.append(f"{seconds:.3f} {what}")

    # ---- drivers -------------------------------------------------------------------------------

    @property
    def alive(self) -> list[Worker]:
        """The drivers that have not ended."""
        return [worker for worker in self.workers if not worker.ended]

    def join(self, driver_id: str | None = None) -> Worker:
        """Start a driver process, under a new id or an old one."""
        number = next(self._numbers)
        worker = Worker(
            driver_id or f"d{number}",
            f"b{number}",
            timeline=self.timeline,
            log=self.log,
            truth=self.truth,
            timing=self.timing,
            clocks=self._clocks(),
            random=self.random,
            service_ms=self._service_ms,
        )
        self._note(f"{worker.name} joins")
        self.workers.append(worker)
        return worker

    def kill(self, worker: Worker) -> None:
        """End a driver without a word."""
        self._note(f"{worker.name} is killed")
        self.truth.blame("a driver was killed")
        worker.kill()

    def leave(self, worker: Worker) -> None:
        """Ask a driver to go (SIGTERM)."""
        self._note(f"{worker.name} is to leave")
        worker.leaving = True

    def freeze(self, worker: Worker, ms: int, *, asleep: bool = False) -> None:
        """Stop a driver for a while. ``asleep``: CLOCK_MONOTONIC stands still meanwhile."""
        self._note(f"{worker.name} is frozen for {ms} ms{' asleep' if asleep else ''}")
        self.truth.blame("a driver was frozen")
        worker.process.frozen_until_ns = self.timeline.now_ns + ms * MS
        if asleep:
            worker.clocks.mono_ns -= ms * MS
            if self.trust != "clocks":
                worker.clocks.boot_ns -= ms * MS

    def mute(self, worker: Worker, ms: int) -> None:
        """Nothing of a driver reaches the log."""
        self._note(f"{worker.name} is mute for {ms} ms")
        worker.weather.mute_until_ns = self.timeline.now_ns + ms * MS

    def deafen(self, worker: Worker, ms: int, *, skips: bool) -> None:
        """A driver hears nothing; ``skips``: and never what was said meanwhile."""
        self._note(f"{worker.name} is deaf for {ms} ms{', skipping' if skips else ''}")
        worker.weather.deaf_until_ns = self.timeline.now_ns + ms * MS
        worker.weather.skips = skips

    def cloud(self, worker: Worker, append_ms: int, ack_ms: int, lost: float) -> None:
        """Make a driver's way to the log slow and unreliable."""
        self._note(f"{worker.name}: {append_ms} + {ack_ms} ms to the log, {lost} lost")
        weather = worker.weather
        weather.append_ms, weather.ack_ms = append_ms, ack_ms
        weather.lost = weather.unanswered = lost

    @property
    def clocks(self) -> list[Clocks]:
        """The clocks of all that live."""
        drivers = [worker.clocks for worker in self.alive]
        return drivers + [leader.clocks for leader in self.leading]

    def set_wall_clock(self, clocks: Clocks, ms: int) -> None:
        """Step a process's wall clock."""
        self._note(f"a wall clock steps by {ms} ms")
        clocks.wall_ns += ms * MS

    # ---- the log -------------------------------------------------------------------------------

    def stamp(self, share: float) -> None:
        """Step the log's clock, as when another broker takes over."""
        most_ns = (self.timing.lost_after_ns - self.timing.fence_after_ns) * 9 // 10
        if self.trust != "log":
            most_ns = 8 * SECOND
        self._note(f"append times are {share * most_ns / SECOND:.2f} s ahead")
        self.log.stamp_ns = WALL_NS + round(share * most_ns)

    # ---- orchestrators -------------------------------------------------------------------------

    @property
    def leading(self) -> list[Leader]:
        """The orchestrators that have not ended."""
        return [leader for leader in self.leaders if not leader.process.dead]

    def lead(self) -> Leader:
        """Start an orchestrator, whether or not there is one."""
        leader = Leader(
            f"o{len(self.leaders) + 1}",
            timeline=self.timeline,
            log=self.log,
            truth=self.truth,
            timing=self.timing,
            clocks=self._clocks(),
            random=self.random,
        )
        self._note(f"{leader.name} starts")
        self.leaders.append(leader)
        return leader

    def topple(self, leader: Leader) -> None:
        """End an orchestrator without a word."""
        self._note(f"{leader.name} is killed")
        leader.kill()

    def disturb(self, leader: Leader, fault: str, after: int = 0) -> None:
        """Let something happen to a commit of an orchestrator."""
        self._note(f"{leader.name}: {fault}, after {after} commits")
        leader.faults.extend([None] * after + [fault])

    def stall(self, leader: Leader, ms: int) -> None:
        """Freeze an orchestrator."""
        self._note(f"{leader.name} is frozen for {ms} ms")
        leader.process.frozen_until_ns = self.timeline.now_ns + ms * MS

    def delay(self, leader: Leader, ms: int) -> None:
        """Let an orchestrator read late."""
        self._note(f"{leader.name} reads {ms} ms late")
        leader.delay_ns = ms * MS

    # ---- users ---------------------------------------------------------------------------------

    def submit(self, plan: Plan) -> str:
        """Ask for a run, until it is taken."""
        run_id = f"r{len(self.plans) + 1}"
        self._note(f"{run_id} is submitted")
        self.plans[run_id] = plan
        self.truth.run(run_id)
        for leader in self.leading[-1:]:
            leader.submitted.append((run_id, plan))
        return run_id

    def ask(self, run_id: str, what: Literal["stop", "abort"]) -> None:
        """Ask the newest orchestrator to end a run."""
        self._note(f"{run_id}: {what}")
        if what == "abort":
            self.truth.run(run_id).blamed.add("it was aborted")
        for leader in self.leading[-1:]:
            leader.jobs.append(lambda command, now: _end(command.directory.find(run_id), what, now))

    # ---- the end -------------------------------------------------------------------------------

    def settle(self) -> None:
        """Let all faults end and everything come to its end, within the bound (I7)."""
        self._note("all faults end")
        now_ns = self.timeline.now_ns
        for worker in self.alive:
            worker.weather.mute_until_ns = worker.weather.deaf_until_ns = now_ns
            worker.weather.append_ms = worker.weather.ack_ms = 15
            worker.weather.lost = worker.weather.unanswered = 0.0
            worker.process.frozen_until_ns = min(worker.process.frozen_until_ns, now_ns + SECOND)
        for leader in self.leading:
            leader.faults.clear()
            leader.delay_ns = 0
            leader.process.frozen_until_ns = min(leader.process.frozen_until_ns, now_ns + SECOND)
        if self.random.random() < 0.5 and not self.alive:
            self.join()
        open_runs = [run_id for run_id in self.plans if run_id not in self.truth.reports]
        deadline_ns = now_ns + 20 * SECOND + sum(self._bound_ns(run_id) for run_id in open_runs)
        while self.timeline.now_ns < deadline_ns and self._tend():
            self.wait(1000)
        missing = [run_id for run_id in self.plans if run_id not in self.truth.reports]
        demand(not missing, f"I7: {missing} did not end")
        # Whoever was late may still have something to say or, if something is wrong, to send.
        self.wait(4000)
        for run_id in self.plans:
            self.truth.check_report(run_id)

    def _tend(self) -> bool:
        """Start an orchestrator if there is none, submit what was not taken; tell whether to."""
        missing = [run_id for run_id in self.plans if run_id not in self.truth.reports]
        if missing and not self.leading:
            self.lead()
        for leader in self.leading[-1:]:
            if not leader.submitted:
                leader.submitted.extend((run_id, self.plans[run_id]) for run_id in missing)
        return bool(missing)

    def _bound_ns(self, run_id: str) -> int:
        timing, plan = self.timing, self.plans[run_id]
        preparing_ns = plan.drivers.wait_ns + 2 * timing.ready_within_ns + timing.gather_ns
        # How many there are is not known before the run is prepared; six drivers at most have them.
        count = self.truth.run(run_id).count or 6000
        loading_ns = 10 * SECOND + count * max(60, self._service_ms) * MS
        ending_ns = timing.drain_limit_ns(plan.limits.timeout_ns) + timing.settle_after_ns
        return preparing_ns + loading_ns + ending_ns + timing.orphan_after_ns

    def _clocks(self) -> Clocks:
        pick: Callable[[int, int], int] = self.random.randrange
        boot_ns = pick(1, 1000) * SECOND
        return Clocks(
            boot_ns=boot_ns,
            mono_ns=boot_ns - pick(0, 50) * SECOND,
            wall_ns=WALL_NS + pick(-300, 300) * MS,
            ppm=pick(-10_000, 10_000),
        )


def _end(director: Director | None, what: str, now: Any) -> None:
    if director is None:
        return
    if what == "stop":
        director.stop(now)
    else:
        director.abort(now, "aborted by a user")
