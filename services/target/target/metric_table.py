"""The metrics of the target, each declared once.

The type is not the one that the other services share: the target imports nothing of theirs.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple


class DeclaredMetric(NamedTuple):
    """One metric; ``name`` is as in a query, so a counter's ends in ``_total``."""

    name: str
    kind: Literal["counter", "gauge"]
    text: str
    labels: tuple[str, ...] = ()


TARGET_METRICS: Final = (
    DeclaredMetric("spate_target_build_info", "gauge", "Always 1; says the version.", ("version",)),
    DeclaredMetric(
        "spate_target_requests_total",
        "counter",
        "Load requests received in full, by the status of their answer.",
        ("code",),
    ),
    DeclaredMetric(
        "spate_target_malformed_total",
        "counter",
        "Requests that were no HTTP, answered with 400.",
    ),
    DeclaredMetric(
        "spate_target_connections_accepted_total", "counter", "Connections that were accepted."
    ),
    DeclaredMetric(
        "spate_target_body_bytes_total",
        "counter",
        "Bytes of request bodies, received and discarded.",
    ),
    DeclaredMetric("spate_target_connections", "gauge", "Connections that are open."),
    DeclaredMetric("spate_target_unanswered", "gauge", "Requests that wait for their answer."),
)
