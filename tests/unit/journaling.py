"""Runs as the journal holds them, and how another process reads them back."""

from __future__ import annotations

import itertools

from tests.unit.direction import World
from tests.unit.orchestra import WALL_NS, make_plan, now

from orchestrator.director import Director
from orchestrator.fleet import Fleet
from orchestrator.journal import Memory
from orchestrator.pace import Pace
from orchestrator.recall import Recalled, recall
from orchestrator.run import Run
from spate.bus import Outgoing, Received
from spate.messages import Cell, SnapshotMessage
from spate.timing import Timing


def make_run(run_id: str = "r", at_ns: int = WALL_NS) -> Run:
    """Return a submitted run."""
    plan = make_plan()
    return Run(run_id, plan, plan.digest(), at_ns, idempotency_key="k", body_digest="b")


def under_way() -> World:
    """Return a run of two drivers that has started."""
    world = World()
    world.to("RUNNING")
    return world


def snapshot(seq: int, window: int = 0) -> SnapshotMessage:
    """Return a snapshot of one arrival."""
    return SnapshotMessage(
        driver_id="d1",
        boot_id="b",
        term=1,
        run_id="r",
        seq=seq,
        window=window,
        cells=(Cell(request=0, stage=0, decided=1, sent=1, succeeded=1),),
        in_flight=0,
        connections=1,
        cpu=0,
        clock_offset_ns=None,
        start_skew_ns=None,
    )


def read(*records: Outgoing) -> Memory:
    """Read records as the journal holds them."""
    memory = Memory()
    memory.read(
        Received(r.topic, 0, at, 0, False, r.key, r.value or b"") for at, r in enumerate(records)
    )
    return memory


class Successor:
    """The next process, 100 s later."""

    def __init__(self, *records: Outgoing) -> None:
        memory = read(*records)
        self.fleet = Fleet(Timing())
        self._revise = itertools.count(memory.highest_revision() + 1).__next__
        self.recalled: Recalled = recall(memory, self.fleet, self._direct, now(100))

    @property
    def director(self) -> Director:
        """Its one run."""
        (director,) = self.recalled.directors
        return director

    def _direct(self, run: Run) -> Director:
        return Director(
            run,
            fleet=self.fleet,
            timing=Timing(),
            pace=Pace(Timing()),
            epoch=9,
            revise=self._revise,
        )
