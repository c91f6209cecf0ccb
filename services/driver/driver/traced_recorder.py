"""A recorder that also notes the slowest of the requests that carry trace context."""

from __future__ import annotations

from heapq import heappop, heappush

from driver.arrival import Arrival
from driver.recorder import Raw, Recorder
from spate.choice import RequestChoice
from spate.schedule import Schedule
from spate.slow_traces import MOST
from spate.traceparent import TraceSampling


class TracedRecorder(Recorder):
    """Notes an arrival that is among the slowest of the run so far; most cost one comparison.

    So what is told grows with the logarithm of the arrivals, and what is not told could not be
    among the slowest of the whole fleet.
    """

    def __init__(
        self,
        schedule: Schedule,
        choice: RequestChoice,
        sampling: TraceSampling,
        raw: Raw | None = None,
    ) -> None:
        super().__init__(schedule, choice, raw)
        self._sampling = sampling
        self._slowest: list[tuple[int, int, Arrival]] = []  # a heap, the fastest of them first
        self._bar_ns = -1
        self._told: set[int] = set()

    def done(self, arrival: Arrival) -> None:
        """Count the outcome, and keep the arrival if it is a slow one."""
        super().done(arrival)
        response_ns = arrival.done_ns - arrival.intended_ns
        if response_ns > self._bar_ns and arrival.sent_ns and self._sampling.chosen(arrival.index):
            heappush(self._slowest, (response_ns, -arrival.index, arrival))
            if len(self._slowest) > MOST:
                self._told.discard(heappop(self._slowest)[2].index)
            if len(self._slowest) == MOST:
                self._bar_ns = self._slowest[0][0]

    def take_slowest(self) -> list[Arrival]:
        """Return those that joined the slowest since the last call, the slowest first."""
        new = [entry for entry in self._slowest if entry[2].index not in self._told]
        self._told.update(arrival.index for _, _, arrival in new)
        return [arrival for _, _, arrival in sorted(new, reverse=True)]
