"""The session and the run's state: orders, beats, and when the run began."""

from __future__ import annotations

from tests.unit.session_rig import AHEAD_NS, Rig, running

from spate.grant import Range
from spate.messages import RangeProgress
from spate.timing import MS, SECOND


def test_a_state_never_goes_back() -> None:
    """Beats and orders that were overtaken change nothing (R10)."""
    rig = running()
    rig.order("DRAINING")
    rig.beat("RUNNING", elapsed_ns=0)
    assert rig.session.state == "DRAINING"
    rig.beat(None)
    assert rig.session.state == "DRAINING"


def test_running_is_obeyed_only_with_the_grants_it_needs() -> None:
    """RUNNING names the grants that stand; earlier ones are void (R10, R25)."""
    rig = Rig()
    rig.exchange()
    rig.grants(Range(1, 0, 1, 40))
    rig.beat(elapsed_ns=0, needs=2)
    assert (rig.session.state, rig.session.start_mono_ns) == ("PREPARING", None)
    rig.grants(Range(2, 0, 1, 40))
    rig.beat(elapsed_ns=0, needs=2)
    assert (rig.session.state, rig.session.start_mono_ns) == ("RUNNING", rig.ns)


def test_nothing_is_decided_before_the_start() -> None:
    """RUNNING with a start ahead is a promise only (R8)."""
    rig = Rig()
    rig.exchange()
    rig.grants(Range(1, 0, 1, 40))
    rig.beat(elapsed_ns=-SECOND)
    rig.exchange()
    assert rig.decide() == []
    rig.wait(SECOND)
    assert rig.decide() == [0]


def test_an_order_names_the_start_by_the_orchestrators_clock() -> None:
    """It is corrected by the clock offset, and by better knowledge until shortly before (R10)."""
    rig = Rig()
    rig.exchange()
    rig.grants(Range(1, 0, 1, 40))
    rig.beat(None, echo=(rig.echo("another"), rig.echo()))
    rig.order("RUNNING", starts_at_ns=rig.now.wall_ns + AHEAD_NS + SECOND)
    assert rig.session.start_mono_ns == rig.ns + SECOND
    rig.beat(elapsed_ns=-SECOND - 7 * MS)
    start_ns = rig.ns + SECOND + 7 * MS
    assert rig.session.start_mono_ns == start_ns
    rig.wait(SECOND)
    rig.beat(elapsed_ns=-100 * MS)
    assert rig.session.start_mono_ns == start_ns


def test_without_a_known_clock_the_next_beat_tells_the_start() -> None:
    """An order alone names a wall time that says nothing yet; the beat says how long ago (R10)."""
    rig = Rig()
    rig.exchange()
    rig.grants(Range(1, 0, 1, 40))
    rig.order("RUNNING", starts_at_ns=0)
    assert (rig.session.state, rig.session.start_mono_ns) == ("RUNNING", None)
    assert rig.look() is None
    rig.beat(elapsed_ns=2 * SECOND)
    assert rig.session.start_mono_ns == rig.ns - 2 * SECOND


def test_the_age_of_a_beat_counts_once_the_clock_is_known() -> None:
    """A beat that was 100 ms on its way tells a start 100 ms earlier."""
    rig = Rig()
    rig.exchange()
    rig.grants(Range(1, 0, 1, 40))
    rig.beat(None, echo=(rig.echo(),))
    rig.beat(elapsed_ns=SECOND, age_ns=100 * MS)
    assert rig.session.start_mono_ns == rig.ns - 1_100 * MS


def test_the_start_skew_takes_in_what_was_learned_of_the_clocks() -> None:
    """Skew = first lag + (offset known now − offset used for the start); None without arrivals."""
    rig = running()
    assert rig.session.start_skew_ns(5) == 5
    rig.beat(echo=(rig.echo(),))
    assert rig.session.start_skew_ns(5) == 5 + AHEAD_NS
    assert rig.session.start_skew_ns(None) is None


def test_another_orchestrators_clock_is_learned_afresh_and_leaves_the_skew_alone() -> None:
    """Samples of two machines are not mixed; the start was taken by the first one's clock."""
    rig = running()
    rig.beat(echo=(rig.echo(),))
    for epoch in (6, 7):
        rig.beat(epoch=epoch, echo=(rig.echo(offset_ns=9 * SECOND),))
        clock = rig.session.clock.estimate()
        assert clock is not None
        assert clock.offset_ns >= 4 * SECOND
        assert rig.session.start_skew_ns(5) == 5 + AHEAD_NS


