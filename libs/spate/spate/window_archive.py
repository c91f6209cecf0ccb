"""The windows of a run that has ended, as bytes and back: exact figures of any span, for later.

::

    SPW2 │ second │ width  │ length │ folded window │ second │ width │ length │ …
          4 bytes  4 bytes  4 bytes   length bytes

Before windows were thinned there was no width (``SPW1``): each was a second.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from spate.aggregator import Aggregator
from spate.figures import HISTOGRAMS
from spate.thinning import span_at
from spate.window_state import unfold

_MAGIC = b"SPW2"
_HEAD = struct.Struct("<III")
_OLD_MAGIC = b"SPW1"
_OLD_HEAD = struct.Struct("<II")


def pack_windows(aggregator: Aggregator) -> bytes:
    """Return all windows; they are folded by that, if they were not yet."""
    state = aggregator.state
    pieces = [_MAGIC]
    for second, window in sorted(state.windows.items()):
        window.fold(state.boots)
        folded, _ = window.packed()
        pieces += (_HEAD.pack(second, span_at(second, state.newest).width_s, len(folded)), folded)
    return b"".join(pieces)


def unpack_windows(packed: bytes) -> Iterator[dict[str, Any]]:
    """Yield each window's sparse histograms, in order.

    A row is ``{"offset_s": s, "width_s": w, "response_time": [[low_ns, high_ns, n], …], …}`` with
    all six durations.

    Raises:
        ValueError: if these are not bytes of ``pack_windows``.
    """
    old = packed.startswith(_OLD_MAGIC)
    if not old and not packed.startswith(_MAGIC):
        raise ValueError("these are no windows")
    head = _OLD_HEAD if old else _HEAD
    at = len(_MAGIC)
    while at < len(packed):
        if at + head.size > len(packed):
            raise ValueError("the windows are cut off")
        second, *width, length = head.unpack_from(packed, at)
        at += head.size
        folded = packed[at : at + length]
        if len(folded) < length:
            raise ValueError("the windows are cut off")
        figures = unfold(folded)
        yield {
            "offset_s": second,
            "width_s": 1 if old else width[0],
            **{name: getattr(figures, name).to_json() for name in HISTOGRAMS},
        }
        at += length
