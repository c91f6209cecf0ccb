"""Rows as text in columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from spate_cli.quantities import NOTHING


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows as columns that are as wide as they need to be; None is a dash."""
    lines = [[NOTHING if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        + "\n"
        for line in ([name.upper() for name in head], *lines)
    )
