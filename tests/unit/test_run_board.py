"""What ``/metrics`` says of a run: from its start, through faults and restarts, to its end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.unit.direction import World
from tests.unit.journaling import snapshot
from tests.unit.orchestra import make_plan, now
from tests.unit.stage import Stage, perform

from orchestrator.directory import Directory
from orchestrator.fleet import Fleet
from orchestrator.freshness import Freshness
from orchestrator.run_board import KEPT_NS, RunBoard
from orchestrator.run_figures import RunFigures, Trust, run_figures
from orchestrator.run_metrics import run_families
from spate.messages import Cell, SnapshotMessage
from spate.timing import SECOND, Timing

LONG = make_plan(400, 50)
"""Of two drivers for 20 s, 40 arrivals a second."""

Sample = tuple[str, ...]


def figures_of(stage: Stage) -> RunFigures:
    """Return what is said of the run now."""
    found = stage.desk.figures().run
    assert found is not None
    return found


def samples(run: RunFigures, kind: str | None = None) -> dict[Sample, float]:
    """Return the samples of a run, of all kinds or of one, by name and values of labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in run_families(run)
        if kind in (None, family.type)
        for sample in family.samples
    }


def arrivals(run: RunFigures) -> dict[Sample, float]:
    """Return the outcomes that occurred."""
    found = samples(run)
    return {key[1:]: n for key, n in found.items() if key[0] == "spate_run_arrivals_total" and n}


def as_told(books: dict[str, Any]) -> dict[Sample, float]:
    """Return a report's accounting as samples."""
    told = {("succeeded", ""): books["succeeded"]}
    for outcome in ("failed", "dropped", "missed"):
        told |= {(outcome, kind): n for kind, n in books[outcome].items()}
    return {key: n for key, n in told.items() if n}


def test_counters_only_grow_and_end_as_the_report_says() -> None:
    """With a driver that is lost, one that leaves and one that joins in the middle."""

    async def script(stage: Stage) -> None:
        run_id = await stage.submit(LONG)
        await stage.until(run_id, "RUNNING")
        before: dict[Sample, float] = {}
        states = set()
        for step in range(300):
            await asyncio.sleep(0.1)
            if step == 60:
                stage.lives["d1"].cancel()
            if step == 90:
                stage.join("d3")
            if step == 120:
                stage.drivers["d2"].leave()
                stage.lives["d2"].cancel()
            run = figures_of(stage)
            states.add(run.state)
            counters = samples(run, "counter") | samples(run, "histogram")
            fallen = {key for key, n in before.items() if counters.get(key, 0) < n}
            assert fallen == set()
            before = counters
        assert states >= {"RUNNING", "FINISHED"}
        report = await stage.report(run_id, within_s=5)
        last = figures_of(stage)
        assert arrivals(last) == as_told(report["accounting"])
        assert last.unconfirmed == report["accounting"]["unconfirmed"] > 0
        assert last.planned == last.due == 800
        assert last.totals.sent == report["accounting"]["sent"]
        assert last.trust == Trust(("driver_lost", "unconfirmed", "missed"), passed=True)
        kinds = [event["kind"] for event in report["events"]]
        assert last.events == {kind: kinds.count(kind) for kind in kinds}
        assert (last.fences, last.takeovers > 0) == (0, True)
        assert stage.desk.figures().driver_losses == 1
        assert last.workers == {}

    perform(2, script)


def test_it_is_one_run_at_a_time() -> None:
    """Nothing before the first, the last until the next is past PENDING, nothing later."""

    async def script(stage: Stage) -> None:
        assert stage.desk.figures().run is None
        waits = await stage.submit(make_plan(2, drivers={"min": 1}))
        await stage.report(waits)
        assert figures_of(stage).run_id == waits
        assert figures_of(stage).state == "FINISHED"
        await asyncio.sleep(KEPT_NS / SECOND - 2)
        assert figures_of(stage).run_id == waits
        await asyncio.sleep(2)
        assert stage.desk.figures().run is None
        first = await stage.submit(make_plan(20))
        await stage.report(first)
        stage.lives["d1"].cancel()
        await asyncio.sleep(5)
        second = await stage.submit(make_plan(20, drivers={"wait": "10s"}))
        assert figures_of(stage).run_id == first
        await stage.until(second, "PREPARING")
        await asyncio.sleep(0.5)
        assert figures_of(stage).run_id == second
        await stage.report(second)
        late = figures_of(stage)
        assert (late.run_id, late.state, late.trust.passed) == (second, "FAILED", False)
        assert samples(late)["spate_run_state", "FAILED"] == 1

    perform(1, script)


