"""The alerts as Prometheus' own tool sees them: valid, and firing when they should."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"


@pytest.fixture(scope="module")
def promtool() -> str:
    """Prometheus' tool, where there is one."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("there is no promtool here (on Debian: apt install prometheus)")
    return found


def ran(*argv: str) -> str:
    """Run a command that must succeed, and return what it prints."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def test_rules_are_valid(promtool: str) -> None:
    """Nothing in the file is wrong, and nothing is left to say about it."""
    assert "SUCCESS: 11 rules found" in ran(promtool, "check", "rules", str(FOLDER / "alerts.yaml"))


def test_alerts_fire_and_stay_silent(promtool: str) -> None:
    """For series made up for each alert; deploy/prometheus/tests has them."""
    files = sorted(map(str, (FOLDER / "tests").glob("*.yaml")))
    assert ran(promtool, "test", "rules", *files).count("SUCCESS") == len(files)
