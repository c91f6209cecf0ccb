"""Drivers come and go while a run is under way: the others take over, and nothing is sent twice."""

from __future__ import annotations

import asyncio

from tests.unit.orchestra import make_plan
from tests.unit.stage import Stage, outcome, perform, texts

LONG = make_plan(400)
"""Twenty seconds, with twenty arrivals a second for each of the first drivers."""


def test_a_killed_drivers_work_is_taken_over() -> None:
    """Two seconds of its share are unconfirmed, about as much is missed, the rest is sent."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 3)
        stage.lives["d1"].cancel()
        report = await stage.report(run_id)
        state, planned, succeeded, missed, unconfirmed = outcome(report)
        assert (state, planned) == ("FINISHED", 800)
        assert succeeded == stage.sent(run_id)
        assert 30 <= unconfirmed <= 50
        assert list(missed) == ["handover"]
        assert 20 <= missed["handover"] <= 50
        assert texts(report, "lost") == ["d1 was not heard for 3 s and is taken for lost"]
        assert len(texts(report, "took_over")) == 1

    perform(2, script)


def test_losses_one_after_the_other_are_all_taken_over() -> None:
    """The last one sends what is left."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 2)
        for driver_id in ("d1", "d3"):
            stage.lives[driver_id].cancel()
            await asyncio.sleep(5)
        report = await stage.report(run_id)
        _, planned, succeeded, missed, unconfirmed = outcome(report)
        assert succeeded == stage.sent(run_id)
        assert planned - succeeded <= 100 + 2 * 60
        assert list(missed) == ["handover"]
        assert unconfirmed <= 100
        assert len(texts(report, "took_over")) == 2

    perform(3, script)


def test_without_a_driver_a_run_is_missed_to_its_end() -> None:
    """R21: once nobody was there for as long as it takes to be lost, for want of a driver."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 3)
        stage.lives["d1"].cancel()
        report = await stage.report(run_id)
        state, planned, succeeded, missed, unconfirmed = outcome(report)
        assert (state, planned) == ("FINISHED", 400)
        assert sorted(missed) == ["handover", "no_driver"]
        assert missed["handover"] <= 100
        assert succeeded == stage.sent(run_id)
        assert 30 <= unconfirmed <= 50

    perform(1, script)


def test_a_driver_that_comes_while_nobody_is_there_goes_on() -> None:
    """R21, R23: from what falls due half a second later."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 3)
        stage.lives["d1"].cancel()
        await asyncio.sleep(6)
        stage.join("d2")
        report = await stage.report(run_id)
        _, planned, succeeded, missed, _ = outcome(report)
        assert missed["no_driver"] < 140
        assert planned == 400
        assert stage.drivers["d2"].worked[run_id] >= 160
        assert succeeded == stage.sent(run_id)

    perform(1, script)


def test_a_driver_that_leaves_hands_over_its_work() -> None:
    """Nothing is unconfirmed; what was due within half a second is missed."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 3)
        stage.drivers["d1"].leave()
        stage.lives["d1"].cancel()
        report = await stage.report(run_id)
        state, planned, succeeded, missed, unconfirmed = outcome(report)
        assert (state, planned, unconfirmed) == ("FINISHED", 800, 0)
        assert succeeded == stage.sent(run_id) == 800 - missed["handover"]
        assert list(missed) == ["handover"]
        assert missed["handover"] <= 25
        assert texts(report, "left") == ["d1 was told to go and handed back what it had not begun"]
        assert texts(report, "lost") == []

    perform(2, script)


def test_a_joiner_gets_a_share_and_nothing_is_lost_by_it() -> None:
    """R24: it is cut off the others' two seconds ahead."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 3)
        stage.join("d3")
        report = await stage.report(run_id)
        assert outcome(report) == ("FINISHED", 800, 800, {}, 0)
        assert stage.sent(run_id) == 800
        assert texts(report, "joined") == ["d3 appeared"]
        shares = [driver.worked[run_id] for driver in stage.everybody]
        assert shares[2] >= 150
        assert abs(shares[0] - shares[1]) <= 3
        assert [row["driver_id"] for row in report["drivers"]] == ["d1", "d2", "d3"]

    perform(2, script)


