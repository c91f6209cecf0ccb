"""How far another machine's wall clock is from ours, from four timestamps (RFC 5905, section 8).

    driver        t1 ───────────────▶                 t4
                        ╲                           ╱
    orchestrator         ▶ t2 ─────────────── t3 ──▶

offset = ((t2 − t1) + (t3 − t4)) / 2,  round trip = (t4 − t1) − (t3 − t2);
the offset is right to within half the round trip.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from spate.messages import ClockEstimate


@dataclass(frozen=True, slots=True)
class _Sample:
    offset_ns: int
    round_trip_ns: int


class ClockSync:
    """Keeps the latest samples and believes the one with the shortest round trip."""

    def __init__(self, keep: int = 32) -> None:
        self._samples: deque[_Sample] = deque(maxlen=keep)

    def add(self, t1_ns: int, t2_ns: int, t3_ns: int, t4_ns: int) -> None:
        """Take one exchange: sent and received here (t1, t4), read and answered there (t2, t3).

        An exchange with a negative round trip (a clock was set meanwhile) is ignored.
        """
        round_trip_ns = (t4_ns - t1_ns) - (t3_ns - t2_ns)
        if round_trip_ns >= 0:
            offset_ns = ((t2_ns - t1_ns) + (t3_ns - t4_ns)) // 2
            self._samples.append(_Sample(offset_ns, round_trip_ns))

    def estimate(self) -> ClockEstimate | None:
        """Return the other clock minus ours, or None before the first exchange."""
        if not self._samples:
            return None
        best = min(self._samples, key=lambda sample: sample.round_trip_ns)
        return ClockEstimate(offset_ns=best.offset_ns, round_trip_ns=best.round_trip_ns)
