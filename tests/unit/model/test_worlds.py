"""Worlds that are worth a look of their own: what the search found, and what it leaves out."""

from __future__ import annotations

from random import Random

from tests.unit.model.log import TOPICS
from tests.unit.model.world import World, make_plan

from orchestrator.handover import MAX_RANGES


def most_ranges(world: World) -> int:
    """Return how many unfinished ranges the term with the most has."""
    command = world.leaders[0].command
    director = None if command is None else command.directory.find("r1")
    if director is None or director.ledger is None:
        return 0
    return max((term.unfinished for term in director.ledger.live()), default=0)


def test_closed_load_does_not_fall_to_pieces() -> None:
    """However often drivers come and go, the work lies in few ranges again soon after (R23).

    A cut once left a second's work in each range of a term, not in each term: every cut doubled
    the ranges, which was a reason for the next one.
    """
    world = World(Random(5), drivers=5, service_ms=100)
    world.wait(2000)
    world.submit(make_plan("avalanche", 400, 1, limits={"connections": 2}))
    world.wait(4000)
    for turn in range(8):
        world.mute(world.workers[turn % 5], 4000)
        world.wait(2500)
    world.wait(6000)
    assert most_ranges(world) <= MAX_RANGES
    revision = world.truth.run("r1").revision
    world.wait(5000)
    assert world.truth.run("r1").revision == revision
    assert world.truth.reports == {}


def test_a_log_that_was_lost_ends_the_run() -> None:
    """When the log of heartbeats is gone the drivers stop and the run is FAILED (R3d, R16)."""
    for seed in range(5):
        world = World(Random(seed), drivers=3)
        world.wait(2000)
        world.submit(make_plan("tsunami", 200))
        world.wait(3000 + 400 * seed)
        world.truth.blame("the log was lost")
        world.log.lose((TOPICS.heartbeat, 0), 0)
        world.wait(1500)
        assert world.alive == []
        world.settle()
        report = world.truth.reports["r1"]
        assert report["run"]["state"] == "FAILED"
        assert "lost" in report["run"]["reason"]


def test_a_quiet_world_confirms_everything() -> None:
    """Where nothing goes wrong every arrival has an outcome, whoever joins or leaves (I6)."""
    for seed, kind in enumerate(("tsunami", "arrivals", "avalanche")):
        world = World(Random(seed), drivers=2)
        world.wait(2000)
        world.submit(make_plan(kind, 200, 2))
        world.wait(3000)
        world.join()
        world.wait(2500)
        world.leave(world.workers[0])
        world.settle()
        report = world.truth.reports["r1"]
        assert report["run"]["state"] == "FINISHED"
        assert report["accounting"]["unconfirmed"] == 0
        assert world.truth.run("r1").blamed == set()


def test_a_first_snapshot_that_is_late_is_waited_for() -> None:
    """A stop or a leaving while snapshots are refused leaves nothing unconfirmed (ADR 11).

    Where only a process's first snapshot of the run was missing, those that came showed no gap,
    and the run was settled without it.
    """
    for seed in (378, 385, 388, 455):
        random = Random(seed)
        world = World(random, drivers=2)
        world.wait(2000)
        world.submit(make_plan(random.choice(("tsunami", "avalanche")), 200))
        world.wait(1200)
        for worker in world.workers:
            world.cloud(worker, 15, 15, 0.6)
            worker.weather.unanswered = 0
        world.wait(random.randrange(500, 1500))
        if random.random() < 0.5:
            world.ask("r1", "stop")
        else:
            world.leave(world.workers[0])
        world.wait(2500)
        world.settle()
        assert world.truth.reports["r1"]["accounting"]["unconfirmed"] == 0
