"""The engine: takes what is due and allowed, and accounts for all of it."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.driver_fakes import START_NS
from tests.unit.engine_bench import Bench

from driver.closure import Closure
from spate.grant import Range
from spate.messages import RunState
from spate.timing import MS, SECOND


async def test_open_load_submits_what_is_due_and_sleeps_until_the_next() -> None:
    """Each arrival is intended for ``start + offset``, however late the pump (R8)."""
    bench = Bench(delay_ms=10)
    bench.wait(25 * MS)
    bench.engine.pump()
    assert [arrival.index for arrival in bench.requester.submitted] == [0, 1, 2]
    assert [arrival.intended_ns - START_NS for arrival in bench.requester.submitted] == [
        0,
        10 * MS,
        20 * MS,
    ]
    assert {arrival.decided_ns - START_NS for arrival in bench.requester.submitted} == {25 * MS}
    assert bench.engine.first_lag_ns == 25 * MS
    assert bench.deadline_ns() == 30 * MS
    await bench.engine.close()


async def test_the_timer_waits_for_the_start() -> None:
    """Before the start the engine sleeps until it."""
    bench = Bench(elapsed_ns=-SECOND)
    bench.engine.pump()
    assert (bench.requester.submitted, bench.deadline_ns()) == ([], SECOND)
    await bench.engine.close()


async def test_the_timer_rests_when_nothing_is_allowed() -> None:
    """An acknowledgement wakes the engine then, not the clock."""
    bench = Bench(delay_ms=500, in_flight=1000)
    bench.wait(1_999 * MS)
    bench.engine.pump()
    assert [arrival.index for arrival in bench.requester.submitted] == [0, 1, 2, 3]
    assert bench.deadline_ns() is None
    await bench.engine.close()


async def test_a_backlog_leaves_the_loop_its_turn() -> None:
    """A pump decides a bounded number and comes back at once: heartbeats are not starved."""
    bench = Bench(delay_ms=1, in_flight=2_000)
    bench.wait(900 * MS)
    bench.engine.pump()
    assert len(bench.requester.submitted) == 256
    assert bench.deadline_ns() == 900 * MS
    for _ in range(3):
        bench.engine.pump()
    assert len(bench.requester.submitted) == 901
    assert bench.deadline_ns() == 901 * MS
    await bench.engine.close()


async def test_what_would_exceed_the_in_flight_limit_is_dropped() -> None:
    """Counted at once, never kept for later."""
    bench = Bench(in_flight=4)
    bench.wait(45 * MS)
    bench.engine.pump()
    assert bench.requester.in_flight == 4
    assert bench.recorder.notes[-1] == "dropped(in_flight_limit) 4 of term 1"
    await bench.engine.close()


async def test_work_granted_late_is_missed_and_not_sent() -> None:
    """What was due before its range was usable went to nobody in time (R8)."""
    bench = Bench(elapsed_ns=25 * MS)
    bench.engine.pump()
    assert bench.recorder.notes == [f"missed(handover) {k} of term 1" for k in range(3)]
    bench.wait(10 * MS)
    bench.engine.pump()
    assert [arrival.index for arrival in bench.requester.submitted] == [3]
    await bench.engine.close()


async def test_closed_load_takes_the_next_index_as_a_connection_becomes_free() -> None:
    """It is intended for the instant at which the connection became free."""
    bench = Bench("avalanche")
    bench.engine.pump()
    assert [arrival.intended_ns for arrival in bench.requester.submitted] == [START_NS] * 3
    bench.wait(7 * MS)
    bench.requester.finish()
    assert bench.requester.submitted[-1].index == 3
    assert bench.requester.submitted[-1].intended_ns == START_NS + 7 * MS
    await bench.engine.close()


async def test_many_connections_are_served_in_bursts() -> None:
    """The clock is looked at between them (R2)."""
    bench = Bench("avalanche", connections=100)
    bench.engine.pump()
    assert [arrival.index for arrival in bench.requester.submitted] == list(range(100))
    await bench.engine.close()


async def test_closed_load_is_not_late_for_what_nobody_had_granted() -> None:
    """A joiner's first arrivals are intended for when it could have them, not for the start."""
    bench = Bench("avalanche", elapsed_ns=10 * SECOND)
    bench.wait(3 * MS)
    bench.engine.pump()
    assert [arrival.intended_ns for arrival in bench.requester.submitted] == [START_NS] * 3
    assert bench.engine.first_lag_ns == 3 * MS
    await bench.engine.close()


