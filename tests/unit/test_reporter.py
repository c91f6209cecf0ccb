"""The reporter: numbered snapshots whose intervals never cross a second of the run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from fractions import Fraction

from tests.unit.driver_fakes import START_NS, FakeClock, FakeRequester, plan_of

from driver.arrival import Arrival
from driver.engine import Engine
from driver.levels import Levels
from driver.load import Load
from driver.recorder import Recorder
from driver.reporter import Reporter
from driver.requester import Requester
from driver.session import Session
from driver.traced_recorder import TracedRecorder
from spate.choice import RequestChoice
from spate.messages import Beat, Grants, PlanDocument, SnapshotMessage
from spate.timing import MS, SECOND, Timing
from spate.traceparent import TraceSampling


class Bench:
    """A reporter, its session, and an engine whose recorder the test feeds."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.session = Session("d", "b", Timing())
        self.session.heartbeat(self.clock.now(), Levels(0, 1, 0, 0.0, None))
        self.sent: list[SnapshotMessage] = []
        self.behind = False
        self.reporter = Reporter(
            self.session, self.clock, 500 * MS, self.sent.append, lambda: self.behind
        )
        self.engine = self.take_up("r", 1)

    def take_up(self, run_id: str, revision: int) -> Engine:
        """Adopt a run and make its engine."""
        plan = plan_of("tsunami", 1000, 10, 100)
        self.session.on_plan(
            PlanDocument(epoch=0, run_id=run_id, digest=plan.digest(), plan=plan.to_document())
        )
        self.session.on_grants(
            Grants(
                epoch=0,
                run_id=run_id,
                revision=revision,
                part=0,
                parts=1,
                plan_digest=plan.digest(),
                count=1000,
                drivers_at_start=1,
                grants=(),
            ),
            self.clock.now(),
        )
        load = self.session.load
        assert load is not None
        choice = RequestChoice(1, [1])

        def make_requester(
            load: Load,  # noqa: ARG001 - part of the port
            *,
            on_sent: Callable[[Arrival], None],
            on_done: Callable[[Arrival], None],
            on_dropped: Callable[[Arrival, str], None],
            on_connected: Callable[[int, Arrival | None], None],
            on_idle: Callable[[], None],
        ) -> Requester:
            return FakeRequester(
                self.clock,
                3,
                on_sent=on_sent,
                on_done=on_done,
                on_dropped=on_dropped,
                on_connected=on_connected,
                on_idle=on_idle,
            )

        return Engine(
            load,
            session=self.session,
            clock=self.clock,
            loop=asyncio.get_running_loop(),
            recorder=Recorder(load.schedule, choice),
            choice=choice,
            make_requester=make_requester,
            wish=lambda: None,
            turn=lambda mono_ns: mono_ns + SECOND,
        )

    def start(self, elapsed_ns: int = 0) -> None:
        """Tell that the run began so long ago."""
        self.session.on_beat(
            Beat(
                epoch=0,
                n=1,
                run_id="r",
                revision=1,
                state="RUNNING",
                needs=1,
                starts_at_ns=None,
                elapsed_ns=elapsed_ns,
                sent_at_ns=self.clock.ns,
            ),
            self.clock.now(),
        )

    def miss(self, index: int, term: int = 1) -> None:
        """Record something now, as the engine does."""
        self.ends_ns = self.reporter.turn(self.engine, 0.5, self.clock.ns)
        self.engine.recorder.missed(term, index, "fenced")

    def cut(self, at_ns: int) -> None:
        """Cut so long after the beginning of the test."""
        self.clock.ns = START_NS + at_ns
        self.reporter.cut(self.engine, 0.5)

    def told(self) -> list[tuple[int, int, int, int]]:
        """Return (seq, term, window, missed) of every snapshot."""
        return [
            (
                message.seq,
                message.term,
                message.window,
                sum(n for cell in message.cells for n in cell.missed.values()),
            )
            for message in self.sent
        ]


