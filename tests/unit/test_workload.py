"""What a Deployment's document says of the fleet."""

from __future__ import annotations

import pytest
from tests.unit.pod_documents import Json, condition, deployment

from orchestrator.workload import Workload, read_workload, selector_text

OWN = "app=spate,component=driver"
QUOTA = 'pods "driver-x" is forbidden: exceeded quota: small'


@pytest.mark.parametrize(
    ("document", "read"),
    [
        (deployment(3, 2), Workload(3, 2, OWN)),
        (deployment(0), Workload(0, 0, OWN)),
        (deployment(None), Workload(1, 0, OWN)),
        (
            deployment(3, 1, condition("ReplicaFailure", "True", "FailedCreate", QUOTA)),
            Workload(3, 1, OWN, ("FailedCreate", QUOTA)),
        ),
        (
            deployment(3, 1, condition("ReplicaFailure", "True")),
            Workload(3, 1, OWN, ("FailedCreate", "")),
        ),
        (deployment(3, 1, condition("ReplicaFailure", "False")), Workload(3, 1, OWN)),
        ({}, Workload(1, 0, "")),
    ],
)
def test_wanted_ready_and_what_is_in_the_way(document: Json, read: Workload) -> None:
    """Zero ready is left out by Kubernetes, and so is a number nobody set."""
    assert read_workload(document) == read


def test_a_selector_of_any_form_becomes_a_query() -> None:
    """Labels and expressions, and what is unknown is left to the API to judge."""
    selector = {
        "matchLabels": {"b": "2", "a": "1"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["x", "y"]},
            {"key": "zone", "operator": "NotIn", "values": ["z"]},
            {"key": "own", "operator": "Exists"},
            {"key": "old", "operator": "DoesNotExist"},
            {"key": "odd", "operator": "Near"},
        ],
    }
    assert selector_text(selector) == "!old,a=1,b=2,own,tier in (x,y),zone notin (z)"
