"""The sample plan: a short ramp on the sample target, in which nothing should fail."""

from __future__ import annotations

from typing import Any


def sample_plan(target_port: int) -> dict[str, Any]:
    """Return the document of the sample plan for the target on this machine."""
    return {
        "name": "sample",
        "description": "A ramp to 200 requests a second, and ten seconds of it.",
        "target": f"http://127.0.0.1:{target_port}",
        "requests": [{"name": "ping", "path": "/ping"}],
        "load": {
            "test_type": "arrivals",
            "stages": [
                {"name": "ramp", "duration": "5s", "from": 20, "to": 200},
                {"name": "hold", "duration": "10s", "to": 200},
            ],
        },
        "thresholds": ["failed.count == 0", "response_time.p99 < 250ms"],
    }
