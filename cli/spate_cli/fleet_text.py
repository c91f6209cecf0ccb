"""The fleet's pods as people read them; tolerant of keys that are missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spate_cli.quantities import NOTHING
from spate_cli.table import table

_COLUMNS = ("pod", "phase", "reason", "restarts", "node", "what is known")


def size_line(fleet: Mapping[str, Any]) -> str:
    """Return how many pods are wanted and how many are ready."""
    desired, ready = (fleet.get(key) for key in ("desired", "ready"))
    numbers = [NOTHING if number is None else number for number in (desired, ready)]
    where = ""
    if fleet.get("deployment"):
        where = f" (Deployment {fleet['deployment']} in namespace {fleet.get('namespace')})"
    return f"drivers: {numbers[0]} desired, {numbers[1]} ready{where}\n"


def fleet_text(fleet: Mapping[str, Any]) -> str:
    """Return the size, what is wrong, what to do, and the pods of which no driver is heard."""
    silent = [pod for pod in fleet.get("pods") or () if not pod.get("drivers")]
    sentences = [str(fleet[key]) + "\n" for key in ("problem", "hint") if fleet.get(key)]
    lines = [size_line(fleet), *sentences]
    if silent:
        lines += ["\n", table(_COLUMNS, map(_row, silent))]
    return "".join(lines)


def _row(pod: Mapping[str, Any]) -> tuple[object, ...]:
    """Return a pod's row; of one that is ready it is only its driver that is not heard."""
    said = pod.get("message")
    if pod.get("ready"):
        said = "it is ready, and its driver is not heard over Kafka"
    keys = ("name", "phase", "reason", "restarts", "node")
    return *(pod.get(key) for key in keys), said
