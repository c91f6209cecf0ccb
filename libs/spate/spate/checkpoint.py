"""An aggregator as parts of bytes and back: what outlives the process that merged the snapshots.

``head`` holds everything but the windows. These go by the minute, ``windows-MINUTE``: a run is
long, but only its last minutes change, and those whose windows are being merged, so only they are
written again. The head names the revision at which each minute changed last. A set is whole if
every minute is there and of that revision; parts that the head does not name are left over from
longer ones and count for nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from spate.aggregator import Aggregator
from spate.aggregator_state import AggregatorState, DriverState, Kept, Place, TermCounts, TermId
from spate.checkpoint_parts import cut, join
from spate.checkpoint_windows import read_windows, write_windows
from spate.figures import Figures, FiguresAccumulator
from spate.packed_figures import pack, unpack
from spate.plan import Plan
from spate.schedule import Schedule
from spate.seq_set import SeqSet
from spate.slow_traces import TraceRow, slowest
from spate.thinning import MINUTE_S
from spate.window_state import Boot

MOST_PART_BYTES = 900_000
"""No part is longer: a record of Kafka is at most 1 MB with everything around it."""

_HEAD = "head"
_NOT_UNDERSTOOD = (AttributeError, LookupError, TypeError, ValueError, zlib.error)


class CheckpointError(ValueError):
    """A part is not understood: damaged, of another version or of another run."""


def write_checkpoint(
    aggregator: Aggregator,
    offsets: Mapping[int, int],
    since: int = 0,
    *,
    limit_bytes: int = MOST_PART_BYTES,
) -> dict[str, bytes]:
    """Return an aggregator by names of parts, which match ``[a-z0-9-]+``.

    ``offsets`` says by partition which record is to be read next. Minutes that did not change
    after ``revision`` was ``since`` are left out: pass the revision of the last set that was
    stored, 0 if there is none. Each part has at most ``limit_bytes``.

    Raises:
        ValueError: if the limit is below what a part has around its content.
    """
    state, run_id = aggregator.state, aggregator.run_id
    # The latest change comes last, so the last one of a minute stays.
    chunks = {start // MINUTE_S: revision for start, revision in state.changes.items()}
    parts = cut(_HEAD, run_id, _pack_head(state, offsets, chunks), limit_bytes)
    for chunk, revision in chunks.items():
        if revision > since:
            document = write_windows(state, chunk * MINUTE_S, revision)
            parts |= cut(_name(chunk), run_id, document, limit_bytes)
    return parts


def read_checkpoint(
    parts: Mapping[str, bytes], plan: Plan, schedule: Schedule, run_id: str
) -> tuple[Aggregator, dict[int, int]] | None:
    """Return the aggregator, open, and the offset to go on from by partition.

    It is None if the parts are not one whole set. Everything of the aggregator is as it was, but
    for whether it was closed. Its ``state.stored`` is what ``since`` is when it is written next.

    Raises:
        CheckpointError: if a part is damaged, of another version, run or plan.
    """
    try:
        found = _read(parts, run_id)
        if found is None:
            return None
        state, offsets = found
        _check_places(state, plan, schedule)
    except _NOT_UNDERSTOOD as error:
        raise CheckpointError(f"checkpoint not understood: {error!r}") from error
    return Aggregator(plan, schedule, run_id, state), offsets


def _read(parts: Mapping[str, bytes], run_id: str) -> tuple[AggregatorState, dict[int, int]] | None:
    packed = join(parts, _HEAD, run_id)
    if packed is None:
        return None
    head, figures = unpack(packed)
    state = _read_head(head, figures)
    numbers = {boot: number for number, boot in enumerate(state.boots)}
    windows: dict[int, Kept] = {}
    for chunk, revision in head["chunks"]:
        packed = join(parts, _name(chunk), run_id)
        if packed is None:
            return None
        written, found = read_windows(packed, numbers)
        if written != revision:
            return None
        windows |= found
    state.keep(windows)
    return state, dict(head["offsets"])


def _check_places(state: AggregatorState, plan: Plan, schedule: Schedule) -> None:
    """Raise ValueError if there are figures of something that the plan does not have."""
    for request, stage in state.cells:
        if request >= len(plan.requests) or stage >= len(schedule.stages):
            raise ValueError(f"no request {request} or stage {stage} in the plan")


def _name(chunk: int) -> str:
    return f"windows-{chunk}"


def _pack_head(
    state: AggregatorState, offsets: Mapping[int, int], chunks: Mapping[int, int]
) -> bytes:
    document = {
        "offsets": list(offsets.items()),
        "chunks": list(chunks.items()),
        "revision": state.revision,
        "duplicates": state.duplicates,
        "foreign": state.foreign,
        "late": state.late,
        "seen": [[*boot, seen.intervals()] for boot, seen in state.seen.items()],
        "terms": [
            [*term, [[*key, n] for key, n in counts.by_cell.items()], counts.sent]
            for term, counts in state.terms.items()
        ],
        "cells": list(state.cells),
        "traces": state.traces,
        "drivers": [
            [
                driver_id,
                driver.latest,
                driver.clock_offset_ns,
                driver.cpu,
                driver.skew_at,
                driver.start_skew_ns,
                driver.past_cpu,
            ]
            for driver_id, driver in state.drivers.items()
        ],
    }
    sums = [*state.cells.values(), *(driver.figures for driver in state.drivers.values())]
    return pack(document, [each.freeze() for each in sums])


def _read_head(head: dict[str, Any], figures: list[Figures]) -> AggregatorState:
    sums = map(_sum, figures)
    return AggregatorState(
        revision=head["revision"],
        duplicates=head["duplicates"],
        foreign=head["foreign"],
        late=head["late"],
        seen={
            Boot(driver_id, boot_id): SeqSet.of(intervals)
            for driver_id, boot_id, intervals in head["seen"]
        },
        terms={
            TermId(driver_id, boot_id, term): TermCounts(
                {(request, stage): n for request, stage, n in by_cell}, sent
            )
            for driver_id, boot_id, term, by_cell, sent in head["terms"]
        },
        cells={(request, stage): next(sums) for request, stage in head["cells"]},
        drivers={
            # What was written before windows were thinned ends with the skew.
            driver_id: DriverState(
                next(sums), _place(latest), offset_ns, cpu, skew_at and _place(skew_at), *more
            )
            for driver_id, latest, offset_ns, cpu, skew_at, *more in head["drivers"]
        },
        # What was written before there were any has none.
        traces=slowest(TraceRow(*row) for row in head.get("traces", ())),
    )


def _sum(figures: Figures) -> FiguresAccumulator:
    """Return an accumulator that holds these figures."""
    total = FiguresAccumulator()
    total.add(figures)
    return total


def _place(told: list[Any]) -> Place:
    window, boot_id, seq = told
    return window, boot_id, seq
