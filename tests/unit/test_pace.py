"""How far ahead a start is ordered follows what transactions took lately."""

from __future__ import annotations

from orchestrator.pace import Pace
from spate.timing import MS, SECOND, Timing


def test_at_first_it_is_the_shortest() -> None:
    """Nothing was written yet."""
    assert Pace(Timing()).start_lead_ns() == Timing().start_lead_ns


def test_twice_the_longest_of_late_is_added() -> None:
    """The longest of the last twenty counts, and no other."""
    pace = Pace(Timing())
    for took_ms in (700, 5, 300, 5):
        pace.note(took_ms * MS)
    assert pace.start_lead_ns() == 2_400 * MS
    for _ in range(18):
        pace.note(5 * MS)
    assert pace.start_lead_ns() == 1_600 * MS


def test_an_outage_does_not_put_off_the_next_start_for_long() -> None:
    """What took a minute says nothing of the next."""
    pace = Pace(Timing())
    pace.note(60 * SECOND)
    assert pace.start_lead_ns() == 11 * SECOND
