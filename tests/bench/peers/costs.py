"""The arithmetic of what a request costs: two lengths of the same load, and their difference.

```
(cpu of the long run − cpu of the short one) / (requests of the long − requests of the short)
```

What a tool spends before its first request and after its last is in both, and cancels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Cost:
    """Requests, and the seconds that they took: the tool's CPU, on the wall, the target's CPU."""

    requests: int
    cpu_s: float
    wall_s: float
    target_cpu_s: float


@dataclass(frozen=True, slots=True)
class Marginal:
    """What one more request costs and how many there are in a second.

    ``target_busy`` is the share of its core that the target used meanwhile.
    """

    cpu_us: float
    per_s: float
    target_busy: float

    @property
    def per_cpu_s(self) -> float:
        """Requests for one second of CPU."""
        return 1e6 / self.cpu_us


def marginal(short: Cost, long: Cost) -> Marginal:
    """Return the marginal cost between two lengths of one load.

    Raises:
        ValueError: if the longer run was not longer in requests, in CPU and on the wall.
    """
    requests = long.requests - short.requests
    cpu_s = long.cpu_s - short.cpu_s
    wall_s = long.wall_s - short.wall_s
    if requests <= 0 or cpu_s <= 0 or wall_s <= 0:
        raise ValueError("the longer run cost no more than the shorter one; is the machine busy?")
    busy = max(0.0, long.target_cpu_s - short.target_cpu_s) / wall_s
    return Marginal(cpu_s / requests * 1e6, requests / wall_s, busy)


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of two tools: the median of the rounds' ratios, and the lowest and the highest."""

    middle: float
    low: float
    high: float


def ratio(values: Mapping[int, float], beside: Mapping[int, float]) -> Ratio | None:
    """Return how values compare with those beside them, both by round; None without a common one.

    Tools take turns, so the two of a round met the machine in the same mood.
    """
    ratios = [value / beside[n] for n, value in values.items() if beside.get(n)]
    return Ratio(median(ratios), min(ratios), max(ratios)) if ratios else None


def middle(values: Iterable[float]) -> float | None:
    """Return the median, None of nothing."""
    known = list(values)
    return median(known) if known else None
