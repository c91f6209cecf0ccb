"""What a pod's document says of its driver: there, on its way, or why not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.pod_documents import (
    CREATED,
    NOT_READY,
    READY,
    RUNNING,
    SCHEDULED,
    STARTED,
    Json,
    condition,
    container,
    ended,
    pod,
    ready,
    waiting,
)

from orchestrator.pods import Pod, drivers_of, read_pod

NAME = "driver-5d9c-x2x7b"
OOM = ended("OOMKilled", 137)
ERROR = ended("Error", 1)
PULL = 'failed to pull and unpack image "spate-driver:9": not found'
UNSCHEDULABLE = "0/2 nodes are available: 2 Insufficient cpu."
DRAINED = "Eviction API: evicting"
CRASHED = "restarted 3 times; the last time, its process ended with exit code 1 (Error)"

TABLE: list[tuple[str, Json, tuple[str | None, str | None, str | None]]] = [
    ("ready", ready(), (None, None, None)),
    (
        "ready again after its memory ran out",
        ready(restarts=1, last=OOM),
        ("OOMKilled", "it used more memory than its limit", None),
    ),
    (
        "no node has room",
        pod(conditions=(condition("PodScheduled", "False", "Unschedulable", UNSCHEDULABLE),)),
        ("Unschedulable", UNSCHEDULABLE, "waiting"),
    ),
    (
        "a gate holds it back",
        pod(conditions=(condition("PodScheduled", "False", "SchedulingGated", "gate"),)),
        ("SchedulingGated", "gate", "waiting"),
    ),
    (
        "not scheduled, and nothing more is said",
        pod(conditions=(condition("PodScheduled", "False"),)),
        ("Unschedulable", None, "waiting"),
    ),
    (
        "the image is not there",
        pod(NAME, "Pending", container(waiting("ErrImagePull", PULL)), conditions=NOT_READY),
        ("ErrImagePull", PULL, "waiting"),
    ),
    (
        "the image is still not there",
        pod(NAME, "Pending", container(waiting("ImagePullBackOff", "Back-off pulling image"))),
        ("ImagePullBackOff", "Back-off pulling image", "waiting"),
    ),
    (
        "the image cannot be called so",
        pod(NAME, "Pending", container(waiting("InvalidImageName", 'couldn\'t parse "A B"'))),
        ("InvalidImageName", 'couldn\'t parse "A B"', "waiting"),
    ),
    (
        "a secret is missing",
        pod(NAME, "Pending", container(waiting("CreateContainerConfigError", 'secret "s"'))),
        ("CreateContainerConfigError", 'secret "s"', "waiting"),
    ),
    (
        "it ends again and again",
        pod(
            NAME,
            "Running",
            container(waiting("CrashLoopBackOff", "back-off 40s"), restarts=3, last=ERROR),
            conditions=NOT_READY,
        ),
        ("CrashLoopBackOff", CRASHED, "waiting"),
    ),
    (
        "it ends again and again, and how is not said",
        pod(NAME, "Running", container(waiting("CrashLoopBackOff", "back-off 40s"), restarts=3)),
        ("CrashLoopBackOff", "back-off 40s", "waiting"),
    ),
    (
        "killed for its memory a moment ago",
        pod(NAME, "Running", container(OOM), conditions=NOT_READY),
        ("OOMKilled", "it used more memory than its limit", "failed"),
    ),
    (
        "ended with an error a moment ago",
        pod(NAME, "Running", container(ERROR), conditions=NOT_READY),
        ("Error", "its process ended with exit code 1", "failed"),
    ),
    (
        "ended by a signal",
        pod(NAME, "Running", container({"terminated": {"exitCode": 139, "signal": 11}})),
        ("Error", "its process ended with signal 11", "failed"),
    ),
    (
        "evicted",
        pod(
            NAME,
            "Failed",
            container(ended("Error", 137)),
            reason="Evicted",
            message="The node was low on resource: memory.",
        ),
        ("Evicted", "The node was low on resource: memory.", "failed"),
    ),
    (
        "failed for good",
        pod(NAME, "Failed", container(ERROR)),
        ("Error", "its process ended with exit code 1", "failed"),
    ),
    ("failed, and nothing more is said", pod(NAME, "Failed"), ("Failed", None, "failed")),
    (
        "ended in good order, and is not started again",
        pod(NAME, "Succeeded", container(ended("Completed", 0))),
        ("Completed", "its process ended, and is not started again", None),
    ),
    (
        "on its way",
        pod(NAME, "Pending", container(waiting("ContainerCreating")), conditions=NOT_READY),
        ("ContainerCreating", "its image and volumes are fetched", None),
    ),
    (
        "seen before anything happened",
        pod(conditions=(SCHEDULED,)),
        ("ContainerCreating", "its image and volumes are fetched", None),
    ),
    (
        "behind an init container that is done",
        pod(
            NAME,
            "Pending",
            container(waiting("PodInitializing")),
            initContainerStatuses=[container(ended("Completed", 0))],
        ),
        ("ContainerCreating", "its image and volumes are fetched", None),
    ),
    (
        "behind an init container that fails",
        pod(
            NAME,
            "Pending",
            container(waiting("PodInitializing")),
            initContainerStatuses=[container(ended("Error", 2))],
        ),
        ("Error", "its process ended with exit code 2", "failed"),
    ),
    (
        "up, and cannot reach Kafka",
        pod(NAME, "Running", container(RUNNING), conditions=NOT_READY),
        ("NotReady", "it runs, and its readiness probe does not pass", None),
    ),
    (
        "on a node that is not heard",
        pod(
            NAME,
            "Running",
            container(RUNNING),
            conditions=(SCHEDULED, condition("Ready", "False", "NodeLost", "node w1 is gone")),
        ),
        ("NodeLost", "node w1 is gone", None),
    ),
    (
        "told to end",
        pod(NAME, "Running", container(RUNNING), conditions=READY, deleted=True),
        ("Terminating", "it was told to end, and drains", None),
    ),
    (
        "taken away by force",
        pod(NAME, "Running", container(RUNNING), conditions=READY, deleted=True, grace_s=0),
        ("Deleted", "its pod was taken away without time to drain", "failed"),
    ),
    (
        "at the end of its drain",
        pod(NAME, "Running", container(ended("Completed", 0)), deleted=True, grace_s=0),
        ("Terminating", "it was told to end, and drains", None),
    ),
    (
        "taken away by a drain of its node",
        pod(
            NAME,
            "Running",
            container(RUNNING),
            conditions=(
                *READY,
                condition("DisruptionTarget", "True", "EvictionByEvictionAPI", DRAINED),
            ),
            deleted=True,
        ),
        ("EvictionByEvictionAPI", DRAINED, "failed"),
    ),
    (
        "taken away, and why is not said",
        pod(conditions=(condition("DisruptionTarget", "True"),), deleted=True),
        ("DisruptionTarget", None, "failed"),
    ),
]


@pytest.mark.parametrize(
    ("document", "found"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_reason_message_and_trouble(
    document: Json, found: tuple[str | None, str | None, str | None]
) -> None:
    """Each status leads to one reason, which is told only where something is wrong."""
    read = read_pod(document)
    assert (read.reason, read.message, read.trouble) == found


def test_all_that_is_said_of_a_pod() -> None:
    """Where it is, since when, how often it was restarted and how it ended the last time."""
    early, late = ended("Error", 1, "2026-11-22T19:00:00Z"), ended("OOMKilled", 137)
    both = pod(
        NAME,
        "Running",
        container(RUNNING, restarts=2, last=late),
        container(RUNNING, restarts=1, last=early),
        conditions=READY,
    )
    assert read_pod(both) == Pod(
        name=NAME,
        node="w1",
        phase="Running",
        ready=True,
        restarts=3,
        reason="OOMKilled",
        message="it used more memory than its limit",
        created_at=CREATED,
        started_at=STARTED,
        terminating=False,
        trouble=None,
        last_end=("OOMKilled", "it used more memory than its limit"),
    )
    told = read_pod(pod(NAME, "Running", container(RUNNING), conditions=READY, deleted=True))
    assert (told.ready, told.terminating) == (False, True)


def test_a_message_is_one_line_and_not_longer_than_people_read() -> None:
    """What Kubernetes says can be pages."""
    long = container(waiting("ErrImagePull", "no\n such  image " + "x" * 400))
    message = read_pod(pod(NAME, "Pending", long)).message
    assert message is not None
    assert (message[:15], message[-1], len(message)) == ("no such image x", "…", 300)


def test_drivers_are_matched_by_the_name_of_their_pod() -> None:
    """Also where a pod runs several; another pod's name may begin alike."""
    ids = ["a-x2", "a-x2-0", "a-x2-11", "a-x2-b", "a-x2b", "a-x", "a.x2"]
    assert drivers_of("a-x2", ids) == ["a-x2", "a-x2-0", "a-x2-11"]
    assert drivers_of("a.x2", ids) == ["a.x2"]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("metadata", "spec", "status", "conditions", "containerStatuses", "state"),
                    *(
                        "lastState",
                        "terminated",
                        "waiting",
                        "reason",
                        "phase",
                        "type",
                        "restartCount",
                    ),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), JSON_VALUES, max_size=3))
def test_no_document_is_too_strange_to_be_read(document: dict[str, Any]) -> None:
    """What is of another kind than it should be counts as not said."""
    read = read_pod(document)
    assert isinstance(read.phase, str)
    assert read.restarts >= 0
    assert (read.trouble is None) or (read.reason is not None)
