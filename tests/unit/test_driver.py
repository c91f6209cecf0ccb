"""The driver: heartbeats in time, control acted upon at once, and an orderly end."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.driver_bench import Bench, at_work, turns
from tests.unit.driver_fakes import START_NS

from driver.breakage import watch
from driver.licence import LogLostError
from driver.link import Link
from driver.main import _finish
from driver.reporter import Reporter
from spate.bus import Ack
from spate.grant import Range
from spate.membus import MemoryBus, MemoryLog
from spate.messages import Order, Register
from spate.timing import MS, SECOND
from spate.topics import topic_table


async def test_what_was_heard_is_acted_upon_at_once() -> None:
    """Grants make an engine and a heartbeat that tells the revision; the start sends arrivals."""
    bench = Bench()
    await bench.begin()
    assert [message.revision for message in bench.heartbeats] == [0, 1, 1]
    assert bench.heartbeats[-1].ranges[0].claim == 200
    assert bench.requester.warmed
    assert [arrival.index for arrival in bench.requester.submitted] == [0]
    assert bench.driver.in_flight == 1
    await bench.driver.close()
    assert bench.driver.in_flight == 0


async def test_messages_of_others_are_passed_over() -> None:
    """A register on a control topic changes nothing."""
    bench = Bench()
    bench.driver.receive(
        Register(driver_id="x", boot_id="y", address="", version="", cpu_count=1, labels={})
    )
    assert bench.heartbeats == []


async def test_the_first_heartbeat_goes_at_once_and_the_others_at_their_time() -> None:
    """Every ``heartbeat_every``: neither fewer nor a storm."""
    bench = Bench(real=True)
    began_ns = bench.clock.mono_ns()
    async with at_work(bench.driver):
        await asyncio.sleep(0.3)
    most = (bench.clock.mono_ns() - began_ns) // bench.timing.heartbeat_every_ns + 1
    assert 2 <= len(bench.heartbeats) <= most
    assert {message.term for message in bench.heartbeats} == {1}


async def test_a_heartbeat_waits_while_a_snapshot_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """By ``heartbeat_slack`` longer, not for ever (R5)."""
    monkeypatch.setattr(Reporter, "telling", True)
    bench = Bench(real=True)
    began_ns = bench.clock.mono_ns()
    async with at_work(bench.driver):
        await asyncio.sleep(0.3)
    apart_ns = bench.timing.heartbeat_every_ns + bench.timing.heartbeat_slack_ns
    most = (bench.clock.mono_ns() - began_ns) // apart_ns + 1
    assert 2 <= len(bench.heartbeats) <= most


async def test_a_log_that_refuses_at_once_is_not_stormed() -> None:
    """Each first heartbeat fails and closes its term; the next waits for its time all the same."""
    bench = Bench(real=True)
    bench.fate = "refused"
    async with at_work(bench.driver):
        await asyncio.sleep(0.3)
    assert 2 <= len(bench.heartbeats) <= 20


async def test_a_wish_is_a_heartbeat_now() -> None:
    """The engine's wish does not wait for the next pulse."""
    bench = Bench(real=True)
    async with at_work(bench.driver):
        await asyncio.sleep(0.01)
        before = len(bench.heartbeats)
        bench.session.wants_heartbeat = True
        bench.driver._wished.set()
        await turns()
        assert len(bench.heartbeats) == before + 1
        assert not bench.session.wants_heartbeat


async def test_cuts_follow_the_start_of_the_run() -> None:
    """Snapshots come every ``snapshot_every`` after the start, until all is said."""
    bench = Bench(real=True)
    async with at_work(bench.driver):
        await asyncio.sleep(0.12)
        assert bench.snapshots == []
        await bench.begin()
        await asyncio.sleep(0.35)
        assert len(bench.snapshots) >= 2
        assert bench.driver.last_seq == len(bench.snapshots)
        assert bench.driver.totals.sent >= 1
        bench.beat("FINISHED")
        told = len(bench.snapshots)
        await asyncio.sleep(0.25)
        assert len(bench.snapshots) == told
        assert bench.driver.cpu >= 0


