"""Which series a panel is about: one run's, one fleet's, or one target's.

No series but ``spate_run_info`` has a run's id, so a run's figures are those of the scrape address
that names that run at the same instant. Of drivers only ``spate_driver_build_info`` has the id.
"""

from __future__ import annotations

from typing import Final

IN_NAMESPACE: Final = 'namespace=~"$namespace"'
HERE: Final = f"{{{IN_NAMESPACE}}}"
RUN: Final = f'spate_run_info{{run_id=~"$run", {IN_NAMESPACE}}}'
DRIVERS: Final = f"spate_driver_build_info{{{IN_NAMESPACE}}}"
ORCHESTRATORS: Final = f"spate_orchestrator_build_info{{{IN_NAMESPACE}}}"
TARGETS: Final = f"spate_target_build_info{{{IN_NAMESPACE}}}"

_SAME: Final = "on (job, instance)"


def rate(counter: str) -> str:
    """Return how much a counter grows in a second."""
    return f"rate({counter}[$__rate_interval])"


def of(whole: str, expression: str) -> str:
    """Return what an expression says at the addresses of ``whole``."""
    return f"{expression} and {_SAME} {whole}"


def of_run(expression: str) -> str:
    """Return what an expression says of the chosen runs."""
    return of(RUN, expression)


def total(expression: str, by: str = "") -> str:
    """Return the sum over the chosen runs, for each value of the labels ``by``."""
    return f"sum{f' by ({by})' if by else ''} ({of_run(expression)})"


def highest(expression: str, by: str) -> str:
    """Return the highest of the chosen runs, for each value of the labels ``by``."""
    return f"max by ({by}) ({of_run(expression)})"


def quantile(share: float, histogram: str) -> str:
    """Return a quantile of the chosen runs out of a histogram's buckets."""
    return f"histogram_quantile({share:g}, {total(rate(f'{histogram}_bucket'), 'le')})"


def each_driver(expression: str) -> str:
    """Return what an expression says of each driver, with its ``driver_id``."""
    return f"{expression} * {_SAME} group_left (driver_id) {DRIVERS}"


def own(metric: str, by: str = "") -> str:
    """Return the sum of an orchestrator's own metric, for each value of the labels ``by``."""
    return f"sum{f' by ({by})' if by else ''} ({metric}{HERE})"


def growth(counter: str, by: str = "") -> str:
    """Return by how much an orchestrator's own counter grows in a second."""
    return f"sum{f' by ({by})' if by else ''} ({rate(counter + HERE)})"


def share(part: str, whole: str) -> str:
    """Return a part of a whole, and 0 where the whole is nothing yet."""
    return f"{part} / ({whole} > 0) or {whole} * 0"
