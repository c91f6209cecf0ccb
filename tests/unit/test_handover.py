"""While a run goes on, all work is in somebody's hands (R20-R24)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from tests.unit.books import A, B, C, closing, everything, granted, missed, owned, pooled, progress
from tests.unit.orchestra import MS, SECOND

from orchestrator.handover import MAX_RANGES, Handover
from orchestrator.terms import TermKey
from spate.grant import Range
from spate.schedule import ClosedSchedule, EvenSchedule, Schedule
from spate.timing import Timing


class World:
    """Books of 200 arrivals, ten a second in open load, and who takes over what of them."""

    def __init__(self, *terms: TermKey, open_load: bool = True) -> None:
        self.schedule: Schedule = (
            EvenSchedule(200, 100 * MS, 1) if open_load else ClosedSchedule(200)
        )
        self.ledger = granted(200, *terms)
        self.handover = Handover(Timing())
        self.revise = itertools.count(1).__next__
        self.pieces = 0

    def step(self, at_s: float, *eligible: TermKey) -> Any:
        """Step once, so many seconds into the run."""
        at_ns = round(at_s * SECOND)
        moved = self.handover.step(
            self.ledger,
            self.schedule,
            eligible,
            self.revise,
            elapsed_ns=at_ns,
            now_ns=at_ns + 1000 * SECOND,
        )
        assert sum(everything(self.ledger).values()) == 200
        self.pieces = moved.pieces if moved else 0
        return (moved.what, moved.revision) if moved else None

    def confirm(self, key: TermKey, revision: int, decided: int = 0) -> None:
        """Let a driver say that it applied a revision."""
        self.ledger.hear(key, progress(self.ledger, key, decided, 0), revision)

    def close(self, key: TermKey, decided: int = 0, cause: Any = "handover") -> None:
        """Let a driver end its term."""
        ends = closing(self.ledger, key, decided)
        self.ledger.close(key.boot, key.term + 1, ends, cause=cause, now_ns=0)


def test_nothing_is_done_while_all_have_work() -> None:
    """No revision is used up either."""
    world = World(A, B)
    assert world.step(1, A, B) is None
    assert world.revise() == 1


def test_what_is_freed_is_shared_out_at_once() -> None:
    """Less what is due before anybody could have it: that is missed for its cause (R21)."""
    world = World(A, B)
    world.close(A, 10, "fenced")
    assert world.step(2, B) == ("shared", 1)
    assert missed(world.ledger) == {"fenced": [20, 22, 24]}  # due before 2.5 s
    assert owned(world.ledger, B) == sorted({*range(1, 200, 2), *range(26, 200, 2)})
    assert world.step(2, B) is None


def test_what_a_lost_driver_did_not_claim_is_missed_as_handed_over() -> None:
    """Its cause is the hand-over, for there is somebody who takes the rest."""
    world = World(A, B)
    world.ledger.hear(A, progress(world.ledger, A, 5, 8), 0)
    world.ledger.lose(A, 0)
    assert world.step(2, B) == ("shared", 1)
    assert missed(world.ledger) == {"handover": [16, 18, 20, 22, 24]}
    assert owned(world.ledger, A) == list(range(0, 16, 2))


def test_with_nobody_there_open_load_is_missed_as_it_falls_due() -> None:
    """R21: for want of a driver once that lasts, whatever it came in for; the rest waits."""
    world = World(A, B)
    world.close(A, 0, "fenced")
    world.close(B, 0)
    assert world.step(0) is None
    assert missed(world.ledger) == {"fenced": [0, 2, 4], "handover": [1, 3]}
    assert world.step(3) is None
    assert missed(world.ledger)["no_driver"] == list(range(5, 35))
    assert world.step(4, C) == ("shared", 1)
    assert {cause: len(found) for cause, found in missed(world.ledger).items()} == {
        "no_driver": 30,
        "fenced": 8,
        "handover": 7,
    }
    assert owned(world.ledger, C) == list(range(45, 200))


def test_closed_load_waits_for_a_driver_for_half_a_minute() -> None:
    """R21: since it is alone; one that comes in between is given the work."""
    world = World(A, open_load=False)
    world.close(A, 50)
    assert world.step(1) is None
    assert world.step(30) is None
    assert world.ledger.missed_count == 0
    assert world.step(31) is None
    assert missed(world.ledger) == {"no_driver": list(range(50, 200))}
    rescued = World(A, open_load=False)
    rescued.close(A, 50)
    assert rescued.step(1) is None
    assert rescued.step(30.9, B) == ("shared", 1)
    assert owned(rescued.ledger, B) == list(range(50, 200))


def test_the_half_minute_begins_anew() -> None:
    """With each time that somebody was there, or nothing was to be had."""
    world = World(A, open_load=False)
    world.close(A, 50)
    assert world.step(0) is None
    assert world.step(29, B) == ("shared", 1)
    world.close(B, 10)
    assert world.step(40) is None
    assert world.step(69) is None
    assert world.ledger.missed_count == 0
    assert world.step(70) is None
    assert world.ledger.missed_count == 140


def test_a_joiner_is_a_reason_to_cut_all() -> None:
    """R24, R20: at what is due in two seconds; then what was cut off is shared out among all."""
    world = World(A, B)
    assert world.step(3, A, B, C) == ("cut", 1)
    assert world.pieces == 2
    cuts = [a.to_grant().size for t in world.ledger.live() for a in t.ranges.values()]
    assert cuts == [25, 25]  # 50 arrivals are due before 5 s
    assert world.step(3, A, B, C) is None
    world.confirm(A, 1)
    assert world.step(3.1, A, B, C) is None  # B may be about to say the same
    assert pooled(world.ledger) == list(range(50, 200, 2))
    world.confirm(B, 1)
    assert world.step(3.2, A, B, C) == ("shared", 2)
    assert world.pieces == 2
    assert [len(owned(world.ledger, key)) for key in (A, B, C)] == [75, 75, 50]
    assert missed(world.ledger) == {}
    assert world.step(20, A, B, C) is None


def test_a_driver_that_does_not_confirm_is_waited_for_a_second() -> None:
    """R23: then the tails that came back are shared out; the other keeps its own."""
    world = World(A, B)
    assert world.step(3, A, B, C) == ("cut", 1)
    world.confirm(A, 1)
    assert world.step(3.9, A, B, C) is None
    assert world.step(4, A, C) == ("shared", 2)
    assert len(owned(world.ledger, B)) == 100
    assert set(owned(world.ledger, C)) < set(range(50, 200, 2))


def test_all_joiners_of_five_seconds_are_one_cut() -> None:
    """R24: and there is no other before."""
    world = World(A)
    late = TermKey("d", "x", 1)
    assert world.step(3, A, B, C) == ("cut", 1)
    world.confirm(A, 1)
    assert world.step(3.1, A, B, C) == ("shared", 2)
    assert world.step(7.9, A, B, C, late) is None
    assert world.step(8, A, B, C, late) == ("cut", 3)


def test_a_joiner_that_is_lost_again_changes_nothing() -> None:
    """R24: what was cut off goes to whoever is there."""
    world = World(A, B)
    assert world.step(3, A, B, C) == ("cut", 1)
    world.confirm(A, 1)
    world.confirm(B, 1)
    assert world.step(3.2, A, B) == ("shared", 2)
    assert [len(owned(world.ledger, key)) for key in (A, B)] == [100, 100]


def test_a_term_that_was_given_nothing_is_a_joiner_still() -> None:
    """There were fewer arrivals than drivers when the work was shared out."""
    world = World(A, B)
    for key in (A, B):
        world.close(key)
    there = [TermKey(name, "y", 1) for name in "abc"]
    world.ledger.place({there[0]: [p.range for p in world.ledger.pool], there[2]: []})
    assert world.step(1, there[0], there[2]) == ("cut", 1)


def test_open_load_has_no_use_for_one_that_is_through() -> None:
    """Everybody has work to the end; who has decided all of it is as good as finished."""
    world = World(A, B)
    world.ledger.hear(A, progress(world.ledger, A, 100, 100), 0)
    assert world.step(3, A, B) is None


def test_closed_load_that_is_through_helps_the_others() -> None:
    """The slow one is cut a second ahead of its claim."""
    world = World(A, B, open_load=False)
    world.ledger.hear(A, progress(world.ledger, A, 100, 100), 0)
    world.ledger.hear(B, progress(world.ledger, B, 10, 30), 0)
    assert world.step(3, A, B) == ("cut", 1)
    assert [a.cut for a in world.ledger.terms[B].ranges.values()] == [40]  # claims last for 2 s
    assert [a.cut for a in world.ledger.terms[A].ranges.values()] == [None]
    world.confirm(B, 1, 12)
    assert world.step(3.1, A, B) == ("shared", 2)
    assert [term.undecided for term in world.ledger.live()] == [31, 57]


def test_closed_load_is_cut_beyond_its_claim_at_least() -> None:
    """Also of a driver that claims nothing beyond what it decided."""
    world = World(A, open_load=False)
    assert world.step(3, A, B) == ("cut", 1)
    assert [a.cut for a in world.ledger.terms[A].ranges.values()] == [1]


@pytest.mark.parametrize(("at_s", "moved"), [(17.7, ("cut", 1)), (17.8, None)])
def test_a_cut_must_free_something_for_everybody(at_s: float, moved: Any) -> None:
    """Near the end of a run a joiner is not worth it: three of them, three arrivals."""
    world = World(A, B)
    assert world.step(at_s, A, B, C) == moved


def test_where_a_cut_would_free_nothing_nothing_is_cut() -> None:
    """What is decided already, or ends before the cut anyway."""
    world = World(A, B)
    world.ledger.hear(A, progress(world.ledger, A, 100, 100), 0)
    assert world.step(3, A, B, C) == ("cut", 1)
    assert [t.cut_pending for t in world.ledger.live()] == [False, True]
    alone = World(A)
    alone.ledger.hear(A, progress(alone.ledger, A, 200, 200), 0)
    assert alone.step(3, A, B) is None


def test_what_was_decided_is_never_cut() -> None:
    """A driver that is ahead of us is cut where it is."""
    world = World(A)
    world.ledger.hear(A, progress(world.ledger, A, 120, 130), 0)
    assert world.step(3, A, B) == ("cut", 1)
    assert [a.cut for a in world.ledger.terms[A].ranges.values()] == [120]


@pytest.mark.parametrize(("more", "moved"), [(0, None), (1, ("cut", 1))])
def test_a_share_in_too_many_pieces_is_put_together_anew(more: int, moved: Any) -> None:
    """R23: more than sixteen ranges that are not finished; finished ones do not count."""
    world = World(A)
    world.close(A)
    count = MAX_RANGES + more
    size = 180 // count
    pieces = [world.ledger.new_range(20 + k * size, 1, size) for k in range(count)]
    rest = world.ledger.new_range(20 + count * size, 1, 180 - count * size)
    pieces += [rest] if rest.size else []
    done = world.ledger.new_range(0, 1, 20)
    world.ledger.place({B: [done, *pieces], C: []})
    account = world.ledger.terms[B].ranges[done.id]
    account.decided = 20
    world.ledger.terms[C].ranges[999] = type(account)(Range(999, 0, 1, 0))  # has had work
    if rest.size:
        world.ledger.terms[B].ranges[rest.id].decided = rest.size
    assert world.step(0, B, C) == moved


def test_an_idle_fleet_without_anything_to_take_waits() -> None:
    """All is decided or lost; nobody can be given anything."""
    world = World(A)
    world.ledger.hear(A, progress(world.ledger, A, 10, 200), 0)
    world.ledger.lose(A, 0)
    assert world.step(3, B) is None
