"""An orchestrator dies, and the next one goes on with the run where it was (R13, R15, R16)."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.orchestra import make_plan
from tests.unit.stage import TOPICS, Stage, outcome, perform, texts

from spate.bus import FencedError, Outgoing

LONG = make_plan(400)
"""Twenty seconds, with twenty arrivals a second for each of the first drivers."""


@pytest.mark.parametrize("away_s", [0.5, 5, 15])
def test_a_run_goes_on_as_if_nothing_was(away_s: float) -> None:
    """Its drivers never stopped; not one arrival is missed, and no event tells of it."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 3)
        before = stage.state(run_id)
        await stage.restart(away_s)
        assert stage.state(run_id) == before == "RUNNING"
        report = await stage.report(run_id)
        assert outcome(report) == ("FINISHED", 800, 800, {}, 0)
        assert stage.sent(run_id) == 800
        assert {event["kind"] for event in report["events"]} == {"state"}

    perform(2, script)


def test_restarts_one_after_the_other_change_nothing() -> None:
    """Each goes on from the journal of the last, however short it lived."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(make_plan(800), 1)
        for alive_s in (0, 0.1, 0.6, 2, 7):
            await stage.restart()
            await asyncio.sleep(alive_s)
        assert outcome(await stage.report(run_id)) == ("FINISHED", 1600, 1600, {}, 0)

    perform(2, script)


def test_drivers_without_an_orchestrator_stop_after_half_a_minute() -> None:
    """R3e, R21: they say so to the next one, and have work again; nothing is unconfirmed."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(make_plan(1200), 3)
        await stage.restart(40)
        report = await stage.report(run_id)
        state, planned, succeeded, missed, unconfirmed = outcome(report)
        assert (state, planned, unconfirmed) == ("FINISHED", 2400, 0)
        assert list(missed) == ["fenced"]
        assert succeeded == stage.sent(run_id)
        assert 300 <= sum(missed.values()) <= 520
        assert len(texts(report, "fenced")) == 2

    perform(2, script)


@pytest.mark.parametrize(("verb", "end"), [("stop", "FINISHED"), ("abort", "ABORTED")])
def test_a_run_that_was_ending_ends(verb: str, end: str) -> None:
    """DRAINING and ABORTED go on to their end, with all that was reported before and after."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 3)
        for driver in stage.everybody:
            driver.mute = True
        await getattr(stage.desk, verb)(run_id)
        await stage.restart()
        assert stage.state(run_id) == {"stop": "DRAINING", "abort": "ABORTED"}[verb]
        for driver in stage.everybody:
            driver.mute = False
        report = await stage.report(run_id, within_s=10)
        sent = stage.sent(run_id)
        assert outcome(report) == (end, 800, sent, {"aborted": 800 - sent}, 0)
        assert report["run"]["stopped"] is (verb == "stop")

    perform(2, script)


def test_a_run_that_was_preparing_prepares_anew() -> None:
    """R25: its drivers are granted afresh; the wait for them begins again."""

    async def script(stage: Stage) -> None:
        for driver in stage.everybody:
            driver.deaf = True
        run_id = await stage.submit()
        await stage.until(run_id, "PREPARING")
        await asyncio.sleep(0.5)
        await stage.restart()
        for driver in stage.everybody:
            driver.deaf = False
        assert stage.state(run_id) == "PREPARING"
        assert outcome(await stage.report(run_id)) == ("FINISHED", 40, 40, {}, 0)

    perform(2, script)


def test_a_run_that_had_ended_is_archived_as_it_ended() -> None:
    """R29: the report is made again from the same snapshots; what comes later changes nothing."""

    async def script(stage: Stage) -> None:
        stage.archive.broken = 99
        run_id = await stage.start(make_plan(60))
        director = stage.house.directory.find(run_id)
        assert director is not None
        while not director.run.ended:  # noqa: ASYNC110 - as a user would
            await asyncio.sleep(0.1)
        view = stage.desk.live(run_id)
        assert view is not None
        driver = stage.drivers["d1"]
        driver.seq += 1
        driver.send(TOPICS.metrics, driver.snapshot(0, ()))
        await stage.restart()
        stage.archive.broken = 0
        report = await stage.report(run_id)
        assert outcome(report) == ("FINISHED", 120, 120, {}, 0)
        assert report["run"]["ended_at"] == view["run"]["ended_at"]
        assert report["events"] == view["events"]
        assert outcome(await stage.report(await stage.submit())) == ("FINISHED", 40, 40, {}, 0)

    perform(2, script)


def test_a_driver_that_was_lost_meanwhile_is_taken_over_from() -> None:
    """R13, R19: three seconds after the next orchestrator began to read."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(make_plan(800), 3)
        await stage.kill()
        stage.lives["d1"].cancel()
        await asyncio.sleep(4)
        await stage.lead()
        report = await stage.report(run_id)
        _, planned, succeeded, missed, unconfirmed = outcome(report)
        assert succeeded == stage.sent(run_id)
        assert 30 <= unconfirmed <= 50
        assert list(missed) == ["handover"]
        assert planned - succeeded <= 220
        assert texts(report, "lost") == ["d1 was not heard for 3 s and is taken for lost"]

    perform(2, script)


