"""The fleet knows who is there, who may be given work, and who is lost."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.orchestra import MS, SECOND, heartbeat

from orchestrator.fleet import Boot, Fleet
from orchestrator.terms import BootKey, TermKey
from spate.messages import Register
from spate.timing import Timing

D1 = BootKey("d1", "b")


def fleet(*heard: tuple[float, dict[str, Any]]) -> Fleet:
    """A fleet that heard heartbeats at these seconds, by our clock and the log's alike."""
    made = Fleet(Timing())
    for n, (at_s, fields) in enumerate(heard, start=1):
        at_ns = round(at_s * SECOND)
        made.hear(heartbeat(**{"n": n} | fields), at_ns // MS, at_ns, at_ns)
    return made


def only(made: Fleet) -> Boot:
    """Return the one process of a fleet."""
    (boot,) = made.boots()
    return boot


def test_a_first_heartbeat_is_a_joiner() -> None:
    """R17: an unknown term is live."""
    made = Fleet(Timing())
    heard = made.hear(heartbeat(), 0, 0, 0)
    assert heard is not None
    assert (heard.joined, heard.back) == (True, False)
    assert heard.boot.term == TermKey("d1", "b", 1)
    assert heard.boot.fresh


def test_repeated_and_overtaken_heartbeats_do_not_count() -> None:
    """R17: only a greater ``n`` counts, and it alone moves the time of reading."""
    made = fleet((0, {"n": 5}))
    assert made.hear(heartbeat(n=5), 900, 900 * MS, 0) is None
    assert made.hear(heartbeat(n=4), 900, 900 * MS, 0) is None
    assert only(made).read_ns == 0
    heard = made.hear(heartbeat(n=6), 900, 900 * MS, 0)
    assert heard is not None
    assert not heard.joined
    assert only(made).read_ns == 900 * MS


@pytest.mark.parametrize(
    ("sent_s", "append_s", "lost"),
    [(2.999, 9, False), (9, 2.999, False), (3, 3, True), (0, 60, False), (60, 0, False)],
)
def test_silence_counts_by_both_clocks(sent_s: float, append_s: float, lost: bool) -> None:
    """R19: ours before the beat was sent, and the log's between the records."""
    made = fleet((0, {}))
    judged = made.judge(round(sent_s * SECOND), round(append_s * 1000))
    assert bool(judged) is lost
    assert only(made).lost is lost


def test_a_lost_process_is_lost_once() -> None:
    """It is told of at the first beat that proves it."""
    made = fleet((0, {}))
    assert len(made.judge(4 * SECOND, 4000)) == 1
    assert made.judge(5 * SECOND, 5000) == []


def test_a_lost_term_is_never_live_again() -> None:
    """Only a later term of the process is."""
    made = fleet((0, {}))
    made.judge(4 * SECOND, 4000)
    heard = made.hear(heartbeat(n=2), 5000, 5 * SECOND, 0)
    assert heard is not None
    assert (heard.back, heard.boot.lost) == (False, True)
    assert made.eligible(5 * SECOND) == []
    assert made.gathering(5 * SECOND)
    heard = made.hear(heartbeat(n=3, term=2), 6000, 6 * SECOND, 0)
    assert heard is not None
    assert (heard.back, heard.boot.lost) == (True, False)
    assert made.eligible(6 * SECOND) == [heard.boot]


@pytest.mark.parametrize(
    ("fields", "at_s", "eligible"),
    [
        ({}, 0, True),
        ({}, 1.5, True),
        ({}, 1.501, False),
        ({"leaving": True}, 0, False),
        ({"beat_age_ns": None}, 0, False),
        ({"beat_age_ns": 2_500 * MS}, 0, True),
        ({"beat_age_ns": 2_501 * MS}, 0, False),
    ],
)
def test_who_may_be_given_work(fields: dict[str, Any], at_s: float, eligible: bool) -> None:
    """R22: live, not leaving, heard lately, and hearing."""
    assert bool(fleet((0, fields)).eligible(round(at_s * SECOND))) is eligible


@pytest.mark.parametrize(
    ("fields", "at_s", "gathering"),
    [
        ({}, 0, False),
        ({}, 2, True),
        ({}, 3.1, False),
        ({"beat_age_ns": None}, 0, True),
        ({"beat_age_ns": None, "leaving": True}, 0, False),
    ],
)
def test_whom_a_run_waits_for(fields: dict[str, Any], at_s: float, gathering: bool) -> None:
    """R25: for a process heard lately that is not eligible yet, but not for one that leaves."""
    assert fleet((0, fields)).gathering(round(at_s * SECOND)) is gathering


def test_processes_come_in_order() -> None:
    """By driver_id, then by boot: the planner relies on it."""
    made = fleet((0, {"driver_id": "d2"}), (0, {"boot_id": "z"}), (0, {}))
    assert [boot.key for boot in made.boots()] == [D1, ("d1", "z"), ("d2", "b")]


@pytest.mark.parametrize(
    ("fields", "spent"),
    [
        ({"run_id": "r", "state": "RUNNING"}, True),
        ({"run_id": "r", "state": None}, True),
        ({"run_id": "r", "state": "FINISHED"}, False),
        ({"run_id": "r", "state": "DRAINING"}, False),
        ({"run_id": "other", "state": "RUNNING"}, False),
        ({}, False),
    ],
)
def test_terms_of_an_ended_run_get_no_more_work(fields: dict[str, Any], spent: bool) -> None:
    """Who follows the run closes the term when it hears of the end; the next one is fresh."""
    made = fleet((0, fields))
    made.spend("r")
    assert only(made).fresh is not spent
    made.hear(heartbeat(n=2, term=2), 0, 0, 0)
    assert only(made).fresh


def test_a_description_decides_nothing() -> None:
    """It is kept for display, and goes if nothing else is heard of its process."""
    made = Fleet(Timing())
    told = Register(driver_id="d1", boot_id="b", address="x", version="1", cpu_count=2)
    made.register(told, 0)
    assert made.boots() == []
    assert made.registration(D1) == told
    assert made.registration(BootKey("d1", "other")) is None
    made.forget(600 * SECOND)
    assert made.registration(D1) == told
    made.forget(601 * SECOND)
    assert made.registration(D1) is None


@pytest.mark.parametrize(("leaving", "kept_s"), [(False, 600), (True, 60)])
def test_who_is_gone_is_forgotten(leaving: bool, kept_s: int) -> None:
    """Ten minutes after it was last heard, one minute if it left in good order."""
    made = fleet((0, {"leaving": leaving}))
    made.register(Register(driver_id="d1", boot_id="b", address="", version="", cpu_count=1), 0)
    made.forget(9_999 * SECOND)
    assert len(made.boots()) == 1  # nobody is forgotten who is not lost
    made.judge(4 * SECOND, 4000)
    made.forget(kept_s * SECOND)
    assert len(made.boots()) == 1
    made.forget((kept_s + 1) * SECOND)
    assert made.boots() == []


def test_it_is_looked_once_a_second_who_is_gone() -> None:
    """However often it is asked: a large fleet is long."""
    made = fleet((0, {}))
    made.judge(4 * SECOND, 4000)
    made.forget(600 * SECOND)
    made.forget(601 * SECOND - 1)
    assert len(made.boots()) == 1
    made.forget(601 * SECOND)
    assert made.boots() == []


def test_processes_are_in_order_whenever_one_comes_or_goes() -> None:
    """The order is remembered in between; a term is the present one."""
    made = fleet((0, {}))
    made.hear(heartbeat("d3"), 0, 0, 0)
    made.hear(heartbeat("d2"), 0, 5 * SECOND, 0)
    assert [boot.key.driver_id for boot in made.boots()] == ["d1", "d2", "d3"]
    made.boots().clear()
    made.hear(heartbeat("d2", n=2, term=4), 0, 5 * SECOND, 0)
    assert [boot.term.term for boot in made.boots()] == [1, 4, 1]
    made.judge(4 * SECOND, 4000)
    made.forget(700 * SECOND)
    assert [boot.term for boot in made.boots()] == [TermKey("d2", "b", 4)]


def test_clock_samples_are_handed_out_once() -> None:
    """The newest heartbeat of each process since the last beat."""
    made = Fleet(Timing())
    made.hear(heartbeat(n=1, sent_at_ns=7), 0, 0, 10)
    made.hear(heartbeat(n=2, sent_at_ns=8), 0, 0, 11)
    (echo,) = made.take_echo()
    assert (echo.driver_sent_at_ns, echo.orchestrator_read_at_ns) == (8, 11)
    assert made.take_echo() == ()


def test_a_restored_process_is_judged_from_now_on() -> None:
    """R13: as if it was heard now, but what it said is old: it is not eligible yet."""
    made = Fleet(Timing())
    made.restore(heartbeat(n=5), 1_000, 50 * SECOND)
    assert (made.eligible(50 * SECOND), made.gathering(50 * SECOND)) == ([], True)
    assert made.judge(52 * SECOND, 60_000) == []
    assert made.hear(heartbeat(n=5), 1_000, 50 * SECOND, 0) is None
    heard = made.hear(heartbeat(n=6), 51_000, 51 * SECOND, 0)
    assert heard is not None
    assert (heard.joined, heard.back) == (False, False)
    assert made.eligible(51 * SECOND) == [only(made)]


def test_a_restored_process_that_is_silent_is_lost() -> None:
    """R19: three seconds after it was restored."""
    made = Fleet(Timing())
    made.restore(heartbeat(n=5), 1_000, 50 * SECOND)
    assert made.judge(53 * SECOND, 60_000) == [only(made)]


def test_a_term_that_was_lost_is_restored_as_lost() -> None:
    """Though its driver speaks: the books would refuse to place work on it."""
    made = Fleet(Timing())
    made.restore(heartbeat(n=5), 1_000, 50 * SECOND, lost=True)
    made.hear(heartbeat(n=6), 51_000, 51 * SECOND, 0)
    assert made.eligible(51 * SECOND) == []
    heard = made.hear(heartbeat(n=7, term=2), 52_000, 52 * SECOND, 0)
    assert heard is not None
    assert heard.back
    assert made.eligible(52 * SECOND) == [heard.boot]


def test_the_newer_of_two_entries_is_restored() -> None:
    """Each run's books name its drivers as they were when those were written."""
    made = Fleet(Timing())
    made.restore(heartbeat(n=9, term=2), 2_000, 0, lost=False)
    made.restore(heartbeat(n=5, term=1), 1_000, 0, lost=False)
    assert [boot.heartbeat.term for boot in made.boots()] == [2]


def test_what_is_read_again_makes_nobody_eligible() -> None:
    """R22: it may have been written long ago."""
    made = Fleet(Timing())
    made.replaying = True
    made.hear(heartbeat(n=1), 0, 0, 0)
    made.hear(heartbeat(n=2), 0, 0, 0)
    assert made.eligible(0) == []
    made.replaying = False
    made.hear(heartbeat(n=3), 0, 0, 0)
    assert made.eligible(0) == [only(made)]


@pytest.mark.parametrize(
    ("fields", "follows"),
    [
        ({}, True),
        ({"run_id": "other"}, False),
        ({"state": "PREPARING"}, False),
        ({"state": "DRAINING"}, False),
        ({"refusal": "no secret"}, False),
        ({"leaving": True}, False),
        ({"beat_age_ns": None}, False),
    ],
)
def test_who_may_be_given_more_of_a_run(fields: dict[str, Any], follows: bool) -> None:
    """R24: who is eligible and has taken the run up."""
    made = fleet((0, {"run_id": "r", "state": "RUNNING"} | fields))
    assert bool(made.following("r", 0)) is follows


@pytest.mark.parametrize(
    ("fields", "behind"),
    [
        ({}, False),
        ({"revision": 4}, True),
        ({"revision": 6}, False),
        ({"run_id": "other"}, True),
        ({"revision": 4, "leaving": True}, False),
    ],
)
def test_who_has_not_taken_the_grants_up(fields: dict[str, Any], behind: bool) -> None:
    """R27: but for who leaves, or is lost."""
    made = fleet((0, {"run_id": "r", "revision": 5} | fields))
    assert made.behind("r", 5) is behind
    made.judge(9 * SECOND, 9_000)
    assert not made.behind("r", 5)
    assert made.find(D1) is only(made)
    assert made.find(BootKey("d1", "other")) is None


def test_a_silence_in_which_nobody_could_be_heard_is_excused() -> None:
    """It begins now; who is lost stays lost, and nobody gets work before it is heard again."""
    made = fleet((0, {}), (4, {"driver_id": "d2"}))
    assert [boot.key for boot in made.judge(4 * SECOND, 4_000)] == [D1]
    made.excuse(20 * SECOND)
    assert [boot.read_ns for boot in made.boots()] == [0, 20 * SECOND]
    assert made.judge(22 * SECOND, 22_000) == []
    assert made.eligible(20 * SECOND) == []
    made.hear(heartbeat("d2", n=9), 20_000, 20 * SECOND, 0)
    assert [boot.key.driver_id for boot in made.eligible(20 * SECOND)] == ["d2"]
