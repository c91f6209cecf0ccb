"""The command turns what is read into what is committed as one fact, and tells the rest."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from tests.unit.orchestra import SECOND, heartbeat, make_plan, now

from orchestrator.command import Command, Turn
from orchestrator.director import Director
from orchestrator.directory import Directory
from orchestrator.fleet import Fleet
from orchestrator.pace import Pace
from orchestrator.run import Run
from orchestrator.terms import BootKey, TermKey
from spate.bus import Received
from spate.messages import (
    AnyMessage,
    Beat,
    ClosedTerm,
    Message,
    RangeEnd,
    RangeProgress,
    Register,
    decode,
)
from spate.timing import Timing
from spate.topics import topic_table

TOPICS = topic_table()
EPOCH = 5
D1 = TermKey("d1", "b", 1)


class World:
    """A command; what it writes is read back when told so."""

    def __init__(self, *runs: str, count: int = 10, **plan: Any) -> None:
        self.fleet = Fleet(Timing())
        self.directory = Directory()
        self.command = Command(
            topics=TOPICS,
            timing=Timing(),
            epoch=EPOCH,
            fleet=self.fleet,
            directory=self.directory,
        )
        self.read_to = {0: 0, 1: 0}
        self._revise = itertools.count(1).__next__
        self._offset = itertools.count(100).__next__
        self._n = itertools.count(1).__next__
        for run_id in runs:
            self.submit(run_id, count, **plan)

    def submit(self, run_id: str, count: int = 10, **plan: Any) -> Director:
        """Add a run."""
        run = Run(run_id, make_plan(count, **plan), "digest", now(0).wall_ns)
        director = Director(
            run,
            fleet=self.fleet,
            timing=Timing(),
            pace=Pace(Timing()),
            epoch=EPOCH,
            revise=self._revise,
        )
        self.directory.add(director)
        return director

    def hear(self, message: Message, at_s: float, topic: str = TOPICS.heartbeat) -> None:
        """Let the command read a message."""
        at = now(at_s)
        record = Received(topic, 0, self._offset(), at.mono_ns // 1_000_000, True, "k", b"")
        self.command.hear(message, record, at)  # type: ignore[arg-type]

    def say(self, driver_id: str, at_s: float, **fields: Any) -> None:
        """Let a driver speak."""
        self.hear(heartbeat(driver_id, **{"n": self._n()} | fields), at_s)

    def turn(self, at_s: float) -> Turn:
        """Turn."""
        return self.command.turn(now(at_s), self.read_to)

    def director(self, run_id: str = "r") -> Director:
        """Return a run's director."""
        found = self.directory.find(run_id)
        assert found is not None
        return found

    def start(self) -> Director:
        """Let the run begin on one driver, at 1 s."""
        self.say("d1", 0)
        self.turn(0)
        self.say("d1", 0, run_id="r", revision=self.director().orders.granted)
        self.turn(0)
        assert self.director().run.state == "RUNNING"
        return self.director()

    def all_decided(self, at_s: float) -> None:
        """Let the driver decide everything, and report it."""
        director = self.director()
        assert director.ledger is not None
        assert director.aggregator is not None
        for term in director.ledger.live():
            said = tuple(
                RangeProgress(id=i, decided=a.size, claim=a.size) for i, a in term.ranges.items()
            )
            self.say(
                term.key.driver_id,
                at_s,
                run_id="r",
                state="RUNNING",
                revision=director.orders.granted,
                ranges=said,
            )


def kinds(turn: Turn) -> list[str]:
    """Return what a turn writes: topics or keys of the journal, without the prefix."""
    return [
        (r.key or "") if r.topic == TOPICS.runs else r.topic.rpartition(".")[2]
        for r in turn.records
    ]


def said(turn: Turn) -> AnyMessage:
    """Return the last message of a turn."""
    return decode(turn.records[-1].value or b"")


# ---- what is read ----------------------------------------------------------------------------


