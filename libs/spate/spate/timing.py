"""The constants of the protocol, and the inequalities between them on which its proofs rest."""

from __future__ import annotations

from dataclasses import dataclass, fields

MS = 1_000_000
SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Timing:
    """How long everyone waits for whom, in nanoseconds (see ``docs/protocol.md``).

    A driver may send until ``fence_after_ns`` after the send of its last acknowledged heartbeat;
    the orchestrator gives its work away no earlier than ``lost_after_ns`` after it read that
    heartbeat. The second must therefore be safely above the first. A run that could not be
    journaled for ``away_limit_ns`` is aborted when the log is back.
    """

    heartbeat_every_ns: int = 500 * MS
    heartbeat_slack_ns: int = 100 * MS
    beat_every_ns: int = 250 * MS
    fence_after_ns: int = 2 * SECOND
    lost_after_ns: int = 3 * SECOND
    lead_ns: int = 500 * MS
    cut_lead_ns: int = 2 * SECOND
    cut_wait_ns: int = 1 * SECOND
    start_lead_ns: int = 1 * SECOND
    orphan_after_ns: int = 30 * SECOND
    away_limit_ns: int = 60 * SECOND
    settle_after_ns: int = 5 * SECOND
    drain_margin_ns: int = 5 * SECOND
    snapshot_every_ns: int = 500 * MS
    eligible_within_ns: int = 1_500 * MS
    eligible_beat_age_ns: int = 2_500 * MS
    gather_ns: int = 3 * SECOND
    ready_within_ns: int = 5 * SECOND
    republish_every_ns: int = 1 * SECOND
    join_every_ns: int = 5 * SECOND

    def __post_init__(self) -> None:
        """Check the inequalities.

        Raises:
            ValueError: naming the inequality that does not hold.
        """
        ack_allowance_ns = 100 * MS
        rules = {
            "every one > 0": all(getattr(self, each.name) > 0 for each in fields(self)),
            "3 x (heartbeat_every + heartbeat_slack) + 0.1 s <= fence_after": (
                3 * (self.heartbeat_every_ns + self.heartbeat_slack_ns) + ack_allowance_ns
                <= self.fence_after_ns
            ),
            "fence_after x 1.05 + 0.1 s <= lost_after": (
                self.fence_after_ns * 105 // 100 + 100 * MS <= self.lost_after_ns
            ),
            "lost_after + beat_every + 0.2 s + lead <= 4 s": (
                self.lost_after_ns + self.beat_every_ns + 200 * MS + self.lead_ns <= 4 * SECOND
            ),
            "lead >= 0.2 s": self.lead_ns >= 200 * MS,
            "cut_wait + lead <= cut_lead": self.cut_wait_ns + self.lead_ns <= self.cut_lead_ns,
            "start_lead >= lead": self.start_lead_ns >= self.lead_ns,
            "orphan_after > lost_after": self.orphan_after_ns > self.lost_after_ns,
            "away_limit > orphan_after": self.away_limit_ns > self.orphan_after_ns,
            "snapshot_every divides 1 s": SECOND % max(1, self.snapshot_every_ns) == 0,
        }
        for rule, holds in rules.items():
            if not holds:
                raise ValueError(f"these time constants break the protocol: {rule} must hold")

    def drain_limit_ns(self, timeout_ns: int) -> int:
        """Return how long a run may take to finish what is in flight, given its time-out."""
        return timeout_ns + self.drain_margin_ns
