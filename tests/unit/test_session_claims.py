"""The session's heartbeats: what is claimed, and what may be decided by it."""

from __future__ import annotations

from tests.unit.session_rig import running

from spate.messages import RangeProgress
from spate.timing import MS


def test_decides_up_to_what_is_due_and_claimed() -> None:
    """Open load decides what is due by now; the claim reaches two seconds further (R6, R8)."""
    rig = running()
    rig.wait(450 * MS)
    assert rig.decide() == [0, 1, 2, 3, 4]
    assert rig.heartbeat().ranges == (RangeProgress(id=1, decided=5, claim=25),)


def test_decides_nothing_beyond_an_acknowledged_claim() -> None:
    """What was only asked for is not allowed (R7)."""
    rig = running()
    rig.wait(1_500 * MS)
    rig.decide()
    late = rig.heartbeat()
    rig.ack(late)
    rig.wait(1_900 * MS)
    asked = rig.heartbeat()
    rig.wait(50 * MS)
    assert rig.decide()[-1] == 34
    rig.ack(asked)
    assert rig.session.licensed


def test_closed_load_claims_twice_its_connections_at_least() -> None:
    """Closed load: ``decided + max(2 × connections, rate × fence_after)`` (R6)."""
    rig = running("avalanche")
    assert rig.decide() == [0, 1, 2, 3, 4, 5]
    rig.wait(500 * MS)
    heartbeat = rig.exchange()
    # 6 arrivals in 0.5 s would be 24 in the 2 s for which a claim must last.
    assert heartbeat.ranges == (RangeProgress(id=1, decided=6, claim=30),)


def test_the_rate_of_closed_load_is_that_of_the_last_second() -> None:
    """What was fast once does not make claims large for ever."""
    rig = running("avalanche")
    rig.decide()
    for _ in range(5):
        rig.wait(500 * MS)
        heartbeat = rig.exchange()
    assert heartbeat.ranges == (RangeProgress(id=1, decided=6, claim=30),)
    rig.wait(500 * MS)
    rig.decide(1)
    assert rig.exchange().ranges == (RangeProgress(id=1, decided=7, claim=30),)


def test_a_heartbeat_carries_the_levels_and_the_clock() -> None:
    """All fields but the ranges are copies of what is known."""
    rig = running()
    rig.beat(echo=(rig.echo(),))
    rig.wait(50 * MS)
    found = rig.heartbeat()
    assert (found.in_flight, found.cpu, found.lag_p99_ns) == (3, 0.25, 11)
    assert (found.first_seq, found.last_seq) == (2, 7)
    assert (found.elapsed_ns, found.sent_at_ns) == (50 * MS, rig.now.wall_ns)
    assert found.clock == rig.session.clock.estimate()
    assert not rig.session.wants_heartbeat