def test_it_knows_how_far_heartbeats_were_read() -> None:
    """Of that topic alone: the journal says it, for the next process."""
    world = World()
    world.say("d1", 0)
    assert world.command.heard_to == 101
    told = Register(driver_id="d1", boot_id="b", address="x", version="1", cpu_count=2)
    world.hear(told, 0, TOPICS.register)
    assert world.command.heard_to == 101
    assert world.fleet.registration(BootKey("d1", "b")) == told
    world.say("d1", 0, n=1)  # repeated, and read all the same
    assert world.command.heard_to == 103


def test_a_driver_that_appears_during_a_run_is_an_event() -> None:
    """Also one that is back after it was lost; before the start nobody asks."""
    world = World("r")
    director = world.start()
    world.say("d2", 2)
    world.say("d2", 2.5)
    world.hear(said(world.turn(7)), 7)
    world.say("d2", 8, term=2)
    joined = [e.text for e in director.run.events if e.kind == "joined"]
    assert joined == ["d2 appeared", "d2 is back"]


def test_who_is_silent_is_lost_when_the_own_beat_is_read_back() -> None:
    """R19: not when it is written; by when it was written, and only once."""
    world = World("r")
    director = world.start()
    early = said(world.turn(2.9))
    late = said(world.turn(3.2))
    assert not world.fleet.boots()[0].lost
    world.hear(early, 9)
    assert not world.fleet.boots()[0].lost
    world.hear(late, 9)
    assert world.fleet.boots()[0].lost
    assert director.ledger is not None
    assert director.ledger.terms[D1].status == "lost"
    assert [e.kind for e in director.run.events].count("lost") == 1


def test_a_driver_that_was_heard_before_the_beat_lives() -> None:
    """R19: in the order of the log."""
    world = World("r")
    world.start()
    beat = said(world.turn(3.5))
    world.say("d1", 9)
    world.hear(beat, 9)
    assert not world.fleet.boots()[0].lost


def test_beats_of_others_and_old_ones_prove_nothing() -> None:
    """Another process's, one that was read before, one that was overtaken."""
    world = World("r")
    world.start()
    first, second = said(world.turn(9)), said(world.turn(10))
    assert isinstance(first, Beat)
    assert isinstance(second, Beat)
    world.hear(first.model_copy(update={"epoch": 4}), 9)
    assert not world.fleet.boots()[0].lost
    world.say("d1", 9.5)
    world.hear(second, 10)
    world.hear(second, 20)
    world.hear(first, 20)
    assert not world.fleet.boots()[0].lost
    assert world.command._beats_sent == {}


def test_a_driver_that_leaves_may_fall_silent() -> None:
    """It is lost to the books as any other; the log does not warn of it."""
    world = World("r")
    director = world.start()
    world.say("d1", 1, leaving=True, run_id="r", state="RUNNING")
    world.hear(said(world.turn(9)), 9)
    assert director.ledger is not None
    assert director.ledger.terms[D1].status == "lost"


def test_runs_that_ended_are_not_touched_any_more() -> None:
    """Their report is fixed (R29)."""
    world = World("r")
    director = world.start()
    director.fail(now(2), "broken")
    director.finish(now(2), {})
    before = list(director.run.events)
    world.say("d1", 3, term=2)
    world.hear(said(world.turn(9)), 9)
    world.command.log_was_lost("x", now(9))
    assert director.run.events == before


def test_what_cannot_be_fails_the_run() -> None:
    """A driver that decided more than it had; one more such message does not fail it twice."""
    world = World("r")
    director = world.start()
    assert director.ledger is not None
    (range_id,) = director.ledger.terms[D1].ranges
    lie = ClosedTerm(run_id="r", term=1, ranges=(RangeEnd(id=range_id, decided=999),))
    world.say("d1", 2, term=2, closed=(lie,))
    assert director.run.state == "FAILED"
    assert director.run.reason is not None
    assert director.run.reason.startswith("the accounting cannot be trusted: d1 (term 1) ended")
    director.ledger.terms[D1].status = "lost"
    reason = director.run.reason
    world.say("d1", 3, term=2, closed=(lie,))
    assert director.run.reason == reason
    assert kinds(world.turn(3))[0] == "trigger"


