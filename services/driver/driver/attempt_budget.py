"""A budget keeps failing connection attempts from becoming a storm; pure, time is an argument."""

from __future__ import annotations


class AttemptBudget:
    """Says whether one more connection attempt may begin.

    While attempts succeed there is no limit. From the first failure to the next success at most
    ``per_tick`` attempts begin in each ``tick_ns`` (10 in 5 ms: 2,000 a second), so a closed load
    against a dead target fails its arrivals one by one without burning a core, and an open load
    still learns the true cause at once.
    """

    __slots__ = ("_failing", "_left", "_per_tick", "_refill_ns", "_tick_ns")

    def __init__(self, per_tick: int = 10, tick_ns: int = 5_000_000) -> None:
        self._per_tick = per_tick
        self._tick_ns = tick_ns
        self._failing = False
        self._left = 0
        self._refill_ns = 0

    @property
    def refill_ns(self) -> int:
        """When the next tick begins, if ``take`` just said no."""
        return self._refill_ns

    def take(self, now_ns: int) -> bool:
        """Use up one attempt; False if there is none left before ``refill_ns``."""
        if not self._failing:
            return True
        if now_ns >= self._refill_ns:
            self._left = self._per_tick
            self._refill_ns = now_ns + self._tick_ns
        if self._left == 0:
            return False
        self._left -= 1
        return True

    def failed(self, now_ns: int) -> None:
        """Note that an attempt failed at ``now_ns``."""
        if not self._failing:
            self._failing = True
            self._left = self._per_tick
            self._refill_ns = now_ns + self._tick_ns

    def succeeded(self) -> None:
        """Note that an attempt succeeded: the limit is off."""
        self._failing = False
