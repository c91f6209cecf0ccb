"""What a heartbeat says of the engine besides the protocol."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Levels:
    """The engine's state at one instant; ``cpu`` is a share of one core."""

    in_flight: int
    first_seq: int
    last_seq: int
    cpu: float
    lag_p99_ns: int | None