async def test_the_end_of_the_run_is_reported_before_the_heartbeat_that_says_so() -> None:
    """``last_seq`` covers everything that was known, what was given up included."""
    bench = Bench()
    await bench.begin()
    bench.fake.ns += 45 * MS
    bench.driver.receive(
        Order(epoch=0, run_id="r", revision=2, state="DRAINING", needs=1, starts_at_ns=None)
    )
    assert bench.order_of_things[-2:] == ["snapshot", "heartbeat"]
    said = bench.heartbeats[-1]
    assert (said.state, said.last_seq, said.in_flight) == ("DRAINING", 1, 1)
    bench.requester.finish()
    bench.driver.send_heartbeat()
    assert (bench.heartbeats[-1].last_seq, bench.heartbeats[-1].in_flight) == (2, 0)
    bench.driver.send_heartbeat()
    assert bench.heartbeats[-1].last_seq == 2
    await bench.driver.close()


async def test_an_abort_cancels_and_still_tells_what_was_given_up() -> None:
    """What waited is missed(aborted), what was on a socket has no outcome (R4)."""
    bench = Bench()
    await bench.begin()
    bench.fake.ns += 45 * MS
    bench.driver.engine.pump()  # type: ignore[union-attr]  # it is there
    assert bench.requester.waiting == 3
    bench.beat("ABORTED")
    (snapshot,) = bench.snapshots
    assert [cell.missed for cell in snapshot.cells] == [{"aborted": 3}]
    assert bench.heartbeats[-1].in_flight == 0
    await bench.driver.close()


async def test_a_heartbeat_of_a_frozen_process_closes_the_term_first() -> None:
    """What waited is given up before the next term is opened (R2, R4)."""
    bench = Bench()
    await bench.begin()
    bench.fake.ns += 45 * MS
    bench.driver.engine.pump()  # type: ignore[union-attr]  # it is there
    bench.fake.ns += 10 * SECOND
    bench.driver.send_heartbeat()
    assert (bench.requester.waiting, bench.heartbeats[-1].term) == (0, 2)
    assert bench.heartbeats[-1].closed[0].ranges[0].decided == 5
    assert bench.session.take_closures() == []
    await bench.driver.close()


async def test_another_run_replaces_the_engine() -> None:
    """The old one is closed and what it had to tell is told."""
    bench = Bench()
    await bench.begin()
    bench.grant(Range(9, 0, 1, 10), run_id="s")
    await turns()
    assert len(bench.requesters) == 2
    assert bench.requesters[0].closed
    assert [message.run_id for message in bench.snapshots] == ["r"]
    await bench.driver.warmed()
    bench.grant(Range(11, 0, 1, 10), run_id="t")
    await bench.driver.close()
    assert [requester.closed for requester in bench.requesters] == [True] * 3


async def test_a_plan_that_cannot_be_carried_out_here_is_refused_with_the_reason() -> None:
    """A missing secret ends no driver: each heartbeat says why, until another run comes."""
    bench = Bench()
    bench.refuses = "the secret TOKEN is not set"
    await bench.begin()
    assert bench.heartbeats[-1].refusal == "the secret TOKEN is not set"
    assert bench.requesters == []
    bench.refuses = None
    bench.grant(Range(9, 0, 1, 10), run_id="s")
    await turns()
    assert bench.heartbeats[-1].refusal is None
    assert len(bench.requesters) == 1
    await bench.driver.close()


async def test_a_closed_driver_does_nothing_more() -> None:
    """Acknowledgements and orders that come late start no engine and send no heartbeat."""
    bench = Bench()
    await bench.begin()
    bench.driver.send_heartbeat()
    await bench.driver.close()
    told = len(bench.heartbeats)
    await turns()
    bench.grant(Range(9, 0, 1, 10), run_id="s")
    assert (len(bench.requesters), len(bench.heartbeats)) == (1, told)
    assert bench.driver.in_flight == 0