async def test_closed_load_wishes_for_a_heartbeat_at_half_its_claim() -> None:
    """The claim is twice the connections; its half is used at once (R5)."""
    bench = Bench("avalanche")
    bench.engine.pump()
    assert (bench.wishes, bench.session.wants_heartbeat) == (1, True)
    await bench.engine.close()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.sampled_from(["finish", "fail", "drop", "fence", "grant", "renew", "pump"]), max_size=40
    )
)
def test_no_slot_of_closed_load_is_lost_or_doubled(steps: list[str]) -> None:
    """Free slots and arrivals in flight are always as many as connections, in every order."""

    async def work() -> None:
        bench = Bench("avalanche", count=100, sockets=2)
        bench.engine.pump()
        for step in steps:
            bench.wait(MS)
            match step:
                case "finish" | "fail" if bench.requester.busy:
                    bench.requester.finish("succeeded" if step == "finish" else "blocked")
                case "drop" if bench.requester.queue:
                    bench.requester.drop()
                case "fence":
                    bench.wait(2 * SECOND)
                case "grant":
                    bench.exchange()
                    bench.grant(Range(bench.next_id + 1, 0, 1, 100))
                    bench.next_id += 1
                case "renew":
                    bench.exchange()
                case _:
                    pass
            bench.engine.pump()
            assert len(bench.engine._free) + bench.requester.in_flight == 3
        await bench.engine.close()

    asyncio.run(work())


async def test_what_a_closed_term_had_waiting_is_missed_by_the_cause() -> None:
    """What is on a socket goes on under its own term (R4)."""
    bench = Bench("tsunami", sockets=1)
    bench.wait(25 * MS)
    bench.engine.pump()
    bench.beat("DRAINING")
    bench.engine.pump()
    assert bench.recorder.notes[-2:] == [
        "missed(aborted) 1 of term 1",
        "missed(aborted) 2 of term 1",
    ]
    bench.requester.finish()
    assert bench.recorder.notes[-1] == "succeeded 0"
    assert len(bench.engine._free) == 0
    await bench.engine.close()


@pytest.mark.parametrize("event", ["finish", "drop", "connected"])
async def test_a_process_that_was_frozen_fences_before_anything_that_waits_goes_out(
    event: str,
) -> None:
    """A freed connection takes nothing of a term whose licence ended meanwhile (R2, R4)."""
    bench = Bench("tsunami", sockets=1)
    bench.wait(35 * MS)
    bench.engine.pump()
    assert bench.requester.waiting == 3
    bench.wait(10 * SECOND)
    bench.session.wants_heartbeat = False
    match event:
        case "finish":
            bench.requester.finish()
        case "drop":
            bench.requester.drop()
        case _:
            bench.requester.connected_to(5, bench.requester.queue[0])
    sent = [note for note in bench.recorder.notes if note.startswith("sent")]
    assert sent == ["sent 0"]
    assert bench.recorder.notes[-1] == "missed(fenced) 3 of term 1"
    assert bench.requester.waiting == 0
    assert bench.wishes == 1
    await bench.engine.close()


async def test_what_waits_goes_out_while_the_licence_holds() -> None:
    """The look at the clock costs nobody his turn."""
    bench = Bench("tsunami", sockets=1)
    bench.wait(15 * MS)
    bench.engine.pump()
    bench.requester.finish()
    assert bench.recorder.notes[-2:] == ["succeeded 0", "sent 1"]
    await bench.engine.close()


@pytest.mark.parametrize("state", ["FINISHED", "FAILED", "ABORTED"])
async def test_the_end_cancels_what_is_in_flight(state: RunState) -> None:
    """No outcome is reported for it, nothing more is decided; and it happens once (R4)."""
    bench = Bench()
    bench.wait(5 * MS)
    bench.engine.pump()
    bench.beat("DRAINING")
    bench.engine.follow_state()
    assert bench.requester.cancelled == 0
    bench.beat(state)
    bench.engine.follow_state()
    bench.engine.follow_state()
    bench.engine.pump()
    assert (bench.requester.cancelled, bench.requester.in_flight) == (1, 0)
    assert bench.recorder.notes == ["sent 0"]
    assert bench.deadline_ns() is None
    await bench.engine.close()


async def test_connections_are_noted_with_the_request_they_serve() -> None:
    """One that nobody waits for counts for the first request."""
    bench = Bench()
    await bench.engine.warm()
    bench.requester.connected_to(5, None)
    bench.engine.pump()
    bench.requester.connected_to(6, bench.requester.busy[0])
    assert bench.requester.warmed
    assert bench.recorder.notes == ["connected in 5", "sent 0", "connected in 6"]
    await bench.engine.close()


async def test_the_window_ends_before_an_event_beyond_it_is_recorded() -> None:
    """The engine asks once per window, with the time of the event."""
    bench = Bench(delay_ms=400)
    bench.engine.pump()
    bench.wait(900 * MS)
    bench.engine.pump()
    assert bench.turns == [0]
    bench.wait(150 * MS)
    bench.requester.finish()
    assert bench.turns == [0, 1_050 * MS]
    await bench.engine.close()


async def test_a_closure_counts_in_the_window_in_which_it_happened() -> None:
    """What is given up is recorded, so it may end a window as well."""
    bench = Bench()
    bench.engine.pump()
    bench.wait(SECOND)
    bench.engine.closed(Closure(1, "state"))
    assert bench.turns == [0, SECOND]
    await bench.engine.close()


async def test_a_closed_engine_does_nothing_more() -> None:
    """The timer is freed and the connections are closed."""
    bench = Bench()
    await bench.engine.close()
    bench.engine.pump()
    assert (bench.requester.closed, bench.requester.submitted) == (True, [])
