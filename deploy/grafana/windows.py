"""Quantiles by the names that people give them: exact ones of a window, and those of buckets."""

from __future__ import annotations

from typing import Final

from deploy.grafana.panels import DARK, GREY, MIDDLE, PALE, Query
from deploy.grafana.promql import highest, quantile

QUANTILES: Final = {"0.5": "p50", "0.9": "p90", "0.99": "p99", "1": "max"}
TAIL: Final = {"p50": PALE, "p90": MIDDLE, "p99": DARK, "max": GREY}
"""Their colours."""


def exact(duration: str) -> list[Query]:
    """Return the exact quantiles of a duration: ``response_time``, ``service_time`` or ``lag``.

    Of the windows that were scraped between two points it is the worst, so that zooming out hides
    no bad second. Nothing is averaged.
    """
    gauge = f"spate_run_window_{duration}_seconds"
    return [
        Query(
            highest(f'max_over_time({gauge}{{quantile="{value}"}}[$__interval])', "quantile"), name
        )
        for value, name in QUANTILES.items()
    ]


def buckets(duration: str) -> list[Query]:
    """Return the same out of the histogram's buckets, but for the maximum, which they hide."""
    return [
        Query(quantile(float(value), f"spate_run_{duration}_seconds"), name)
        for value, name in QUANTILES.items()
        if name != "max"
    ]
