"""The copy of a collection follows the events of a watch."""

from __future__ import annotations

import pytest

from orchestrator.cluster_trouble import ClusterError, ExpiredError
from orchestrator.mirror import Mirror
from orchestrator.pods import Document


def contents(mirror: Mirror[int]) -> tuple[dict[str, int], str | None]:
    """Return what the copy holds, and its version."""
    return mirror.items, mirror.version


def thing(name: str, version: int, value: int = 0) -> Document:
    """Return an object."""
    return {"metadata": {"name": name, "resourceVersion": str(version)}, "value": value}


def test_a_list_and_what_follows() -> None:
    """Added, changed, taken away; a bookmark moves the version alone."""
    mirror: Mirror[int] = Mirror(lambda document: document["value"])
    assert contents(mirror) == ({}, None)
    mirror.load([thing("old", 1, 1)], "2")
    mirror.load([thing("a", 3, 1), thing("b", 4, 2)], "5")
    assert contents(mirror) == ({"a": 1, "b": 2}, "5")
    mirror.apply({"type": "MODIFIED", "object": thing("a", 6, 7)})
    mirror.apply({"type": "ADDED", "object": thing("c", 7, 3)})
    mirror.apply({"type": "DELETED", "object": thing("b", 8, 2)})
    mirror.apply({"type": "DELETED", "object": thing("b", 8, 2)})
    assert contents(mirror) == ({"a": 7, "c": 3}, "8")
    mirror.apply({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "12"}}})
    mirror.apply({"type": "NEWER THAN US", "object": {}})
    assert contents(mirror) == ({"a": 7, "c": 3}, "12")


def test_an_error_in_the_stream_is_one() -> None:
    """410 means that all must be listed again; the copy stays as it is."""
    mirror: Mirror[int] = Mirror(lambda document: document["value"])
    mirror.load([thing("a", 3, 1)], "5")
    with pytest.raises(ExpiredError, match="too old resource version"):
        mirror.apply(
            {"type": "ERROR", "object": {"code": 410, "message": "too old resource version: 5"}}
        )
    with pytest.raises(ClusterError, match="quota") as refused:
        mirror.apply({"type": "ERROR", "object": {"code": 500, "message": "quota"}})
    with pytest.raises(ClusterError, match="the watch was broken off") as unclear:
        mirror.apply({"type": "ERROR"})
    assert (refused.value.status, unclear.value.status) == (500, None)
    assert contents(mirror) == ({"a": 1}, "5")
