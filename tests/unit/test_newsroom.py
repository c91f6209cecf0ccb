"""The newsroom tells the feed what is committed, and files runs whose end is journaled."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from typing import Any, cast

import pytest
from tests.unit.orchestra import (
    WALL_NS,
    FakeArchive,
    heartbeat,
    loop_ms,
    make_plan,
    now,
    play,
)

from orchestrator.archive import Archive
from orchestrator.director import Director
from orchestrator.directory import Directory
from orchestrator.feed import Feed, Feeds
from orchestrator.filing import Filing, prepare
from orchestrator.fleet import Fleet
from orchestrator.leadership import Leadership
from orchestrator.newsroom import Newsroom
from orchestrator.pace import Pace
from orchestrator.row_turns import MOST_ROWS
from orchestrator.run import Run
from orchestrator.run_figures import Trust
from orchestrator.writer import Writer
from spate.bus import Received
from spate.membus import MemoryBus, MemoryLog
from spate.messages import Cell, SnapshotMessage
from spate.timing import Timing
from spate.topics import topic_table

TOPICS = topic_table()


class World:
    """A newsroom, and one run under way on one driver."""

    def __init__(self) -> None:
        self.log = MemoryLog(loop_ms)
        self.log.ensure(TOPICS.configs)
        self.archive = FakeArchive()
        self.directory = Directory()
        self.waiting_for: str | None = None
        self.filed: list[tuple[str, Trust]] = []
        self.feeds = Feeds(base=0)
        bus = MemoryBus(self.log)
        self.writer = Writer(bus, "orchestrator", Leadership(bus, TOPICS.runs, "a"))
        self.newsroom = Newsroom(
            feeds=self.feeds,
            archive=cast("Archive", self.archive),
            directory=self.directory,
            writer=self.writer,
            topics=TOPICS,
            waiting_for=lambda: self.waiting_for,
            on_filed=lambda run_id, trust: self.filed.append((run_id, trust)),
        )
        fleet = Fleet(Timing())
        fleet.hear(heartbeat(), 0, 0, 0)
        plan = make_plan()
        run = Run("r", plan, plan.digest(), WALL_NS)
        revise = itertools.count(5).__next__
        self.director = Director(
            run, fleet=fleet, timing=Timing(), pace=Pace(Timing()), epoch=0, revise=revise
        )
        self.newsroom.open(self.director)
        self.directory.add(self.director)

    def begin(self) -> None:
        """Grant the plan: from now on snapshots can be merged."""
        self.director.step(now(0))

    def snapshot(
        self, seq: int, run_id: str = "r", count: int = 4, driver_id: str = "d1"
    ) -> SnapshotMessage:
        """A snapshot of a driver."""
        cell = Cell(request=0, stage=0, decided=count, sent=count, succeeded=count)
        return SnapshotMessage(
            driver_id=driver_id,
            boot_id="b",
            term=1,
            run_id=run_id,
            seq=seq,
            window=0,
            cells=(cell,),
            in_flight=0,
            connections=1,
            cpu=0,
            clock_offset_ns=None,
            start_skew_ns=None,
        )

    def take(self, seq: int, run_id: str = "r", offset: int = 0, driver_id: str = "d1") -> None:
        """Let the newsroom take a snapshot from partition 0."""
        record = Received(TOPICS.metrics, 0, offset, 0, False, driver_id, b"")
        self.newsroom.take(self.snapshot(seq, run_id, driver_id=driver_id), record, now(1))

    @property
    def feed(self) -> Feed:
        """The run's feed."""
        feed = self.feeds.find("r")
        assert feed is not None
        return feed

    def kinds(self) -> list[str]:
        """Return the kinds of all events so far."""
        return [event.kind for event in self.feed.since(self.feed.oldest)]


def test_changes_are_told_once() -> None:
    """Each event of the run, and its state where that changed."""
    world = World()
    world.begin()
    for _ in range(2):
        world.newsroom.committed(world.director)
    assert world.kinds() == ["fleet", "state"]
    assert json.loads(world.feed.newest()[0].data)["state"] == "PREPARING"


def test_windows_are_told_where_they_changed() -> None:
    """A tick without news says nothing."""
    world = World()
    world.newsroom.tick()  # before there is anything to merge into
    world.begin()
    world.newsroom.committed(world.director)
    world.take(1)
    for _ in range(2):
        world.newsroom.tick()
    assert world.kinds()[-1:] == ["window"]
    assert world.kinds().count("window") == 1
    (row,) = json.loads(world.feed.newest()[0].data)["windows"]
    assert row["offset_s"] == 0
    assert len(world.newsroom.snapshot(world.director)["windows"]) == 1


