"""A table of figures, as text for a terminal and as Markdown for a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.bench.peers.costs import Ratio

from spate_cli.quantities import NOTHING

__all__ = ["NOTHING", "Table", "figure", "milliseconds", "percent", "ratio_text"]

_GREAT: Final = 100
_SMALL: Final = 10


@dataclass(slots=True)
class Table:
    """Rows under a head. ``about`` is Markdown before them, ``notes`` are lines after them."""

    title: str
    head: Sequence[str]
    about: str = ""
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, *cells: str) -> None:
        """Add a row; it must be as wide as the head.

        Raises:
            ValueError: if it is not.
        """
        row = (name, *cells)
        if len(row) != len(self.head):
            raise ValueError(f"{self.title}: {len(row)} cells under a head of {len(self.head)}")
        self.rows.append(row)

    def add_word(self, name: str, word: str) -> None:
        """Add a row without figures, and the word that says why as a note."""
        self.rows.append((name, *(NOTHING for _ in self.head[1:])))
        self.notes.append(f"{name}: {word}")

    def text(self) -> str:
        """Return it in columns: the first to the left, figures to the right."""
        widths = [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]
        lines = [self.title, ""]
        for row in (self.head, *self.rows):
            first, *others = (
                cell.rjust(width) if k else cell.ljust(width)
                for k, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            lines.append("  " + "  ".join((first, *others)).rstrip())
        return "\n".join([*lines, *(f"  * {note}" for note in self.notes)]) + "\n"

    def markdown(self) -> str:
        """Return a section of a page."""
        lines = [f"## {self.title}", ""]
        if self.about:
            lines += [self.about.strip(), ""]
        lines.append(_line(self.head))
        lines.append("|" + "|".join(["---", *("---:" for _ in self.head[1:])]) + "|")
        lines += map(_line, self.rows)
        if self.notes:
            lines += ["", *(f"* {_escaped(note)}" for note in self.notes)]
        return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    """Return a line of a Markdown table."""
    return "| " + " | ".join(map(_escaped, cells)) + " |"


def _escaped(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line."""
    for sign in "\\|*_<>[]`":
        text = text.replace(sign, "\\" + sign)
    return " ".join(text.split())


def figure(value: float | None) -> str:
    """Return a number with three digits that say something: 12,345, 123, 12.3, 1.23."""
    if value is None:
        return NOTHING
    if abs(value) >= _GREAT:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= _SMALL else f"{value:.2f}"


def milliseconds(value_ns: float | None) -> str:
    """Return nanoseconds as milliseconds."""
    return NOTHING if value_ns is None else figure(value_ns / 1e6)


def percent(share: float | None) -> str:
    """Return a share as a whole percentage."""
    return NOTHING if share is None else f"{share:.0%}"


def ratio_text(ratio: Ratio | None) -> str:
    """Return a ratio with its range over the rounds: 1.13 (1.10 to 1.17)."""
    if ratio is None:
        return NOTHING
    return f"{ratio.middle:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"
