"""The sample plan: a short tsunami on the sample target, in which nothing should fail."""

from __future__ import annotations

from typing import Any


def sample_plan(target_port: int) -> dict[str, Any]:
    """Return the document of the sample plan for the target on this machine."""
    return {
        "name": "sample",
        "description": "Each driver sends a request every 10 ms for ten seconds.",
        "target": f"http://127.0.0.1:{target_port}",
        "requests": [{"name": "ping", "path": "/ping"}],
        "load": {
            "test_type": "tsunami",
            "message_count_per_driver": 1_000,
            "message_delay_ms": 10,
        },
        "thresholds": ["failed.count == 0", "response_time.p99 < 250ms"],
    }
