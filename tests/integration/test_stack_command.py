"""``spate run`` against the stack, and the same plan without one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.integration.stack import Stack, Target
from tests.integration.sums import assert_adds_up

pytestmark = pytest.mark.kafka

JsonObject = dict[str, Any]
SPATE = Path(sys.executable).with_name("spate")


@pytest.fixture(scope="module")
def target(fleet: Stack) -> Target:
    """A target of this module's own."""
    return fleet.start_target()


def plan_text(target: str, *thresholds: str) -> str:
    """Return a plan in YAML."""
    return f"""
name: commanded
target: {target}
requests:
  - {{name: ping, path: /ping, weight: 2}}
  - {{name: gone, path: /status/404, expect: {{status: [404]}}}}
load: {{test_type: tsunami, message_count_per_driver: 60, message_delay_ms: 10}}
thresholds: {json.dumps(list(thresholds))}
"""


def spate(folder: Path, plan: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``spate run`` with a plan and return how it went."""
    path = folder / "plan.yaml"
    path.write_text(plan, encoding="utf-8")
    return subprocess.run(
        (SPATE, "run", path, "--out", folder / "out", *arguments),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith("SPATE_")},
    )


def written(folder: Path) -> JsonObject:
    """Return the report that the command wrote."""
    document: JsonObject = json.loads((folder / "out" / "report.json").read_text(encoding="utf-8"))
    return document


def shape(value: object) -> object:
    """Return the keys of a document, all the way down; of a list, the shapes of its rows."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items() if not key.isdecimal()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [shape(value[0])]
    return None


def test_a_run_that_passes(fleet: Stack, target: Target, tmp_path: Path) -> None:
    """Exit code 0, a summary on stdout, and report.json is the very report of the orchestrator."""
    before = target.requests()
    plan = plan_text(target.url, "failed.count == 0")
    done = spate(tmp_path, plan, "--url", fleet.url, "--set", "load.message_delay_ms=5")
    assert done.returncode == 0, done.stderr
    report = written(tmp_path)
    assert_adds_up(report)
    assert report["accounting"]["succeeded"] == target.requests() - before == 180
    assert report["run"]["plan"]["load"]["message_delay_ms"] == 5
    assert report == fleet.report(report["run"]["id"])
    assert "180" in done.stdout
    assert report["run"]["id"] in done.stdout


def test_a_threshold_that_fails(fleet: Stack, target: Target, tmp_path: Path) -> None:
    """Exit code 1; with --format json stdout is exactly the report, the rest goes to stderr."""
    plan = plan_text(target.url, "response_time.p50 < 1ns", "succeeded.count == 180")
    done = spate(tmp_path, plan, "--url", fleet.url, "--format", "json")
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert report == written(tmp_path) == fleet.report(report["run"]["id"])
    assert [row["passed"] for row in report["verdict"]["thresholds"]] == [False, True]


def test_a_bad_plan(fleet: Stack, tmp_path: Path) -> None:
    """Exit code 2, with every error on stderr and nothing on stdout; no run is made."""
    before = fleet.call("GET", "/runs?limit=1").json()
    done = spate(
        tmp_path,
        "name: Not A Name\nload: {test_type: flood}\nrequests: [{path: /}]\n",
        *("--url", fleet.url),
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert all(path in done.stderr for path in ("name", "load.test_type", "target"))
    assert fleet.call("GET", "/runs?limit=1").json() == before


def test_a_forbidden_target(fleet: Stack, tmp_path: Path) -> None:
    """Exit code 3, and the address is named."""
    done = spate(tmp_path, plan_text("http://192.0.2.1"), "--url", fleet.url)
    assert done.returncode == 3
    assert "192.0.2.1" in done.stderr
    assert not (tmp_path / "out" / "report.json").exists()


def test_the_same_plan_in_this_process(fleet: Stack, target: Target, tmp_path: Path) -> None:
    """``--local`` gives a report of the same shape, exact as well, without Kafka."""
    before = target.requests()
    done = spate(tmp_path, plan_text(target.url, "failed.count == 0"), "--local")
    assert done.returncode == 0, done.stderr
    report = written(tmp_path)
    assert_adds_up(report)
    assert report["accounting"]["succeeded"] == target.requests() - before == 60
    assert report["run"]["drivers"] == len(report["drivers"]) == 1
    of_the_fleet = fleet.run(report["run"]["plan"])
    assert_adds_up(of_the_fleet)
    # What happened in a fleet, and what a busy machine gives to doubt, differ from run to run.
    for document in (report, of_the_fleet):
        assert isinstance(document.pop("events"), list)
        assert isinstance(document["verdict"].pop("degraded"), list)
    assert shape(report) == shape(of_the_fleet)


def test_a_forbidden_target_in_this_process(tmp_path: Path) -> None:
    """``--local`` keeps to the allowlist too: exit code 3 and nothing sent."""
    done = spate(tmp_path, plan_text("http://192.0.2.1"), "--local")
    assert done.returncode == 3
    assert "192.0.2.1" in done.stderr
    assert not (tmp_path / "out" / "report.json").exists()
