"""How wide windows are follows from where they lie and from the newest second alone."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from spate.thinning import HOUR_S, MINUTE_S, Span, merges, span_at, spans, tail_spans

NEWEST = st.integers(-1, 200_000)
MOST = 10_400


@settings(max_examples=20, deadline=None)
@given(NEWEST)
def test_windows_are_all_seconds_once_and_each_knows_its_own(newest: int) -> None:
    """They lie side by side from 0 on, and every second of one names that one."""
    at = 0
    for span in spans(newest):
        assert (span.start_s, span.start_s // MINUTE_S) == (at, (span.end_s - 1) // MINUTE_S)
        for second in {span.start_s, span.end_s - 1, span.start_s + span.width_s // 2}:
            assert span_at(second, newest) == span
        at = span.end_s
    assert at == newest + 1


@settings(max_examples=20, deadline=None)
@given(NEWEST)
def test_there_are_never_more_than_so_many(newest: int) -> None:
    """However long a run lasts."""
    assert sum(1 for _ in spans(newest)) <= MOST


def test_the_first_hour_is_told_by_the_second() -> None:
    """Nothing is merged in a run of an hour, and the newest hour of any run is not either."""
    assert list(merges(-1, HOUR_S - 1)) == []
    assert next(spans(HOUR_S + 4)) == Span(0, 5)
    for newest in (HOUR_S - 1, 90_000):
        assert {span_at(newest - age, newest).width_s for age in range(HOUR_S)} == {1}


def test_a_day_is_told_in_8400_windows() -> None:
    """The widths by age are those of the description."""
    day = list(spans(24 * HOUR_S - 1))
    assert len(day) == 8_400
    hours = {width: sum(s.width_s for s in day if s.width_s == width) for width in (1, 5, 15, 60)}
    assert hours == {1: HOUR_S, 5: 3 * HOUR_S, 15: 8 * HOUR_S, 60: 12 * HOUR_S}


@settings(max_examples=15, deadline=None)
@given(NEWEST, st.lists(st.sampled_from([1, 2, 7, 60, 3_600, 50_000]), max_size=5))
def test_what_is_merged_step_by_step_is_what_there_is_in_the_end(
    first: int, steps: list[int]
) -> None:
    """In any steps, each merge finds the windows that it is made of, side by side."""
    known = dict.fromkeys(range(first + 1), 1)
    for before, newest in [(-1, first), *_stairs(first, steps)]:
        known |= dict.fromkeys(range(before + 1, newest + 1), 1)
        for span, narrower in merges(before, newest):
            parts = [known.pop(at) for at in range(span.start_s, span.end_s, narrower)]
            assert set(parts) == {narrower}
            known[span.start_s] = span.width_s
        assert known == dict(spans(newest))


def _stairs(first: int, steps: list[int]) -> list[tuple[int, int]]:
    stairs = []
    for step in steps:
        if first + step <= 200_000:
            stairs.append((first, first + step))
            first += step
    return stairs


@given(st.integers(0, 200_000), st.integers(-5, 100_000))
def test_what_was_not_heard_of_is_told_in_few_windows(first: int, length: int) -> None:
    """They lie side by side, too; minutes begin where minutes do."""
    found = list(tail_spans(first, first + length - 1))
    at = first
    for span in found:
        assert span.start_s == at
        assert span.width_s == 1 or (span.width_s == 60 and at % 60 == 0)
        at = span.end_s
    assert at == max(first, first + length)
    assert len(found) <= HOUR_S + 100_000 // 60
