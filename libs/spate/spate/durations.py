"""A histogram's figures as reports state them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from spate.figures import HISTOGRAMS, Figures
from spate.histogram import Histogram

QUANTILES = {
    "p50": Fraction(50, 100),
    "p90": Fraction(90, 100),
    "p95": Fraction(95, 100),
    "p99": Fraction(99, 100),
    "p999": Fraction(999, 1000),
}
"""The quantiles that are shown, by the names they go by."""

_KEYS = tuple(f"{name}_ns" for name in QUANTILES)
_QUANTILES = tuple(QUANTILES.values())


def duration(histogram: Histogram) -> dict[str, Any]:
    """Return ``{count, min_ns, mean_ns, mode_ns, p50_ns, …, max_ns}``: None where nothing is."""
    return {
        "count": histogram.count,
        "min_ns": histogram.min_ns,
        "mean_ns": histogram.mean_ns(),
        "mode_ns": histogram.mode_ns(),
        **dict(zip(_KEYS, histogram.quantiles_ns(_QUANTILES), strict=True)),
        "max_ns": histogram.max_ns,
    }


def full_duration(histogram: Histogram) -> dict[str, Any]:
    """Return the figures and the buckets: ``histogram`` is ``[[low_ns, high_ns, n], …]``."""
    return {**duration(histogram), "histogram": histogram.to_json()}


def full_durations(figures: Figures) -> dict[str, Any]:
    """Return all six durations, each in full."""
    return {name: full_duration(getattr(figures, name)) for name in HISTOGRAMS}


def status_codes(figures: Figures) -> dict[str, int]:
    """Return how often each HTTP status code was answered, in order of the codes."""
    return dict(sorted(figures.status_codes.items()))
