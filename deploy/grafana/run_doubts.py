"""The lower half of a run's dashboard: what failed, and whether the figures can be trusted."""

from __future__ import annotations

from typing import Final

from deploy.grafana.board import Row
from deploy.grafana.panels import AMBER, BLUE, GREEN, Lines, Query, Stretches
from deploy.grafana.promql import highest, rate, share, total
from deploy.grafana.windows import TAIL, buckets, exact

_FAILED: Final = 'spate_run_arrivals_total{outcome="failed"}'
_UNSENT: Final = 'spate_run_arrivals_total{outcome=~"dropped|missed"}'
_YES: Final = {1: ("yes", AMBER)}


def _that_occurred(counter: str, by: str) -> str:
    """Return the rates of those values of a label that the run has met at all."""
    return f"{total(rate(counter), by)} and on ({by}) ({total(counter, by)} > 0)"


FAILURES: Final = Row(
    "What failed",
    [
        Lines(
            "Failed by kind",
            "Failed arrivals in a second, by what went wrong; kinds that the run has not met are "
            "left out.",
            [Query(_that_occurred(_FAILED, "kind"), "{{kind}}")],
            "reqps",
            empty="nothing failed",
            stacked=True,
        ),
        Lines(
            "Not sent, by cause",
            "Arrivals dropped at a driver's own limits, or missed because nobody could send them "
            "when they were due: load that the target did not get.",
            [Query(_that_occurred(_UNSENT, "outcome, kind"), "{{outcome}}: {{kind}}")],
            "reqps",
            empty="everything was sent",
            stacked=True,
        ),
        Lines(
            "Status codes",
            "Responses in a second, by status code.",
            [Query(total(rate("spate_run_responses_total"), "code"), "{{code}}")],
            "reqps",
            stacked=True,
            empty="no response came",
        ),
        Lines(
            "Arrivals by request",
            "What became of the plan's requests in a second, by name.",
            [
                Query(
                    total(rate("spate_run_request_arrivals_total"), "request"),
                    "{{request}}",
                )
            ],
            "reqps",
            width=12,
            stacked=True,
        ),
        Lines(
            "Failed by request",
            "Of each of the plan's requests, the share that failed.",
            [
                Query(
                    share(
                        total(
                            rate('spate_run_request_arrivals_total{outcome="failed"}'), "request"
                        ),
                        total(
                            rate('spate_run_request_arrivals_total{outcome=~"succeeded|failed"}'),
                            "request",
                        ),
                    ),
                    "{{request}}",
                )
            ],
            "percentunit",
            width=12,
        ),
    ],
)

TRUST: Final = Row(
    "Can it be trusted?",
    [
        Lines(
            "Lag",
            "How late the drivers themselves were: from the instant at which a request was due to "
            "the one at which a driver took it in hand. Above 10 ms at p99 (less where the target "
            "is fast) the tail of the response time is partly the drivers'.",
            exact("lag"),
            "s",
            colours=TAIL,
            limits={0.01: AMBER},
        ),
        Lines(
            "Lag, from the buckets",
            "Estimated from the histogram's buckets: coarser, but it covers every second.",
            buckets("lag"),
            "s",
            colours=TAIL,
            limits={0.01: AMBER},
        ),
        Lines(
            "Lag p99 of each driver",
            "Of the half second before each driver's last heartbeat.",
            [Query(highest("spate_run_driver_lag_p99_seconds", "driver_id"), "{{driver_id}}")],
            "s",
            limits={0.01: AMBER},
        ),
        Lines(
            "CPU of each driver",
            "As a share of one core, by each driver's last heartbeat. In open load one above 90 % "
            "is late.",
            [Query(highest("spate_run_driver_cpu_ratio", "driver_id"), "{{driver_id}}")],
            "percentunit",
            most=1,
            limits={0.9: AMBER},
        ),
        Stretches(
            "Reasons not to trust it",
            "The reasons of the verdict, from when on they held.",
            [Query(highest("spate_run_degraded", "reason"), "{{reason}}")],
            "none",
            words=_YES,
            empty="no reason",
        ),
        Lines(
            "Drivers that reported",
            "Drivers with a part in the newest full window.",
            [Query(total("spate_run_drivers"), "drivers")],
            "short",
            colours={"drivers": BLUE},
            decimals=0,
        ),
        Stretches(
            "States",
            "The states through which the run went.",
            [Query(f"{highest('spate_run_state', 'state')} == 1", "{{state}}")],
            "none",
            words={1: ("in it", BLUE)},
        ),
        Lines(
            "Age of the newest snapshot",
            "For how long each driver that works for the run has not been heard with figures.",
            [Query(highest("spate_run_snapshot_age_seconds", "driver_id"), "{{driver_id}}")],
            "s",
            limits={5: AMBER},
        ),
        Lines(
            "Bytes",
            "Bytes to and from the target in a second.",
            [
                Query(total(rate("spate_run_sent_bytes_total")), "sent"),
                Query(total(rate("spate_run_received_bytes_total")), "received"),
            ],
            "Bps",
            colours={"sent": BLUE, "received": GREEN},
        ),
    ],
)