def test_books_that_do_not_add_up_fail_the_run() -> None:
    """In the turn in which that is seen."""
    world = World("r")
    director = world.start()
    assert director.ledger is not None
    director.ledger.count += 1
    turn = world.turn(2)
    assert kinds(turn) == ["trigger", "r/ledger/0", "heartbeat"]
    assert director.run.state == "FAILED"


# ---- what follows ----------------------------------------------------------------------------


def test_orders_are_written_with_the_books_they_rest_on() -> None:
    """R14: in one transaction, with a beat; the change is told once it is committed."""
    world = World("r")
    world.say("d1", 0)
    turn = world.turn(0)
    assert kinds(turn) == ["test_config", "test_config", "r/ledger/0", "heartbeat"]
    assert [d.run.id for d in turn.changed] == ["r"]
    assert turn.beat


def test_a_turn_without_news_writes_nothing_between_two_beats() -> None:
    """A beat goes out every 250 ms, and with every change."""
    world = World()
    first = world.turn(1)
    assert kinds(first) == ["heartbeat"]
    assert world.command.beat_due_ns() == round(1.25 * SECOND)
    assert world.turn(1.2) == Turn((), (), beat=False)
    assert kinds(world.turn(1.25)) == ["heartbeat"]
    beat = said(first)
    assert isinstance(beat, Beat)
    assert (beat.epoch, beat.n, beat.run_id, beat.state) == (EPOCH, 1, None, None)


def test_beats_repeat_the_run_that_was_under_way_last() -> None:
    """R27: also when it has ended, until another begins; the level has the clock samples too."""
    world = World("r")
    world.start()
    beat = said(world.turn(2))
    assert isinstance(beat, Beat)
    assert (beat.run_id, beat.state, beat.revision, beat.elapsed_ns) == ("r", "RUNNING", 3, SECOND)
    level = decode(world.command.level(now(2)).value or b"")
    assert isinstance(level, Beat)
    assert (level.n, level.revision, len(level.echo)) == (beat.n, 3, 1)
    world.director().fail(now(3), "broken")
    world.director().finish(now(3), {})
    world.directory.drop("r")
    after = said(world.turn(4))
    assert isinstance(after, Beat)
    assert (after.run_id, after.state) == ("r", "FAILED")


def test_books_are_journaled_every_five_seconds() -> None:
    """Claims move without any order."""
    world = World("r")
    world.start()
    assert "r/ledger/0" in kinds(world.turn(6))
    assert "r/ledger/0" not in kinds(world.turn(10.9))
    assert "r/ledger/0" in kinds(world.turn(11))


def test_figures_are_journaled_every_half_minute() -> None:
    """If something was merged, with where the snapshots were read to."""
    world = World("r", count=9_999)
    director = world.start()
    assert director.aggregator is not None
    assert not any("aggregator" in kind for kind in kinds(world.turn(30)))
    director.aggregator.state.revision = 1
    assert not any("aggregator" in kind for kind in kinds(world.turn(59)))
    assert "r/aggregator/head-0" in kinds(world.turn(60))
    assert not any("aggregator" in kind for kind in kinds(world.turn(90)))


def test_no_snapshot_of_a_run_lies_before_its_first_grants() -> None:
    """From there on they are read again, if no figures were journaled."""
    world = World("r")
    world.read_to = {0: 3, 1: 4}
    world.turn(0)
    assert world.director().bookmarks.metrics_from is None
    world.say("d1", 0)
    world.turn(0.1)
    assert world.director().bookmarks.metrics_from == {0: 3, 1: 4}
    world.read_to[0] = 9
    world.turn(1)
    assert world.director().bookmarks.metrics_from == {0: 3, 1: 4}


# ---- the end ---------------------------------------------------------------------------------


