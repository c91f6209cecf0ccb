"""Says in a sentence how wide the windows of a run are, where they are not all of a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_HOUR_S = 3_600


def thinned_text(windows: Sequence[Mapping[str, Any]]) -> str | None:
    """Return a sentence about a report's rows of windows; None if each is a second.

    It names the widths in the order of time, each with the second up to which it goes.
    """
    widths: dict[int, int] = {}
    for row in windows:
        width = row.get("width_s", 1)
        widths[width] = row["offset_s"] + width
    if max(widths, default=1) == 1:
        return None
    wide = [f"{width} s until {_clock(end)}" for width, end in widths.items() if width > 1]
    named = " and ".join([", ".join(wide[:-1]), wide[-1]] if wide[1:] else wide)
    return (
        f"Windows are wider than a second where that is long past: {named}. Sums, maxima and "
        "percentiles are exact; what one second was at most stands beside them."
    )


def _clock(seconds: int) -> str:
    """Return h:mm:ss after the start."""
    return f"{seconds // _HOUR_S}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
