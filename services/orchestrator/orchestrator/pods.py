"""A pod of the fleet as its status document tells it: is its driver there, and if not, why; pure.

The document is what the Kubernetes API sends, as plain values. Nothing in it is relied on: what is
missing, or is of another kind than it should be, counts as not said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Document = Mapping[str, Any]
Trouble = Literal["waiting", "failed"]

_LONGEST_MESSAGE = 300
_ON_ITS_WAY = frozenset({"ContainerCreating", "PodInitializing"})
"""Reasons to wait that every pod has for a moment."""

DELETED = "Deleted"
"""The reason of a pod that was taken away by force; Kubernetes has no word for it."""

_KILLED_FOR_MEMORY = "it used more memory than its limit"


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod; ``name`` is also its driver's id, or the beginning of its drivers' ids.

    ``trouble`` says whether ``reason`` keeps it from coming (``waiting``) or made it go
    (``failed``); without trouble the reason is for display. ``restarts`` counts those of all its
    containers, ``last_end`` says how the latest of them came about. Times are RFC 3339.
    """

    name: str
    node: str | None = None
    phase: str = "Unknown"
    ready: bool = False
    restarts: int = 0
    reason: str | None = None
    message: str | None = None
    created_at: str | None = None
    started_at: str | None = None
    terminating: bool = False
    trouble: Trouble | None = None
    last_end: tuple[str, str] | None = None


Finding = tuple[str, str | None, Trouble | None]
"""Reason, message, trouble."""


def read_pod(document: Document) -> Pod:
    """Return what a pod's document says."""
    meta, spec, status = (part(document, key) for key in ("metadata", "spec", "status"))
    conditions = conditions_of(status)
    phase = text(status, "phase") or "Unknown"
    ready = text(conditions.get("Ready", {}), "status") == "True"
    terminating = text(meta, "deletionTimestamp") is not None
    containers = [*parts(status, "initContainerStatuses"), *parts(status, "containerStatuses")]
    last_end = _last_end(containers)
    found: Finding | None
    if terminating:
        found = _terminating(meta, conditions, containers)
    elif ready:
        found = None if last_end is None else (*last_end, None)
    else:
        found = _missing(phase, status, conditions, containers, last_end)
    reason, message, trouble = found or (None, None, None)
    return Pod(
        name=text(meta, "name") or "",
        node=text(spec, "nodeName"),
        phase=phase,
        ready=ready and not terminating,
        restarts=sum(_whole(container.get("restartCount")) for container in containers),
        reason=reason,
        message=_short(message),
        created_at=text(meta, "creationTimestamp"),
        started_at=text(status, "startTime"),
        terminating=terminating,
        trouble=trouble,
        last_end=last_end,
    )


def drivers_of(pod_name: str, driver_ids: Iterable[str]) -> list[str]:
    """Return those ids that drivers of this pod have: its name, or its name and ``-NUMBER``."""
    own = re.compile(re.escape(pod_name) + r"(-\d+)?")
    return [driver_id for driver_id in driver_ids if own.fullmatch(driver_id)]


def _terminating(
    meta: Document, conditions: Mapping[str, Document], containers: list[Document]
) -> Finding:
    """Return why a pod goes: the cluster takes it away, or somebody wants fewer."""
    disrupted = conditions.get("DisruptionTarget", {})
    if text(disrupted, "status") == "True":
        reason = text(disrupted, "reason") or "DisruptionTarget"
        return reason, text(disrupted, "message"), "failed"
    # At the end of a drain the time left is none as well, but then nothing runs any more.
    if meta.get("deletionGracePeriodSeconds") == 0 and _running(containers):
        return DELETED, "its pod was taken away without time to drain", "failed"
    return "Terminating", "it was told to end, and drains", None


def _missing(
    phase: str,
    status: Document,
    conditions: Mapping[str, Document],
    containers: list[Document],
    last_end: tuple[str, str] | None,
) -> Finding:
    """Return why a pod that should be ready is not."""
    if phase == "Failed":
        end = next(filter(None, map(_present_end, containers)), ("Failed", None))
        return text(status, "reason") or end[0], text(status, "message") or end[1], "failed"
    if phase == "Succeeded":
        return "Completed", "its process ended, and is not started again", None
    scheduled = conditions.get("PodScheduled", {})
    if text(scheduled, "status") == "False":
        return text(scheduled, "reason") or "Unschedulable", text(scheduled, "message"), "waiting"
    for container in containers:
        found = _container(container, last_end)
        if found is not None:
            return found
    return _not_ready(conditions, containers)


def _container(container: Document, last_end: tuple[str, str] | None) -> Finding | None:
    """Return what is wrong with a container, None if nothing is."""
    waiting = part(part(container, "state"), "waiting")
    reason = text(waiting, "reason")
    if reason is not None and reason not in _ON_ITS_WAY:
        message = text(waiting, "message")
        if reason == "CrashLoopBackOff" and last_end is not None:
            times = _whole(container.get("restartCount"))
            message = f"restarted {times} times; the last time, {last_end[1]} ({last_end[0]})"
        return reason, message, "waiting"
    end = _present_end(container)
    # An init container that ended well has done its work.
    if end is not None and end[0] != "Completed":
        return *end, "failed"
    return None


def _not_ready(conditions: Mapping[str, Document], containers: list[Document]) -> Finding:
    """Return what a pod waits for of which nothing is wrong."""
    if not _running(containers):
        return "ContainerCreating", "its image and volumes are fetched", None
    reason = text(conditions.get("Ready", {}), "reason")
    if reason in (None, "ContainersNotReady"):
        return "NotReady", "it runs, and its readiness probe does not pass", None
    return reason, text(conditions.get("Ready", {}), "message"), None


def _running(containers: list[Document]) -> bool:
    return any(part(part(container, "state"), "running") for container in containers)


def _last_end(containers: list[Document]) -> tuple[str, str] | None:
    """Return how the container ended that was restarted last."""
    ends = [
        (text(ended, "finishedAt") or "", _end(ended))
        for container in containers
        if (ended := part(part(container, "lastState"), "terminated"))
    ]
    return max(ends)[1] if ends else None


def _present_end(container: Document) -> tuple[str, str] | None:
    ended = part(part(container, "state"), "terminated")
    return _end(ended) if ended else None


def _end(ended: Document) -> tuple[str, str]:
    """Return reason and sentence of a container's end."""
    reason = text(ended, "reason") or "Error"
    if reason == "OOMKilled":
        return reason, _KILLED_FOR_MEMORY
    signal = _whole(ended.get("signal"))
    how = f"signal {signal}" if signal else f"exit code {_whole(ended.get('exitCode'))}"
    return reason, f"its process ended with {how}"


def conditions_of(status: Document) -> dict[str, Document]:
    """Return the conditions of a status by their type."""
    return {text(each, "type") or "": each for each in parts(status, "conditions")}


def part(document: Document, key: str) -> Document:
    """Return an object within an object; an empty one if there is none."""
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}


def parts(document: Document, key: str) -> list[Document]:
    """Return the objects of a list within an object."""
    value = document.get(key)
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def text(document: Document, key: str) -> str | None:
    """Return a text that is not empty."""
    value = document.get(key)
    return value if isinstance(value, str) and value else None


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _short(message: str | None) -> str | None:
    """Return a message on one line, and no longer than people read."""
    if message is None:
        return None
    line = " ".join(message.split())
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[: _LONGEST_MESSAGE - 1]}…"