async def test_leaving_finishes_what_is_in_flight_and_says_so_last() -> None:
    """SIGTERM: hand back at once, finish, tell it all (R12)."""
    bench = Bench()
    await bench.begin()
    leaving = asyncio.create_task(bench.driver.leave(SECOND))
    await turns()
    assert (bench.heartbeats[-1].leaving, bench.heartbeats[-1].in_flight) == (True, 1)
    assert bench.heartbeats[-1].closed[0].ranges[0].decided == 1
    bench.requester.finish()
    await leaving
    assert (bench.heartbeats[-1].leaving, bench.heartbeats[-1].in_flight) == (True, 0)
    assert bench.heartbeats[-1].last_seq == bench.driver.last_seq
    assert sum(cell.succeeded for each in bench.snapshots for cell in each.cells) == 1
    await bench.driver.close()


async def test_leaving_does_not_wait_for_ever() -> None:
    """What is in flight beyond the limit stays unconfirmed."""
    bench = Bench()
    await bench.begin()
    leaving = asyncio.create_task(bench.driver.leave(SECOND))
    await turns()
    bench.fake.ns += SECOND
    await leaving
    assert bench.heartbeats[-1].in_flight == 1
    await bench.driver.close()


async def test_a_lost_log_gives_up_what_waits_and_raises() -> None:
    """Nothing is sent any more, whoever hears of it when (R3d)."""
    bench = Bench()
    await bench.begin()
    bench.fake.ns += 45 * MS
    bench.driver.engine.pump()  # type: ignore[union-attr]  # it is there
    bench.fate = "silence"
    bench.driver.send_heartbeat()
    with pytest.raises(LogLostError):
        bench.driver.acknowledged(
            bench.heartbeats[-1].n, Ack("h", 0, 0, START_NS // MS, True, None)
        )
    assert bench.requester.waiting == 0
    await bench.driver.close()


async def test_a_timer_that_raises_is_a_breakage() -> None:
    """The loop would only log it; the process hears of it."""
    broken: list[str] = []
    loop = asyncio.get_running_loop()
    watch(loop, broken.append)

    def fail() -> None:
        raise KeyError("a fault of ours")

    loop.call_soon(fail)
    await turns()
    assert len(broken) == 1
    assert "KeyError: 'a fault of ours'" in broken[0]


async def test_failures_of_the_network_are_no_breakage() -> None:
    """Unless a callback of our own raises them: then the kernel refused us something."""
    broken: list[str] = []
    loop = asyncio.get_running_loop()
    watch(loop, broken.append)
    loop.call_exception_handler({"message": "a transport", "exception": OSError(104, "reset")})
    loop.call_exception_handler({"message": "a word of warning"})
    assert broken == []

    def fail() -> None:
        raise OSError(24, "no timer")

    loop.call_soon(fail)
    await turns()
    assert len(broken) == 1


async def test_a_fault_while_connections_are_opened_is_a_breakage() -> None:
    """It is raised at once, not when the task is collected."""
    broken: list[str] = []
    watch(asyncio.get_running_loop(), broken.append)
    bench = Bench()
    bench.warm_breaks = True
    await bench.begin()
    assert len(broken) == 1
    assert "RuntimeError: warm" in broken[0]
    await bench.driver.close()


async def finish(bench: Bench, broken: list[str], fault: Exception | None = None) -> int:
    """End a driver process over a log in memory; one of its tasks may have failed."""
    log = MemoryLog(lambda: 0)
    topics = topic_table("t.")
    log.ensure(topics.configs)
    bus = MemoryBus(log)
    link = Link(bus, topics, bench.timing, lambda _n, _ack: None, lambda: 0)

    async def listen() -> None:
        if fault is not None:
            raise fault
        await asyncio.Event().wait()

    tasks = (asyncio.create_task(listen()), asyncio.create_task(bench.driver.run()))
    await turns()
    code = await _finish(broken, bench.driver, link, tasks)
    await bench.driver.close()
    await bus.close()
    return code


async def test_a_process_that_was_asked_to_leave_ends_with_0() -> None:
    """It has told that it leaves."""
    bench = Bench()
    assert await finish(bench, []) == 0
    assert bench.heartbeats[-1].leaving


async def test_a_process_that_broke_ends_with_1_at_once() -> None:
    """A timer that raised, or a task: it does not pretend to leave in good order."""
    for broken, fault in ((["a timer raised"], None), ([], KeyError("a fault of ours"))):
        bench = Bench()
        await bench.begin()
        assert await finish(bench, broken, fault) == 1
        assert not bench.heartbeats[-1].leaving
        assert bench.requester.closed
