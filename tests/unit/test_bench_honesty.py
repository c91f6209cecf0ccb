"""The truth that the honesty test compares tools with."""

from __future__ import annotations

from statistics import mean

import pytest
from tests.bench.peers.honest_target import Book, Desk
from tests.bench.peers.honesty import (
    LEAST_NS,
    MEAN_NS,
    MOST_NS,
    Record,
    Stall,
    Truth,
    held_until,
    ideal,
    law,
    start_of,
    truth,
)
from tests.bench.peers.judgement import errors, verdict

MS = 1_000_000


def test_the_law_is_fixed_by_its_seed() -> None:
    """The same seed draws the same times, and more of them begin alike."""
    assert law(1, 100) == law(1, 200)[:100]
    assert law(1, 100) != law(2, 100)


def test_the_law_is_what_it_says() -> None:
    """No answer takes less than the least or more than the most; the mean is the sum of both."""
    taken = law(7, 20_000)
    assert min(taken) >= LEAST_NS
    assert max(taken) == MOST_NS
    assert mean(taken) == pytest.approx(LEAST_NS + MEAN_NS, rel=0.02)


@pytest.mark.parametrize(
    ("due", "leaves"), [(9, 9), (10, 20), (19, 20), (20, 20), (21, 21)], ids=str
)
def test_a_stall_holds_what_falls_due_in_it(due: int, leaves: int) -> None:
    """What is due from its begin until before its end leaves at the end."""
    assert held_until(due, (10, 20)) == leaves
    assert held_until(due, None) == due


def test_an_ideal_load_without_a_stall_meets_the_law() -> None:
    """Response times are what the target takes."""
    assert ideal([5, 7, 9], 1_000, None) == [5, 7, 9]


def test_an_ideal_load_meets_a_stall() -> None:
    """A stall begins when its request comes, holds what is under way, and lets the rest alone."""
    taken = [15 * MS] * 5
    stalled = ideal(taken, 100, Stall(at=1, lasts_ns=20 * MS))  # from 10 ms until 30 ms
    assert stalled == [30 * MS, 20 * MS, 15 * MS, 15 * MS, 15 * MS]


def test_a_stall_that_never_begins() -> None:
    """A stall at a request that does not come holds nothing."""
    assert ideal([1, 2], 100, Stall(at=2, lasts_ns=MS)) == [1, 2]


def test_the_start_is_the_latest_line_that_nothing_precedes() -> None:
    """Requests may come late, and one that is punctual gives the start."""
    assert start_of([103 * MS, 111 * MS, 120 * MS], 100) == 100 * MS


def test_the_truth_counts_from_when_requests_were_due() -> None:
    """A request that came late has waited since it was due; one without an answer has no time."""
    record = Record([0, 14 * MS, 20 * MS], [5 * MS, 19 * MS, 0], [6 * MS, 20 * MS, 0])
    assert truth(record, 100, []) == Truth([6 * MS, 10 * MS], kept=True)
    assert record.lateness_ns() == [MS, MS]


def test_who_did_not_keep_the_schedule_is_compared_with_what_it_would_have_met() -> None:
    """Arrivals more than 10 ms late, in more than one of a thousand, are no schedule."""
    record = Record([0, 21 * MS], [1, 1], [1, 22 * MS])
    assert truth(record, 100, [3, 4]) == Truth([3, 4], kept=False)


def test_one_late_request_of_a_thousand_is_forgiven() -> None:
    """99.9 % on time is on schedule."""
    arrived = [k * 10 * MS for k in range(1_000)]
    arrived[-1] += 11 * MS
    assert truth(Record(arrived, arrived, arrived), 100, []).kept


def test_nothing_has_no_truth() -> None:
    """A target that saw no request says so."""
    with pytest.raises(ValueError, match="saw no request"):
        truth(Record([], [], []), 100, [])


def test_errors_are_shares_of_the_truth() -> None:
    """Only what was said can be wrong."""
    assert errors({"p50": 110.0}, {"p50": 100.0, "p99": 1.0}) == {"p50": pytest.approx(0.1)}


def test_the_verdict() -> None:
    """It is passed within 1 % at p50, p90, p99 and p99.9; the greatest value is not judged."""
    good = {"p50": 0.001, "p90": -0.01, "p99": 0.0, "p999": 0.0, "max": 0.5}
    assert verdict(good) == "passed: -1.00% at p90 is the worst"
    assert verdict({**good, "p999": 0.0101}) == "failed: +1.01% at p99.9 is the worst"
    assert verdict({**good, "p999": None}) == "does not say p99.9"


def test_a_book_holds_what_a_stall_holds() -> None:
    """What is under way when a stall begins is due at its end, and so is what comes in it."""
    book = Book([5 * MS, 1], stall_at=1, lasts_ns=3_600_000 * MS)
    first = book.arrive()
    before = book.due_ns(first)
    second = book.arrive()
    assert book.due_ns(first) == book.due_ns(second) > before


def test_a_desk_begins_a_new_book() -> None:
    """What an earlier run left behind is not in the record of the next."""
    desk = Desk(10)
    earlier = desk.book
    earlier.leave(earlier.arrive())
    desk.begin({"at": ["-1"], "lasts_ns": ["0"]})
    assert desk.book.record() == b'{"arrived": [], "due": [], "left": []}'
    assert earlier.record() != desk.book.record()
