"""The protocol as a state machine: hypothesis decides what happens to a world, and when."""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from tests.unit.model.chaos import LOADS
from tests.unit.model.leader import FAULTS, Leader
from tests.unit.model.worker import Worker
from tests.unit.model.world import World, make_plan

PICK = st.integers(0, 5)
"""Which of those that are there."""


class Protocol(RuleBasedStateMachine):
    """Drivers, orchestrators and a log, and everything that may happen to them.

    The invariants are checked wherever they can break: at each decision and each sending (I1, I2),
    each turn of a driver (I8), each entry of the journal (I4, I8), each report (I3, I5, I6), and
    at the end (I7), when all faults have ceased.
    """

    steps = 0
    world: World

    @initialize(
        seed=st.integers(0, 1 << 16),
        drivers=st.integers(1, 5),
        trust=st.sampled_from(("clocks", "log")),
        parts=st.integers(1, 3),
        service_ms=st.sampled_from((10, 40, 200)),
    )
    def begin(self, seed: int, drivers: int, trust: str, parts: int, service_ms: int) -> None:
        """A fleet is there, and an orchestrator."""
        assert trust in ("clocks", "log")
        self.world = World(
            Random(seed),
            drivers=drivers,
            trust="clocks" if trust == "clocks" else "log",
            parts=parts,
            service_ms=service_ms,
        )
        self.world.wait(2000)

    def teardown(self) -> None:
        """Let everything come to its end."""
        if hasattr(self, "world"):
            try:
                self.world.settle()
            finally:
                type(self).steps += self.world.timeline.steps

    # ---- time and users ------------------------------------------------------------------------

    @rule(ms=st.sampled_from((20, 150, 400, 900, 2000)))
    def wait(self, ms: int) -> None:
        """Time passes."""
        self.world.wait(ms)

    @precondition(lambda self: len(self.world.plans) < 3)
    @rule(
        load=st.sampled_from(LOADS),
        count=st.sampled_from((20, 90, 200, 400)),
        least=st.integers(1, 3),
        on_loss=st.sampled_from(("takeover", "takeover", "abort")),
    )
    def submit(self, load: str, count: int, least: int, on_loss: str) -> None:
        """A user submits a plan, and lets it begin."""
        self.world.submit(make_plan(load, count, least, drivers={"on_loss": on_loss}))
        self.world.wait(1500)

    @precondition(lambda self: self.world.plans)
    @rule(pick=PICK, how=st.sampled_from(("stop", "abort")), ms=st.sampled_from((0, 3000)))
    def ask(self, pick: int, how: str, ms: int) -> None:
        """A user ends a run, or it is left alone for a while."""
        self.world.wait(ms)
        if pick < len(self.world.plans):
            self.world.ask(tuple(self.world.plans)[pick], "stop" if how == "stop" else "abort")

    # ---- drivers -------------------------------------------------------------------------------

    def _worker(self, pick: int) -> Worker:
        alive = self.world.alive
        return alive[pick % len(alive)]

    @precondition(lambda self: len(self.world.alive) < 6)
    @rule(pick=PICK, again=st.booleans())
    def join(self, pick: int, again: bool) -> None:
        """A driver starts, perhaps under an id that was there before."""
        workers = self.world.workers
        known = workers[pick % len(workers)].session.driver_id
        self.world.join(known if again and pick < 2 else None)

    @precondition(lambda self: self.world.alive)
    @rule(pick=PICK)
    def kill(self, pick: int) -> None:
        """A driver dies."""
        self.world.kill(self._worker(pick))

    @precondition(lambda self: self.world.alive)
    @rule(pick=PICK)
    def leave(self, pick: int) -> None:
        """A driver is told to go."""
        self.world.leave(self._worker(pick))

    @precondition(lambda self: self.world.alive)
    @rule(pick=PICK, ms=st.sampled_from((500, 1900, 2500, 3500, 5000, 9000)), asleep=st.booleans())
    def freeze(self, pick: int, ms: int, asleep: bool) -> None:
        """A driver, or its whole machine, stands still."""
        self.world.freeze(self._worker(pick), ms, asleep=asleep)

    @precondition(lambda self: self.world.alive)
    @rule(pick=PICK, ms=st.sampled_from((300, 1000, 2500, 3500, 5000)))
    def mute(self, pick: int, ms: int) -> None:
        """Nothing of a driver reaches the log."""
        self.world.mute(self._worker(pick), ms)

    @precondition(lambda self: self.world.alive)
    @rule(pick=PICK, ms=st.sampled_from((500, 2000, 4000, 10_000)), skips=st.booleans())
    def deafen(self, pick: int, ms: int, skips: bool) -> None:
        """A driver hears nothing."""
        self.world.deafen(self._worker(pick), ms, skips=skips)

    @precondition(lambda self: self.world.alive)
    @rule(
        pick=PICK,
        append_ms=st.sampled_from((15, 100, 500, 1500)),
        ack_ms=st.sampled_from((15, 100, 1500)),
        lost=st.sampled_from((0.0, 0.02, 0.1)),
    )
    def cloud(self, pick: int, append_ms: int, ack_ms: int, lost: float) -> None:
        """A driver's way to the log is slow and unreliable."""
        self.world.cloud(self._worker(pick), append_ms, ack_ms, lost)

    # ---- orchestrators and the log -------------------------------------------------------------

    def _leader(self, pick: int) -> Leader:
        leading = self.world.leading
        return leading[pick % len(leading)]

    @precondition(lambda self: len(self.world.leading) < 2)
    @rule()
    def lead(self) -> None:
        """An orchestrator starts; there may be one."""
        self.world.lead()

    @precondition(lambda self: self.world.leading)
    @rule(pick=PICK, restarts=st.booleans())
    def topple(self, pick: int, restarts: bool) -> None:
        """An orchestrator dies, and perhaps comes back at once."""
        self.world.topple(self._leader(pick))
        if restarts:
            self.world.lead()

    @precondition(lambda self: self.world.leading)
    @rule(pick=PICK, fault=st.sampled_from(FAULTS), after=st.sampled_from((0, 0, 1, 5)))
    def disturb(self, pick: int, fault: str, after: int) -> None:
        """Something happens to a commit."""
        self.world.disturb(self._leader(pick), fault, after)

    @precondition(lambda self: self.world.leading)
    @rule(pick=PICK, ms=st.sampled_from((300, 2000, 5000)))
    def stall(self, pick: int, ms: int) -> None:
        """An orchestrator stands still."""
        self.world.stall(self._leader(pick), ms)

    @precondition(lambda self: self.world.leading)
    @rule(pick=PICK, ms=st.sampled_from((0, 100, 1000, 4000)))
    def delay(self, pick: int, ms: int) -> None:
        """An orchestrator reads late."""
        self.world.delay(self._leader(pick), ms)

    @rule(share=st.sampled_from((0.0, 0.1, 0.5, 1.0)))
    def stamp(self, share: float) -> None:
        """The log's clock steps."""
        self.world.stamp(share)

    @rule(pick=PICK, ms=st.sampled_from((-5000, -700, 60, 4000)), compacts=st.booleans())
    def step_a_wall_clock(self, pick: int, ms: int, compacts: bool) -> None:
        """A wall clock is set; or the journal is compacted."""
        everybody = self.world.clocks
        if compacts:
            self.world.log.compact()
        elif everybody:
            self.world.set_wall_clock(everybody[pick % len(everybody)], ms)
