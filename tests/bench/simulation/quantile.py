"""A quantile as the tables of benchmarks have it."""

from __future__ import annotations

from collections.abc import Sequence


def at(values: Sequence[float], q: float) -> float:
    """Return a quantile by nearest rank."""
    return sorted(values)[int(len(values) * q)]