def test_an_earlier_orchestrator_is_not_heard() -> None:
    """Messages of a lower epoch are ignored, whatever they say (R9, R10)."""
    rig = running()
    rig.beat(epoch=6)
    rig.beat("ABORTED", epoch=5)
    rig.order("ABORTED", epoch=5)
    rig.grants(epoch=5)
    assert rig.session.state == "RUNNING"
    assert rig.heartbeat().revision == 1


def test_orders_of_another_run_are_not_obeyed() -> None:
    """A state belongs to one run (R10)."""
    rig = running()
    rig.order("ABORTED", run_id="another")
    rig.beat("ABORTED", run_id="another")
    assert rig.session.state == "RUNNING"


def joining(elapsed_ns: int = 30 * SECOND) -> Rig:
    """A rig that has just heard of a run that began so long ago, and was given nothing yet."""
    rig = Rig(count=400)
    rig.exchange()
    rig.grants()
    rig.beat(elapsed_ns=elapsed_ns)
    rig.exchange()
    return rig


def test_a_driver_that_joins_takes_up_a_run_under_way() -> None:
    """It holds nothing until it is given work, and then claims that and no more (R6, R8, R10)."""
    rig = joining()
    heartbeat = rig.exchange()
    assert (heartbeat.state, heartbeat.elapsed_ns, heartbeat.ranges) == (
        "RUNNING",
        30 * SECOND,
        (),
    )
    rig.grants(Range(7, 302, 2, 49))
    # Due by 32 s are the arrivals below 320: nine of 302, 304, …
    assert rig.heartbeat().ranges == (RangeProgress(id=7, decided=0, claim=9),)
    assert rig.decide() == []
    rig.exchange()
    assert rig.decide() == []
    rig.wait(200 * MS)
    assert rig.decide() == [302]
    rig.wait(200 * MS)
    assert rig.decide() == [304]


def test_what_was_due_before_a_joiner_could_have_it_is_not_sent_late() -> None:
    """It is taken as late, to be missed(handover), and the rest in time (R8)."""
    rig = joining()
    rig.grants(Range(7, 299, 1, 100))
    heartbeat = rig.heartbeat()
    rig.wait(150 * MS)
    rig.ack(heartbeat)
    held = rig.look()
    assert held is not None
    taken = [held.take_due(30_150 * MS) for _ in range(4)]
    assert taken == [
        (299, 29_900 * MS, True),
        (300, 30_000 * MS, True),
        (301, 30_100 * MS, True),
        None,
    ]
    assert held.next_due_ns() == 30_200 * MS


def test_the_first_arrival_of_a_joiner_says_nothing_about_the_start() -> None:
    """Start skew is told by those who were there at the start (R10)."""
    rig = joining()
    rig.grants(Range(7, 302, 1, 90))
    rig.exchange()
    assert rig.session.start_skew_ns(5) is None
    there = running()
    there.wait(5 * SECOND)
    there.exchange()
    there.exchange()
    assert there.session.start_skew_ns(5) == 5
    rig.grants(Range(9, 0, 1, 40), run_id="s")
    rig.exchange()
    rig.grants(Range(10, 0, 1, 40), run_id="s")
    rig.beat(run_id="s", elapsed_ns=-SECOND)
    rig.exchange()
    assert rig.session.start_skew_ns(5) == 5


def test_a_joiner_learns_the_start_until_it_is_given_work() -> None:
    """Its first beat finds the clocks unknown; by the time of its first work they are known."""
    rig = Rig()
    rig.exchange()
    rig.grants()
    rig.beat(elapsed_ns=30 * SECOND, age_ns=80 * MS)
    assert rig.session.start_mono_ns == rig.ns - 30 * SECOND
    rig.beat(None, echo=(rig.echo(),))
    rig.beat(elapsed_ns=30 * SECOND, age_ns=80 * MS)
    start_ns = rig.ns - 30 * SECOND - 80 * MS
    assert rig.session.start_mono_ns == start_ns
    rig.grants(Range(7, 302, 1, 90))
    rig.beat(elapsed_ns=31 * SECOND)
    assert rig.session.start_mono_ns == start_ns
