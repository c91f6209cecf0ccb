"""Which processes the stack has, and the commands that run them; pure."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from spate_cli.ports import LOOPBACK
from spate_cli.processes import Command

_FOR_PEOPLE = {"SPATE_LOG_FORMAT": "text"}
"""The logs of a local stack are files that people read, not what a collector takes in."""


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    # -P: a driver.py or target.py where the user happens to be must not be taken for ours.
    return (sys.executable, "-P", "-m", name, *arguments)


def fetch_kafka() -> Command:
    """Return the command that brings Kafka into the cache."""
    return Command("Kafka's download", _module("localkafka", "--fetch"))


def target(port: int) -> Command:
    """Return the command of the sample target."""
    return Command("target", _module("target", "--host", LOOPBACK, "--port", str(port)))


def orchestrator(kafka: str, port: int, target_port: int, archive: Path) -> Command:
    """Return the command of the orchestrator; ``archive`` is an absolute path."""
    return Command(
        "orchestrator",
        _module(
            "orchestrator",
            *("--kafka", kafka, "--host", LOOPBACK, "--port", str(port)),
            *("--sample-target", f"http://{LOOPBACK}:{target_port}"),
            *("--archive", f"sqlite:///{archive}"),
        ),
        _FOR_PEOPLE,
    )


def driver(kafka: str, number: int, metrics_port: int) -> Command:
    """Return the command of driver ``number``, counted from 1."""
    name = f"driver-{number}"
    address = f"{LOOPBACK}:{metrics_port}"
    return Command(
        name,
        _module("driver", "--kafka", kafka, "--driver-id", name, "--address", address),
        _FOR_PEOPLE,
    )


def sample_run(plan: Path, url: str, out: Path) -> Command:
    """Return the command that runs the sample plan."""
    return Command(
        "sample", _module("spate_cli", "run", str(plan), "--url", url, "--out", str(out))
    )


def eligible(rows: Sequence[dict[str, object]], names: Sequence[str]) -> bool:
    """Tell whether all drivers of these names can be given work."""
    able = {
        row.get("driver_id")
        for row in rows
        if row.get("eligible", row.get("state") in {"idle", "working"})
    }
    return able.issuperset(names)
