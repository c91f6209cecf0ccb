"""What helm renders is valid for the oldest and the newest Kubernetes, with every set of values."""

from __future__ import annotations

import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from tests.chart.chart import CASES, FOLDER, NAMESPACE, RELEASE, Chart, names, of_kind
from tests.chart.schemas import OF_KIND, problems

OLDEST = "1.30"
VERSIONS = (OLDEST, kubernetes_validate.latest_version())


def test_helm_finds_nothing_to_say(chart: Chart) -> None:
    """`helm lint --strict` passes for every set of values."""
    for path in CASES.values():
        said = chart.run("lint", "--strict", str(FOLDER), "--values", str(path))
        assert "1 chart(s) linted, 0 chart(s) failed" in said


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("version", VERSIONS)
def test_objects_are_valid(chart: Chart, case: str, version: str) -> None:
    """Each object has only fields that Kubernetes knows, with values of the right type."""
    wrong = []
    for found in chart.case(case):
        if found["kind"] in OF_KIND:
            wrong += problems(found)
            continue
        try:
            kubernetes_validate.validate(dict(found), version, strict=True)
        except kubernetes_validate.ValidationError as error:
            wrong.append(f"{found['kind']} {'.'.join(map(str, error.path))}: {error.message}")
    assert wrong == []


def test_a_field_that_is_not_known_would_be_found(chart: Chart) -> None:
    """The schemas are strict, ours as well as those of Kubernetes."""
    driver = of_kind(chart.case("default"), "Deployment")["driver"]
    spoiled = driver | {"spec": driver["spec"] | {"replica": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(spoiled, OLDEST, strict=True)
    topic = next(iter(of_kind(chart.case("strimzi"), "KafkaTopic").values()))
    assert problems(topic | {"spec": topic["spec"] | {"partition": 1}}) != []


def test_objects_have_one_name_each(chart: Chart) -> None:
    """No object is written twice, and all are in the release's namespace."""
    for case in CASES:
        objects = chart.case(case)
        assert len(names(objects)) == len(objects)
        assert {each["metadata"]["namespace"] for each in objects} == {NAMESPACE}


def test_older_clusters_are_refused() -> None:
    """The chart says from which Kubernetes on it works."""
    document = yaml.safe_load((FOLDER / "Chart.yaml").read_text())
    assert document["kubeVersion"] == f">={OLDEST}.0-0"


def test_the_application_is_this_one() -> None:
    """appVersion, and with it the images' tag, is the project's version."""
    project = (FOLDER.parents[2] / "pyproject.toml").read_text()
    version = yaml.safe_load((FOLDER / "Chart.yaml").read_text())["appVersion"]
    assert f'\nversion = "{version}"\n' in project


def test_objects_say_whose_they_are(chart: Chart) -> None:
    """Each object has the labels by which people and tools look for it."""
    for found in chart.case("default"):
        labels = found["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "spate"
        assert labels["app.kubernetes.io/instance"] == RELEASE
        assert labels["app.kubernetes.io/component"] in (
            *("orchestrator", "driver", "target", "kafka", "test"),
        )


def test_the_chart_is_packed_without_what_only_checks_it(chart: Chart, tmp_path: Path) -> None:
    """A package holds the files that templates read, and no ci values."""
    chart.run("package", str(FOLDER), "--destination", str(tmp_path))
    [package] = tmp_path.glob("spate-*.tgz")
    listing = subprocess.run(
        ["tar", "--list", "--file", str(package)], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    files = ("topics.yaml", "check.py", "alerts.yaml", "dashboards/spate-run.json")
    assert {f"spate/files/{name}" for name in files} | {"spate/README.md"} <= set(listing)
    assert [name for name in listing if name.startswith("spate/ci")] == []
