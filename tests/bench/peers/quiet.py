"""How much of the machine others used while a tool was measured.

A core that is shared with somebody makes rates lower and latencies longer; what a request costs in
CPU suffers less. So it is measured, and said where it was much.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

import psutil

MUCH: Final = 0.1
"""Of one core."""


def busy() -> float:
    """Return the CPU seconds of everybody but this process, what the host took among them."""
    times, own = psutil.cpu_times(), os.times()
    used = times.user + times.nice + times.system + times.irq + times.softirq + times.steal
    return float(used - own.user - own.system)


def note(shares: Sequence[float]) -> str | None:
    """Return a line where others used much of a core in some runs; None where not."""
    loud = [share for share in shares if share > MUCH]
    if not loud:
        return None
    return (
        f"The machine was not idle: others used up to {max(loud):.0%} of a core in {len(loud)} of "
        f"{len(shares)} runs, and rates and latencies suffer from that"
    )