def test_what_was_said_meanwhile_is_heard_again() -> None:
    """R13: a driver that left in good order owes nothing, though nobody read its last words."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 3)
        await stage.kill()
        stage.drivers["d1"].leave()
        stage.lives["d1"].cancel()
        await asyncio.sleep(2)
        await stage.lead()
        report = await stage.report(run_id)
        _, _, succeeded, missed, unconfirmed = outcome(report)
        assert (list(missed), unconfirmed) == (["handover"], 0)
        assert succeeded == stage.sent(run_id)
        assert texts(report, "left") == ["d1 was told to go and handed back what it had not begun"]

    perform(2, script)


def test_a_joiner_is_served_by_the_next_orchestrator() -> None:
    """R24: whether it came before, while or after the cut was made."""

    async def script(stage: Stage) -> None:
        for pause_s in (0.1, 0.5, 1.0, 1.5):
            run_id = await stage.start(LONG, 2)
            joined = stage.join(f"d-{pause_s}")
            await asyncio.sleep(pause_s)
            await stage.restart(0.2)
            state, planned, succeeded, missed, unconfirmed = outcome(await stage.report(run_id))
            assert (state, unconfirmed) == ("FINISHED", 0)
            assert planned == succeeded + sum(missed.values())
            assert set(missed) <= {"handover"}
            assert sum(missed.values()) <= 60  # nobody had the tails between cut and share
            assert stage.sent(run_id) == succeeded
            assert joined.worked[run_id] > 50

    perform(2, script)


def test_runs_that_waited_wait_again() -> None:
    """In their order; the idempotency keys are known too."""

    async def script(stage: Stage) -> None:
        first = await stage.start(LONG, 3)
        waiting = [await stage.submit() for _ in range(2)]
        key = (await stage.desk.submit(make_plan(), "k", "digest")).run_id
        await stage.restart()
        assert [row.id for row in stage.desk.live_runs()] == [first, *waiting, key]
        again = await stage.desk.submit(make_plan(), "k", "digest")
        assert (again.run_id, again.created) == (key, False)
        for run_id, planned in ((first, 800), *((run_id, 40) for run_id in (*waiting, key))):
            assert outcome(await stage.report(run_id)) == ("FINISHED", planned, planned, {}, 0)
        await stage.restart()
        assert list(stage.house.directory) == []
        assert outcome(await stage.report(await stage.submit()))[2] == 40

    perform(2, script)


@pytest.mark.parametrize("ahead_s", [-30, 30, 86_400])
def test_another_wall_clock_moves_no_arrival(ahead_s: float) -> None:
    """R30: the drivers say since when they run; a joiner begins with the others."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 3)
        await stage.restart(ahead_s=ahead_s)
        await asyncio.sleep(1)
        stage.join("d3")
        report = await stage.report(run_id)
        assert outcome(report) == ("FINISHED", 800, 800, {}, 0)
        assert stage.drivers["d3"].worked[run_id] > 100
        assert texts(report, "problem") == [
            "the wall clock is not the one by which the run began: the drivers' hold"
        ]

    perform(2, script)


