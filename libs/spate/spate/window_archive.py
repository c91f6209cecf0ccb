"""The windows of a run that has ended, as bytes and back: exact figures of any span, for later.

::

    SPW1 │ second │ length │ folded window │ second │ length │ folded window │ …
          4 bytes  4 bytes   length bytes
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from spate.aggregator import Aggregator
from spate.aggregator_state import unfold
from spate.figures import HISTOGRAMS

_MAGIC = b"SPW1"
_HEAD = struct.Struct("<II")


def pack_windows(aggregator: Aggregator) -> bytes:
    """Return all windows; they are folded by that, if they were not yet."""
    pieces = [_MAGIC]
    for second, window in sorted(aggregator.state.windows.items()):
        folded = window.fold()
        pieces += (_HEAD.pack(second, len(folded)), folded)
    return b"".join(pieces)


def unpack_windows(packed: bytes) -> Iterator[dict[str, Any]]:
    """Yield each window's sparse histograms, in order.

    A row is ``{"offset_s": s, "response_time": [[low_ns, high_ns, n], …], …}`` with all six
    durations.

    Raises:
        ValueError: if these are not bytes of ``pack_windows``.
    """
    if not packed.startswith(_MAGIC):
        raise ValueError("these are no windows")
    at = len(_MAGIC)
    while at < len(packed):
        if at + _HEAD.size > len(packed):
            raise ValueError("the windows are cut off")
        second, length = _HEAD.unpack_from(packed, at)
        at += _HEAD.size
        folded = packed[at : at + length]
        if len(folded) < length:
            raise ValueError("the windows are cut off")
        figures = unfold(folded)
        yield {
            "offset_s": second,
            **{name: getattr(figures, name).to_json() for name in HISTOGRAMS},
        }
        at += length
