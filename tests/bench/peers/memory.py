"""Memory: the highest resident size of a tool's processes with many connections open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tests.bench.peers import words
from tests.bench.peers.costs import middle
from tests.bench.peers.load import Load, TrialError
from tests.bench.peers.peer import Peer
from tests.bench.peers.rounds import Sample, Series, take_turns
from tests.bench.peers.table import Table, figure, ratio_text
from tests.bench.peers.trial import Rig

FEW: Final = 1_000
MANY: Final = 10_000
SPARE_FILES: Final = 200
"""Files that a tool opens beside its connections, and the target."""

HEAD: Final = ("tool", "1,000, MB", "beside wrk", "10,000, MB", "beside wrk", "a connection, kB")


def memory(
    rig: Rig,
    peers: Sequence[Peer],
    repeat: int,
    *,
    url: str,
    seconds: float,
    connections: int,
    files: int,
) -> dict[str, Series]:
    """Return ``{bytes}`` of each tool and round; ``files`` is how many may be open.

    A sample is refused where that is too few, or where the target was asked by fewer connections
    than it should have been.
    """

    def sample(peer: Peer) -> Sample:
        if files < connections + SPARE_FILES:
            raise TrialError(
                f"{connections:,} connections take more open files than the {files:,} that this "
                f"machine allows (ulimit -Hn)"
            )
        load = Load(url, connections, seconds, expected_per_s=20_000)
        trial = rig.trial(peer, load, watch_memory=True)
        if trial.served < connections:
            raise TrialError(
                f"only {trial.served:,} requests came from {connections:,} connections in "
                f"{load.whole_seconds} s"
            )
        return {"bytes": float(trial.usage.peak_bytes)}

    return take_turns(peers, repeat, rig.tell, sample)


def memory_table(few: dict[str, Series], many: dict[str, Series]) -> Table:
    """Return the table of both numbers of connections."""
    table = Table("Memory", HEAD, words.MEMORY)
    for name, fewer in few.items():
        cells = []
        for mine, each in ((fewer, few), (many[name], many)):
            size = mine.median("bytes")
            cells.append(figure(None if size is None else size / 1e6))
            cells.append(ratio_text(mine.beside(each.get("wrk"), "bytes")))
            table.notes += [f"{name}: {word}" for word in (mine.problem, mine.shortfall) if word]
        least, most = fewer.values("bytes"), many[name].values("bytes")
        more = middle((most[n] - least[n]) / (MANY - FEW) for n in most if n in least)
        table.add(name, *cells, figure(None if more is None else more / 1e3))
    return table
