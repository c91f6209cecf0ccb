"""Plays a world by chance: which faults come how often, and what happens then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

from tests.unit.model.leader import FAULTS
from tests.unit.model.world import World, make_plan

Act = Callable[[World, Random], None]
Weights = Mapping[str, float]


def _kill(world: World, random: Random) -> None:
    if world.alive:
        world.kill(random.choice(world.alive))


def _reboot(world: World, random: Random) -> None:
    if world.alive:
        worker = random.choice(world.alive)
        if random.random() < 0.7:
            world.kill(worker)
        world.join(worker.session.driver_id)


def _join(world: World, random: Random) -> None:
    if len(world.alive) < 6:
        known = random.choice(world.workers).session.driver_id
        world.join(known if random.random() < 0.2 else None)


def _leave(world: World, random: Random) -> None:
    if world.alive:
        world.leave(random.choice(world.alive))


def _freeze(world: World, random: Random) -> None:
    if world.alive:
        asleep = random.random() < 0.5
        ms = random.choice((500, 1900, 2500, 3500, 5000, 9000))
        world.freeze(random.choice(world.alive), ms, asleep=asleep)


def _nap(world: World, random: Random) -> None:
    """A driver sleeps, hears nothing afterwards, and the log's clock steps back meanwhile."""
    if world.alive:
        worker = random.choice(world.alive)
        world.stamp(1)
        world.wait(random.randrange(600, 900))
        ms = random.choice((3900, 4600))
        world.freeze(worker, ms, asleep=random.random() < 0.8)
        world.deafen(worker, ms + 3000, skips=False)
        world.wait(random.randrange(3400, 3800))
        world.stamp(0)
        world.wait(ms - 2500)


def _succeed(world: World, random: Random) -> None:
    """An orchestrator dies with its last word, the next one begins while the log's clock errs."""
    if not world.leading or not world.alive:
        return
    leader = world.leading[-1]
    world.deafen(random.choice(world.alive), 6000, skips=False)
    world.stamp(0)
    world.disturb(leader, "die after a journal")
    for _ in range(60):
        if leader.process.dead:
            break
        world.wait(50)
    world.stamp(1)
    world.lead()
    world.wait(random.randrange(200, 900))
    world.stamp(0)


def _mute(world: World, random: Random) -> None:
    if world.alive:
        world.mute(random.choice(world.alive), random.choice((300, 1000, 2500, 3500, 5000)))


def _deafen(world: World, random: Random) -> None:
    if world.alive:
        ms = random.choice((500, 2000, 4000, 10_000))
        world.deafen(random.choice(world.alive), ms, skips=random.random() < 0.5)


def _cloud(world: World, random: Random) -> None:
    if world.alive:
        worst = random.choice((15, 100, 500, 1500))
        lost = random.choice((0.0, 0.02, 0.1))
        world.cloud(random.choice(world.alive), worst, random.choice((15, 100, 1500)), lost)


def _fog(world: World, random: Random) -> None:
    """Many snapshots of everybody fail for a while, and go out again."""
    lost = random.choice((0.3, 0.5))
    for worker in world.alive:
        world.cloud(worker, 15, 15, lost)
        worker.weather.unanswered = 0.0
    world.wait(3000)
    for worker in world.alive:
        worker.weather.lost = 0.0


def _stamp(world: World, random: Random) -> None:
    world.stamp(random.uniform(0, 1))


def _wall(world: World, random: Random) -> None:
    if world.clocks:
        world.set_wall_clock(random.choice(world.clocks), random.choice((-5000, -700, 60, 4000)))


def _topple(world: World, random: Random) -> None:
    if world.leading:
        world.topple(random.choice(world.leading))


def _lead(world: World, random: Random) -> None:
    if len(world.leading) < 2 and (not world.leading or random.random() < 0.3):
        world.lead()


def _disturb(world: World, random: Random) -> None:
    if world.leading:
        fault = random.choice(FAULTS)
        world.disturb(random.choice(world.leading), fault, random.choice((0, 0, 1, 5)))


def _stall(world: World, random: Random) -> None:
    if world.leading:
        world.stall(random.choice(world.leading), random.choice((300, 2000, 5000)))


def _delay(world: World, random: Random) -> None:
    if world.leading:
        world.delay(random.choice(world.leading), random.choice((0, 100, 1000, 4000, 4000)))


def _compact(world: World, random: Random) -> None:  # noqa: ARG001 - all acts are called alike
    world.log.compact()


LOADS = ("tsunami", "arrivals", "avalanche")


def submit(
    world: World,
    random: Random,
    loads: Sequence[str] = LOADS,
    counts: Sequence[int] = (20, 90, 200, 400),
) -> None:
    """Ask for a run of one of these loads."""
    on_loss = random.choice(("takeover", "takeover", "takeover", "abort"))
    plan = make_plan(
        random.choice(loads),
        random.choice(counts),
        random.choice((1, 1, 2, 3)),
        drivers={"on_loss": on_loss},
    )
    world.submit(plan)


def _submit(world: World, random: Random) -> None:
    if len(world.plans) < 3:
        submit(world, random)


def _stop(world: World, random: Random) -> None:
    if world.plans:
        world.ask(random.choice(tuple(world.plans)), "stop")


def _abort(world: World, random: Random) -> None:
    if world.plans:
        world.ask(random.choice(tuple(world.plans)), "abort")


ACTS: Mapping[str, Act] = {
    "kill": _kill,
    "reboot": _reboot,
    "join": _join,
    "leave": _leave,
    "freeze": _freeze,
    "nap": _nap,
    "succeed": _succeed,
    "mute": _mute,
    "deafen": _deafen,
    "cloud": _cloud,
    "fog": _fog,
    "stamp": _stamp,
    "wall": _wall,
    "topple": _topple,
    "lead": _lead,
    "disturb": _disturb,
    "stall": _stall,
    "delay": _delay,
    "compact": _compact,
    "submit": _submit,
    "stop": _stop,
    "abort": _abort,
}

EVERYTHING: Weights = dict.fromkeys(ACTS, 1.0) | {
    "lead": 4.0,
    "join": 2.0,
    "submit": 0.7,
    "stop": 0.15,
    "abort": 0.15,
}


def act(world: World, random: Random, weights: Weights) -> None:
    """Let one thing happen."""
    name = random.choices(tuple(weights), tuple(weights.values()))[0]
    ACTS[name](world, random)


def play(
    world: World,
    random: Random,
    weights: Weights,
    *,
    acts: int,
    pause_ms: int = 500,
    lull_ms: int = 500,
    loads: Sequence[str] = LOADS,
    counts: Sequence[int] = (20, 90, 200, 400),
) -> None:
    """Begin a run, let so many things happen, and see everything come to its end."""
    world.wait(random.randrange(1000, 3000))
    submit(world, random, loads, counts)
    world.wait(random.randrange(lull_ms, lull_ms + 3000))
    for _ in range(acts):
        act(world, random, weights)
        world.wait(random.randrange(1, 2 * pause_ms))
    world.settle()
