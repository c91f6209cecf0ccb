"""The protocol without one of its rules each: naive versions that the invariants must catch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from tests.unit.model.chaos import Weights
from tests.unit.model.world import Trust

from driver.grant_parts import GrantParts
from driver.licence import Licence
from driver.ranges import HeldRanges
from driver.session import Session
from orchestrator import recall
from orchestrator.command import Command, Turn
from orchestrator.fleet import Fleet
from orchestrator.ledger import Ledger
from orchestrator.ledger_state import load_boots, load_ledger
from orchestrator.terms import Now, TermKey
from spate.messages import Grant, Grants, RangeProgress
from spate.seq_set import SeqSet

Patch = Callable[[pytest.MonkeyPatch], None]
"""Takes a rule out of the product."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A naive rule, and the kind of world in which it is soon caught.

    ``since`` is the first such world that is tried: those before it are known not to tell.
    """

    patch: Patch
    weights: Weights
    breaks: tuple[str, ...]
    trust: Trust = "clocks"
    parts: int = 1
    acts: int = 12
    pause_ms: int = 700
    lull_ms: int = 1000
    loads: Sequence[str] = ("tsunami", "arrivals")
    counts: Sequence[int] = (200, 400)
    since: int = 0


# ---- the orchestrator --------------------------------------------------------------------------


def _pool_from_decided(patch: pytest.MonkeyPatch) -> None:
    """(a) What a lost term had not decided when last heard is given to others, claimed or not."""
    lose = Ledger.lose

    def naive(self: Ledger, key: TermKey, now_ns: int) -> bool:
        term = self.terms.get(key)
        for account in term.ranges.values() if term is not None else ():
            account.claim = account.decided
        return lose(self, key, now_ns)

    patch.setattr(Ledger, "lose", naive)


def _lost_by_our_clock(patch: pytest.MonkeyPatch) -> None:
    """(b) Silence is judged by our own clock, at any time; nothing is read back."""
    turn = Command.turn

    def naive(self: Command, now: Now, read_to: Mapping[int, int]) -> Turn:
        for boot in self.fleet.boots():
            if not boot.lost and now.mono_ns - boot.read_ns >= self._timing.lost_after_ns:
                boot.lost = True
                for director in self.directory:
                    if not director.run.ended:
                        director.lose(boot.term, now)
        return turn(self, now, read_to)

    patch.setattr(Command, "turn", naive)


def _cut_unconfirmed(patch: pytest.MonkeyPatch) -> None:
    """(c) What was cut off is given away with the next heartbeat, whatever that has applied."""
    hear = Ledger.hear

    def naive(self: Ledger, key: TermKey, progress: Iterable[RangeProgress], revision: int) -> None:
        hear(self, key, progress, revision + (1 << 30))

    patch.setattr(Ledger, "hear", naive)


def _ids_again(patch: pytest.MonkeyPatch) -> None:
    """(h) The journal does not say which ids of ranges were used."""

    def naive(state: dict[str, Any], now_ns: int) -> Ledger:
        return load_ledger(state | {"next_id": 1}, now_ns)

    patch.setattr(recall, "load_ledger", naive)


def _read_from_the_end(patch: pytest.MonkeyPatch) -> None:
    """(i) After a restart heartbeats are read from the end on, not from where the books stop."""
    resume = recall._resume

    def naive(*args: Any) -> None:
        resume(*args)
        args[3].heartbeat_from = None

    patch.setattr(recall, "_resume", naive)


def _silent_since_ever(patch: pytest.MonkeyPatch) -> None:
    """(j) After a restart everybody was last read at the time of the old process's clock."""

    def naive(rows: list[dict[str, Any]], fleet: Fleet, now_ns: int) -> None:
        load_boots(rows, fleet, now_ns - (1 << 40))

    patch.setattr(recall, "load_boots", naive)


def _highest_number(patch: pytest.MonkeyPatch) -> None:
    """(g) A snapshot counts if its number is above all that came before."""

    def naive(self: SeqSet, seq: int) -> bool:
        return bool(self._highs) and seq <= self._highs[-1]

    patch.setattr(SeqSet, "__contains__", naive)


