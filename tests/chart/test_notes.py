"""What is said after an installation: the next commands, and what an uninstall leaves."""

from __future__ import annotations

import re

import pytest
import yaml
from tests.chart.chart import CASES, Chart, of_kind


@pytest.mark.parametrize("case", CASES)
def test_notes_name_the_next_commands(chart: Chart, case: str) -> None:
    """Reach it, scale it, run a plan; with the names that were given."""
    values = yaml.safe_load(CASES[case].read_text())
    names = {"orchestrator": "orchestrator", "driver": "driver"} | values.get("names", {})
    notes = chart.notes(values)
    assert f"kubectl -n load port-forward service/{names['orchestrator']} 8080:8080" in notes
    scale = f"kubectl -n load scale deployment {names['driver']} --replicas=6"
    assert (scale in notes) == (case != "autoscaling-pdb")
    assert "spate run plan.yaml" in notes
    assert "helm test rel -n load" in notes


def test_notes_name_what_an_uninstall_leaves(chart: Chart) -> None:
    """All claims that outlive the release, and only those."""
    left = {
        case: re.findall(
            r"delete persistentvolumeclaim (.*)", chart.notes(yaml.safe_load(path.read_text()))
        )
        for case, path in CASES.items()
    }
    usual = ["orchestrator-archive data-kafka-0"]
    special = {
        "external-tls-sasl": ["orchestrator-archive"],
        "minimal": [],
        "names": ["brain-archive data-spine-0"],
        "postgres": ["data-kafka-0"],
        "strimzi": [
            "orchestrator-archive data-0-kafka-broker-0 data-0-kafka-broker-1 data-0-kafka-broker-2"
        ],
    }
    assert left == {case: special.get(case, usual) for case in CASES}


def test_reports_outlive_the_release(chart: Chart) -> None:
    """The archive's claim is kept, and the StatefulSet's is not the release's to delete."""
    objects = chart.case("default")
    [claim] = of_kind(objects, "PersistentVolumeClaim").values()
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    spec = of_kind(objects, "StatefulSet")["kafka"]["spec"]
    assert "persistentVolumeClaimRetentionPolicy" not in spec
    [template] = spec["volumeClaimTemplates"]
    assert template["metadata"]["name"] == "data"