def test_a_run_ends_when_the_metrics_were_read_to_their_end() -> None:
    """R29: to the ends that were fetched after it had settled."""
    world = World("r")
    director = world.start()
    world.all_decided(3)
    assert not world.command.settled_runs()
    world.turn(20)
    assert not world.command.settled_runs()  # nothing was reported, and the limit is not over
    world.turn(35)
    assert world.command.settled_runs()
    world.turn(35.1)
    assert not director.run.ended
    world.command.learn_ends({0: 5, 1: 0})
    assert not world.command.settled_runs()
    world.turn(35.2)
    assert not director.run.ended
    world.read_to[0] = 7
    turn = world.turn(35.3)
    assert kinds(turn) == ["trigger", "r/ledger/0", "heartbeat"]
    assert (director.run.state, director.bookmarks.metrics_ends) == ("FINISHED", {0: 7, 1: 0})
    assert turn.changed == (director,)
    assert not world.command.settled_runs()


def test_a_run_that_settled_and_did_not_fetches_the_ends_anew() -> None:
    """More may have been written meanwhile."""
    world = World("r")
    director = world.start()
    world.all_decided(3)
    world.turn(4)
    world.turn(20)
    assert world.command.settled_runs()
    world.command.learn_ends({0: 5, 1: 0})
    assert director.ledger is not None
    (account,) = director.ledger.terms[D1].ranges.values()
    account.decided -= 1
    world.turn(20.1)
    assert not world.command.settled_runs()
    account.decided += 1
    world.read_to[0] = 9
    world.turn(20.2)
    world.turn(36)
    assert not director.run.ended
    assert world.command.settled_runs()
    world.command.learn_ends({0: 10, 1: 0})
    world.command.learn_ends({0: 99, 1: 0})  # the first that were fetched count
    world.read_to[0] = 10
    world.turn(36.1)
    assert director.run.ended


def test_a_run_is_ended_while_it_waits() -> None:
    """It settles at once; the one under way goes on."""
    world = World("r", "waiting")
    director = world.start()
    waiting = world.director("waiting")
    waiting.abort(now(2), "aborted by a user")
    turn = world.turn(2)
    assert turn.changed == (waiting,)
    assert "waiting/ledger/0" in kinds(turn)
    assert world.command.settled_runs()
    world.command.learn_ends({0: 0, 1: 0})
    world.turn(2.1)
    assert (waiting.run.ended, director.run.state) == (True, "RUNNING")


# ---- what befalls the log --------------------------------------------------------------------


def test_a_log_that_lost_records_ends_what_was_under_way() -> None:
    """R16: what waits has lost nothing."""
    world = World("r", "waiting")
    director = world.start()
    world.command.log_was_lost("the log lost spate.heartbeat from offset 9 on", now(2))
    assert (director.run.state, director.run.reason) == (
        "FAILED",
        "the log lost spate.heartbeat from offset 9 on",
    )
    assert world.director("waiting").run.state == "PENDING"
    assert kinds(world.turn(2))[:2] == ["trigger", "r/ledger/0"]


@pytest.mark.parametrize(("away_s", "state"), [(20, "RUNNING"), (60, "ABORTED")])
def test_a_log_that_was_away_is_told_to_the_run_under_way(away_s: int, state: str) -> None:
    """One that waits has not begun."""
    world = World("r", "waiting")
    director = world.start()
    world.command.log_was_away(away_s * SECOND, now(80))
    assert director.run.state == state
    assert [e.kind for e in director.run.events].count("problem") == 1
    assert world.director("waiting").run.events == []
    assert [boot.replayed for boot in world.fleet.boots()] == [True]  # its silence is excused
    pending = World("r")
    pending.command.log_was_away(away_s * SECOND, now(80))
    assert pending.director().run.events == []


def test_only_orders_are_written_as_orders() -> None:
    """Anything else is a mistake of ours."""
    with pytest.raises(TypeError, match="no order"):
        World().command._records([heartbeat()])