# ---- the driver --------------------------------------------------------------------------------


def _claims_unacknowledged(patch: pytest.MonkeyPatch) -> None:
    """(d) What is claimed is used at once."""
    claims = HeldRanges.claims

    def naive(self: HeldRanges, until_ns: int | None, ahead: int) -> tuple[RangeProgress, ...]:
        asked = claims(self, until_ns, ahead)
        self.allow({each.id: each.claim for each in asked}, 0)
        return asked

    patch.setattr(HeldRanges, "claims", naive)


def _no_fence(patch: pytest.MonkeyPatch) -> None:
    """(e) Nobody looks whether the licence has ended."""
    patch.setattr(Licence, "expired", lambda _self, _boot_ns: False)


def _ranges_kept(patch: pytest.MonkeyPatch) -> None:
    """(f) A term that closes says where it ended, and its ranges go into the next."""
    end = HeldRanges.end

    def naive(self: HeldRanges) -> Any:
        held = dict(self._held)
        ends = end(self)
        self._held.update(held)
        self._order()
        return ends

    patch.setattr(HeldRanges, "end", naive)


def _any_term(patch: pytest.MonkeyPatch) -> None:
    """(h) Grants for an earlier term of this process are taken for the present one."""
    on_grants = Session.on_grants

    def naive(self: Session, message: Grants, now: Any) -> None:
        def mine(grant: Grant) -> Grant:
            me = (grant.driver_id, grant.boot_id) == (self.driver_id, self.boot_id)
            return grant.model_copy(update={"term": self.term}) if me else grant

        grants = tuple(mine(grant) for grant in message.grants)
        on_grants(self, message.model_copy(update={"grants": grants}), now)

    patch.setattr(Session, "on_grants", naive)


def _part_by_part(patch: pytest.MonkeyPatch) -> None:
    """(k) Each part of the grants is applied as if it were the whole."""
    patch.setattr(GrantParts, "add", lambda _self, part: part.grants)


def _nothing(patch: pytest.MonkeyPatch) -> None:
    """(l) The product is as it is; the world breaks both halves of A4."""


_DEATHS: Weights = {"kill": 2, "freeze": 4, "mute": 2, "join": 2, "lead": 1}
_RESTARTS: Weights = {"topple": 3, "lead": 5, "freeze": 3, "kill": 2, "join": 2}

MUTANTS: Mapping[str, Mutant] = {
    "pool from decided": Mutant(_pool_from_decided, _DEATHS, ("I1", "I2")),
    "lost by our clock": Mutant(
        _lost_by_our_clock, {"delay": 3, "join": 1}, ("I1", "I2"), acts=4, pause_ms=2500
    ),
    "cut unconfirmed": Mutant(_cut_unconfirmed, {"join": 3, "deafen": 4}, ("I1", "I2")),
    "claims unacknowledged": Mutant(_claims_unacknowledged, {"join": 1}, ("I8",)),
    "no fence": Mutant(_no_fence, {"nap": 1}, ("I1", "I2"), acts=1, lull_ms=1200),
    "ranges kept": Mutant(_ranges_kept, {"freeze": 3, "mute": 3, "join": 1}, ("I8",)),
    "highest number": Mutant(_highest_number, {"fog": 1}, ("R28",), acts=3),
    "ids again": Mutant(_ids_again, _RESTARTS, ("I4",), since=7),
    "any term": Mutant(_any_term, {"freeze": 4, "mute": 4, "join": 1}, ("I1", "I2")),
    "read from the end": Mutant(_read_from_the_end, _RESTARTS, ("I1", "I2", "I8")),
    "silent since ever": Mutant(
        _silent_since_ever, {"succeed": 1}, ("I1", "I2"), acts=3, pause_ms=300, since=9
    ),
    "part by part": Mutant(_part_by_part, {"join": 2}, ("I7",), parts=3, acts=2, counts=(20,)),
    "neither half of A4": Mutant(
        _nothing, {"nap": 1}, ("I1", "I2"), acts=1, lull_ms=1200, trust="neither"
    ),
}
