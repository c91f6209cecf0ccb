"""The dashboard of a run: as planned? what did users feel? what failed? can it be trusted?"""

from __future__ import annotations

from typing import Final

from deploy.grafana.board import Board, Row
from deploy.grafana.panels import BLUE, GREEN, GREY, RED, Lines, Number, Query
from deploy.grafana.promql import highest, of_run, rate, share, total
from deploy.grafana.run_doubts import FAILURES, TRUST
from deploy.grafana.windows import TAIL, buckets, exact

_ALL: Final = "spate_run_arrivals_total"
_FAILED: Final = 'spate_run_arrivals_total{outcome="failed"}'
_ANSWERED: Final = 'spate_run_arrivals_total{outcome=~"succeeded|failed"}'
_P99: Final = 'spate_run_window_response_time_seconds{quantile="0.99"}'
_STATES: Final = {
    "PREPARING": GREY,
    "READY": GREY,
    "RUNNING": BLUE,
    "DRAINING": BLUE,
    "FINISHED": GREEN,
    "FAILED": RED,
    "ABORTED": RED,
}


_NOW: Final = Row(
    "The run",
    [
        Number(
            "State",
            "The state of the run; of several chosen runs, of each.",
            [Query(f"{highest('spate_run_state', 'state')} == 1", "{{state}}")],
            "none",
            named=True,
            width=3,
            colours=_STATES,
        ),
        Number(
            "Verdict",
            "Whether the run passed; known when it has ended, and shown for five minutes more.",
            [Query(f"min ({of_run('spate_run_passed')})", "")],
            "none",
            width=3,
            empty="not ended",
            words={1: ("passed", GREEN), 0: ("not passed", RED)},
        ),
        Number(
            "Planned",
            "Arrivals that were due in the newest full window, by the schedule; open load only.",
            [Query(total("spate_run_planned_rate"), "")],
            "reqps",
            width=3,
            empty="no schedule",
        ),
        Number(
            "Sent",
            "Requests put on a socket in a second, over 20 s or more.",
            [Query(total(rate("spate_run_requests_sent_total")), "")],
            "reqps",
            width=3,
        ),
        Number(
            "Response time p99",
            "From the instant at which a request was due; exact, of the newest full window.",
            [Query(f"max ({of_run(_P99)})", "")],
            "s",
        ),
        Number(
            "Failed",
            "Failed arrivals as a share of those that succeeded or failed, so far.",
            [Query(share(total(_FAILED), total(_ANSWERED)), "")],
            "percentunit",
            limits={1e-9: RED},
            decimals=2,
        ),
        Number(
            "Accounted for",
            "The share of all planned arrivals of which the outcome is known.",
            [Query(f"{total(_ALL)} / {total('spate_run_planned_arrivals')}", "")],
            "percentunit",
            decimals=1,
        ),
    ],
)

_LOAD: Final = Row(
    "As planned?",
    [
        Lines(
            "Planned and sent",
            "What was due in a second by the schedule (open load only), and what was put on "
            "sockets. A gap between them is load that the target did not get.",
            [
                Query(total(rate("spate_run_due_arrivals_total")), "planned"),
                Query(total(rate("spate_run_requests_sent_total")), "sent"),
                Query(total(rate('spate_run_arrivals_total{outcome="succeeded"}')), "succeeded"),
            ],
            "reqps",
            width=12,
            colours={"planned": GREY, "sent": BLUE, "succeeded": GREEN},
            dashed=["planned"],
        ),
        Lines(
            "Due and not accounted for",
            "What was due by now (open load only) less what has an outcome or is unconfirmed: in "
            "flight, or reported within a second. It must not grow. Unconfirmed is what a lost "
            "driver may have sent.",
            [
                Query(
                    f"{total('spate_run_due_arrivals_total')} - {total(_ALL)}"
                    f" - {total('spate_run_unconfirmed_arrivals')}",
                    "not accounted for",
                ),
                Query(total("spate_run_unconfirmed_arrivals"), "unconfirmed"),
            ],
            "short",
            width=6,
            signed=True,
            colours={"not accounted for": BLUE, "unconfirmed": RED},
        ),
        Lines(
            "In flight",
            "Requests that wait for their answer, over all drivers.",
            [Query(total("spate_run_in_flight"), "in flight")],
            "short",
            width=6,
            colours={"in flight": BLUE},
        ),
        Number(
            "The account",
            "planned = succeeded + failed + dropped + missed + unconfirmed + to come",
            [
                Query(total("spate_run_planned_arrivals"), "planned"),
                *(
                    Query(total(f'spate_run_arrivals_total{{outcome="{outcome}"}}'), outcome)
                    for outcome in ("succeeded", "failed", "dropped", "missed")
                ),
                Query(total("spate_run_unconfirmed_arrivals"), "unconfirmed"),
                Query(
                    f"{total('spate_run_planned_arrivals')} - {total(_ALL)}"
                    f" - {total('spate_run_unconfirmed_arrivals')}",
                    "to come",
                ),
            ],
            "locale",
            width=24,
            colours={"planned": GREY, "succeeded": GREEN, "failed": RED},
        ),
    ],
)

_FELT: Final = Row(
    "What users felt",
    [
        Lines(
            "Response time, exact",
            "From the instant at which a request was due to the end of its response. Exact "
            "quantiles of all drivers' requests together in a window of 1 s; of the windows that "
            "were scraped since the point before, the worst. Scraped each 5 s it sees one window "
            "of five.",
            exact("response_time"),
            "s",
            width=12,
            colours=TAIL,
        ),
        Lines(
            "Service time, exact",
            "From the first byte sent to the last byte received: without what a request waited "
            "before it was sent. Windows as for the response time.",
            exact("service_time"),
            "s",
            width=12,
            colours=TAIL,
        ),
        Lines(
            "Response time, from the buckets",
            "Estimated by Prometheus from the histogram's buckets, over 20 s or more: coarser than "
            "the exact one, but no second is left out.",
            buckets("response_time"),
            "s",
            width=12,
            colours=TAIL,
        ),
        Lines(
            "Service time, from the buckets",
            "The same for the service time.",
            buckets("service_time"),
            "s",
            width=12,
            colours=TAIL,
        ),
    ],
)

RUN_BOARD: Final = Board(
    "spate-run",
    "Spate / Run",
    "One run: as planned, what users felt, what failed, and whether to trust it.",
    [_NOW, _LOAD, _FELT, FAILURES, TRUST],
)
