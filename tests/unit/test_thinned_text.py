"""Whoever reads a report is told how wide its windows are."""

from __future__ import annotations

from typing import Any

import pytest

from spate.thinned_text import thinned_text


def rows(*spans: tuple[int, int]) -> list[dict[str, Any]]:
    """Rows that begin there and are so wide."""
    return [{"offset_s": start, "width_s": width} for start, width in spans]


@pytest.mark.parametrize(
    ("windows", "named"),
    [
        (rows((0, 5), (5, 5), (10, 1)), "5 s until 0:00:10."),
        (rows((0, 15), (15, 5), (20, 1)), "15 s until 0:00:15 and 5 s until 0:00:20."),
        (
            rows((0, 60), (3_600, 60), (3_660, 15), (3_675, 5), (3_680, 1)),
            "60 s until 1:01:00, 15 s until 1:01:15 and 5 s until 1:01:20.",
        ),
    ],
)
def test_each_width_is_named_with_the_second_up_to_which_it_goes(
    windows: list[dict[str, Any]], named: str
) -> None:
    """In the order of time."""
    text = thinned_text(windows)
    assert text is not None
    assert f"that is long past: {named} Sums" in text


@pytest.mark.parametrize("windows", [[], rows((0, 1), (1, 1)), [{"offset_s": 0}]])
def test_of_seconds_nothing_is_said(windows: list[dict[str, Any]]) -> None:
    """Nor where a report is older than the widths."""
    assert thinned_text(windows) is None