def test_a_joiner_that_dies_at_once_costs_its_claim_only() -> None:
    """What it was given goes back to the others."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 3)
        stage.join("d3")
        while not stage.drivers["d3"].worked.get(run_id):  # noqa: ASYNC110 - as a user would
            await asyncio.sleep(0.1)
        stage.lives["d3"].cancel()
        _, planned, succeeded, missed, unconfirmed = outcome(await stage.report(run_id))
        assert succeeded == stage.sent(run_id)
        assert planned - succeeded <= 70
        assert set(missed) <= {"handover"}
        assert unconfirmed <= 35

    perform(2, script)


def test_a_frozen_driver_stops_by_itself_and_comes_back() -> None:
    """R3a, R18: it says where it ended; all that was not sent in time is missed, nothing more."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 3)
        stage.drivers["d1"].frozen = True
        await asyncio.sleep(6)
        stage.drivers["d1"].frozen = False
        report = await stage.report(run_id)
        state, planned, succeeded, missed, unconfirmed = outcome(report)
        assert (state, planned, unconfirmed) == ("FINISHED", 800, 0)
        assert succeeded == stage.sent(run_id)
        assert set(missed) <= {"handover", "fenced"}
        assert 60 <= sum(missed.values()) <= 100
        assert texts(report, "joined") == ["d1 is back"]
        assert stage.drivers["d1"].term == 3
        assert stage.drivers["d1"].worked[run_id] > 150

    perform(2, script)


def test_a_mute_driver_stops_by_itself_before_others_take_over() -> None:
    """R3a: two seconds after it was last acknowledged; that is before it is lost."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 3)
        stage.drivers["d1"].mute = True
        await asyncio.sleep(4)
        sent = stage.drivers["d1"].worked[run_id]
        await asyncio.sleep(4)
        assert stage.drivers["d1"].worked[run_id] == sent
        stage.drivers["d1"].mute = False
        report = await stage.report(run_id)
        state, _, succeeded, missed, unconfirmed = outcome(report)
        assert (state, unconfirmed) == ("FINISHED", 0)
        assert succeeded == stage.sent(run_id)
        assert sum(missed.values()) <= 70

    perform(2, script)


def test_a_driver_that_is_away_for_a_moment_is_not_lost() -> None:
    """It fenced and says so; its work is shared out again, to itself too."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 3)
        stage.drivers["d1"].frozen = True
        await asyncio.sleep(2.3)
        stage.drivers["d1"].frozen = False
        report = await stage.report(run_id)
        _, _, succeeded, missed, unconfirmed = outcome(report)
        assert texts(report, "lost") == []
        assert texts(report, "fenced") == [
            "d1 stopped by itself: it could not be sure that it was heard"
        ]
        assert (list(missed), unconfirmed) == (["fenced"], 0)
        assert succeeded == stage.sent(run_id) == 800 - missed["fenced"]
        assert missed["fenced"] <= 80

    perform(2, script)


def test_a_deaf_driver_keeps_its_work_and_gets_no_more() -> None:
    """R22: what another hands back goes to those who hear."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 3)
        stage.drivers["d1"].deaf = True
        await asyncio.sleep(3)
        stage.drivers["d2"].leave()
        stage.lives["d2"].cancel()
        await asyncio.sleep(12)
        stage.drivers["d1"].deaf = False
        report = await stage.report(run_id)
        _, _, succeeded, missed, unconfirmed = outcome(report)
        assert stage.drivers["d1"].worked[run_id] == 400
        assert stage.drivers["d3"].worked[run_id] > 500
        assert (list(missed), unconfirmed) == (["handover"], 0)
        assert succeeded == stage.sent(run_id)

    perform(3, script)


def test_another_process_of_a_driver_takes_its_place() -> None:
    """A new boot says nothing about the old one: that is lost as any other."""

    async def script(stage: Stage) -> None:
        run_id = await stage.start(LONG, 3)
        stage.lives["d1"].cancel()
        await asyncio.sleep(1)
        stage.join("d1", "another")
        report = await stage.report(run_id)
        _, planned, succeeded, _, unconfirmed = outcome(report)
        assert succeeded == stage.sent(run_id)
        assert planned - succeeded <= 110
        assert unconfirmed <= 50
        assert stage.drivers["d1"].worked[run_id] > 150
        assert [row["driver_id"] for row in report["drivers"]] == ["d1", "d2"]

    perform(2, script)
