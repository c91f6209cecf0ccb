#!/usr/bin/env python3
# ruff: noqa: T201 -- a script speaks to who runs it
"""Write the tables of docs/metrics.md from the tables in which the services declare their metrics.

What stands between a table's two marks is written by this; the rest of the page is for people.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Protocol

from driver.metric_table import DRIVER_METRICS
from orchestrator.metric_table import ORCHESTRATOR_METRICS, RUN_METRICS
from target.metric_table import TARGET_METRICS

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "metrics.md"
END: Final = "<!-- end of metrics -->\n"


class Declared(Protocol):
    """A metric as a service declares it; the target has a type of its own for that."""

    @property
    def name(self) -> str:
        """As in a query."""

    @property
    def kind(self) -> str:
        """Counter, gauge or histogram."""

    @property
    def text(self) -> str:
        """What it means."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of its labels."""


TABLES: Final[Mapping[str, Iterable[Declared]]] = {
    "run": RUN_METRICS,
    "orchestrator": ORCHESTRATOR_METRICS,
    "driver": DRIVER_METRICS,
    "target": TARGET_METRICS,
}


def begin(name: str) -> str:
    """Return the mark above a table."""
    return f"<!-- metrics of the {name}: written by deploy/metrics_page.py -->\n"


def table(metrics: Iterable[Declared]) -> str:
    """Return a table of these metrics as Markdown."""
    lines = ["| metric | kind | labels | meaning |", "|---|---|---|---|"]
    for each in metrics:
        labels = ", ".join(f"`{label}`" for label in each.labels)
        text = each.text.replace("|", "\\|")
        lines.append(f"| `{each.name}` | {each.kind} | {labels} | {text} |")
    return "\n".join(lines) + "\n"


def renewed(page: str) -> str:
    """Return the page with every table as the services have it.

    Raises:
        ValueError: if the marks of one are not there.
    """
    for name, metrics in TABLES.items():
        head, mark, rest = page.partition(begin(name))
        _, end, tail = rest.partition(END)
        if not (mark and end):
            raise ValueError(f"{PAGE.name} must hold the lines {begin(name)!r} and {END!r}")
        page = f"{head}{mark}{table(metrics)}{END}{tail}"
    return page


def main() -> int:
    """Rewrite the page; say whether anything changed."""
    before = PAGE.read_text(encoding="utf-8")
    after = renewed(before)
    PAGE.write_text(after, encoding="utf-8")
    print(f"{PAGE.name} is {'as it was' if after == before else 'written anew'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