def test_a_run_that_waits_for_the_archive_is_shown_as_it_ended() -> None:
    """With its verdict, as soon as there is one; the archive may take its time."""

    async def script(stage: Stage) -> None:
        stage.archive.broken = 3
        run_id = await stage.submit(make_plan(20))
        await stage.until(run_id, "FINISHED")
        await asyncio.sleep(1)
        assert run_id not in stage.archive.reports
        shown = figures_of(stage)
        assert (shown.state, shown.trust) == ("FINISHED", Trust(passed=True))
        assert samples(shown)["spate_run_passed",] == 1
        await stage.report(run_id)
        assert figures_of(stage) == shown

    perform(1, script)


def test_a_window_is_told_while_the_run_goes_on() -> None:
    """The newest full second: how much was due, by whom it was told; and how fresh all is."""

    async def script(stage: Stage) -> None:
        await stage.start(LONG, 5)
        run = figures_of(stage)
        assert run.window is not None
        assert (run.planned_rate, len(run.window.drivers)) == (40, 2)
        assert run.window.figures.decided == 40
        assert set(run.workers) == {"d1", "d2"}
        assert max(each.snapshot_age_ns for each in run.workers.values()) <= 1.1 * SECOND
        stage.drivers["d1"].frozen = True
        await asyncio.sleep(2)
        ages = {name: each.snapshot_age_ns for name, each in figures_of(stage).workers.items()}
        assert ages["d1"] >= 1.9 * SECOND > ages["d2"]

    perform(2, script)


def test_a_restart_forgets_neither_fences_nor_takeovers() -> None:
    """They are in the journal; figures come back from the log, and no counter ever falls."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 3)
        stage.drivers["d1"].mute = True
        await asyncio.sleep(4)
        stage.drivers["d1"].mute = False
        await asyncio.sleep(4)
        before = figures_of(stage)
        assert (before.fences, before.takeovers > 0, before.events["lost"]) == (1, True, 1)
        await stage.restart()
        seen = 0
        for _ in range(60):
            if (run := stage.desk.figures().run) is not None:
                seen += 1
                now_told = samples(run, "counter") | samples(run, "histogram")
                told = samples(before, "counter") | samples(before, "histogram")
                assert [key for key, n in told.items() if now_told.get(key, n) < n] == []
            await asyncio.sleep(0.05)
        assert seen > 40
        after = figures_of(stage)
        assert (after.fences, after.events["lost"]) == (1, 1)
        assert after.takeovers >= before.takeovers
        assert after.totals.sent >= before.totals.sent
        assert after.due is not None
        assert before.due is not None
        assert after.due > before.due
        assert after.state == "RUNNING"
        await stage.report(run_id)

    perform(2, script)


@pytest.mark.parametrize(
    ("state", "due"), [("PREPARING", 0), ("RUNNING", 20), ("ABORTED", 20), ("FAILED", 20)]
)
def test_what_was_due_follows_the_schedule(state: str, due: int) -> None:
    """Not a driver's word: all of it long after, nothing before the start; it stays at the end."""
    world = World()
    world.to(state)
    told = run_figures(world.director, world.fleet, Freshness(), Trust(), now(100))
    assert (told.due, told.planned) == (due, 20)
    if state == "ABORTED":
        world.director.finish(now(1.25), {})
        for at_s in (2, 100):
            told = run_figures(world.director, world.fleet, Freshness(), Trust(), now(at_s))
            assert told.due == 10


