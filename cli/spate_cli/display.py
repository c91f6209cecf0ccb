"""Shows the progress of a run: one line a second in a pipe, a live panel on a terminal."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol, TextIO

from spate_cli.progress import Progress, Row
from spate_cli.quantities import clock, duration, rate

if TYPE_CHECKING:
    from rich.table import Table

_BAR_WIDTH = 40


class Display(Protocol):
    """Where progress is shown."""

    def say(self, text: str) -> None:
        """Show a line that stays."""

    def show(self, progress: Progress) -> None:
        """Show how far the run is now."""

    def close(self) -> None:
        """Show nothing more that changes."""


def row_line(row: Row, duration_s: float | None) -> str:
    """Return a window as a line of text."""
    place = clock(row.end_s)
    of = "" if duration_s is None else f" of {clock(duration_s)}"
    counts = row.counts
    parts = [
        f"{place}{of}",
        f"sent {rate(counts['sent'] / row.width_s)} of {rate(row.planned / row.width_s)} planned",
        f"p50 {duration(row.p50_ns)}",
        f"p99 {duration(row.p99_ns)}",
        f"failed {counts['failed']:,}",
        f"dropped {counts['dropped']:,}",
    ]
    if counts["missed"]:
        parts.append(f"missed {counts['missed']:,}")
    return "  ".join([*parts, f"in flight {row.in_flight:,}"])


class PlainDisplay:
    """Writes lines, each of them at once; a reader that went away is no reason to stop a run."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def say(self, text: str) -> None:
        """Write a line."""
        with contextlib.suppress(OSError, ValueError):
            self._out.write(f"{text}\n")
            self._out.flush()

    def show(self, progress: Progress) -> None:
        """Write what is new: states, fleet events, windows that are complete."""
        for text in progress.take_news():
            self.say(text)
        for row in progress.take_rows():
            self.say(row_line(row, progress.duration_s))

    def close(self) -> None:
        """Do nothing: lines stay."""


class LiveDisplay:
    """Draws a panel in place with rich, and lines above it."""

    def __init__(self, out: TextIO) -> None:
        # Here, because rich takes longer to import than all of a short run in a pipe.
        from rich.console import Console
        from rich.live import Live

        self._console = Console(file=out, highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._live.start()

    def say(self, text: str) -> None:
        """Print a line above the panel."""
        with contextlib.suppress(OSError, ValueError):
            self._console.print(text, markup=False, soft_wrap=True)

    def show(self, progress: Progress) -> None:
        """Draw the panel anew."""
        for text in progress.take_news():
            self.say(text)
        with contextlib.suppress(OSError, ValueError):
            self._live.update(_panel(progress), refresh=True)

    def close(self) -> None:
        """Take the panel away."""
        with contextlib.suppress(OSError, ValueError):
            self._live.stop()


def _panel(progress: Progress) -> Table:
    """Return the panel: how far, the five numbers, what was not done, and any trouble."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    head = Text.assemble(
        (progress.name, "bold"), f"  {progress.state}", f"  {clock(progress.elapsed_s)}"
    )
    if progress.duration_s is not None:
        head.append(f" of {clock(progress.duration_s)}, {clock(progress.remaining_s or 0)} left")
    if progress.drivers:
        head.append(f"  {progress.drivers} drivers" if progress.drivers > 1 else "  1 driver")
    panel = Table.grid(padding=(0, 1))
    panel.add_row(head)
    share = progress.share
    panel.add_row(
        ProgressBar(total=1.0, completed=share or 0.0, width=_BAR_WIDTH, pulse=share is None)
    )
    row = progress.latest
    if row is not None:
        figures = Table.grid(padding=(0, 3))
        figures.add_row("sent", "p50", "p99", "failed", "dropped", "in flight", style="dim")
        totals = progress.totals
        figures.add_row(
            f"{rate(row.counts['sent'])} of {rate(row.planned)}",
            duration(row.p50_ns),
            duration(row.p99_ns),
            Text(f"{totals['failed']:,}", style="red" if totals["failed"] else ""),
            Text(f"{totals['dropped']:,}", style="yellow" if totals["dropped"] else ""),
            f"{row.in_flight:,}",
        )
        panel.add_row(figures)
    if progress.waiting_for:
        panel.add_row(Text(f"waiting for {progress.waiting_for}", style="yellow"))
    if progress.trouble:
        panel.add_row(Text(progress.trouble, style="yellow"))
    return panel


def display_for(out: TextIO) -> Display:
    """Return the live panel where ``out`` is a terminal, lines where it is not."""
    return LiveDisplay(out) if out.isatty() else PlainDisplay(out)
