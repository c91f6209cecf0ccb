"""What a tool said beside the truth, and whether it is within 1 % of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.bench.peers.load import QUANTILES

LIMIT: Final = 0.01
JUDGED: Final = ("p50", "p90", "p99", "p999")
"""The quantiles that must be within the limit; the greatest value alone is one request's luck."""

_WORDS: Final = {"p50": "p50", "p90": "p90", "p99": "p99", "p999": "p99.9", "max": "max"}


def errors(said: Mapping[str, float], true: Mapping[str, float]) -> dict[str, float]:
    """Return by how much what was said is off, as shares of the truth: 0.01 is 1 % too much."""
    return {name: said[name] / true[name] - 1 for name in QUANTILES if name in said}


def verdict(off: Mapping[str, float | None]) -> str:
    """Return words on the errors of a tool: whether all are known and within the limit."""
    known = {name: off.get(name) for name in JUDGED}
    silent = [_WORDS[name] for name, error in known.items() if error is None]
    if silent:
        return f"does not say {', '.join(silent)}"
    worst = max(JUDGED, key=lambda name: abs(known[name] or 0.0))
    error = known[worst] or 0.0
    word = "passed" if abs(error) <= LIMIT else "failed"
    return f"{word}: {error:+.2%} at {_WORDS[worst]} is the worst"
