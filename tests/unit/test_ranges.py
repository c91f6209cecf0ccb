"""Laws of the ranges that a term holds."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from driver.ranges import HeldRanges
from spate.grant import Range
from spate.messages import RangeEnd, RangeProgress
from spate.plan_model import ArrivalsLoad, Stage
from spate.schedule import ClosedSchedule, EvenSchedule, Schedule, compile_schedule

MS = 1_000_000
SECOND = 1_000 * MS
OPEN = EvenSchedule(60, 10 * MS, 1)
"""60 arrivals, one each 10 ms."""

CLOSED = ClosedSchedule(60)

deals = st.lists(st.integers(0, 3), min_size=60, max_size=60)
"""For each arrival whose it is; 3 is somebody else."""


def held_of(ranges: list[Range], allowed: int = 60) -> HeldRanges:
    """Ranges of open load, all usable from the start."""
    held = HeldRanges(OPEN)
    held.apply(ranges)
    held.allow(dict.fromkeys((r.id for r in ranges), allowed), 0)
    return held


def take(held: HeldRanges, elapsed_ns: int) -> list[tuple[int, bool]]:
    """Decide all that is due: (index, late)."""
    taken = []
    while (found := held.take_due(elapsed_ns)) is not None:
        taken.append((found[0], found[2]))
    return taken


def take_free(held: HeldRanges, most: int = 1000) -> list[int]:
    """Decide in closed load."""
    taken: list[int] = []
    while len(taken) < most and (found := held.take_next()) is not None:
        taken.append(found[0])
    return taken


@given(
    starts=st.permutations(range(4)),
    sizes=st.lists(st.integers(0, 15), min_size=4, max_size=4),
    steps=st.lists(st.integers(0, 200), max_size=10),
)
def test_open_load_is_decided_in_due_order_and_in_time(
    starts: list[int], sizes: list[int], steps: list[int]
) -> None:
    """Whatever the ranges, by t exactly what is due by t was decided, earliest first (R8)."""
    ranges = [Range(k + 1, start, 4, sizes[k]) for k, start in enumerate(starts)]
    mine = sorted(index for r in ranges for index in r.indices())
    held = held_of(ranges)
    elapsed_ns = 0
    taken: list[int] = []
    for step in steps:
        elapsed_ns += step * MS
        taken += [index for index, _ in take(held, elapsed_ns)]
        assert taken == [index for index in mine if OPEN.offset_ns(index) <= elapsed_ns]
    rest = mine[len(taken) :]
    assert held.next_due_ns() == (OPEN.offset_ns(rest[0]) if rest else None)
    assert held.undecided == len(rest)
    assert held.decided_total == len(taken)


@given(
    claims=st.lists(st.tuples(st.integers(0, 70), st.integers(0, 70)), max_size=8),
    cut=st.integers(0, 70),
)
def test_nothing_is_decided_beyond_claim_or_size(claims: list[tuple[int, int]], cut: int) -> None:
    """``allowed`` only grows with acknowledged claims, ``size`` only shrinks (I8)."""
    held = HeldRanges(OPEN)
    held.apply([Range(1, 0, 1, 60)])
    highest = decided = 0
    for claim, elapsed in claims:
        held.allow({1: claim, 99: 5}, 0)
        highest = max(highest, claim)
        decided += len(take(held, elapsed * 10 * MS))
        assert decided <= highest
    held.apply([Range(1, 0, 1, cut)])
    assert held.undecided == max(0, min(60, cut) - decided)
    held.apply([Range(1, 0, 1, 60)])
    assert held.undecided == max(0, min(60, cut) - decided)
    held.allow({1: 60}, 0)
    assert decided + len(take(held, 10**12)) == max(decided, min(60, cut))


@given(share=st.lists(st.integers(0, 20), min_size=1, max_size=4), ahead=st.integers(0, 90))
def test_closed_load_claims_are_shared_out_over_the_ranges(share: list[int], ahead: int) -> None:
    """Together they ask for what is needed, or for all there is, and each no more than it has."""
    held = HeldRanges(CLOSED)
    held.apply([Range(k + 1, 0, 1, size) for k, size in enumerate(share)])
    asked = held.claims(None, ahead)
    assert sum(claim.claim for claim in asked) == min(ahead, sum(share))
    assert all(claim.claim <= size for claim, size in zip(asked, share, strict=True))


def test_a_claim_never_falls_behind_what_is_allowed() -> None:
    """What was acknowledged stays claimed, even if less is needed now (I8)."""
    held = HeldRanges(CLOSED)
    held.apply([Range(1, 0, 1, 60)])
    held.allow({1: 30}, None)
    assert take_free(held, 4) == [0, 1, 2, 3]
    assert held.claims(None, 2) == (RangeProgress(id=1, decided=4, claim=30),)


def test_open_load_claims_what_is_due_until_then() -> None:
    """Nothing is claimed while the start is not known (R6)."""
    held = HeldRanges(OPEN)
    held.apply([Range(1, 0, 2, 30)])
    assert held.claims(None, 0) == (RangeProgress(id=1, decided=0, claim=0),)
    assert held.claims(100 * MS, 0) == (RangeProgress(id=1, decided=0, claim=5),)
    assert held.claims(10**15, 0) == (RangeProgress(id=1, decided=0, claim=30),)


def test_what_was_due_before_its_range_was_usable_is_late() -> None:
    """The first acknowledgement once the start is known decides, later ones do not (R7, R8)."""
    held = HeldRanges(OPEN)
    held.apply([Range(1, 0, 1, 60)])
    held.allow({1: 0}, None)
    held.allow({1: 4}, 25 * MS)
    assert take(held, 30 * MS) == [(0, True), (1, True), (2, True), (3, False)]
    held.allow({1: 60}, 100 * MS)
    assert take(held, 50 * MS) == [(4, False), (5, False)]


def test_a_new_range_is_usable_on_its_own() -> None:
    """A range granted later is late until its own acknowledgement."""
    held = held_of([Range(1, 0, 2, 30)])
    held.apply([Range(1, 0, 2, 30), Range(2, 1, 2, 30)])
    held.allow({1: 60, 2: 60}, 30 * MS)
    assert take(held, 30 * MS) == [(0, False), (1, True), (2, False), (3, False)]


def test_missing_ranges_end_where_they_are() -> None:
    """What grants leave out is given back (R9), and still told at the end (R4)."""
    held = held_of([Range(1, 0, 2, 30), Range(2, 1, 2, 30)])
    take(held, 25 * MS)
    held.apply([Range(2, 1, 2, 30)])
    assert [index for index, _ in take(held, 50 * MS)] == [3, 5]
    assert len(held) == 2
    assert held.end() == (RangeEnd(id=1, decided=2), RangeEnd(id=2, decided=3))
    assert (len(held), held.undecided, held.next_due_ns()) == (0, 0, None)


def test_closed_load_takes_range_after_range() -> None:
    """In order of index within each range, the oldest range first (R8)."""
    held = HeldRanges(CLOSED)
    held.apply([Range(1, 0, 2, 2), Range(2, 1, 2, 3), Range(3, 40, 1, 0)])
    held.allow({1: 2, 2: 2, 3: 0}, -5)
    assert held.take_next() == (0, -5)
    assert take_free(held) == [2, 1, 3]
    assert held.take_next() is None


def test_half_of_a_claim_used_is_a_reason_to_ask() -> None:
    """Once per claim, at its half, be it of one arrival alone (R5)."""
    held = HeldRanges(CLOSED)
    held.apply([Range(1, 0, 1, 60)])
    held.allow({1: 4}, 0)
    take_free(held, 1)
    assert not held.half_used
    take_free(held, 1)
    assert held.half_used
    held.claims(None, 2)
    take_free(held)
    assert not held.half_used
    held.allow({1: 5}, 0)
    take_free(held, 1)
    assert held.half_used


def test_half_of_the_last_claim_is_no_reason_to_ask() -> None:
    """Where all that is granted is allowed, another heartbeat could not allow more."""
    held = HeldRanges(CLOSED)
    held.apply([Range(1, 0, 1, 4)])
    held.allow({1: 4}, 0)
    take_free(held)
    assert not held.half_used


sizes = st.dictionaries(st.integers(1, 4), st.integers(0, 20), max_size=4)


@given(steps=st.lists(st.tuples(sizes, st.integers(0, 8), st.integers(0, 25)), max_size=12))
def test_sizes_follow_the_grants_exactly(steps: list[tuple[dict[int, int], int, int]]) -> None:
    """Known: max(decided, min(size, new)); new: from 0; missing: what is decided (R9)."""
    held = HeldRanges(ClosedSchedule(400))
    expected: dict[int, tuple[int, int]] = {}
    for granted, most, claim in steps:
        held.apply(Range(key, 100 * key, 1, size) for key, size in granted.items())
        for key in expected.keys() | granted.keys():
            decided, size = expected.get(key, (0, granted.get(key, 0)))
            expected[key] = (decided, max(decided, min(size, granted.get(key, 0))))
        held.allow(dict.fromkeys(expected, claim), 0)
        for index in take_free(held, most):
            decided, size = expected[index // 100]
            assert index == 100 * (index // 100) + decided
            assert decided < size
            expected[index // 100] = (decided + 1, size)
        told = {said.id: said for said in held.claims(None, 1000)}
        for key, (decided, size) in expected.items():
            if key in told:
                assert (told[key].decided, told[key].claim) == (decided, size)
            else:
                assert decided == size
    assert {end.id: end.decided for end in held.end()} == {
        key: decided for key, (decided, _) in expected.items()
    }


def test_a_finished_range_that_is_granted_again_stays_finished() -> None:
    """An orchestrator that forgot its end is told of it anew; nothing begins at 0 again (I1)."""
    held = held_of([Range(1, 0, 1, 3)])
    assert len(take(held, 20 * MS)) == 3
    held.apply([])
    assert (held.claims(None, 0), len(held)) == ((), 1)
    held.apply([Range(1, 0, 1, 3)])
    held.allow({1: 3}, 0)
    assert held.claims(None, 0) == (RangeProgress(id=1, decided=3, claim=3),)
    assert take(held, 10**12) == []
    assert held.end() == (RangeEnd(id=1, decided=3),)


def test_the_next_due_time_follows_the_grants() -> None:
    """The earliest range may vanish, and an earlier one may come (R9)."""
    held = held_of([Range(1, 0, 1, 5), Range(2, 30, 1, 10)])
    assert held.next_due_ns() == 0
    held.apply([Range(2, 30, 1, 10)])
    assert held.next_due_ns() == 300 * MS
    held.apply([Range(2, 30, 1, 10), Range(3, 10, 1, 5)])
    assert held.next_due_ns() == 300 * MS
    held.allow({3: 5}, 0)
    assert held.next_due_ns() == 100 * MS
    held.apply([Range(2, 30, 1, 0), Range(3, 10, 1, 1)])
    assert take(held, 10**12) == [(10, False)]
    assert held.next_due_ns() is None


def test_what_was_allowed_beyond_a_cut_is_no_reason_to_wait_or_to_hurry() -> None:
    """After a cut all that is left may be decided without another heartbeat (R5, R20)."""
    held = HeldRanges(CLOSED)
    held.apply([Range(1, 0, 1, 60)])
    held.allow({1: 40}, 0)
    take_free(held, 10)
    held.apply([Range(1, 0, 1, 30)])
    assert len(take_free(held, 20)) == 20
    assert not held.half_used
    assert take_free(held) == []


def test_a_cut_before_the_claim_is_asked_for_leaves_the_hint_to_what_still_grows() -> None:
    """One range is cut to what is decided, another still grows: half of its claim is a reason."""
    held = HeldRanges(CLOSED)
    held.apply([Range(1, 0, 1, 20), Range(2, 20, 1, 40)])
    held.allow({1: 8, 2: 4}, 0)
    take_free(held, 4)
    held.apply([Range(1, 0, 1, 2), Range(2, 20, 1, 40)])
    assert take_free(held, 1) == [20]
    assert not held.half_used
    assert take_free(held, 1) == [21]
    assert held.half_used
    assert take_free(held) == [22, 23]


STAGED = compile_schedule(
    ArrivalsLoad(
        (
            Stage("up", SECOND, Fraction(10), Fraction(30), measured=True),
            Stage("hold", SECOND, Fraction(30), Fraction(30), measured=True),
        ),
        "uniform",
    ),
    1,
    1,
)
"""50 arrivals in two stages."""


@given(
    schedule=st.sampled_from([OPEN, STAGED]),
    sizes=st.lists(st.integers(0, 12), min_size=4, max_size=4),
    since_ms=st.integers(0, 300),
    takes=st.lists(st.integers(0, 9), min_size=1),
)
def test_rations_are_what_would_have_been_decided_one_by_one(
    schedule: Schedule, sizes: list[int], since_ms: int, takes: list[int]
) -> None:
    """The same arrivals, due at the same times, in the same order; what is late is in none."""

    def held() -> HeldRanges:
        made = HeldRanges(schedule)
        ranges = [Range(k + 1, k, 4, size) for k, size in enumerate(sizes)]
        made.apply(ranges)
        made.allow({1: 60, 2: 60}, 0)
        made.allow({3: 60, 4: 60}, since_ms * MS)
        return made

    one_by_one, by_ration = held(), held()
    expected = []
    while (taken := one_by_one.take_due(10**15)) is not None:
        expected.append(taken)
    found: list[tuple[int, int, bool]] = []
    turn = 0
    while (ration := by_ration.ration()) is not None or by_ration.next_is_late:
        if ration is None:
            late = by_ration.take_due(10**15)
            assert late is not None
            found.append(late)
            continue
        assert ration.dues is not None
        assert len(ration.dues) == ration.count
        stages = {schedule.stage_of(ration.index + k * ration.step) for k in range(ration.count)}
        assert stages == {ration.stage}
        n = min(ration.count, 1 + takes[turn % len(takes)])
        turn += 1
        found += [(ration.index + k * ration.step, ration.dues[k], False) for k in range(n)]
        version = by_ration.version
        by_ration.took(n)
        assert by_ration.version == version
    assert found == expected
    assert by_ration.decided_total == one_by_one.decided_total


def test_rations_of_closed_load_go_range_by_range() -> None:
    """Each holds all that is allowed of its range, and since when that is usable."""
    held = HeldRanges(CLOSED)
    held.apply([Range(1, 0, 2, 5), Range(2, 1, 2, 5)])
    assert held.ration() is None
    held.allow({1: 3, 2: 5}, 7)
    first = held.ration()
    assert first is not None
    assert (first.index, first.step, first.count, first.since_ns, first.dues) == (0, 2, 3, 7, None)
    held.took(2)
    assert held.take_next() == (4, 7)
    second = held.ration()
    assert second is not None
    assert (second.index, second.count) == (1, 5)
    held.took(5)
    assert held.ration() is None
    assert held.decided_total == 8


def test_half_of_a_ration_used_is_a_reason_to_ask() -> None:
    """As when arrivals are decided one by one."""
    held = HeldRanges(CLOSED)
    held.apply([Range(1, 0, 1, 60)])
    held.allow({1: 10}, 0)
    held.ration()
    held.took(4)
    assert not held.half_used
    held.took(1)
    assert held.half_used


def test_nothing_is_late_without_anything_due() -> None:
    """An empty hand has no next arrival."""
    assert not HeldRanges(OPEN).next_is_late
