"""The lower half of the fleet's dashboard: what drivers report, and how Kafka takes it."""

from __future__ import annotations

from typing import Final

from deploy.grafana.board import Row
from deploy.grafana.panels import AMBER, GREEN, GREY, RED, Lines, Query
from deploy.grafana.promql import (
    HERE,
    ORCHESTRATORS,
    each_driver,
    growth,
    highest,
    of,
    own,
    rate,
)

_DRIVER: Final = "{{driver_id}}"

REPORTS: Final = Row(
    "What drivers report",
    [
        Lines(
            "Age of the newest snapshot",
            "For how long each driver that works for the run has not been heard with figures.",
            [Query(highest("spate_run_snapshot_age_seconds", "driver_id"), _DRIVER)],
            "s",
            limits={5: AMBER},
        ),
        Lines(
            "Snapshots not acknowledged",
            "What each driver keeps until Kafka has taken it.",
            [Query(each_driver("spate_driver_snapshots_unacknowledged"), _DRIVER)],
            "short",
            decimals=0,
        ),
        Lines(
            "Their size",
            "A driver ends when it keeps more than 64 MB.",
            [Query(each_driver("spate_driver_snapshots_unacknowledged_bytes"), _DRIVER)],
            "bytes",
        ),
        Lines(
            "Snapshots by what became of them",
            "Duplicates are counted once; late ones come after the end of their run.",
            [Query(growth("spate_orchestrator_snapshots_total", "result"), "{{result}}")],
            "cps",
            colours={"merged": GREEN, "duplicate": GREY, "late": AMBER, "foreign": RED},
        ),
        Lines(
            "Snapshots missing between others",
            "A gap that stays is a hole in the run's figures.",
            [Query(own("spate_orchestrator_snapshot_gaps"), "missing")],
            "short",
            decimals=0,
            colours={"missing": RED},
        ),
        Lines(
            "Snapshots sent again",
            "Snapshots that Kafka did not take at once, in a second.",
            [Query(each_driver(rate("spate_driver_snapshots_resent_total")), _DRIVER)],
            "cps",
        ),
    ],
)

KAFKA: Final = Row(
    "Kafka",
    [
        Lines(
            "Waiting for an acknowledgement",
            "For how long the oldest snapshot of a driver, or the orchestrator's transaction, has "
            "been waiting for Kafka. After 2 s without one drivers stop sending.",
            [
                Query(each_driver("spate_driver_kafka_ack_age_seconds"), _DRIVER),
                Query(own("spate_orchestrator_kafka_ack_age_seconds"), "orchestrator"),
            ],
            "s",
            limits={2: AMBER},
        ),
        Lines(
            "Kafka answers",
            "1 while a broker answers.",
            [
                Query(each_driver("spate_driver_kafka_up"), _DRIVER),
                Query(f"min (spate_orchestrator_kafka_up{HERE})", "orchestrator"),
            ],
            "none",
            most=1,
            decimals=0,
        ),
        Lines(
            "Errors",
            "Errors of the Kafka clients in a second.",
            [
                Query(each_driver(rate("spate_driver_kafka_errors_total")), _DRIVER),
                Query(growth("spate_orchestrator_kafka_errors_total"), "orchestrator"),
            ],
            "cps",
        ),
        Lines(
            "Messages not understood",
            "Records that were no message of ours, in a second, by who read them.",
            [
                Query(each_driver(rate("spate_driver_bad_messages_total")), _DRIVER),
                Query(growth("spate_orchestrator_bad_messages_total"), "orchestrator"),
            ],
            "cps",
        ),
        Lines(
            "The orchestrator's CPU",
            "Cores that its process uses.",
            [
                Query(
                    of(ORCHESTRATORS, rate("process_cpu_seconds_total")),
                    "{{instance}}",
                )
            ],
            "short",
        ),
        Lines(
            "The orchestrator's memory",
            "Resident memory of its process.",
            [
                Query(
                    of(ORCHESTRATORS, "process_resident_memory_bytes"),
                    "{{instance}}",
                )
            ],
            "bytes",
        ),
    ],
)
