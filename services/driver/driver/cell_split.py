"""Divides what one interval has to say into snapshots of a bounded size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spate.figures import HISTOGRAMS
from spate.histogram_wire import read_wire
from spate.messages import Cell, WireHistogram

_CELL_BYTES = 4_000
"""What a cell takes without its buckets and status codes, with every kind and cause present."""
_STATUS_BYTES = 20
_EMPTY = Cell(request=0, stage=0)
_LEAST_BYTES = 30_000
"""Room for what cannot be divided: the counts with a thousand status codes, and one bucket."""


def split_cells(cells: Sequence[Cell], max_bytes: int) -> list[tuple[Cell, ...]]:
    """Deal cells out to groups that each encode to at most ``max_bytes``.

    A cell that is too large alone is divided; all are deltas, so what is added up from the
    groups is exactly what the cells said. The size is estimated from above.

    Raises:
        ValueError: if ``max_bytes`` is below 30,000: some cells could not be divided that far.
    """
    if max_bytes < _LEAST_BYTES:
        raise ValueError(f"no cell fits into {max_bytes} bytes")
    groups: list[tuple[Cell, ...]] = []
    group: list[Cell] = []
    room = max_bytes
    waiting = list(reversed(cells))
    while waiting:
        cell = waiting.pop()
        size = _size(cell)
        if size > max_bytes:
            waiting += reversed(_halves(cell))
            continue
        if size > room:
            groups.append(tuple(group))
            group, room = [], max_bytes
        group.append(cell)
        room -= size
    if group:
        groups.append(tuple(group))
    return groups


def _size(cell: Cell) -> int:
    buckets = sum(_buckets_size(wire) for wire in _histograms(cell).values())
    return _CELL_BYTES + _STATUS_BYTES * len(cell.status_codes) + buckets


def _buckets_size(wire: WireHistogram) -> int:
    """Return what the buckets take at most: digits of a bound, digits of a count, two commas."""
    digits = len(str(max(wire.low_ns[-1:], default=0))) + len(str(max(wire.n, default=0)))
    return len(wire.n) * (digits + 2)


def _halves(cell: Cell) -> tuple[Cell, Cell]:
    """Return two smaller cells that add up to this one; the first has all counts.

    With one histogram left, that is split; with several they are dealt out.
    """
    histograms = _histograms(cell)
    place: dict[str, Any] = {"request": cell.request, "stage": cell.stage}
    if len(histograms) == 1:
        ((name, wire),) = histograms.items()
        lower, upper = read_wire(wire).split()
        first, second = {name: lower.to_wire()}, {name: upper.to_wire()}
    else:
        names = list(histograms)
        half = len(names) // 2
        first = {name: histograms[name] for name in names[:half]}
        second = {name: histograms[name] for name in names[half:]}
    kept = {name: first.get(name) for name in HISTOGRAMS}
    return cell.model_copy(update=kept), _EMPTY.model_copy(update=place | second)


def _histograms(cell: Cell) -> dict[str, WireHistogram]:
    found = {name: getattr(cell, name) for name in HISTOGRAMS}
    return {name: wire for name, wire in found.items() if wire is not None}
