"""A driver that comes late: it takes up a run under way, or says why it cannot."""

from __future__ import annotations

from tests.unit.driver_bench import Bench, turns
from tests.unit.driver_fakes import START_NS, plan_of

from spate.grant import Range
from spate.messages import RangeEnd, RangeProgress
from spate.timing import MS, SECOND


async def joining() -> Bench:
    """A driver that has just heard of a run that began 30 s ago, and was given nothing yet."""
    bench = Bench()
    bench.plan = plan_of("tsunami", 4_000, 10, 100)
    bench.driver.send_heartbeat()
    await turns()
    bench.grant()
    await turns()
    bench.beat("RUNNING", 30 * SECOND)
    await turns()
    return bench


async def test_a_joiner_is_warm_before_it_is_given_work() -> None:
    """The run without work of it makes the engine; nothing is sent and nothing is claimed."""
    bench = await joining()
    assert bench.requester.warmed
    said = bench.heartbeats[-1]
    assert (said.run_id, said.state, said.elapsed_ns) == ("r", "RUNNING", 30 * SECOND)
    assert (said.ranges, said.refusal) == ((), None)
    engine = bench.driver.engine
    bench.grant(Range(7, 3_050, 2, 100))
    await turns()
    assert bench.driver.engine is engine
    assert len(bench.requesters) == 1
    assert bench.requester.submitted == []
    await bench.driver.close()


async def test_a_joiner_does_its_part_in_time_and_reports_it_into_its_seconds() -> None:
    """What was due before it could have it is missed(handover); its skew is no start skew."""
    bench = await joining()
    bench.grant(Range(7, 2_998, 1, 300))
    await turns()
    # 32 s is before arrival 3,200, the 203rd of the range.
    assert bench.heartbeats[-1].ranges == (RangeProgress(id=7, decided=0, claim=202),)
    assert [arrival.index for arrival in bench.requester.submitted] == [3_000]
    bench.fake.ns += 25 * MS
    bench.driver.engine.pump()  # type: ignore[union-attr]  # it is there
    assert [arrival.index for arrival in bench.requester.submitted] == [3_000, 3_001, 3_002]
    assert [arrival.intended_ns - START_NS for arrival in bench.requester.submitted] == [
        0,
        10 * MS,
        20 * MS,
    ]
    bench.beat("DRAINING")
    (snapshot,) = bench.snapshots
    assert (snapshot.window, snapshot.term, snapshot.start_skew_ns) == (30, 1, None)
    # The third is on no socket yet: the fake has two.
    assert [cell.missed for cell in snapshot.cells] == [{"handover": 2, "aborted": 1}]
    assert [cell.decided for cell in snapshot.cells] == [3]
    await bench.driver.close()


async def test_a_joiner_that_cannot_take_part_says_so_before_and_after_it_is_given_work() -> None:
    """It stays refused for that run, and what it is given goes back with its term (ADR 12)."""
    bench = Bench()
    bench.refuses = "the secret TOKEN is not set"
    bench.driver.send_heartbeat()
    await turns()
    bench.grant()
    await turns()
    assert (bench.heartbeats[-1].refusal, bench.heartbeats[-1].term) == (bench.refuses, 2)
    bench.beat("RUNNING", 3 * SECOND)
    await turns()
    bench.grant(Range(7, 300, 1, 100))
    await turns()
    said = bench.heartbeats[-1]
    assert (said.refusal, said.term, said.ranges, said.closed) == (bench.refuses, 3, (), ())
    assert (said.run_id, said.state, said.revision) == ("r", "RUNNING", 2)
    assert (bench.driver.in_flight, bench.snapshots, bench.requesters) == (0, [], [])
    await bench.driver.close()


async def test_work_that_came_with_the_run_goes_back_with_the_refusal() -> None:
    """Grants and the plan may be heard together; the heartbeat that refuses closes the term."""
    bench = Bench()
    bench.refuses = "the secret TOKEN is not set"
    bench.driver.send_heartbeat()
    await turns()
    bench.grant(Range(1, 0, 1, 1000))
    await turns()
    said = bench.heartbeats[-1]
    assert (said.refusal, said.term, said.run_id) == (bench.refuses, 2, "r")
    assert said.closed[0].ranges == (RangeEnd(id=1, decided=0),)
    told = len(bench.heartbeats)
    await turns()
    assert len(bench.heartbeats) == told
    await bench.driver.close()
