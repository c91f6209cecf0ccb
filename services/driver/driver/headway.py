"""How much closed load this driver may get through until a later heartbeat is acknowledged (R6)."""

from __future__ import annotations

from collections import deque

from spate.timing import SECOND

_A_SLOPE = 2
"""Points that a rate takes."""


class Headway:
    """Follows how many arrivals were decided, heartbeat by heartbeat."""

    def __init__(self) -> None:
        self._points: deque[tuple[int, int]] = deque()

    def clear(self) -> None:
        """Begin afresh with another run."""
        self._points.clear()

    def ahead(self, mono_ns: int, decided: int, *, connections: int, fence_after_ns: int) -> int:
        """Return ``max(2 × connections, rate of the last second × fence_after)``."""
        points = self._points
        points.append((mono_ns, decided))
        while mono_ns - points[0][0] > SECOND and len(points) > _A_SLOPE:
            points.popleft()
        since_ns, before = points[0]
        ahead = 2 * connections
        if mono_ns > since_ns:
            ahead = max(ahead, (decided - before) * fence_after_ns // (mono_ns - since_ns))
        return ahead
