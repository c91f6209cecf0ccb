"""The dashboard of a fleet: who is there, how busy, how late, and whether Kafka keeps up."""

from __future__ import annotations

from typing import Final

from deploy.grafana.board import Board, Row
from deploy.grafana.fleet_reports import KAFKA, REPORTS
from deploy.grafana.panels import AMBER, BLUE, GREEN, GREY, RED, Lines, Number, Query
from deploy.grafana.promql import DRIVERS, IN_NAMESPACE, each_driver, of, own, rate, total

_DRIVER: Final = "{{driver_id}}"
_STATES: Final = {"idle": GREEN, "working": BLUE, "deaf": AMBER, "leaving": GREY, "lost": RED}


def _driver_quantile(share: float, histogram: str) -> str:
    """Return a quantile of each driver out of a histogram's buckets."""
    buckets = each_driver(rate(f"{histogram}_bucket"))
    return f"histogram_quantile({share:g}, sum by (driver_id, le) ({buckets}))"


_FLEET: Final = Row(
    "The fleet",
    [
        Number(
            "Drivers heard",
            "Drivers that the orchestrator hears, whatever they do.",
            [Query(f'sum (spate_orchestrator_drivers{{state!="lost", {IN_NAMESPACE}}})', "")],
            "none",
        ),
        Number(
            "Drivers lost",
            "Terms that this orchestrator has declared lost since it started.",
            [Query(own("spate_orchestrator_driver_losses_total"), "")],
            "none",
            limits={1: RED},
        ),
        Number(
            "Work taken over",
            "Pieces of lost or left work that were granted anew in the run.",
            [Query(total("spate_run_takeovers_total"), "")],
            "none",
        ),
        Number(
            "Terms fenced",
            "Terms of the run that a driver closed because its right to send was gone.",
            [Query(total("spate_run_fences_total"), "")],
            "none",
            limits={1: AMBER},
        ),
        Number(
            "Runs queued",
            "Runs that wait for the one under way.",
            [Query(own("spate_orchestrator_runs_queued"), "")],
            "none",
        ),
        Number(
            "Pages watching",
            "Live streams that are open: pages, and commands that follow a run.",
            [Query(own("spate_orchestrator_streams"), "")],
            "none",
        ),
        Lines(
            "Drivers by state",
            "As the orchestrator hears them; a deaf one does not hear the orchestrator.",
            [Query(own("spate_orchestrator_drivers", "state"), "{{state}}")],
            "short",
            stacked=True,
            colours=_STATES,
            decimals=0,
        ),
        Lines(
            "Pods",
            "Driver pods that are wanted and those that are ready, as the cluster says.",
            [
                Query(own("spate_orchestrator_fleet_desired"), "wanted"),
                Query(own("spate_orchestrator_fleet_ready"), "ready"),
            ],
            "short",
            colours={"wanted": GREY, "ready": BLUE},
            dashed=["wanted"],
            decimals=0,
            empty="no pods are watched",
        ),
        Lines(
            "Events of the run",
            "How often each kind of event has happened in the run so far.",
            [
                Query(
                    f"{total('spate_run_events_total', 'kind')}"
                    f" and on (kind) ({total('spate_run_events_total', 'kind')} > 0)",
                    "{{kind}}",
                )
            ],
            "short",
            decimals=0,
        ),
    ],
)

