"""The plans that people watch in these tests."""

from __future__ import annotations

from typing import Any


def steady(target: str, seconds: int, rate: int = 100, **more: Any) -> dict[str, Any]:
    """Return a plan of one rate for so long; ``more`` are further keys of the plan."""
    stages = [{"name": "hold", "duration": f"{seconds}s", "from": rate, "to": rate}]
    return {
        "name": "watched",
        "target": target,
        "requests": [{"name": "ping", "path": "/ping"}],
        "load": {"test_type": "arrivals", "stages": stages},
        **more,
    }


def mixed(target: str, seconds: int, rate: int = 100) -> dict[str, Any]:
    """Return a plan with something of everything: a warm-up, failures, labels, thresholds."""
    half = seconds // 2
    return {
        "name": "checkout",
        "description": "A shop whose cart is slow and whose search fails now and then.",
        "labels": {"team": "shop"},
        "target": target,
        "requests": [
            {"name": "ping", "path": "/ping", "weight": 8},
            {"name": "cart", "path": "/delay/20", "weight": 1},
            {"name": "search", "path": "/status/503", "weight": 1},
        ],
        "load": {
            "test_type": "arrivals",
            "stages": [
                {"name": "ramp", "duration": f"{half}s", "from": 10, "to": rate, "measured": False},
                {"name": "hold", "duration": f"{seconds - half}s", "to": rate},
            ],
        },
        "thresholds": ["response_time.p50 < 10s", "failed.rate < 1%"],
    }


def failing(target: str, seconds: int, rate: int = 40) -> dict[str, Any]:
    """Return a plan of which three in four requests fail, each in a way of its own."""
    absent = {"status": ["200"], "body_contains": "what nobody says"}
    return steady(
        target,
        seconds,
        rate,
        requests=[
            {"name": "ping", "path": "/ping", "weight": 4},
            {"name": "error", "path": "/status/503", "weight": 5},
            {"name": "absent", "path": "/status/404", "weight": 3},
            {"name": "slow", "path": "/delay/900", "weight": 2},
            {"name": "other", "path": "/ping", "weight": 2, "expect": absent},
        ],
        limits={"timeout": "300ms"},
    )
