"""Runs started from outside the cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.chaos.bounds import assert_exact
from tests.chaos.plans import arrivals, avalanche, tsunami
from tests.e2e.release import IN_CLUSTER, Release


def test_the_report_adds_up(release: Release) -> None:
    """Two drivers, three kinds of load: every report agrees with the target's own count."""
    for plan, planned in (
        (arrivals(IN_CLUSTER, 200, 10), 2_000),
        (tsunami(IN_CLUSTER, 500, 10), 1_000),
        (avalanche(IN_CLUSTER, 2_000, 8), 4_000),
    ):
        report = release.run(plan)
        assert_exact(report, release.target)
        assert report["accounting"]["planned"] == planned
        assert len(report["drivers"]) == 2
        rows = report["drivers"]
        skews = [f"{row['start_skew_ns'] / 1e6:.2f}" for row in rows if row["start_skew_ns"]]
        print(f"{plan['load']}: start skew {skews} ms, lag p99 {report['lag']['p99_ns']} ns")


def test_the_command_runs_a_plan(release: Release, tmp_path: Path) -> None:
    """`spate run` on this machine, the fleet in the cluster: exit code 0 and a report."""
    plan = tmp_path / "plan.json"
    plan.write_text(
        json.dumps(arrivals(IN_CLUSTER, 100, 5) | {"thresholds": ["failed.count == 0"]})
    )
    spate = [sys.executable, "-m", "spate_cli", "run", str(plan), "--url", release.url]
    done = subprocess.run(
        [*spate, "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert_exact(report, release.target)


def test_the_command_in_the_image_runs_a_plan(release: Release) -> None:
    """`kubectl exec deploy/orchestrator -- spate run -` does the same from inside."""
    said = release.kube.kubectl(
        *("exec", "--stdin", "deployment/orchestrator", "--"),
        *("spate", "run", "-", "--format", "json", "--out", "/tmp/out"),
        given=json.dumps(tsunami(IN_CLUSTER, 100, 10)),
    )
    assert_exact(json.loads(said), release.target)


def test_a_target_that_is_not_listed_is_refused(release: Release) -> None:
    """The chart allows the bundled target alone: another one is answered with 403."""
    plan = arrivals(IN_CLUSTER, 10, 1) | {"target": "http://kafka:9092"}
    answer = release.call("POST", "/runs", {"plan": plan})
    assert answer.status_code == 403, answer.text
