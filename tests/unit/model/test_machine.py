"""The protocol holds its invariants, whatever happens (I1 to I8)."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.unit.model.machine import Protocol

EXAMPLES = 12
"""Worlds in a run of the suite."""

TIMES = int(os.environ.get("SPATE_MODEL_EXAMPLES", "1"))
"""For a longer search: so many times as many worlds."""


@pytest.mark.timeout(120 * TIMES)
def test_nothing_breaks_the_protocol(capsys: pytest.CaptureFixture[str]) -> None:
    """No fault, and no sequence of faults that is tried, breaks an invariant."""
    began_s = time.monotonic()
    Protocol.steps = 0
    run_state_machine_as_test(
        Protocol,
        settings=settings(
            max_examples=EXAMPLES * TIMES,
            stateful_step_count=40,
            derandomize=True,
            deadline=None,
            database=None,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    took_s = time.monotonic() - began_s
    with capsys.disabled():
        print(f"\nmodel: {Protocol.steps:,} steps, {Protocol.steps / took_s:,.0f}/s")
    assert Protocol.steps > 10_000
