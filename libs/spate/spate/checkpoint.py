"""An aggregator as parts of bytes and back: what outlives the process that merged the snapshots.

``head`` holds everything but the windows. These go by the minute, ``windows-MINUTE``: a run is
long, but only its last minutes change, so only they are written again. The head names the revision
at which each minute changed last. A set is whole if every minute is there and of that revision;
parts that the head does not name are left over from longer ones and count for nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from spate.aggregator import Aggregator
from spate.aggregator_state import (
    AggregatorState,
    Boot,
    BootLevels,
    DriverState,
    Place,
    TermCounts,
    TermId,
    WindowState,
)
from spate.checkpoint_parts import cut, join
from spate.figures import Figures, FiguresAccumulator
from spate.packed_figures import pack, unpack
from spate.plan import Plan
from spate.schedule import Schedule
from spate.seq_set import SeqSet
from spate.slow_traces import TraceRow, slowest

MOST_PART_BYTES = 900_000
"""No part is longer: a record of Kafka is at most 1 MB with everything around it."""

_HEAD = "head"
_CHUNK_S = 60
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
    chunks = {second // _CHUNK_S: revision for second, revision in state.changes.items()}
    parts = cut(_HEAD, run_id, _pack_head(state, offsets, chunks), limit_bytes)
    for chunk, revision in chunks.items():
        if revision > since:
            parts |= cut(_name(chunk), run_id, _pack_chunk(state, chunk, revision), limit_bytes)
    return parts


def read_checkpoint(
    parts: Mapping[str, bytes], plan: Plan, schedule: Schedule, run_id: str
) -> tuple[Aggregator, dict[int, int]] | None:
    """Return the aggregator, open, and the offset to go on from by partition.

    It is None if the parts are not one whole set. Everything of the aggregator is as it was, but
    for whether it was closed.

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
    for chunk, revision in head["chunks"]:
        packed = join(parts, _name(chunk), run_id)
        if packed is None:
            return None
        document, figures = unpack(packed)
        if document["revision"] != revision:
            return None
        _read_windows(state, document["windows"], figures)
    state.changes = dict(sorted(state.changes.items(), key=lambda change: change[1]))
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
            driver_id: DriverState(
                next(sums), _place(latest), offset_ns, cpu, skew_at and _place(skew_at), skew_ns
            )
            for driver_id, latest, offset_ns, cpu, skew_at, skew_ns in head["drivers"]
        },
        # What was written before there were any has none.
        traces=slowest(TraceRow(*row) for row in head.get("traces", ())),
    )


def _pack_chunk(state: AggregatorState, chunk: int, revision: int) -> bytes:
    windows = {
        second: state.windows[second]
        for second in range(chunk * _CHUNK_S, (chunk + 1) * _CHUNK_S)
        if second in state.windows
    }
    document = {
        "revision": revision,
        "windows": [
            [
                second,
                state.changes[second],
                [
                    [*boot, levels.seq, levels.in_flight, levels.cpu_millionths, levels.snapshots]
                    for boot, levels in window.levels.items()
                ],
            ]
            for second, window in windows.items()
        ],
    }
    return pack(document, [window.freeze() for window in windows.values()])


def _read_windows(state: AggregatorState, rows: list[Any], figures: list[Figures]) -> None:
    for (second, revision, levels), total in zip(rows, figures, strict=True):
        window = WindowState(total)
        for driver_id, boot_id, *told in levels:
            window.levels[Boot(driver_id, boot_id)] = BootLevels(*told)
        state.keep(second, window, revision)


def _sum(figures: Figures) -> FiguresAccumulator:
    """Return an accumulator that holds these figures."""
    total = FiguresAccumulator()
    total.add(figures)
    return total


def _place(told: list[Any]) -> Place:
    window, boot_id, seq = told
    return window, boot_id, seq
