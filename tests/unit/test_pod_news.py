"""What happens to pods is told in a run's history: once, and within bounds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.orchestra import SECOND, make_plan

from orchestrator.pod_news import MOST_OF_A_KIND, PodHistory, PodNews, news_between, note_news
from orchestrator.pods import Pod
from orchestrator.run import Run, RunEvent
from orchestrator.workload import ClusterView, Workload

UP = Pod("d-a", phase="Running", ready=True)
PENDING = Pod("d-a", phase="Pending", reason="ContainerCreating", message="…")
NO_ROOM = Pod("d-a", phase="Pending", reason="Unschedulable", message="0/2", trouble="waiting")
NO_IMAGE = replace(NO_ROOM, reason="ErrImagePull", message="not found")
OOM = ("OOMKilled", "too much")
CRASHED = replace(UP, ready=False, reason="OOMKilled", message="too much", trouble="failed")
AGAIN = replace(UP, restarts=1, last_end=OOM, reason="OOMKilled", message="too much")
LOOPING = replace(
    AGAIN, ready=False, reason="CrashLoopBackOff", message="2 times", trouble="waiting"
)
LEAVING = replace(UP, ready=False, terminating=True, reason="Terminating", message="…")
EVICTED = replace(UP, ready=False, phase="Failed", reason="Evicted", trouble="failed")

WAITS = PodNews("pod_waiting", "d-a", "d-a is not coming (Unschedulable): 0/2")
GONE = "d-a failed (Deleted): its pod was taken away without time to drain"
DIED = PodNews("pod_failed", "d-a", "d-a failed (OOMKilled): too much")


def view(*pods: Pod, desired: int = 2, known: bool = True) -> ClusterView:
    """Return a view of the Deployment and these pods."""
    return ClusterView("load", "driver", known, Workload(desired, 0, "a=b"), pods)


@pytest.mark.parametrize(
    ("before", "after", "news"),
    [
        (view(UP), view(UP), []),
        (view(), view(PENDING), []),
        (view(PENDING), view(UP), []),
        (view(PENDING), view(NO_ROOM), [WAITS]),
        (view(), view(NO_ROOM), [WAITS]),
        (view(NO_ROOM), view(replace(NO_ROOM, message="0/3")), []),
        (
            view(NO_ROOM),
            view(NO_IMAGE),
            [PodNews("pod_waiting", "d-a", "d-a is not coming (ErrImagePull): not found")],
        ),
        (view(UP), view(CRASHED), [DIED]),
        (view(UP), view(AGAIN), [DIED]),
        (view(), view(AGAIN), [DIED]),
        (view(AGAIN), view(AGAIN), []),
        (
            view(UP),
            view(LOOPING),
            [DIED, PodNews("pod_waiting", "d-a", "d-a is not coming (CrashLoopBackOff): 2 times")],
        ),
        (view(UP), view(EVICTED), [PodNews("pod_failed", "d-a", "d-a failed (Evicted)")]),
        (view(UP), view(LEAVING), []),
        (view(LEAVING), view(), []),
        (view(PENDING), view(), []),
        (
            view(UP),
            view(),
            [PodNews("pod_failed", "d-a", GONE)],
        ),
        (
            view(desired=2),
            view(desired=5),
            [PodNews("scaled", None, "5 pods are wanted for drivers, before it was 2")],
        ),
        (
            view(desired=2),
            view(desired=1),
            [PodNews("scaled", None, "1 pod is wanted for drivers, before it was 2")],
        ),
        (view(), replace(view(), workload=None), []),
        (replace(view(), workload=None), view(), []),
        (None, view(UP, replace(NO_ROOM, name="d-a"), desired=9), [WAITS]),
        (None, view(AGAIN), []),
        (view(known=False), view(AGAIN, desired=9), []),
        (view(UP), view(known=False), []),
    ],
)
def test_the_difference_between_two_views(
    before: ClusterView | None, after: ClusterView, news: list[PodNews]
) -> None:
    """Without a view before, only what is wrong at present is news."""
    assert news_between(before, after) == news


def test_pods_that_cannot_even_be_made() -> None:
    """A quota is nobody's pod."""
    full = replace(view(), workload=Workload(2, 0, "a=b", ("FailedCreate", "exceeded quota")))
    told = [PodNews("pod_waiting", None, "a pod cannot be made (FailedCreate): exceeded quota")]
    assert news_between(None, full) == told
    assert news_between(view(), full) == told