async def test_nothing_is_told_before_the_start() -> None:
    """Neither while the start is unknown nor while it lies ahead."""
    bench = Bench()
    bench.cut(0)
    assert bench.reporter.turn(bench.engine, 0.5, START_NS) == START_NS
    bench.start(-SECOND)
    bench.cut(SECOND - 1)
    assert bench.told() == []
    await bench.engine.close()


async def test_each_cut_tells_what_came_since_the_last() -> None:
    """Deltas, numbered; without news the levels alone."""
    bench = Bench()
    bench.start()
    bench.miss(0)
    bench.cut(500 * MS)
    bench.cut(1_001 * MS)
    bench.miss(1)
    bench.cut(1_501 * MS)
    assert bench.told() == [(1, 1, 0, 1), (2, 1, 0, 0), (3, 1, 1, 1)]
    assert bench.sent[1].cells == ()
    assert (bench.sent[0].cpu, bench.sent[0].connections) == (0.5, 3)
    assert bench.reporter.tally.totals.arrivals["missed", "fenced"] == 2
    await bench.engine.close()


async def test_a_cut_is_told_in_turns_of_the_loop() -> None:
    """Each piece asks for the next turn; to flush tells the rest."""
    bench = Bench()
    turns: list[Callable[[], None]] = []
    bench.reporter = Reporter(
        bench.session, bench.clock, 500 * MS, bench.sent.append, lambda: False, soon=turns.append
    )
    bench.start()
    bench.clock.ns += 499 * MS
    bench.miss(0)
    bench.clock.ns += MS
    for flushed in (False, True):
        bench.reporter.tick(bench.engine, 0.5)
        assert (bench.reporter.telling, len(turns)) == (True, 1)
        if flushed:
            bench.reporter.flush()
        while turns:
            turns.pop()()
        assert not bench.reporter.telling
        bench.miss(1)
        bench.clock.ns += 400 * MS
    assert [missed for _, _, _, missed in bench.told()] == [1, 1]
    await bench.engine.close()


async def test_without_news_nothing_is_added_to_what_the_log_has_not_taken() -> None:
    """Levels are told again once it has; what happened is told in any case (R11)."""
    bench = Bench()
    bench.start()
    bench.behind = True
    bench.cut(500 * MS)
    bench.clock.ns = START_NS + 700 * MS
    bench.miss(0)
    bench.cut(900 * MS)
    bench.cut(1_500 * MS)
    assert bench.told() == [(1, 1, 0, 1)]
    bench.behind = False
    bench.cut(2_000 * MS)
    assert bench.told() == [(1, 1, 0, 1), (2, 1, 1, 0)]
    await bench.engine.close()


async def test_an_event_of_the_next_second_ends_the_window_before_it() -> None:
    """However late the timer comes, nothing is counted in another second than its own."""
    bench = Bench()
    bench.start()
    bench.miss(0)
    bench.clock.ns += 10 * SECOND + 300 * MS
    bench.miss(1)
    assert bench.ends_ns == START_NS + 11 * SECOND
    bench.cut(10 * SECOND + 500 * MS)
    assert bench.told() == [(1, 1, 0, 1), (2, 1, 10, 1)]
    await bench.engine.close()


async def test_the_end_of_a_window_without_news_is_not_worth_a_snapshot() -> None:
    """An event after a cut and a quiet rest of the second sends nothing by itself."""
    bench = Bench()
    bench.start()
    bench.miss(0)
    bench.cut(900 * MS)
    bench.clock.ns = START_NS + 1_100 * MS
    bench.miss(1)
    assert bench.told() == [(1, 1, 0, 1)]
    await bench.engine.close()


async def test_the_windows_of_a_joiner_begin_with_its_own_second() -> None:
    """It reports nothing into the seconds before it was there."""
    bench = Bench()
    bench.start(10 * SECOND)
    bench.cut(500 * MS)
    bench.clock.ns = START_NS + 700 * MS
    bench.miss(0)
    bench.cut(999 * MS)
    assert bench.told() == [(1, 1, 10, 0), (2, 1, 10, 1)]
    other = Bench()
    other.start(7 * SECOND + 1)
    other.miss(0)
    other.cut(500 * MS)
    assert other.told() == [(1, 1, 7, 1)]
    await other.engine.close()
    await bench.engine.close()