_EACH: Final = Row(
    "Each driver",
    [
        Lines(
            "Sent",
            "Requests that each driver puts on a socket in a second.",
            [Query(each_driver(rate("spate_driver_requests_sent_total")), _DRIVER)],
            "reqps",
        ),
        Lines(
            "CPU",
            "CPU that each driver uses, as a share of one core: the most it can use. Above 90 % "
            "it is late.",
            [Query(each_driver("spate_driver_cpu_ratio"), _DRIVER)],
            "percentunit",
            most=1,
            limits={0.9: AMBER},
        ),
        Lines(
            "Lag p99",
            "How late each driver was, estimated from its histogram's buckets.",
            [Query(_driver_quantile(0.99, "spate_driver_lag_seconds"), _DRIVER)],
            "s",
            limits={0.01: AMBER},
        ),
        Lines(
            "Response time p99",
            "Of each driver's own requests, estimated from its histogram's buckets. One that is "
            "apart from the others sits on a bad node.",
            [Query(_driver_quantile(0.99, "spate_driver_response_time_seconds"), _DRIVER)],
            "s",
        ),
        Lines(
            "Service time p99",
            "The same without what a request waited before it was sent.",
            [Query(_driver_quantile(0.99, "spate_driver_service_time_seconds"), _DRIVER)],
            "s",
        ),
        Lines(
            "What became of arrivals",
            "Arrivals of all drivers in a second, by outcome.",
            [
                Query(
                    f"sum by (outcome) ({of(DRIVERS, rate('spate_driver_arrivals_total'))})",
                    "{{outcome}}",
                )
            ],
            "reqps",
            stacked=True,
            colours={"succeeded": GREEN, "failed": RED, "dropped": AMBER, "missed": GREY},
        ),
        Lines(
            "In flight",
            "Requests of each driver that wait for their answer.",
            [Query(each_driver("spate_driver_in_flight"), _DRIVER)],
            "short",
        ),
        Lines(
            "Connections",
            "Connections of each driver to the target that are open.",
            [Query(each_driver("spate_driver_connections"), _DRIVER)],
            "short",
            decimals=0,
        ),
        Lines(
            "Memory",
            "Resident memory of each driver's process.",
            [Query(each_driver("process_resident_memory_bytes"), _DRIVER)],
            "bytes",
        ),
        Lines(
            "Bytes received",
            "From the target in a second.",
            [Query(each_driver(rate("spate_driver_received_bytes_total")), _DRIVER)],
            "Bps",
            width=12,
        ),
        Lines(
            "Bytes sent",
            "To the target in a second.",
            [Query(each_driver(rate("spate_driver_sent_bytes_total")), _DRIVER)],
            "Bps",
            width=12,
        ),
    ],
)

_TOGETHER: Final = Row(
    "Clocks, and the right to send",
    [
        Lines(
            "Clock offset",
            "The orchestrator's clock less each driver's. Drivers correct for it.",
            [Query(each_driver("spate_driver_clock_offset_seconds"), _DRIVER)],
            "s",
            signed=True,
        ),
        Lines(
            "Start skew",
            "How far from the agreed instant each driver began its last run, its clock's offset "
            "taken off. A driver that joined later has none.",
            [Query(each_driver("spate_driver_start_skew_seconds"), _DRIVER)],
            "s",
            signed=True,
        ),
        Lines(
            "Right to send",
            "1 while a driver may send. Without acknowledged heartbeats the right ends after 2 s.",
            [Query(each_driver("spate_driver_licensed"), _DRIVER)],
            "none",
            most=1,
            decimals=0,
        ),
        Lines(
            "Fences",
            "Terms that drivers closed by themselves, by cause, since they started.",
            [
                Query(
                    f"sum by (cause) ({of(DRIVERS, 'spate_driver_fences_total')})",
                    "{{cause}}",
                )
            ],
            "short",
            decimals=0,
        ),
        Lines(
            "Terms closed",
            "Terms that each driver has closed for whatever cause; one closes with each run.",
            [Query(each_driver("spate_driver_terms_closed_total"), _DRIVER)],
            "short",
            decimals=0,
        ),
        Lines(
            "Losses and takeovers",
            "Terms taken for lost, and pieces of work that were granted anew.",
            [
                Query(own("spate_orchestrator_driver_losses_total"), "lost"),
                Query(total("spate_run_takeovers_total"), "taken over"),
            ],
            "short",
            colours={"lost": RED, "taken over": BLUE},
            decimals=0,
        ),
    ],
)

FLEET_BOARD: Final = Board(
    "spate-fleet",
    "Spate / Fleet",
    "The drivers: who is there, how busy and how late they are, and whether Kafka keeps up.",
    [_FLEET, _EACH, _TOGETHER, REPORTS, KAFKA],
)
