"""How many arrivals are due before a second is asked of the schedule once."""

from __future__ import annotations

import pytest

from spate import due_counts
from spate.due_counts import DueCounts
from spate.plan import parse_plan
from spate.schedule import Schedule, plan_schedule


def schedule(load: dict[str, object]) -> Schedule:
    """The schedule of a plan for one driver."""
    document = {"name": "p", "target": "http://127.0.0.1:8000", "requests": [{"path": "/"}]}
    return plan_schedule(parse_plan({**document, "load": load}), 1)


STAGES = [{"duration": "9s", "from": 10, "to": 20}]


def test_counts_are_those_of_the_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are asked for, and in whatever order."""
    monkeypatch.setattr(due_counts, "_MOST", 3)
    ours = schedule({"test_type": "arrivals", "spacing": "poisson", "stages": STAGES})
    counts = DueCounts(ours)
    for second in (0, 5, 5, 9, 2, 0, 12, 7, 5):
        assert counts.before(second) == ours.due_before(second * 1_000_000_000)
        assert len(counts._known) <= 3


def test_in_closed_load_nothing_is_due() -> None:
    """To ask for it is a mistake."""
    with pytest.raises(TypeError, match="no due times"):
        DueCounts(schedule({"test_type": "avalanche", "message_count_per_driver": 3})).before(1)
