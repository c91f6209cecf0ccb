"""The plans of the chaos tests: small loads whose every request names its index."""

from __future__ import annotations

from typing import Any

from tests.integration.stack import Target

JsonObject = dict[str, Any]


def tsunami(target: Target, count: int, delay_ms: float, **drivers: object) -> JsonObject:
    """Return a plan in which each driver sends ``count`` requests, one per delay."""
    return _plan(
        target,
        {
            "test_type": "tsunami",
            "message_count_per_driver": count,
            "message_delay_ms": delay_ms,
        },
        drivers,
    )


def arrivals(target: Target, rate_per_s: int, duration_s: int, **drivers: object) -> JsonObject:
    """Return a plan with one rate for the whole fleet."""
    return _plan(
        target,
        {
            "test_type": "arrivals",
            "stages": [{"duration": f"{duration_s}s", "from": rate_per_s, "to": rate_per_s}],
        },
        drivers,
    )


def avalanche(target: Target, count: int, connections: int, **drivers: object) -> JsonObject:
    """Return a plan in which each driver sends ``count`` requests as fast as it can."""
    plan = _plan(target, {"test_type": "avalanche", "message_count_per_driver": count}, drivers)
    return plan | {"limits": {"connections": connections}}


def _plan(target: Target, load: JsonObject, drivers: JsonObject) -> JsonObject:
    return {
        "name": "chaos",
        "target": target.url,
        "requests": [{"path": "/ping"}],
        "load": load,
        "drivers": {"min": 2} | drivers,
        "options": {"index_header": True},
    }
