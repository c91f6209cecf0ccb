"""The closed loop: what a request costs when every connection sends as soon as it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tests.bench.peers.costs import marginal
from tests.bench.peers.load import Load
from tests.bench.peers.peer import Peer
from tests.bench.peers.rounds import Sample, Series, take_turns
from tests.bench.peers.table import Table, figure, percent, ratio_text
from tests.bench.peers.trial import Rig

CONNECTIONS: Final = 64


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long the two runs of a sample are, in whole seconds, and how many samples there are."""

    short_s: int
    long_s: int
    repeat: int


def closed_loop(
    rig: Rig,
    peers: Sequence[Peer],
    lengths: Lengths,
    *,
    url: str,
    connections: int,
    expected_per_s: float,
    ca: Path | None = None,
) -> dict[str, Series]:
    """Return ``{cpu_us, per_cpu_s, per_s, target_busy}`` of each tool and round.

    ``expected_per_s`` is the first guess for a tool that counts requests.
    """
    load = Load(url, connections, lengths.short_s, expected_per_s=expected_per_s, ca=ca)

    def sample(peer: Peer) -> Sample:
        short = rig.trial(peer, load).cost
        long = rig.trial(peer, replace(load, seconds=lengths.long_s)).cost
        found = marginal(short, long)
        return {
            "cpu_us": found.cpu_us,
            "per_cpu_s": found.per_cpu_s,
            "per_s": found.per_s,
            "target_busy": found.target_busy,
        }

    return take_turns(peers, lengths.repeat, rig.tell, sample)


HEAD = (
    "tool",
    "CPU per request, µs",
    "beside wrk",
    "requests per CPU second",
    "requests/s",
    "beside wrk",
    "target busy",
)


def closed_table(title: str, about: str, series: dict[str, Series]) -> Table:
    """Return the table of a closed loop."""
    table = Table(title, HEAD, about)
    wrk = series.get("wrk")
    for name, mine in series.items():
        if mine.problem is not None:
            table.add_word(name, mine.problem)
            continue
        if mine.shortfall is not None:
            table.notes.append(f"{name}: {mine.shortfall}")
        table.add(
            name,
            figure(mine.median("cpu_us")),
            ratio_text(mine.beside(wrk, "cpu_us")),
            figure(mine.median("per_cpu_s")),
            figure(mine.median("per_s")),
            ratio_text(mine.beside(wrk, "per_s")),
            percent(mine.median("target_busy")),
        )
    return table
