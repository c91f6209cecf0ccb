"""Quantiles by nearest rank: value number ⌈q × n⌉ of n in order, which is one that occurred."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import ceil
from typing import Final

SHARES: Final = {
    "p50": Fraction(50, 100),
    "p90": Fraction(90, 100),
    "p99": Fraction(99, 100),
    "p999": Fraction(999, 1000),
    "max": Fraction(1),
}
"""The shares of the quantiles of ``tests.bench.peers.load.QUANTILES``."""


def quantiles(values: Iterable[int]) -> dict[str, float]:
    """Return the quantiles of some values by name; nothing of none."""
    ordered = sorted(values)
    if not ordered:
        return {}
    return {name: float(ordered[ceil(share * len(ordered)) - 1]) for name, share in SHARES.items()}
