"""The values with which the tests install the chart."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any


def values_for(workers: Sequence[str]) -> dict[str, Any]:
    """Return values that keep drivers and the rest apart, where there are nodes for both.

    The target records which requests it received, so that it can be the judge.
    """
    image = {
        "registry": os.environ.get("SPATE_E2E_REGISTRY", ""),
        "tag": os.environ.get("SPATE_E2E_TAG", ""),
    }
    values: dict[str, Any] = {
        "image": image,
        "target": {"recordIndex": True},
        "orchestrator": {},
        "driver": {},
        "kafka": {},
    }
    if len(workers) > 1:
        home = {"kubernetes.io/hostname": workers[0]}
        values["orchestrator"]["nodeSelector"] = home
        values["target"]["nodeSelector"] = home
        values["kafka"]["bundled"] = {"nodeSelector": home}
        values["driver"]["affinity"] = _away_from(workers[0])
    return values


def _away_from(node: str) -> dict[str, Any]:
    """Return an affinity to every node but this one."""
    elsewhere = {"key": "kubernetes.io/hostname", "operator": "NotIn", "values": [node]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [elsewhere]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
