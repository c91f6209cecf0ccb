"""A count over time: when it grew, how fast, and when it stood still; pure."""

from __future__ import annotations

import numpy as np

_STEP_S = 0.05


class Timeline:
    """A count that only grows, as seen at some times; all times are in seconds.

    Between two looks it is taken to grow evenly.
    """

    def __init__(self) -> None:
        self._times_s: list[float] = []
        self._counts: list[float] = []

    def see(self, at_s: float, count: float) -> None:
        """Add what was seen; later than all before."""
        self._counts.append(count)
        self._times_s.append(at_s)

    @property
    def count(self) -> float:
        """The newest count."""
        return self._counts[-1]

    @property
    def began_s(self) -> float:
        """When it was first looked."""
        return self._times_s[0]

    def rate(self, from_s: float, to_s: float) -> float:
        """Return the requests per second received between two times."""
        first, last = np.interp([from_s, to_s], *self._seen())
        return float(last - first) / (to_s - from_s)

    def lowest(self, from_s: float, to_s: float, span_s: float = 1.0) -> float:
        """Return the lowest rate of any stretch of ``span_s`` between two times."""
        return min(self.rate(at, at + span_s) for at in _steps(from_s, to_s - span_s))

    def quiet_after(self, at_s: float, quiet_s: float = 1.0) -> float | None:
        """Return how long after ``at_s`` the last request came before a silence of ``quiet_s``.

        None if there was no such silence.
        """
        times_s, counts = self._seen()
        grown_s, before = at_s, float(np.interp(at_s, times_s, counts))
        for now_s, count in zip(times_s, counts, strict=True):
            if now_s < at_s:
                continue
            if count > before:
                grown_s, before = now_s, count
            if now_s - grown_s >= quiet_s:
                return grown_s - at_s
        return None

    def flowing_after(self, at_s: float) -> float | None:
        """Return how long after ``at_s`` the next request came; None if none did."""
        times_s, counts = self._seen()
        before = max((n for t, n in zip(times_s, counts, strict=True) if t <= at_s), default=0)
        later = [t for t, n in zip(times_s, counts, strict=True) if t > at_s and n > before]
        return later[0] - at_s if later else None

    def restored_after(self, at_s: float, rate_per_s: float, span_s: float = 0.5) -> float | None:
        """Return how long after ``at_s`` the rate was back at 90 % for ``span_s``.

        Only after it had fallen below 85 %; None if it did not fall, or was not back.
        """
        fallen = False
        for from_s in _steps(at_s, self._seen()[0][-1] - span_s):
            rate = self.rate(from_s, from_s + span_s)
            fallen = fallen or rate < 0.85 * rate_per_s
            if fallen and rate >= 0.9 * rate_per_s:
                return from_s - at_s
        return None

    def timeline(self, from_s: float) -> list[int]:
        """Return the rate of each second from ``from_s`` on, to look at."""
        end_s = self._seen()[0][-1]
        return [round(self.rate(at, at + 1)) for at in np.arange(from_s, end_s - 1, 1.0)]

    def _seen(self) -> tuple[list[float], list[float]]:
        """Return what was seen so far; another thread may be adding: the time comes last."""
        size = len(self._times_s)
        return self._times_s[:size], self._counts[:size]


def _steps(from_s: float, to_s: float) -> list[float]:
    """Return times from ``from_s`` on, at least that one."""
    return [float(at) for at in np.arange(from_s, max(to_s, from_s + _STEP_S / 2), _STEP_S)]
