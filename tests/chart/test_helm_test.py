"""`helm test` runs what it says: tried here on a small fleet of real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.chart.chart import Chart, of_kind, pod
from tests.integration.stack import Stack

Check = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def stack(kafka: str, tmp_path: Path) -> Iterator[Stack]:
    """An orchestrator without drivers."""
    with Stack(kafka, tmp_path / "stack") as stack:
        yield stack


@pytest.fixture
def check(chart: Chart, stack: Stack, tmp_path: Path) -> Check:
    """Runs the check on the stack, with the files of the ConfigMap, as the pod does."""
    data = of_kind(chart.case("default"), "ConfigMap")["orchestrator-test"]["data"]

    def run(wait_s: int, target: str | None) -> subprocess.CompletedProcess[str]:
        (tmp_path / "check.py").write_text(data["check.py"])
        if target is not None:
            plan = data["plan.yaml"].replace("http://target:8000", target)
            (tmp_path / "plan.yaml").write_text(plan)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [sys.executable, tmp_path / "check.py", str(wait_s)],
            cwd=tmp_path,
            env={"PATH": path, "SPATE_URL": stack.url},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    return run


def test_a_fleet_that_works_passes(stack: Stack, check: Check) -> None:
    """Fifty requests are sent, and the target counted fifty."""
    target = stack.start_target()
    stack.start_driver("driver-1")
    done = check(60, target.url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "drivers: driver-1\n" in done.stdout
    assert target.requests() == 50


def test_a_fleet_without_drivers_fails(stack: Stack, check: Check) -> None:
    """The log says what was missing."""
    stack.await_drivers()
    done = check(1, "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "after 1 s: no driver is heard: []" in done.stderr


def test_a_run_that_fails_fails_the_test(stack: Stack, check: Check) -> None:
    """Nobody listens at that port: the threshold is broken, and so is the test."""
    stack.start_driver("driver-1")
    done = check(60, "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "failed.count == 0" in done.stdout


def test_without_a_target_no_run_is_tried(stack: Stack, check: Check) -> None:
    """Ready, and a driver: that is all that can be known."""
    stack.start_driver("driver-1")
    done = check(60, None)
    assert done.returncode == 0
    assert "no run is tried" in done.stdout


def test_the_pod_is_a_hook(chart: Chart) -> None:
    """Helm makes it for the test alone, of the orchestrator's image, and it goes if it passed."""
    [found] = [each for each in chart.case("default") if each["kind"] == "Pod"]
    assert found["metadata"]["annotations"] == {
        "helm.sh/hook": "test",
        "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded",
    }
    objects = chart.case("default")
    assert (
        pod(objects, "test").container["image"] == pod(objects, "orchestrator").container["image"]
    )
    assert found["spec"]["restartPolicy"] == "Never"
    assert (
        "plan.yaml" not in of_kind(chart.case("minimal"), "ConfigMap")["orchestrator-test"]["data"]
    )
