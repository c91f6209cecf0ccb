"""What a tool is asked to do, and what it says it saw."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

QUANTILES: Final = ("p50", "p90", "p99", "p999", "max")
"""The latencies that are compared, by the names they go by."""


class TrialError(Exception):
    """A tool did not do what it was asked to; the text says how."""


@dataclass(frozen=True, slots=True)
class Load:
    """One load on one address.

    ``rate_per_s`` None is the closed loop: every connection sends as soon as it is answered.
    ``expected_per_s`` is what a tool that can only be told a number of requests takes for its rate
    in the closed loop. ``ca`` is the certificate authority of an https address. ``fine`` asks for
    the latencies as exactly as the tool can say them, whatever that costs.
    """

    url: str
    connections: int
    seconds: float
    rate_per_s: float | None = None
    expected_per_s: float = 0.0
    ca: Path | None = None
    fine: bool = False

    @property
    def count(self) -> int:
        """The number of requests that this load is."""
        rate = self.expected_per_s if self.rate_per_s is None else self.rate_per_s
        return max(self.connections, round(rate * self.seconds))

    @property
    def whole_seconds(self) -> int:
        """The duration for tools that know whole seconds only."""
        return max(1, round(self.seconds))


@dataclass(frozen=True, slots=True)
class Said:
    """What a tool says of its run: None and missing keys are what it does not say.

    ``latency_ns`` and ``lag_ns`` are by the names of ``QUANTILES``. ``seconds`` is how long the
    load itself lasted, without the start of the tool.
    """

    requests: int | None = None
    failed: int | None = None
    latency_ns: dict[str, float] = field(default_factory=dict)
    lag_ns: dict[str, float] = field(default_factory=dict)
    seconds: float | None = None
