"""Tools take turns: one sample of each, then the next round.

So they share the moods of the machine. A tool that fails twice is left out of the rounds that
remain, and a line under the table says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.bench.peers.costs import Ratio, middle, ratio
from tests.bench.peers.load import TrialError
from tests.bench.peers.peer import Peer

MOST_FAILURES: Final = 2

Sample = Mapping[str, float]
"""The figures of one tool in one round, by name; what it does not say is left out."""


@dataclass(slots=True)
class Series:
    """The samples of a tool by round, and what went wrong in the rounds that have none."""

    samples: dict[int, Sample] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def problem(self) -> str | None:
        """Why there are no figures at all; None if there are some."""
        return self.problems[-1] if self.problems and not self.samples else None

    @property
    def shortfall(self) -> str | None:
        """What is to be said beside figures of fewer rounds than there were."""
        if not self.problems or not self.samples:
            return None
        return f"figures of {len(self.samples)} only, then: {self.problems[-1]}"

    def values(self, figure: str) -> dict[int, float]:
        """Return a figure by round."""
        return {n: each[figure] for n, each in self.samples.items() if figure in each}

    def median(self, figure: str) -> float | None:
        """Return the median of a figure, None if it never was said."""
        return middle(self.values(figure).values())

    def beside(self, other: Series | None, figure: str) -> Ratio | None:
        """Return the ratio of a figure to that of another tool in the same rounds."""
        return None if other is None else ratio(self.values(figure), other.values(figure))


def take_turns(
    peers: Sequence[Peer],
    repeat: int,
    tell: Callable[[str], None],
    sample: Callable[[Peer], Sample],
) -> dict[str, Series]:
    """Return the series of each tool by name, having told of each sample."""
    series = {peer.name: Series() for peer in peers}
    for n in range(repeat):
        for peer in peers:
            mine = series[peer.name]
            if len(mine.problems) == MOST_FAILURES:
                continue
            tell(f"round {n + 1} of {repeat}: {peer.name}")
            try:
                mine.samples[n] = sample(peer)
            except (TrialError, ValueError, OSError) as error:
                mine.problems.append(str(error))
                tell(f"{peer.name}: {error}")
    return series