def test_the_next_orchestrator_takes_the_run_over_and_the_first_ends() -> None:
    """R15: it sees the newer boot entry, whether its producer was fenced or renewed."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 3)
        first = stage.tasks
        await stage.lead()
        done, _ = await asyncio.wait(first, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        with pytest.raises(FencedError, match="another orchestrator has taken over"):
            done.pop().result()
        for task in first:
            task.cancel()
        await asyncio.gather(*first, return_exceptions=True)
        assert outcome(await stage.report(run_id)) == ("FINISHED", 800, 800, {}, 0)
        assert stage.sent(run_id) == 800

    perform(2, script)


def test_a_log_that_lost_the_heartbeats_fails_the_run() -> None:
    """R16: what drivers do not say themselves is unconfirmed; the next run is a new one."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 8)
        waiting = await stage.submit()
        await stage.kill()
        stage.log.partition((TOPICS.heartbeat, 0)).wipe()
        await stage.lead()
        report = await stage.report(run_id, within_s=20)
        state, _, succeeded, missed, unconfirmed = outcome(report)
        assert (state, list(missed)) == ("FAILED", ["aborted"])
        assert report["run"]["reason"].startswith("the log lost spate.heartbeat from offset ")
        assert succeeded <= stage.sent(run_id) <= succeeded + unconfirmed
        assert outcome(await stage.report(waiting)) == ("FINISHED", 40, 40, {}, 0)

    perform(2, script)


def test_a_log_that_lost_the_snapshots_fails_the_run() -> None:
    """R16: its figures cannot be whole any more."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 8)
        await stage.kill()
        for partition in range(4):
            stage.log.partition((TOPICS.metrics, partition)).delete_before(3)
        await stage.lead()
        report = await stage.report(run_id, within_s=20)
        state, _, succeeded, _, unconfirmed = outcome(report)
        assert state == "FAILED"
        assert report["run"]["reason"].startswith("the log lost spate.metrics")
        assert succeeded <= stage.sent(run_id) <= succeeded + unconfirmed

    perform(2, script)


def test_a_run_that_had_ended_does_not_wait_for_snapshots_that_are_gone() -> None:
    """R16: its report is made from what there is."""

    async def script(stage: Stage) -> None:
        stage.archive.broken = 99
        run_id = await stage.start(make_plan(60))
        director = stage.house.directory.find(run_id)
        assert director is not None
        while not director.run.ended:  # noqa: ASYNC110 - as a user would
            await asyncio.sleep(0.1)
        await stage.kill()
        for partition in range(4):
            stage.log.partition((TOPICS.metrics, partition)).wipe()
        stage.archive.broken = 0
        await stage.lead()
        report = await stage.report(run_id)
        assert outcome(report) == ("FINISHED", 120, 0, {}, 120)

    perform(2, script)


def test_a_run_that_is_archived_is_forgotten_at_the_next_start() -> None:
    """The last orchestrator died between archive and tombstones; nonsense is passed over."""

    async def script(stage: Stage) -> None:
        run_id = await stage.submit(make_plan(drivers={"wait": "1h"}))
        stage.archive.reports[run_id] = {}
        stage.log.append(Outgoing(TOPICS.runs, b"nonsense", "x/plan"))
        await stage.restart()
        assert stage.desk.live_runs() == []
        held = stage.log.partition((TOPICS.runs, 0)).since(0, 999)
        latest = {r.key: r.value for r in held}
        assert latest[f"{run_id}/plan"] == b""

    perform(0, script)


@pytest.mark.parametrize("plan", [b'{"plan": {}}', None])
def test_a_run_whose_plan_is_not_understood_is_ended(
    plan: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Its drivers would go on for as long as its plan says, with nobody to stop them."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 3)
        await stage.kill()
        stage.log.append(Outgoing(TOPICS.runs, plan, f"{run_id}/plan"))
        await stage.lead()
        assert [r.getMessage() for r in caplog.records if r.levelname == "ERROR"][-1] == (
            f"run {run_id} is aborted and has no report: it may be under way, "
            "and its plan is not known"
        )
        await asyncio.sleep(1)
        sent = stage.sent(run_id)
        assert sent < 800
        assert {driver.state for driver in stage.everybody} == {"ABORTED"}
        assert stage.desk.live_runs() == []
        assert outcome(await stage.report(await stage.submit())) == ("FINISHED", 40, 40, {}, 0)
        assert stage.sent(run_id) == sent
        held = stage.log.partition((TOPICS.runs, 0)).since(0, 999)
        left = {r.key for r in held if r.key and r.key.startswith(run_id)}
        assert {r.key: r.value for r in held if r.key in left} == dict.fromkeys(left, b"")

    perform(2, script)
