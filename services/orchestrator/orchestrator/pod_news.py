"""What of the cluster belongs into a run's history: pods that do not come or go, and scaling; pure.

For display alone: who lives and who is given work is decided by what is heard over Kafka.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from orchestrator.pods import DELETED, Pod
from orchestrator.run import EventKind, Run
from orchestrator.workload import ClusterView

MOST_OF_A_KIND = 40
"""A run's history must not grow with a pod that fails for hours; each kind has room of its own."""

_KINDS: frozenset[EventKind] = frozenset({"pod_waiting", "pod_failed", "scaled"})
_REASON = re.compile(r"\((\w+)\)")
_SAME = {"ErrImagePull": "ImagePullBackOff"}
"""Kubernetes alternates between the two."""


@dataclass(frozen=True, slots=True)
class PodNews:
    """Something to tell; ``pod`` is None where it is about all of them."""

    kind: EventKind
    pod: str | None
    text: str


def news_between(before: ClusterView | None, after: ClusterView) -> list[PodNews]:
    """Return what changed, without view before: what is wrong at present."""
    if not after.known:
        return []
    if before is None or not before.known:
        return [*_obstacle(after), *(n for pod in after.pods for n in _wrong(pod))]
    news = [*_scaled(before, after), *_obstacle(after)]
    earlier = {pod.name: pod for pod in before.pods}
    for pod in after.pods:
        news += _changed(earlier.pop(pod.name, None), pod)
    for gone in earlier.values():
        # One that was told to end has said so itself, over Kafka.
        if gone.phase == "Running" and not gone.terminating:
            news.append(_failed(gone.name, DELETED, "its pod was taken away without time to drain"))
    return news


def _scaled(before: ClusterView, after: ClusterView) -> Iterator[PodNews]:
    if before.workload is None or after.workload is None:
        return
    earlier, wanted = before.workload.desired, after.workload.desired
    if wanted != earlier:
        pods = "pod is" if wanted == 1 else "pods are"
        yield PodNews(
            "scaled", None, f"{wanted} {pods} wanted for drivers, before it was {earlier}"
        )


def _obstacle(view: ClusterView) -> Iterator[PodNews]:
    if view.workload is not None and view.workload.obstacle is not None:
        reason, message = view.workload.obstacle
        yield PodNews("pod_waiting", None, _sentence("a pod cannot be made", reason, message))


def _wrong(pod: Pod) -> Iterator[PodNews]:
    """Tell what is the matter with a pod now."""
    if pod.trouble is None or pod.reason is None:
        return
    if pod.trouble == "waiting":
        text = _sentence(f"{pod.name} is not coming", pod.reason, pod.message)
        yield PodNews("pod_waiting", pod.name, text)
    else:
        yield _failed(pod.name, pod.reason, pod.message)


def _changed(before: Pod | None, after: Pod) -> Iterator[PodNews]:
    """Tell what is new of a pod."""
    restarts = 0 if before is None else before.restarts
    if after.restarts > restarts and after.last_end is not None:
        yield _failed(after.name, *after.last_end)
    if before is None or (before.trouble, before.reason) != (after.trouble, after.reason):
        yield from _wrong(after)


def _failed(name: str, reason: str, message: str | None) -> PodNews:
    return PodNews("pod_failed", name, _sentence(f"{name} failed", reason, message))


def _sentence(what: str, reason: str, message: str | None) -> str:
    return f"{what} ({reason})" + (f": {message}" if message else "")


class PodHistory:
    """Writes the news of the cluster into the runs under way."""

    def __init__(self) -> None:
        self._seen: dict[str, ClusterView] = {}

    def write(self, view: ClusterView, runs: Iterable[Run], wall_ns: int) -> None:
        """Note in each run what happened since the last call; at its beginning, what is wrong.

        A run that waits has no part in it yet, and the history of one that has ended is fixed.
        """
        seen = {}
        for run in runs:
            if run.state == "PENDING" or run.ended:
                continue
            before = self._seen.get(run.id)
            if view != before:
                note_news(run, news_between(before, view), wall_ns)
            seen[run.id] = view
        self._seen = seen


def note_news(run: Run, news: Iterable[PodNews], wall_ns: int) -> None:
    """Note what the run's history does not hold yet, as far as there is room.

    What it holds is read from the history itself, which also survives a restart.
    """
    told = [event for event in run.events if event.kind in _KINDS]
    room = Counter(dict.fromkeys(_KINDS, MOST_OF_A_KIND))
    room.subtract(event.kind for event in told)
    keys = {_key(event.kind, event.driver_id, event.text) for event in told}
    for one in news:
        key = _key(one.kind, one.pod, one.text)
        if room[one.kind] <= 0 or (key in keys and one.kind != "scaled"):
            continue
        keys.add(key)
        room[one.kind] -= 1
        last = "" if room[one.kind] else " (there may be more of this kind: it is not written down)"
        run.note(wall_ns, one.kind, one.pod, one.text + last)


def _key(kind: str, pod: str | None, text: str) -> tuple[str, str | None, str]:
    """Return by what a repetition is known: whose reason it is, whatever its message says."""
    found = _REASON.search(text)
    reason = found[1] if found else ""
    return kind, pod, _SAME.get(reason, reason)
