"""The collector is told to look less often, not to stop."""

from __future__ import annotations

import gc

from orchestrator.collector import THRESHOLDS, calm_collector


def test_it_looks_less_often() -> None:
    """What stands afterwards is what was wanted; it still looks."""
    before = gc.get_threshold()
    try:
        calm_collector()
        assert gc.get_threshold() == THRESHOLDS
        assert gc.isenabled()
    finally:
        gc.set_threshold(*before)
