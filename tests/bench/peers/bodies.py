"""Bodies of 1 kB, 100 kB and 10 MB: requests a second, and CPU for a megabyte."""

from __future__ import annotations

from typing import Final

from tests.bench.peers.rounds import Series
from tests.bench.peers.table import Table, figure, percent, ratio_text

CONNECTIONS: Final = {"1k": 64, "100k": 64, "10m": 8}
"""Connections by body: some tools hold every body whole, and 64 of 10 MB would be memory."""
EXPECTED_PER_S: Final = {"1k": 10_000.0, "100k": 1_000.0, "10m": 20.0}
"""First guesses at the rate of a tool that counts requests."""
WORDS: Final = {"1k": "1 kB", "100k": "100 kB", "10m": "10 MB"}

HEAD: Final = (
    "body",
    "tool",
    "requests/s",
    "beside wrk",
    "CPU per MB, µs",
    "beside wrk",
    "target busy",
)


def add_bodies(table: Table, body: str, size: int, series: dict[str, Series]) -> None:
    """Add a row for each tool and this body of so many bytes."""
    wrk = series.get("wrk")
    for name, mine in series.items():
        if mine.problem is not None:
            table.notes.append(f"{name}, {WORDS[body]}: {mine.problem}")
            continue
        if mine.shortfall is not None:
            table.notes.append(f"{name}, {WORDS[body]}: {mine.shortfall}")
        cpu_us = mine.median("cpu_us")
        table.add(
            WORDS[body],
            name,
            figure(mine.median("per_s")),
            ratio_text(mine.beside(wrk, "per_s")),
            figure(None if cpu_us is None else cpu_us / size * 1e6),
            ratio_text(mine.beside(wrk, "cpu_us")),
            percent(mine.median("target_busy")),
        )
