"""The windows of a minute as bytes and back: a line of JSON, and what each window is folded to.

Nothing is unfolded when it is read: a run of a day has thousands of windows, and until they are
read its orchestrator says nothing. What is shown of each stands in the line, so that it can be
shown without looking at the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from spate.aggregator_state import AggregatorState, Kept
from spate.packed_figures import unpack
from spate.thinning import MINUTE_S, span_at
from spate.window_state import Boot, BootLevels, Digest, Peaks, WindowState


def write_windows(state: AggregatorState, first: int, revision: int) -> bytes:
    """Return the windows of the minute that begins with second ``first``, changed last then."""
    rows = []
    pieces: list[bytes] = []
    for start in range(first, first + MINUTE_S):
        window = state.windows.get(start)
        if window is None:
            continue
        folded, levels = window.packed()
        rows.append(
            {
                "start_s": start,
                "width_s": span_at(start, state.newest).width_s,
                "revision": state.changes[start],
                "bytes": [len(folded), len(levels)],
                "digest": window.digest(state.boots),
                "peaks": window.peaks,
            }
        )
        pieces += (folded, levels)
    line = json.dumps({"revision": revision, "spans": rows}, separators=(",", ":"))
    return b"".join((line.encode(), b"\n", *pieces))


def read_windows(written: bytes, numbers: Mapping[Boot, int]) -> tuple[int, dict[int, Kept]]:
    """Return the revision and the windows, by their first second, that were written.

    ``numbers`` are those of the processes. What was written before windows were thinned is read
    too; it takes far longer.

    Raises:
        AttributeError, LookupError, TypeError, ValueError: if these are not bytes of
            ``write_windows``.
    """
    line, _, rest = written.partition(b"\n")
    document = json.loads(line)
    if "spans" not in document:
        return _read_seconds(written, numbers)
    windows = {}
    at = 0
    for row in document["spans"]:
        middle, end = at + row["bytes"][0], at + sum(row["bytes"])
        digest, peaks = Digest(*row["digest"]), row["peaks"]
        windows[row["start_s"]] = Kept(
            row["width_s"],
            row["revision"],
            WindowState.kept(
                rest[at:middle],
                rest[middle:end],
                digest,
                None if peaks is None else Peaks(*peaks),
            ),
        )
        at = end
    if at != len(rest):
        raise ValueError(f"{len(rest)} bytes of windows, not {at}")
    return document["revision"], windows


def _read_seconds(written: bytes, numbers: Mapping[Boot, int]) -> tuple[int, dict[int, Kept]]:
    """Return what was written when each window was a second: figures of all, and levels by name."""
    document, figures = unpack(written)
    windows = {}
    rows: list[Any] = document["windows"]
    for (second, revision, told), total in zip(rows, figures, strict=True):
        levels = {
            numbers[Boot(driver_id, boot_id)]: BootLevels(*rest)
            for driver_id, boot_id, *rest in told
        }
        windows[second] = Kept(1, revision, WindowState.of(total, levels))
    return document["revision"], windows
