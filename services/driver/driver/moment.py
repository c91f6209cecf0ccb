"""One reading of the three clocks a driver goes by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, on the clock that counts sleep, on the one that measures, and on the wall (all ns)."""

    boot_ns: int
    mono_ns: int
    wall_ns: int
