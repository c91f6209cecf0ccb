"""Counts how many arrivals of a set of ranges fall on each request and stage."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from spate.choice_many import RequestChoices
from spate.grant import Range
from spate.plan import Plan
from spate.schedule import Schedule

CellCounts = dict[tuple[int, int], int]
"""(request, stage) → number of arrivals; what is zero is left out."""

_AT_ONCE = 1 << 17
"""Indices chosen at once: arrays of this size stay in the cache."""


class Tally:
    """Counts for one plan.

    Stages are intervals of indices, so they cost arithmetic only; with several requests the
    choice is made for each index, ten million or more a second.
    """

    def __init__(self, plan: Plan, schedule: Schedule) -> None:
        self._schedule = schedule
        self._weights = [request.weight for request in plan.requests]
        self._choice = RequestChoices(plan.seed, self._weights)

    def count(self, ranges: Iterable[Range]) -> CellCounts:
        """Return how many indices of all ``ranges`` fall on each request and stage.

        Indices beyond the schedule are not counted.
        """
        counts: CellCounts = {}
        for granted in ranges:
            for stage, span in enumerate(self._schedule.stages):
                first = granted.position_from(span.first_index)
                end = granted.position_from(span.end_index)
                if end > first:
                    self._add(counts, stage, granted.tail(first, granted.id).head(end - first))
        return counts

    def _add(self, counts: CellCounts, stage: int, piece: Range) -> None:
        if len(self._weights) == 1:
            counts[0, stage] = counts.get((0, stage), 0) + piece.size
            return
        for position in range(0, piece.size, _AT_ONCE):
            part = piece.tail(position, piece.id).head(_AT_ONCE)
            stop = part.index(part.size)
            chosen = self._choice.requests(np.arange(part.start, stop, part.step, dtype=np.uint64))
            for request, n in enumerate(np.bincount(chosen).tolist()):
                if n:
                    counts[request, stage] = counts.get((request, stage), 0) + n
