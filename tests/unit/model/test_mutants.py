"""Without any one of its rules the protocol breaks an invariant, and the model sees it."""

from __future__ import annotations

from random import Random

import pytest
from tests.unit.model.chaos import play
from tests.unit.model.mutants import MUTANTS, Mutant
from tests.unit.model.truth import Violation
from tests.unit.model.world import World

SEEDS = 60
"""Worlds that are tried until one breaks."""


def play_one(mutant: Mutant, seed: int, *, sound: bool = False) -> None:
    """Play a world of the kind that is hard for this mutant; ``sound``: A4 holds in it."""
    trust = "clocks" if sound and mutant.trust == "neither" else mutant.trust
    world = World(Random(seed), drivers=3, trust=trust, parts=mutant.parts)
    play(
        world,
        Random(seed + 1000),
        mutant.weights,
        acts=mutant.acts,
        pause_ms=mutant.pause_ms,
        lull_ms=mutant.lull_ms,
        loads=mutant.loads,
        counts=mutant.counts,
    )


def first_violation(mutant: Mutant) -> tuple[int, Violation] | None:
    """Return the first world that breaks, and how."""
    for seed in range(mutant.since, mutant.since + SEEDS):
        with pytest.MonkeyPatch.context() as patch:
            mutant.patch(patch)
            try:
                play_one(mutant, seed)
            except Violation as violation:
                return seed, violation
    return None


@pytest.mark.parametrize("name", MUTANTS)
def test_the_rule_is_needed(name: str) -> None:
    """Without the rule a world breaks; with it the same world does not."""
    mutant = MUTANTS[name]
    found = first_violation(mutant)
    assert found is not None, f"no world notices: {mutant.patch.__doc__}"
    seed, violation = found
    assert str(violation).split(":")[0] in mutant.breaks
    play_one(mutant, seed, sound=True)
