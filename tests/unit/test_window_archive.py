"""A run's windows can be written into the archive and read back exactly."""

from __future__ import annotations

import struct

import pytest
from tests.unit.test_aggregator import aggregator, cell, snapshot

from spate.figures import HISTOGRAMS
from spate.window_archive import pack_windows, unpack_windows


def test_windows_come_back_in_order_and_exact() -> None:
    """Those that were folded long ago, and those that were still being added to."""
    ours = aggregator()
    for seq, (window, ms) in enumerate([(3_690, 3), (0, 5), (40, 7), (3_690, 9)]):
        ours.add(snapshot(cell(ms=ms), seq=seq, window=window))
    expected = [
        {
            "offset_s": window.second,
            "width_s": window.width_s,
            **{name: getattr(window.figures, name).to_json() for name in HISTOGRAMS},
        }
        for window in ours.windows()
    ]
    assert [(row["offset_s"], row["width_s"]) for row in expected] == [(0, 5), (40, 5), (3_690, 1)]
    assert list(unpack_windows(pack_windows(ours))) == expected
    assert list(unpack_windows(pack_windows(aggregator()))) == []


def test_what_was_archived_before_windows_were_thinned_is_read() -> None:
    """Each window of it is a second."""
    ours = aggregator()
    ours.add(snapshot(cell(), window=7))
    folded, _ = ours.state.windows[7].packed()
    (row,) = unpack_windows(b"SPW1" + struct.pack("<II", 7, len(folded)) + folded)
    assert row == next(unpack_windows(pack_windows(ours)))
    assert (row["offset_s"], row["width_s"]) == (7, 1)


@pytest.mark.parametrize("kept", [0, 3, 7, -1])
def test_what_is_no_archive_of_windows_is_refused(kept: int) -> None:
    """Something else, or something cut off."""
    ours = aggregator()
    ours.add(snapshot(cell()))
    with pytest.raises(ValueError, match=r"no windows|cut off"):
        list(unpack_windows(pack_windows(ours)[:kept]))
