"""What waits for a connection is one queue, here and in the lane."""

from __future__ import annotations

import pytest

from driver.arrival import Arrival
from driver.lane import BUILT
from driver.queue import Queue


def arrival(index: int, term: int = 1) -> Arrival:
    """Return an arrival that waits."""
    return Arrival(index, term, 0, 0, 0, 0)


def test_the_oldest_comes_first() -> None:
    """It may be looked at before it is taken."""
    queue = Queue(None)
    assert (len(queue), queue.here, queue.first()) == (0, False, None)
    both = [arrival(0), arrival(1)]
    for each in both:
        queue.append(each)
    assert (len(queue), queue.here, queue.first()) == (2, True, both[0])
    assert [queue.popleft(), queue.popleft()] == both
    with pytest.raises(IndexError):
        queue.popleft()


def test_any_may_leave() -> None:
    """One that is not there is no mistake."""
    queue = Queue(None)
    first, second = arrival(0), arrival(1)
    queue.append(first)
    queue.append(second)
    queue.discard(first)
    queue.discard(first)
    assert queue.popleft() is second


def test_terms_are_given_back() -> None:
    """Up to the one that closed; what is newer stays."""
    queue = Queue(None)
    for index in range(4):
        queue.append(arrival(index, term=1 + index // 2))
    assert queue.take_back(0) == []
    assert [each.index for each in queue.take_back(1)] == [0, 1]
    assert [queue.popleft().index, len(queue)] == [2, 1]
    queue.clear()
    assert len(queue) == 0


@pytest.mark.skipif(not BUILT, reason="the lane was not built")
def test_what_waits_in_the_lane_is_in_the_queue() -> None:
    """It becomes an arrival when it leaves."""
    from tests.unit.lane_bench import Bench

    bench = Bench(0)
    queue = Queue(bench.lane)
    assert (len(queue), queue.first()) == (0, None)
    bench.ration(0, 0, 0, 0, term=3)
    bench.settle()
    first = queue.first()
    assert first is not None
    assert (len(queue), queue.here, first.index, first.term, first.sent_ns) == (4, False, 0, 3, 0)
    assert queue.popleft().index == 0
    assert [each.index for each in queue.take_back(3)] == [1, 2, 3]
    bench.ration(0, index=9)
    bench.settle()
    queue.clear()
    assert len(queue) == 0
    with pytest.raises(IndexError):
        queue.popleft()
    bench.close()
