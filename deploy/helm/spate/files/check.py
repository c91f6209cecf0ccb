# ruff: noqa: INP001, S310, S603, T201 -- a script, alone in a pod of its own
"""What `helm test` does: the orchestrator is ready, a driver is heard, and a run adds up.

Called with the seconds to wait for the first two; SPATE_URL says where the orchestrator is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ASK_EVERY_S = 0.5
AT_WORK = ("idle", "working")
PLAN = Path(__file__).with_name("plan.yaml")
URL = os.environ["SPATE_URL"]


def ask(path: str) -> str:
    """Return the answer's text.

    Raises:
        OSError: if there is none, or another status than 200.
    """
    with urllib.request.urlopen(URL + path, timeout=5) as answer:
        return str(answer.read().decode())


def missing() -> str | None:
    """Return what is not there yet, None if all is."""
    try:
        ask("/readyz")
        drivers = json.loads(ask("/api/v1/drivers"))["drivers"]
    except urllib.error.HTTPError as error:
        return f"the orchestrator is not ready: {error} {error.read().decode()}"
    except OSError as error:
        return f"the orchestrator does not answer at {URL}: {error}"
    free = [each["driver_id"] for each in drivers if each["state"] in AT_WORK]
    print(f"drivers: {', '.join(free) or 'none'}", flush=True)
    return None if free else f"no driver is heard: {drivers}"


def main(wait_s: float) -> int:
    """Wait until all is there, then run the plan; its exit code is the test's."""
    deadline_s = time.monotonic() + wait_s
    while problem := missing():
        if time.monotonic() > deadline_s:
            print(f"after {wait_s:g} s: {problem}", file=sys.stderr)
            return 1
        time.sleep(ASK_EVERY_S)
    if not PLAN.exists():
        print("the bundled target is not enabled: no run is tried")
        return 0
    command = ["spate", "run", str(PLAN), "--url", URL, "--out", "run"]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
