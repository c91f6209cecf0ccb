"""The engine while its work changes under it: cuts, further ranges, and a process that slept."""

from __future__ import annotations

from collections import deque

import pytest
from tests.unit.engine_bench import Bench

from spate.grant import Range
from spate.messages import Heartbeat, RangeEnd
from spate.timing import MS, SECOND


@pytest.mark.parametrize("how", ["frozen", "asleep"])
async def test_whoever_wakes_up_sends_nothing_that_fell_due_meanwhile(how: str) -> None:
    """The term is closed first: what was not decided is given back, not sent (R2, R4)."""
    bench = Bench(delay_ms=10, sockets=1)
    bench.wait(25 * MS)
    bench.engine.pump()
    bench.exchange()
    if how == "frozen":
        bench.wait(10 * SECOND)
    else:
        bench.clock.asleep_ns += 10 * SECOND
        bench.wait(MS)
    bench.engine.pump()
    assert bench.recorder.notes == [
        "sent 0",
        "missed(fenced) 1 of term 1",
        "missed(fenced) 2 of term 1",
    ]
    assert bench.deadline_ns() is None
    heartbeat = bench.heartbeat()
    assert (heartbeat.term, heartbeat.ranges) == (2, ())
    assert heartbeat.closed[0].ranges == (RangeEnd(id=1, decided=3),)
    bench.acknowledge(heartbeat)
    bench.engine.pump()
    assert len(bench.requester.submitted) == 3
    await bench.engine.close()


async def test_the_timer_follows_the_earliest_range() -> None:
    """It is set anew when that range ends and when an earlier one comes (R9)."""
    bench = Bench(delay_ms=10)
    bench.grant(Range(1, 0, 1, 1), Range(2, 30, 1, 1), Range(3, 60, 1, 5))
    bench.exchange()
    bench.engine.pump()
    assert bench.deadline_ns() == 300 * MS
    bench.grant(Range(3, 60, 1, 5))
    bench.engine.pump()
    assert bench.deadline_ns() == 600 * MS
    bench.grant(Range(3, 60, 1, 5), Range(4, 40, 1, 1))
    bench.exchange()
    bench.engine.pump()
    assert bench.deadline_ns() == 400 * MS
    bench.grant()
    bench.engine.pump()
    assert bench.deadline_ns() is None
    assert [arrival.index for arrival in bench.requester.submitted] == [0]
    await bench.engine.close()


async def test_a_cut_stops_open_load_there() -> None:
    """However far the claim reached (R9, R20)."""
    bench = Bench(delay_ms=10)
    bench.wait(15 * MS)
    bench.engine.pump()
    bench.grant(Range(1, 0, 1, 4))
    bench.wait(SECOND)
    bench.engine.pump()
    assert [arrival.index for arrival in bench.requester.submitted] == [0, 1, 2, 3]
    assert bench.deadline_ns() is None
    await bench.engine.close()


async def test_closed_load_goes_on_to_its_cut_without_asking_again() -> None:
    """It neither stalls at half of what is left nor sends heartbeats in a row (R5)."""
    bench = Bench("avalanche", count=100)
    bench.grant(Range(1, 0, 1, 6))
    bench.session.wants_heartbeat = False
    bench.engine.pump()
    while bench.requester.busy:
        bench.requester.finish()
    assert [arrival.index for arrival in bench.requester.submitted] == [0, 1, 2, 3, 4, 5]
    assert (bench.wishes, bench.session.wants_heartbeat) == (0, False)
    bench.grant(Range(1, 0, 1, 6), Range(2, 50, 1, 1))
    bench.exchange()
    bench.engine.pump()
    assert bench.requester.submitted[-1].index == 50
    await bench.engine.close()


class Exchange:
    """The heartbeats that a closed load wishes for, each acknowledged ``round_trip_ns`` later."""

    def __init__(self, bench: Bench, round_trip_ns: int) -> None:
        self.bench = bench
        self.round_trip_ns = round_trip_ns
        self.count = 0
        self._under_way: deque[tuple[int, Heartbeat]] = deque()

    def step(self) -> None:
        """Send what is wished for and acknowledge what is due."""
        now_ns = self.bench.clock.ns
        if self.bench.session.wants_heartbeat:
            self.count += 1
            self._under_way.append((now_ns + self.round_trip_ns, self.bench.heartbeat()))
        while self._under_way and self._under_way[0][0] <= now_ns:
            self.bench.acknowledge(self._under_way.popleft()[1])
            self.bench.engine.pump()


@pytest.mark.parametrize(("ranges", "most_ms", "most_heartbeats"), [(16, 150, 4), (200, 600, 12)])
async def test_many_small_ranges_do_not_wait_for_a_heartbeat_each(
    ranges: int, most_ms: int, most_heartbeats: int
) -> None:
    """As after a takeover: 32 connections, 10 ms a request, 50 ms to an acknowledgement (R6).

    One range a heartbeat would take 16 × 50 ms, or 10 s.
    """
    bench = Bench("avalanche", count=5 * ranges, connections=32, sockets=32)
    bench.grant(*(Range(k + 2, k, ranges, 5) for k in range(ranges)))
    exchange = Exchange(bench, 50 * MS)
    passed_ms = 0
    while len(bench.requester.submitted) < 5 * ranges or bench.requester.busy:
        exchange.step()
        bench.wait(10 * MS)
        passed_ms += 10
        assert passed_ms <= 60 * SECOND // MS
        for _ in range(len(bench.requester.busy)):
            bench.requester.finish()
        bench.engine.pump()
    print(f"{ranges} ranges: {passed_ms} ms, {exchange.count} heartbeats")
    assert passed_ms <= most_ms
    assert exchange.count <= most_heartbeats
    assert sorted(arrival.index for arrival in bench.requester.submitted) == [*range(5 * ranges)]
    await bench.engine.close()
