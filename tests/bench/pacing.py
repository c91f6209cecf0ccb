"""Prints how late a driver of the whole stack is: a tsunami of 1,000 requests a second.

``python tests/bench/pacing.py [--seconds 10] [--rate 1000]`` starts ``spate local`` with one
driver and a real Kafka. The target answers ten times as many, so it is not saturated. Nothing is
gated on the figures: on a machine that does other things as well they say little.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SPATE = Path(sys.executable).with_name("spate")
SHOWN = ("p50", "p90", "p99", "p999", "max")


def plan(target_port: str, rate_per_s: float, seconds: float) -> dict[str, Any]:
    """Return a tsunami of one driver."""
    return {
        "name": "pacing",
        "target": f"http://127.0.0.1:{target_port}",
        "requests": [{"path": "/ping"}],
        "load": {
            "test_type": "tsunami",
            "message_count_per_driver": round(rate_per_s * seconds),
            "message_delay_ms": 1000 / rate_per_s,
        },
    }


def measure(folder: Path, rate_per_s: float, seconds: float) -> dict[str, Any]:
    """Run the tsunami on a stack of its own and return the report."""
    local = subprocess.Popen(
        (SPATE, "local", "--drivers", "1", "--port", "0", "--target-port", "0"),
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert local.stdout is not None
        ready = local.stdout.readline()
        assert ready.startswith("spate is ready: "), ready
        url = ready.split()[-1]
        state = json.loads((folder / ".local" / "state.json").read_text(encoding="utf-8"))
        argv = next(each["argv"] for each in state["processes"] if each["name"] == "target")
        document = plan(argv[argv.index("--port") + 1], rate_per_s, seconds)
        (folder / "plan.json").write_text(json.dumps(document), encoding="utf-8")
        done = subprocess.run(
            (SPATE, "run", "plan.json", "--url", url, "--format", "json", "--out", "out"),
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    finally:
        local.terminate()
        local.wait()
        if local.stdout is not None:
            local.stdout.close()
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=1000.0, help="requests a second (1000)")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long (10)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = measure(Path(folder), chosen.rate, chosen.seconds)
    print(f"{report['accounting']['succeeded']:,} answered of {report['accounting']['planned']:,}")
    for name in ("lag", "wait_time", "service_time", "response_time"):
        figures = report[name]
        shown = "  ".join(f"{key} {figures[f'{key}_ns'] / 1000:9,.0f}" for key in SHOWN)
        print(f"{name:14} µs  {shown}")
    driver = report["drivers"][0]
    print(f"driver: at most {driver['cpu']:.0%} of a core in a second")
    print("aim on an otherwise idle core: lag p50 < 100 µs, p99 < 1,000 µs")


if __name__ == "__main__":
    main()
