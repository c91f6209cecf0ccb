"""What nobody can send in time is written off, each part with its cause (R21)."""

from __future__ import annotations

from tests.unit.books import A, B, C, closing, granted, missed, pooled, progress

from orchestrator.ledger import Ledger
from orchestrator.planner import share


def test_the_whole_pool_is_given_up_for_one_cause() -> None:
    """At the end, or when no driver is left."""
    ledger = Ledger(5)
    ledger.miss_pool("aborted")
    assert (missed(ledger), ledger.missed_count, ledger.pool) == (
        {"aborted": [0, 1, 2, 3, 4]},
        5,
        [],
    )


def test_what_is_due_too_soon_is_split_off() -> None:
    """The rest stays pooled, under its id."""
    ledger = granted()
    ledger.close(A.boot, 2, closing(ledger, A, 1), cause="fenced", now_ns=0)
    (before,) = ledger.pool
    ledger.miss_before(5)
    assert (missed(ledger), pooled(ledger)) == ({"fenced": [2, 4]}, [6, 8])
    assert [(p.range.id, p.cause) for p in ledger.pool] == [(before.range.id, "fenced")]
    ledger.miss_before(6)
    assert pooled(ledger) == [6, 8]
    ledger.miss_before(99)
    assert (missed(ledger), ledger.pool) == ({"fenced": [2, 4, 6, 8]}, [])


def test_each_part_is_missed_for_the_cause_for_which_it_came_in() -> None:
    """Unless another is named: no driver was there to take it."""
    for cause, causes in ((None, ["fenced", "handover"]), ("no_driver", ["no_driver"] * 2)):
        ledger = granted()
        ledger.close(A.boot, 2, closing(ledger, A, 0), cause="fenced", now_ns=0)
        ledger.hear(B, progress(ledger, B, 0, 2), 0)
        ledger.lose(B, 0)
        ledger.miss_before(6, cause)  # type: ignore[arg-type]
        assert [each.cause for each in ledger.missed] == causes
        assert sorted(i for found in missed(ledger).values() for i in found) == [0, 2, 4, 5]


def test_what_goes_on_where_something_ended_is_one_entry() -> None:
    """Without a driver something is given up with every beat; the books do not grow with it."""
    ledger = granted(300, A, B, C)
    for key in (A, B, C):
        ledger.lose(key, 0)
    for index in range(0, 301, 3):
        ledger.miss_before(index)
    assert [(m.range.start, m.range.step, m.range.size) for m in ledger.missed] == [
        (0, 3, 100),
        (1, 3, 100),
        (2, 3, 100),
    ]
    assert missed(ledger) == {"handover": list(range(300))}


def test_another_cause_or_another_step_is_an_entry_of_its_own() -> None:
    """Neither may be read into the other."""
    ledger = Ledger(12)
    ledger.miss_before(4)
    ledger.miss_before(8, "handover")
    assert [(m.cause, m.range.start, m.range.size) for m in ledger.missed] == [
        ("no_driver", 0, 4),
        ("handover", 4, 4),
    ]
    ledger.miss_before(12, "no_driver")
    assert len(ledger.missed) == 3
    stepped = Ledger(12)
    stepped.miss_before(4, "handover")
    stepped.place(share(stepped, (A, B)))
    stepped.lose(A, 0)
    stepped.miss_before(12)
    assert missed(stepped) == {"handover": [0, 1, 2, 3, 4, 6, 8, 10]}
    assert [(m.range.start, m.range.step) for m in stepped.missed] == [(0, 1), (4, 2)]


def test_everything_is_pooled_from_some_index_on() -> None:
    """R23: above what is owned and what was given up."""
    ledger = Ledger(10)
    assert ledger.taken_below() == 0
    ledger.miss_before(3)
    assert ledger.taken_below() == 3
    shared = granted(10)
    assert shared.taken_below() == 10
    shared.hear(A, progress(shared, A, 0, 2), 0)
    shared.lose(A, 0)
    assert shared.taken_below() == 10
    shared.close(B.boot, 2, closing(shared, B, 1), cause="fenced", now_ns=0)
    assert shared.taken_below() == 3  # A may have sent 2
    shared.close(A.boot, 2, closing(shared, A, 0), cause="fenced", now_ns=0)
    assert shared.taken_below() == 2  # B has sent 1; A's empty range counts for nothing
