"""The clock offset is right to within half the round trip."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from spate.clocksync import ClockSync
from spate.messages import ClockEstimate

exchanges = st.tuples(*[st.integers(0, 10**9)] * 3)
"""Nanoseconds there, between reading and answering, and back."""


def add(clock: ClockSync, offset_ns: int, there: int, between: int, back: int) -> None:
    """One exchange with a clock that is ahead by ``offset_ns``."""
    t1 = 10**18
    t2 = t1 + there + offset_ns
    t3 = t2 + between
    clock.add(t1, t2, t3, t3 - offset_ns + back)


def test_nothing_is_known_at_first() -> None:
    """There is no estimate before the first exchange."""
    assert ClockSync().estimate() is None


@given(offset_ns=st.integers(-(10**15), 10**15), found=st.lists(exchanges, min_size=1, max_size=8))
def test_the_error_is_at_most_half_the_shortest_round_trip(
    offset_ns: int, found: list[tuple[int, int, int]]
) -> None:
    """RFC 5905, section 8; the sample with the shortest round trip is believed."""
    clock = ClockSync()
    for exchange in found:
        add(clock, offset_ns, *exchange)
    estimate = clock.estimate()
    assert estimate is not None
    assert estimate.round_trip_ns == min(there + back for there, _, back in found)
    assert abs(estimate.offset_ns - offset_ns) <= estimate.round_trip_ns / 2 + 1


def test_an_exchange_that_took_negative_time_is_ignored() -> None:
    """A clock was set meanwhile."""
    clock = ClockSync()
    clock.add(100, 50, 70, 110)
    assert clock.estimate() is None


def test_only_the_latest_exchanges_count() -> None:
    """Clocks drift: a good sample of long ago makes room."""
    clock = ClockSync(keep=2)
    for offset_ns, there in ((5, 0), (7, 20), (9, 10)):
        add(clock, offset_ns, there, 0, there)
    assert clock.estimate() == ClockEstimate(offset_ns=9, round_trip_ns=20)
