"""The truth about a run on a target that knows what it did.

The target draws how long each answer takes from a law, in the order in which requests arrive, and
may stand still once: what falls due meanwhile is answered when that is over. It keeps the instants
at which each request arrived and its answer left. With arrivals a₀ ≤ a₁ ≤ … and departures dₖ of a
load that is due at t₀ + k / rate, the response time of request k is dₖ − (t₀ + k / rate). The
target does not know t₀, but no request arrives before it is due, so t₀ is the latest line that no
arrival precedes: min over k of (aₖ − k / rate).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Final

LEAST_NS: Final = 60_000_000
MEAN_NS: Final = 60_000_000
MOST_NS: Final = 500_000_000
LATE_NS: Final = 10_000_000
"""A request that arrives so long after it was due was not sent on schedule."""

KEPT_SHARE: Final = 0.999
"""The share of requests on time from which a tool has kept its schedule."""


@dataclass(frozen=True, slots=True)
class Stall:
    """The target stands still when request ``at`` arrives, for so long; ``at`` counts from 0."""

    at: int
    lasts_ns: int


def law(seed: int, count: int) -> list[int]:
    """Return how long the first answers take, in ns: at least 60 ms, on average about 120 ms.

    The least and an exponential of that mean, cut at the most: the median is near 100 ms and the
    p99 near 340 ms, so that a fifth of a millisecond on the way is well below 1 %.
    """
    draw = random.Random(seed)
    taken = (LEAST_NS + round(-MEAN_NS * log(1.0 - draw.random())) for _ in range(count))
    return [min(each, MOST_NS) for each in taken]


def held_until(due_ns: int, stall: tuple[int, int] | None) -> int:
    """Return when an answer leaves that is due; ``stall`` is from when until when, if it began."""
    if stall is not None and stall[0] <= due_ns < stall[1]:
        return stall[1]
    return due_ns


def ideal(taken_ns: Sequence[int], rate_per_s: float, stall: Stall | None) -> list[int]:
    """Return the response times of a load that is exactly on schedule, on a target that is too."""
    due = [_offset(k, rate_per_s) for k in range(len(taken_ns))]
    span = None
    if stall is not None and stall.at < len(due):
        span = due[stall.at], due[stall.at] + stall.lasts_ns
    pairs = zip(due, taken_ns, strict=True)
    return [held_until(sent + takes, span) - sent for sent, takes in pairs]


@dataclass(frozen=True, slots=True)
class Record:
    """What the target kept of each request, in order of arrival and in ns.

    When it arrived, when its answer was due, and when that left: 0 if it never did.
    """

    arrived_ns: Sequence[int]
    due_ns: Sequence[int]
    left_ns: Sequence[int]

    def lateness_ns(self) -> list[int]:
        """Return by how much each answer left after it was due."""
        pairs = zip(self.left_ns, self.due_ns, strict=True)
        return [left - due for left, due in pairs if left]


@dataclass(frozen=True, slots=True)
class Truth:
    """The response times of a run in ns.

    ``kept`` says whether they are of this run as it was, from the instants the requests were due;
    a tool that did not keep the schedule is compared with what the schedule would have met.
    """

    response_ns: Sequence[int]
    kept: bool


def start_of(arrived_ns: Sequence[int], rate_per_s: float) -> int:
    """Return the start of the schedule: the latest line that no arrival precedes."""
    return min(each - _offset(k, rate_per_s) for k, each in enumerate(arrived_ns))


def truth(record: Record, rate_per_s: float, expected: Sequence[int]) -> Truth:
    """Return the truth about a run; ``expected`` is what the schedule would have met.

    Raises:
        ValueError: if nothing arrived.
    """
    if not record.arrived_ns:
        raise ValueError("the target saw no request")
    start_ns = start_of(record.arrived_ns, rate_per_s)
    sent = [start_ns + _offset(k, rate_per_s) for k in range(len(record.arrived_ns))]
    pairs = zip(record.arrived_ns, sent, strict=True)
    on_time = sum(came - when <= LATE_NS for came, when in pairs)
    if on_time < KEPT_SHARE * len(sent):
        return Truth(expected, kept=False)
    answered = zip(record.left_ns, sent, strict=True)
    return Truth([left - when for left, when in answered if left], kept=True)


def _offset(k: int, rate_per_s: float) -> int:
    """Return when request k of a load is due, in ns from its start."""
    return round(k / rate_per_s * 1e9)
