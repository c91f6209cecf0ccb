"""The open loop: a fixed rate that all tools can hold, and Spate at 90 % of its own most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tests.bench.peers.closed import CONNECTIONS, Lengths
from tests.bench.peers.costs import marginal
from tests.bench.peers.load import QUANTILES, Load
from tests.bench.peers.peer import Peer
from tests.bench.peers.rounds import Sample, Series, take_turns
from tests.bench.peers.table import Table, figure, milliseconds, percent
from tests.bench.peers.trial import Rig

SHARE_OF_ALL: Final = 0.5
"""Of the closed loop's rate of the slowest tool: what all can hold."""
SHARE_OF_OWN: Final = 0.9
"""Of its own rate in the closed loop: what is asked of Spate."""

HEAD: Final = (
    "tool",
    "rate",
    "sent",
    "CPU per request, µs",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "max ms",
    "lag p50 ms",
    "lag p99 ms",
)


def open_loop(
    rig: Rig, peers: Sequence[Peer], lengths: Lengths, *, url: str, rate_per_s: float
) -> dict[str, Series]:
    """Return ``{sent, cpu_us, p50 …, lag p50 …}`` of each tool and round: a share, µs and ns.

    CPU is that of one more request, by both lengths; all else is of the longer run.
    """
    load = Load(url, CONNECTIONS, lengths.short_s, rate_per_s=rate_per_s, fine=True)

    def sample(peer: Peer) -> Sample:
        short = rig.trial(peer, load)
        trial = rig.trial(peer, replace(load, seconds=lengths.long_s))
        said = trial.said
        return {
            "sent": trial.served / (rate_per_s * lengths.long_s),
            "cpu_us": marginal(short.cost, trial.cost).cpu_us,
            **{name: said.latency_ns[name] for name in QUANTILES if name in said.latency_ns},
            **{f"lag {name}": value for name, value in said.lag_ns.items()},
        }

    return take_turns(peers, lengths.repeat, rig.tell, sample)


def add_rows(table: Table, series: dict[str, Series], rate_per_s: float) -> None:
    """Add a row for each tool at a rate."""
    for name, mine in series.items():
        if mine.problem is not None:
            table.add_word(name, mine.problem)
            continue
        if mine.shortfall is not None:
            table.notes.append(f"{name}: {mine.shortfall}")
        shown = [milliseconds(mine.median(key)) for key in ("p50", "p99", "p999", "max")]
        lag = [milliseconds(mine.median(f"lag {key}")) for key in ("p50", "p99")]
        sent, cpu = percent(mine.median("sent")), figure(mine.median("cpu_us"))
        table.add(name, figure(rate_per_s), sent, cpu, *shown, *lag)
