"""One run of one tool on the target, with both sides' counts and costs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from tests.bench.peers.cores import Cores
from tests.bench.peers.costs import Cost, marginal
from tests.bench.peers.load import Load, Said, TrialError
from tests.bench.peers.peer import Peer
from tests.bench.peers.quiet import note
from tests.bench.peers.target import Target
from tests.bench.peers.usage import Usage, spend

_GRACE_S: Final = 60.0
_TRIED_S: Final = 0.4
_MOST_TRIES: Final = 8
_MORE: Final = 3.0
_TOLERANCE: Final = 0.001


@dataclass(frozen=True, slots=True)
class Trial:
    """What a tool said, what it cost, and what the target counted and cost meanwhile."""

    said: Said
    usage: Usage
    served: int
    target_cpu_s: float

    @property
    def cost(self) -> Cost:
        """Requests by the target's count, CPU and wall time of the tool, CPU of the target."""
        return Cost(self.served, self.usage.cpu_s, self.usage.wall_s, self.target_cpu_s)


@dataclass(frozen=True, slots=True)
class Rig:
    """The target, the cores, a folder for what runs leave behind, and a way to tell of them.

    ``disagreements`` and ``others`` collect what tables must say: where counts differ, and how much
    of the machine others used in each run.
    """

    target: Target
    cores: Cores
    folder: Path
    tell: Callable[[str], None]
    disagreements: list[str] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    _expected: dict[tuple[str, str, int], float] = field(default_factory=dict)

    def trial(self, peer: Peer, load: Load, *, watch_memory: bool = False) -> Trial:
        """Let a tool make a load.

        Raises:
            TrialError: if it fails, or takes a minute longer than it should.
        """
        if peer.counted and load.rate_per_s is None:
            load = replace(load, expected_per_s=self._expected_per_s(peer, load))
        return self._once(peer, load, watch_memory=watch_memory)

    def _once(self, peer: Peer, load: Load, *, watch_memory: bool = False) -> Trial:
        before, cpu_s = self.target.requests(), self.target.cpu_s()
        said, usage = run_tool(peer, load, self.folder, self.cores.client, watch_memory)
        served = self.target.requests() - before - 1  # this question was counted too
        trial = Trial(said, usage, served, self.target.cpu_s() - cpu_s)
        self.watch(usage, trial.target_cpu_s)
        if served <= 0:
            raise TrialError("the target saw no request")
        self._compare(peer, load, trial)
        return trial

    def watch(self, usage: Usage, target_cpu_s: float) -> None:
        """Note how much of a core others used while a tool ran."""
        others_s = max(0.0, usage.everybody_s - usage.cpu_s - target_cpu_s)
        self.others.append(others_s / usage.wall_s)

    def remarks(self) -> list[str]:
        """Return what a table must say of its runs, and forget it."""
        quiet = note(self.others)
        remarks = [*dict.fromkeys(self.disagreements), *([] if quiet is None else [quiet])]
        self.disagreements.clear()
        self.others.clear()
        return remarks

    def _compare(self, peer: Peer, load: Load, trial: Trial) -> None:
        """Note where a tool's word and the target's count differ by more than what was cut off."""
        said = trial.said.requests
        if said is None:
            return
        if abs(said - trial.served) > load.connections + _TOLERANCE * trial.served:
            self.disagreements.append(
                f"{peer.name} says {said:,} requests where the target counted {trial.served:,}"
            )

    def _expected_per_s(self, peer: Peer, load: Load) -> float:
        """Return a tool's rate in the closed loop, found by trying ever more requests.

        Two tries that differ enough on the wall give it, so the tool's start is not in it.
        """
        key = (peer.name, load.url, load.connections)
        if key in self._expected:
            return self._expected[key]
        rate = max(load.expected_per_s, 1.0)
        tries = [self._once(peer, replace(load, seconds=_TRIED_S, expected_per_s=rate))]
        for _ in range(_MOST_TRIES):
            rate *= _MORE
            tries.append(self._once(peer, replace(load, seconds=_TRIED_S, expected_per_s=rate)))
            first, last = tries[0], tries[-1]
            if last.usage.wall_s - first.usage.wall_s >= _TRIED_S:
                break
        reached = marginal(tries[0].cost, tries[-1].cost).per_s
        self._expected[key] = reached
        return reached


def run_tool(
    peer: Peer, load: Load, folder: Path, core: int, watch_memory: bool = False
) -> tuple[Said, Usage]:
    """Run a tool in a folder of its own, which is removed, and return its word and its cost."""
    own = Path(tempfile.mkdtemp(prefix=f"{peer.name}-", dir=folder))
    try:
        usage = spend(
            peer.command(load, own),
            environ=peer.environ(),
            folder=own,
            core=core,
            most_s=load.seconds + _GRACE_S,
            watch_memory=watch_memory,
        )
        return peer.said(usage.output, own), usage
    finally:
        shutil.rmtree(own, ignore_errors=True)
