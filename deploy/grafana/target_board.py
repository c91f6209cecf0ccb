"""The dashboard of the bundled target: its own count beside what the run says it sent."""

from __future__ import annotations

from typing import Final

from deploy.grafana.board import Board, Row
from deploy.grafana.panels import AMBER, BLUE, GREEN, GREY, RED, Lines, Query
from deploy.grafana.promql import TARGETS, of, rate, total


def _sum(expression: str, by: str = "") -> str:
    """Return the sum over the targets, for each value of the labels ``by``."""
    return f"sum{f' by ({by})' if by else ''} ({of(TARGETS, expression)})"


_ARRIVING: Final = Row(
    "What arrives",
    [
        Lines(
            "Received, and sent by the run",
            "What the target counted in a second beside what the drivers report as sent. The two "
            "are counted independently; the target's may lie below where requests were lost, and "
            "above where others call it too.",
            [
                Query(total(rate("spate_run_requests_sent_total")), "sent by the run"),
                Query(_sum(rate("spate_target_requests_total")), "received by the target"),
            ],
            "reqps",
            width=12,
            colours={"sent by the run": GREY, "received by the target": BLUE},
            dashed=["sent by the run"],
        ),
        Lines(
            "Answers by status code",
            "Requests received in full in a second, by the status of their answer.",
            [Query(_sum(rate("spate_target_requests_total"), "code"), "{{code}}")],
            "reqps",
            width=12,
            stacked=True,
        ),
        Lines(
            "Waiting for their answer",
            "Requests that the target has received and not answered yet, and those that the "
            "drivers have in flight.",
            [
                Query(_sum("spate_target_unanswered"), "unanswered"),
                Query(total("spate_run_in_flight"), "in flight"),
            ],
            "short",
            colours={"unanswered": BLUE, "in flight": GREY},
        ),
        Lines(
            "Connections",
            "Connections that are open.",
            [Query(_sum("spate_target_connections"), "open")],
            "short",
            colours={"open": BLUE},
            decimals=0,
        ),
        Lines(
            "Connections accepted",
            "New connections in a second. With keep-alive there are few once a run is under way.",
            [Query(_sum(rate("spate_target_connections_accepted_total")), "accepted")],
            "cps",
            colours={"accepted": GREEN},
        ),
        Lines(
            "Malformed requests",
            "Requests in a second that were no HTTP, answered with 400.",
            [Query(_sum(rate("spate_target_malformed_total")), "malformed")],
            "cps",
            colours={"malformed": RED},
        ),
        Lines(
            "Bytes of request bodies",
            "Received and discarded in a second.",
            [Query(_sum(rate("spate_target_body_bytes_total")), "received")],
            "Bps",
            colours={"received": BLUE},
        ),
    ],
)

_PROCESS: Final = Row(
    "Its process",
    [
        Lines(
            "CPU",
            "Cores that each target's process uses; it cannot use more than one.",
            [Query(of(TARGETS, rate("process_cpu_seconds_total")), "{{instance}}")],
            "short",
            limits={0.9: AMBER},
        ),
        Lines(
            "Memory",
            "Resident memory of each target's process.",
            [Query(of(TARGETS, "process_resident_memory_bytes"), "{{instance}}")],
            "bytes",
        ),
        Lines(
            "Open files",
            "File descriptors of each target's process: its connections, mostly.",
            [
                Query(of(TARGETS, "process_open_fds"), "{{instance}}"),
                Query(f"min ({of(TARGETS, 'process_max_fds')})", "allowed"),
            ],
            "short",
            logarithmic=True,
            decimals=0,
            colours={"allowed": GREY},
            dashed=["allowed"],
        ),
    ],
)

TARGET_BOARD: Final = Board(
    "spate-target",
    "Spate / Target",
    "The bundled target, which counts for itself.",
    [_ARRIVING, _PROCESS],
)
