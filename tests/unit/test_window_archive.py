"""A run's windows can be written into the archive and read back exactly."""

from __future__ import annotations

import pytest
from tests.unit.test_aggregator import aggregator, cell, snapshot

from spate.figures import HISTOGRAMS
from spate.window_archive import pack_windows, unpack_windows


def test_windows_come_back_in_order_and_exact() -> None:
    """Those that were folded long ago, and those that were still being added to."""
    ours = aggregator()
    for seq, (window, ms) in enumerate([(90, 3), (0, 5), (40, 7), (90, 9)]):
        ours.add(snapshot(cell(ms=ms), seq=seq, window=window))
    expected = [
        {
            "offset_s": window.second,
            **{name: getattr(window.figures, name).to_json() for name in HISTOGRAMS},
        }
        for window in ours.windows()
    ]
    assert [row["offset_s"] for row in expected] == [0, 40, 90]
    assert list(unpack_windows(pack_windows(ours))) == expected
    assert list(unpack_windows(pack_windows(aggregator()))) == []


@pytest.mark.parametrize("kept", [0, 3, 7, -1])
def test_what_is_no_archive_of_windows_is_refused(kept: int) -> None:
    """Something else, or something cut off."""
    ours = aggregator()
    ours.add(snapshot(cell()))
    with pytest.raises(ValueError, match=r"no windows|cut off"):
        list(unpack_windows(pack_windows(ours)[:kept]))