def rows_of(world: World) -> list[tuple[str, int]]:
    """Return the drivers' rows of the newest window: who, and how many arrivals were sent."""
    events = world.feed.since(world.feed.oldest)
    data = json.loads([event.data for event in events if event.kind == "window"][-1])
    return [(row["driver_id"], row["sent"]) for row in data["drivers"]]


def test_rows_of_drivers_are_told_where_something_is_new() -> None:
    """Who has reported nothing since the last event is as it was then."""
    world = World()
    world.begin()
    world.take(1)
    world.take(1, driver_id="d2")
    world.newsroom.tick()
    assert rows_of(world) == [("d1", 4), ("d2", 4)]
    world.take(2, driver_id="d2")
    world.newsroom.tick()
    assert rows_of(world) == [("d2", 8)]
    assert [row["sent"] for row in world.newsroom.view(world.director)["drivers"]] == [4, 8]


def test_rows_of_a_large_fleet_come_in_turns() -> None:
    """No event is long; who was not told has the next one, also if nothing else is new."""
    world = World()
    world.begin()
    fleet = [f"d{k:03}" for k in range(2 * MOST_ROWS + 1)]
    for driver_id in fleet:
        world.take(1, driver_id=driver_id)
    told = []
    for length in (MOST_ROWS, MOST_ROWS, 1):
        world.newsroom.tick()
        told += rows_of(world)
        assert len(world.feed.newest()[0].data) < 100_000
        assert len(rows_of(world)) == length
    assert told == [(driver_id, 4) for driver_id in fleet]
    world.newsroom.tick()
    assert world.kinds().count("window") == 3


def test_all_rows_are_told_before_the_end() -> None:
    """Of a large fleet as well, in as many events as it takes."""
    world = World()
    world.begin()
    for k in range(MOST_ROWS + 1):
        world.take(1, driver_id=f"d{k:03}")
    world.director.run.ended_at_ns = 1
    world.newsroom.committed(world.director)
    assert rows_of(world) == [(f"d{MOST_ROWS:03}", 4)]
    assert world.kinds().count("window") == 2


def test_the_last_windows_are_told_before_the_end() -> None:
    """What came after the last tick is published with the end of the run, ahead of its state."""
    world = World()
    world.begin()
    world.take(1)
    world.newsroom.tick()
    world.take(2)
    world.director.run.ended_at_ns = 1
    world.newsroom.committed(world.director)
    world.newsroom.tick()
    assert world.kinds().count("window") == 2
    (row,) = json.loads(world.feed.newest()[0].data)["windows"]
    assert row["succeeded"] == 8


def test_snapshots_are_counted_by_what_became_of_them() -> None:
    """R28: of an unknown or ended run, before the count is fixed, twice, with a gap."""
    world = World()
    world.take(1)
    world.begin()
    for seq in (1, 1, 4):
        world.take(seq)
    world.take(1, "unknown")
    counts = {"late": 2, "merged": 2, "duplicate": 1}
    assert dict(world.newsroom.snapshot_counts) == counts
    assert world.newsroom.gaps == 2
    world.director.bookmarks.metrics_ends = {0: 7}
    world.take(5, offset=7)
    assert world.newsroom.snapshot_counts["late"] == 3


def test_only_a_journaled_end_is_filed() -> None:
    """R14: what is not committed is never archived; then the journal forgets the run."""

    async def act() -> None:
        world = World()
        world.begin()
        world.take(1)
        world.take(3)
        await world.writer.start()
        world.director.abort(now(1), "aborted by a user")
        world.director.finish(now(1), {0: 4})
        feed = world.feed
        await world.newsroom.file({0: 4})
        assert world.archive.reports == {}
        world.newsroom.committed(world.director)
        await world.newsroom.file({0: 4})
        assert list(world.archive.reports) == ["r"]
        assert feed.newest()[0].kind == "end"
        assert list(world.directory) == []
        assert world.newsroom.gaps == 0
        assert world.filed == [("r", Trust(("accounting", "gaps"), passed=False))]
        written = world.log.partition((TOPICS.runs, 0)).since(0, 99)
        assert [(r.key, r.value) for r in written] == [
            ("revision", b'{"revision":6}'),
            ("r/plan", b""),
            ("r/ledger/0", b""),
        ]
        await world.newsroom.file({0: 4})

    play(act())


def test_an_archive_that_fails_is_left_alone_for_a_while() -> None:
    """The report is made again, the same, and what was told stays."""

    async def act() -> None:
        world = World()
        await world.writer.start()
        world.archive.broken = 1
        world.director.abort(now(1), "aborted by a user")
        world.director.finish(now(1), {0: 4})
        world.newsroom.committed(world.director)
        calls = 0
        while not world.archive.reports:
            calls += 1
            await world.newsroom.file({0: 4})
            await asyncio.sleep(0)
        assert calls == 22

    play(act())