def test_closed_load_has_nothing_due() -> None:
    """Its planned number is known all the same."""
    load = {"test_type": "avalanche", "message_count_per_driver": 5}
    world = World(load=load)
    world.to("RUNNING")
    for seq, window in ((1, 0), (2, 1)):
        world.director.merge(snapshot(seq, window), 0, seq, now(2))
    told = run_figures(world.director, world.fleet, Freshness(), Trust(), now(100))
    assert told.window is not None
    assert (told.window.second, told.window.figures.sent) == (0, 1)
    assert (told.due, told.planned_rate, told.planned) == (None, None, 10)


def test_a_run_that_waits_for_its_turn_is_not_shown() -> None:
    """PENDING says nothing that a series could show."""
    world = World()
    directory = Directory()
    directory.add(world.director)
    board = RunBoard(directory, Fleet(Timing()))
    assert board.figures(lambda _: Trust(), now(0)) is None
    world.to("PREPARING")
    behind = RunBoard(directory, Fleet(Timing()), lambda: False)
    assert behind.figures(lambda _: Trust(), now(0)) is None
    shown = board.figures(lambda _: Trust(("gaps",)), now(0))
    assert shown is not None
    assert (shown.run_id, shown.state, shown.window) == ("r", "PREPARING", None)
    assert shown.trust.degraded == ("gaps",)


def test_requests_have_their_outcomes() -> None:
    """By name, over all stages; what did not occur is 0, so that its first is an increase."""
    requests = [{"name": "a", "path": "/a"}, {"name": "b", "path": "/b"}]
    world = World(requests=requests)
    world.to("RUNNING")
    cells = (
        Cell(request=0, stage=0, succeeded=3, failed={"dns": 1, "tls": 1}),
        Cell(request=1, stage=0, dropped={"no_connection": 2}, missed={"fenced": 4}),
    )
    message = SnapshotMessage(
        driver_id="d1",
        boot_id="b",
        term=1,
        run_id="r",
        seq=1,
        window=0,
        cells=cells,
        in_flight=0,
        connections=1,
        cpu=0,
        clock_offset_ns=None,
        start_skew_ns=None,
    )
    assert world.director.merge(message, 0, 0, now(2)) == "merged"
    told = run_figures(world.director, world.fleet, Freshness(), Trust(), now(1))
    assert told.window is None  # the first second is not full yet
    assert told.by_request == {
        ("a", "succeeded"): 3,
        ("a", "failed"): 2,
        ("a", "dropped"): 0,
        ("a", "missed"): 0,
        ("b", "succeeded"): 0,
        ("b", "failed"): 0,
        ("b", "dropped"): 2,
        ("b", "missed"): 4,
    }


def test_freshness_counts_from_the_last_merge_of_this_run() -> None:
    """Of who has sent nothing, from when it was first asked for."""
    freshness = Freshness()
    freshness.merged("one", "a", 10)
    freshness.merged("one", "b", 20)
    assert freshness.ages_ns(["a", "b", "c"], 50) == {"a": 40, "b": 30, "c": 0}
    assert freshness.ages_ns(["c"], 70) == {"c": 20}
    freshness.merged("two", "b", 80)
    assert freshness.ages_ns(["a", "b"], 90) == {"a": 0, "b": 10}


def test_a_restart_after_the_end_does_not_set_the_clock_back() -> None:
    """How long the run lasted is in the journal: what was due then is due now."""

    async def script(stage: Stage) -> None:
        stage.archive.broken = 1_000
        run_id = await stage.start(LONG, 5)
        await stage.desk.abort(run_id)
        await asyncio.sleep(40)
        before = figures_of(stage)
        assert (before.state, before.planned) == ("ABORTED", 800)
        assert before.due is not None
        assert 200 <= before.due < 600
        await stage.restart()
        await asyncio.sleep(1)
        after = figures_of(stage)
        assert (after.due, arrivals(after)) == (before.due, arrivals(before))

    perform(2, script)