async def test_the_timer_does_not_repeat_a_cut_that_has_just_been_made() -> None:
    """At a second's end the first event cuts; the timer comes a moment later."""
    bench = Bench()
    bench.start()
    bench.miss(0)
    bench.clock.ns = START_NS + SECOND
    bench.miss(1)
    bench.clock.ns += MS
    bench.reporter.tick(bench.engine, 0.5)
    assert bench.told() == [(1, 1, 0, 1)]
    bench.clock.ns += 499 * MS
    bench.reporter.tick(bench.engine, 0.5)
    assert bench.told() == [(1, 1, 0, 1), (2, 1, 1, 1)]
    await bench.engine.close()


async def test_a_snapshot_never_mixes_terms() -> None:
    """One for each term that has news, the oldest first."""
    bench = Bench()
    bench.start()
    bench.miss(0, term=2)
    bench.miss(1, term=1)
    bench.cut(400 * MS)
    assert bench.told() == [(1, 1, 0, 1), (2, 2, 0, 1)]
    await bench.engine.close()


async def test_the_rest_of_a_run_is_told_although_another_has_begun() -> None:
    """The session forgets the start with the run; the reporter needs it once more."""
    bench = Bench()
    bench.start()
    bench.cut(400 * MS)
    bench.miss(0)
    old = bench.engine
    bench.engine = bench.take_up("s", 2)
    bench.clock.ns += 200 * MS
    bench.reporter.cut(old, 0.5)
    assert [message.run_id for message in bench.sent] == ["r", "r"]
    assert bench.told()[-1] == (2, 1, 0, 1)
    bench.reporter.begin()
    bench.cut(800 * MS)
    assert len(bench.sent) == 2
    await old.close()
    await bench.engine.close()


async def test_lag_skew_and_clock_are_levels() -> None:
    """The p99 of the lag is that of the latest cut."""
    bench = Bench()
    bench.start()
    assert bench.reporter.lag_p99_ns is None
    bench.engine.recorder.decided(Arrival(0, 1, 0, 0, START_NS, START_NS + 1_000))
    bench.engine.first_lag_ns = 1_000
    bench.cut(100 * MS)
    assert bench.reporter.lag_p99_ns == 1_000
    assert (bench.sent[0].start_skew_ns, bench.sent[0].clock_offset_ns) == (1_000, None)
    assert bench.reporter.start_skew_ns == 1_000
    bench.reporter.begin()
    assert bench.reporter.start_skew_ns is None
    await bench.engine.close()


async def test_traces_go_with_the_first_piece_of_a_cut() -> None:
    """Once, with the offset at which the request was due; a cut without any tells of none."""
    bench = Bench()
    bench.start()
    load = bench.engine.load
    sampling = TraceSampling("r", 1, Fraction(1))
    bench.engine.recorder = TracedRecorder(load.schedule, RequestChoice(1, [1]), sampling)
    for term, index in ((1, 3), (2, 4)):
        arrival = Arrival(index, term, 0, 0, START_NS + 7 * MS, START_NS + 8 * MS)
        arrival.sent_ns, arrival.done_ns = START_NS + 8 * MS, START_NS + (20 + index) * MS
        arrival.outcome, arrival.status = "status_5xx", 503
        bench.engine.recorder.done(arrival)
    bench.cut(500 * MS)
    bench.miss(9)
    bench.cut(1_000 * MS)
    first, second, third = bench.sent
    assert (second.traces, third.traces) == ((), ())
    assert [(first.term, second.term)] == [(1, 2)]
    assert [trace.model_dump() for trace in first.traces] == [
        {
            "index": index,
            "offset_ns": 7 * MS,
            "response_ns": (13 + index) * MS,
            "outcome": "status_5xx",
            "status": 503,
        }
        for index in (4, 3)
    ]
    await bench.engine.close()
