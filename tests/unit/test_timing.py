"""The constants of the protocol hold the inequalities that its proofs rest on."""

from __future__ import annotations

from typing import Any

import pytest

from spate.timing import MS, SECOND, Timing


def test_the_defaults_are_those_of_the_protocol() -> None:
    """They hold every inequality, and a run drains for its time-out and five seconds more."""
    timing = Timing()
    assert (timing.heartbeat_every_ns, timing.fence_after_ns) == (500 * MS, 2 * SECOND)
    assert (timing.lost_after_ns, timing.orphan_after_ns) == (3 * SECOND, 30 * SECOND)
    assert timing.drain_limit_ns(10 * SECOND) == 15 * SECOND


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"lead_ns": 0}, "every one > 0"),
        ({"snapshot_every_ns": 0}, "every one > 0"),
        ({"heartbeat_every_ns": 534 * MS}, "3 x \\(heartbeat_every"),
        ({"heartbeat_slack_ns": 134 * MS}, "heartbeat_slack\\) \\+ 0.1 s <= fence_after"),
        ({"lost_after_ns": 2_199 * MS}, "fence_after x 1.05"),
        ({"lead_ns": 551 * MS}, "lost_after \\+ beat_every"),
        ({"lead_ns": 199 * MS}, "lead >= 0.2 s"),
        ({"cut_wait_ns": 1_501 * MS}, "cut_wait \\+ lead"),
        ({"start_lead_ns": 499 * MS}, "start_lead >= lead"),
        ({"orphan_after_ns": 3 * SECOND}, "orphan_after > lost_after"),
        ({"snapshot_every_ns": 300 * MS}, "snapshot_every divides"),
    ],
)
def test_constants_that_break_the_protocol_are_refused(change: dict[str, Any], rule: str) -> None:
    """The error names the inequality."""
    with pytest.raises(ValueError, match=rule):
        Timing(**change)
