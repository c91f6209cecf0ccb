"""What the judge of the chaos tests sees: rates, silences, and when they ended."""

from __future__ import annotations

import pytest
from tests.chaos.timeline import Timeline


def seen(*stretches: tuple[float, float], every_s: float = 0.05) -> Timeline:
    """Return a timeline from 0 s on: stretches of so many seconds at so much per second."""
    timeline, at_s, count = Timeline(), 0.0, 0.0
    timeline.see(at_s, count)
    for duration_s, rate in stretches:
        for _ in range(round(duration_s / every_s)):
            at_s, count = at_s + every_s, count + rate * every_s
            timeline.see(at_s, count)
    return timeline


def test_a_rate_is_what_was_added() -> None:
    """Over any span, also between two looks."""
    timeline = seen((2, 100), (2, 50))
    assert timeline.rate(0, 2) == pytest.approx(100)
    assert timeline.rate(1.51, 2.51) == pytest.approx(49 + 25.5)
    assert timeline.timeline(0) == [100, 100, 50]
    assert timeline.count == pytest.approx(300)


def test_the_lowest_rate_is_that_of_the_worst_second() -> None:
    """A dip of half a second counts by half."""
    timeline = seen((2, 100), (0.5, 0), (2, 100))
    assert timeline.lowest(0, 4.5) == pytest.approx(50, abs=1)
    assert timeline.lowest(0, 1.5) == pytest.approx(100)


def test_a_silence_is_dated_from_the_last_growth() -> None:
    """Short pauses are none; without a silence there is no date."""
    timeline = seen((1, 100), (0.5, 0), (1, 100), (2, 0), (1, 100))
    assert timeline.quiet_after(0.5) == pytest.approx(2.0, abs=0.06)
    assert timeline.quiet_after(3.0) == pytest.approx(0.0, abs=0.06)
    assert seen((5, 100)).quiet_after(1) is None


def test_the_first_growth_after_a_moment() -> None:
    """It is the next request, wherever the silence began."""
    timeline = seen((1, 100), (2, 0), (1, 100))
    assert timeline.flowing_after(2) == pytest.approx(1.05, abs=0.06)
    assert seen((1, 100), (2, 0)).flowing_after(2) is None


def test_a_rate_is_restored_after_it_fell() -> None:
    """The first stretch of half a second at 90 % counts, once it was below 85 %."""
    timeline = seen((1, 300), (3, 200), (2, 300))
    assert timeline.restored_after(1, 300) == pytest.approx(2.85, abs=0.1)
    assert seen((5, 300)).restored_after(1, 300) is None
    assert seen((1, 300), (5, 200)).restored_after(1, 300) is None