def make_run(run_id: str = "r") -> Run:
    """Return a run that is under way."""
    run = Run(id=run_id, plan=make_plan(), digest="", created_at_ns=0)
    run.move("PREPARING", 1)
    return run


def told(run: Run) -> list[tuple[str, str | None, str]]:
    """Return a run's events but for its states."""
    return [(e.kind, e.driver_id, e.text) for e in run.events if e.kind != "state"]


def test_a_repetition_is_told_once() -> None:
    """By pod and reason, whatever the message says; an image that cannot be had is one reason."""
    run = make_run()
    again = replace(WAITS, text="d-a is not coming (Unschedulable): 0/3")
    pull = PodNews("pod_waiting", "d-a", "d-a is not coming (ErrImagePull): x")
    backoff = PodNews("pod_waiting", "d-a", "d-a is not coming (ImagePullBackOff): y")
    note_news(run, [WAITS, again, pull], 5)
    note_news(run, [again, backoff, replace(WAITS, pod="d-b", text="d-b (Unschedulable)")], 6)
    assert told(run) == [
        ("pod_waiting", "d-a", WAITS.text),
        ("pod_waiting", "d-a", pull.text),
        ("pod_waiting", "d-b", "d-b (Unschedulable)"),
    ]
    assert [e.at_ns for e in run.events] == [1, 5, 5, 6]


def test_what_was_told_before_a_restart_is_not_told_again() -> None:
    """The history is what is remembered, and it is in the journal."""
    run = make_run()
    note_news(run, [WAITS, DIED], 5)
    again = make_run()
    again.events = [RunEvent(e.at_ns, e.kind, e.driver_id, e.text) for e in run.events]
    note_news(again, [WAITS, DIED], 6)
    assert told(again) == told(run)


def test_scaling_is_told_each_time() -> None:
    """There and back again are two things that happened."""
    run = make_run()
    up = PodNews("scaled", None, "5 pods are wanted for drivers, before it was 2")
    down = PodNews("scaled", None, "2 pods are wanted for drivers, before it was 5")
    note_news(run, [up], 5)
    note_news(run, [down, up], 6)
    assert [text for _, _, text in told(run)] == [up.text, down.text, up.text]


def test_a_history_does_not_grow_without_bound() -> None:
    """Each kind has its own room, and the last of it says that it is full."""
    run = make_run()
    for n in range(100):
        pod = f"d-{n}"
        note_news(run, [PodNews("pod_failed", pod, f"{pod} failed (Error): exit code 1")], n)
    note_news(run, [WAITS], 1000)
    events = told(run)
    assert [kind for kind, _, _ in events] == ["pod_failed"] * MOST_OF_A_KIND + ["pod_waiting"]
    last = (
        "d-39 failed (Error): exit code 1 (there may be more of this kind: it is not written down)"
    )
    assert events[MOST_OF_A_KIND - 1][2] == last
    assert events[MOST_OF_A_KIND - 2][2] == "d-38 failed (Error): exit code 1"


def test_each_run_under_way_is_told_what_happens_in_it() -> None:
    """One that waits is told nothing; one that begins is told what is wrong then."""
    history, first, later = PodHistory(), make_run("a"), make_run("b")
    later.state = "PENDING"
    history.write(view(known=False), [first, later], 2)
    history.write(view(UP), [first, later], 3)
    history.write(view(NO_ROOM), [first, later], 4)
    history.write(view(NO_ROOM), [first, later], 5)
    assert (told(first), told(later)) == ([("pod_waiting", "d-a", WAITS.text)], [])
    later.state = "PREPARING"
    history.write(view(NO_ROOM), [first, later], 6)
    assert told(later) == [("pod_waiting", "d-a", WAITS.text)]
    assert later.events[-1].at_ns == 6


def test_the_history_of_an_ended_run_is_fixed() -> None:
    """Its report was made from it, and must come out the same if it is made again."""
    history, run = PodHistory(), make_run()
    history.write(view(UP), [run], 2)
    run.ended_at_ns = 3 * SECOND
    history.write(view(NO_ROOM, desired=7), [run], 4)
    assert told(run) == []
    assert history._seen == {}