def test_a_report_that_takes_long_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made in a thread; what is to be merged meanwhile is late."""
    released = threading.Event()
    made: list[bool] = []

    def slow(*facts: Any) -> Filing:
        made.append(threading.current_thread() is threading.main_thread())
        assert released.wait(20)
        return prepare(*facts)

    async def act() -> None:
        world = World()
        world.begin()
        world.take(1)
        await world.writer.start()
        world.director.abort(now(1), "aborted by a user")
        world.director.finish(now(1), {0: 4})
        world.newsroom.committed(world.director)
        filing = asyncio.ensure_future(world.newsroom.file({0: 4}))
        await asyncio.sleep(0.1)
        assert (made, world.archive.reports) == ([False], {})
        world.take(2)
        assert world.newsroom.snapshot_counts["late"] == 1
        assert world.newsroom.view(world.director)["accounting"]["succeeded"] == 4
        released.set()
        await filing
        assert (made, list(world.archive.reports)) == ([False], ["r"])
        assert [run_id for run_id, _ in world.filed] == ["r"]

    monkeypatch.setattr("orchestrator.newsroom.prepare", slow)
    asyncio.run(act())


def test_a_report_waits_for_the_snapshots_it_is_made_from() -> None:
    """R29: another process ended the run; its figures are read again to where they ended."""

    async def act() -> None:
        world = World()
        world.begin()
        await world.writer.start()
        world.director.abort(now(1), "aborted by a user")
        world.director.finish(now(1), {0: 4, 1: 2})
        world.newsroom.open(world.director)  # as the next process does
        for read_to in ({0: 3, 1: 2}, {0: 4, 1: 1}):
            await world.newsroom.file(read_to)
            assert world.archive.reports == {}
        await world.newsroom.file({0: 4, 1: 2})
        assert list(world.archive.reports) == ["r"]

    play(act())


def test_all_that_the_journal_holds_of_a_run_is_forgotten() -> None:
    """Its figures too, part by part."""

    async def act() -> None:
        world = World()
        world.begin()
        await world.writer.start()
        world.director.bookmarks.ledger_parts = 2
        world.director.bookmarks.checkpoint = {"head-0", "windows-0-0"}
        world.director.abort(now(1), "aborted by a user")
        world.director.finish(now(1), {0: 4})
        world.newsroom.committed(world.director)
        await world.newsroom.file({0: 4})
        written = world.log.partition((TOPICS.runs, 0)).since(0, 99)
        assert [r.key for r in written if not r.value] == [
            "r/plan",
            "r/ledger/0",
            "r/ledger/1",
            "r/aggregator/head-0",
            "r/aggregator/windows-0-0",
        ]

    play(act())


def test_the_feed_says_for_what_everything_waits() -> None:
    """While Kafka is away, and that it is back; a run that has ended waits for nothing."""
    world = World()
    world.begin()
    world.newsroom.committed(world.director)
    assert world.newsroom.view(world.director)["run"]["waiting_for"] is None
    for waiting_for in ("Kafka", "Kafka", None):
        world.waiting_for = waiting_for
        world.newsroom.tick()
        assert json.loads(world.feed.newest()[0].data)["waiting_for"] == waiting_for
    assert world.kinds().count("state") == 3
    world.waiting_for = "Kafka"
    world.director.abort(now(1), "aborted by a user")
    world.director.finish(now(1), {})
    assert world.newsroom.view(world.director)["run"]["waiting_for"] is None


def test_a_run_without_figures_has_no_windows() -> None:
    """Whoever looks at one that waits sees a view of nothing."""
    world = World()
    told = world.newsroom.snapshot(world.director)
    assert (told["windows"], told["run"]["state"]) == ([], "PENDING")


def test_what_another_process_merged_is_in_the_snapshot_and_told_no_second_time() -> None:
    """A run of a day would be an event of megabytes that nobody needs."""
    world = World()
    world.begin()
    world.take(1)
    world.newsroom.open(world.director)  # as a process that read the run back
    world.newsroom.tick()
    assert "window" not in world.kinds()
    assert len(world.newsroom.snapshot(world.director)["windows"]) == 1
    world.take(2)
    world.newsroom.tick()
    assert world.kinds().count("window") == 1


def test_a_feed_that_is_gone_is_told_nothing() -> None:
    """Its run was archived while a change of it was on the way."""
    world = World()
    world.begin()
    world.feeds.finish("r", {})
    world.newsroom.change(world.director)
    assert world.feeds.find("r") is None
