"""The session in the hands of a hostile world: a model of the log and of the orchestrator."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.unit.session_rig import TIMING, Rig

from spate.bus import Ack
from spate.grant import Range
from spate.messages import (
    Beat,
    Grant,
    Grants,
    Heartbeat,
    Order,
    PlanDocument,
    RunState,
)
from spate.timing import MS


@dataclass
class Account:
    """What the model orchestrator knows of a range it granted."""

    range: Range
    decided: int = 0
    claim: int = 0
    cut: tuple[int, int] | None = None


@dataclass
class Term:
    """What the model orchestrator knows of a term."""

    accounts: dict[int, Account] = field(default_factory=dict)
    live: bool = True
    read_ns: int = 0
    append_ms: int = 0


class World(RuleBasedStateMachine):
    """One session, a log that delays, fails and swallows answers, and a tiny orchestrator.

    The orchestrator follows R17 to R20. What it takes back is sent at once by somebody else, so an
    index that the session decides as well is seen.
    """

    test_type = "tsunami"

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(self.test_type)
        self.session = self.rig.session
        self.waiting: deque[Heartbeat] = deque()
        self.acks: deque[tuple[Heartbeat, Ack]] = deque()
        self.log: list[tuple[Heartbeat | int, int]] = []
        self.read = 0
        self.offset = 0
        self.heard = 0
        self.terms: dict[int, Term] = {}
        self.closed_through = 0
        self.pool: list[Range] = [Range(1, 0, 1, 40)]
        self.next_id = 2
        self.revision = 0
        self.control: list[Grants | Order | Beat] = []
        self.began_ns: int | None = None
        self.draining = False
        # The truth, for the checks.
        self.boots: dict[int, int] = {}
        self.first_sent: dict[int, int] = {}
        self.acknowledged: dict[int, int] = {}
        self.claims: dict[tuple[int, int], int] = {}
        self.decided: dict[tuple[int, int], int] = {}
        self.sent_somewhere: set[int] = set()
        self.last_n = 0
        self.last_term = 0

    # ---- time and the log ------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        """The plan is known and the run is on its way."""
        plan = self.rig.plan
        self.session.on_plan(
            PlanDocument(epoch=0, run_id="r", digest=plan.digest(), plan=plan.to_document())
        )
        for _ in range(3):
            self.turn(10, 100)

    @rule(most=st.integers(0, 10), ms=st.sampled_from([50, 100, 500]))
    def turn(self, most: int, ms: int) -> None:
        """Everything goes well for once: all that is under way arrives, in order."""
        self.rig.wait(ms * MS)
        self.heartbeat()
        while self.waiting:
            self.append("taken")
        while self.acks:
            self.acknowledge()
        self.beat()
        while self.read < len(self.log):
            self.hear()
        if self.pool and not self.draining:
            self.grant(to_others=False, parts=1)
        control, self.control = self.control, []
        for message in control:
            self._control(message)
        self.decide(most)

    @rule(ms=st.sampled_from([1, 50, 300, 500, 1000, 1999, 2000, 4000]))
    def wait(self, ms: int) -> None:
        """Time passes; a long step is a process that was frozen."""
        self.rig.wait(ms * MS)

    @rule()
    def heartbeat(self) -> None:
        """The driver sends a heartbeat, which the log has not taken yet."""
        message = self.rig.heartbeat()
        assert message.n > self.last_n
        assert message.term >= self.last_term
        assert message.first == (message.term not in self.first_sent)
        self.last_n, self.last_term = message.n, message.term
        self.first_sent.setdefault(message.term, self.rig.now.boot_ns)
        for closed in message.closed:
            for end in closed.ranges:
                assert end.decided == self.decided.get((closed.term, end.id), 0)
        self.waiting.append(message)
        self.boots[message.n] = self.rig.now.boot_ns

    @precondition(lambda self: self.waiting)
    @rule(fate=st.sampled_from(["taken", "taken", "taken", "answer lost", "refused"]))
    def append(self, fate: str) -> None:
        """The log takes the next heartbeat, or refuses it, or takes it and says nothing."""
        message = self.waiting.popleft()
        ack = Ack("h", 0, -1, 0, False, "timed out")
        if fate != "refused":
            self.offset += 1
            self.log.append((message, self.rig.ns // MS))
            if fate == "taken":
                ack = Ack("h", 0, self.offset, self.rig.ns // MS, True, None)
        self.acks.append((message, ack))

    @precondition(lambda self: self.acks)
    @rule()
    def acknowledge(self) -> None:
        """An acknowledgement arrives, however late."""
        message, ack = self.acks.popleft()
        if ack.error is None:
            # Even if it comes too late for the session: the checks are about safety.
            self.acknowledged[message.term] = max(
                self.acknowledged.get(message.term, 0), self.boots[message.n]
            )
            for said in message.ranges:
                key = (message.term, said.id)
                self.claims[key] = max(self.claims.get(key, 0), said.claim)
        self.session.on_ack(message.n, ack, self.rig.now)

    # ---- the orchestrator ------------------------------------------------------------------

    @rule()
    def beat(self) -> None:
        """The orchestrator beats into the log and to the drivers."""
        self.offset += 1
        self.log.append((self.rig.ns, self.rig.ns // MS))
        self.control.append(
            Beat(
                epoch=0,
                n=1,
                run_id="r",
                revision=self.revision,
                state=None if self.began_ns is None else self.state,
                needs=1,
                starts_at_ns=None,
                elapsed_ns=None if self.began_ns is None else self.rig.ns - self.began_ns,
                sent_at_ns=self.rig.now.wall_ns,
            )
        )

    @property
    def state(self) -> RunState:
        """The state of the run."""
        return "DRAINING" if self.draining else "RUNNING"

    @precondition(lambda self: self.read < len(self.log))
    @rule()
    def hear(self) -> None:
        """The orchestrator reads the next record."""
        record, append_ms = self.log[self.read]
        self.read += 1
        if isinstance(record, Heartbeat):
            self._hear_heartbeat(record, append_ms)
        else:
            self._hear_beat(record, append_ms)

    def _hear_heartbeat(self, message: Heartbeat, append_ms: int) -> None:
        self.heard = max(self.heard, message.term)
        said = {closed.term: {e.id: e.decided for e in closed.ranges} for closed in message.closed}
        for number, term in self.terms.items():
            if self.closed_through < number < message.term:
                for account in term.accounts.values():
                    end = said.get(number, {}).get(account.range.id, 0)
                    assert end == self.decided.get((number, account.range.id), 0)
                    assert end <= account.range.size
                    self._give_back(account, end)
                term.live = False
        self.closed_through = max(self.closed_through, message.term - 1)
        term = self.terms.setdefault(message.term, Term())
        term.read_ns, term.append_ms = self.rig.ns, append_ms
        if not term.live:
            return
        for progress in message.ranges:
            account = term.accounts[progress.id]
            account.decided = progress.decided
            account.claim = max(account.claim, min(progress.claim, account.range.size))
            if account.cut is not None and message.revision >= account.cut[1]:
                self._give_back(account, max(account.cut[0], progress.decided))
                account.cut = None

    def _hear_beat(self, sent_ns: int, append_ms: int) -> None:
        for term in self.terms.values():
            silent = sent_ns - term.read_ns >= TIMING.lost_after_ns
            if term.live and silent and (append_ms - term.append_ms) * MS >= TIMING.lost_after_ns:
                term.live = False
                for account in term.accounts.values():
                    self._give_back(account, account.claim)

    def _give_back(self, account: Account, position: int) -> None:
        tail = account.range.tail(position, self.next_id)
        if tail.size:
            self.next_id += 1
            self.pool.append(tail)
            account.range = account.range.head(position)

    @precondition(lambda self: self.pool and not self.draining)
    @rule(to_others=st.booleans(), parts=st.integers(1, 2))
    def grant(self, to_others: bool, parts: int) -> None:
        """The pool goes to the session's term, or to somebody else who sends it at once."""
        pool, self.pool = self.pool, []
        term = self.terms.get(self.heard)
        if (to_others and self.revision) or term is None or not term.live:
            for pooled in pool:
                for index in pooled.indices():
                    assert index not in self.sent_somewhere
                    self.sent_somewhere.add(index)
        else:
            term.accounts.update({pooled.id: Account(pooled) for pooled in pool})
        self._publish(parts)
        if self.began_ns is None:
            self.began_ns = self.rig.ns + 100 * MS

    @precondition(lambda self: any(t.live and t.accounts for t in self.terms.values()))
    @rule(share=st.floats(0, 1))
    def cut(self, share: float) -> None:
        """The tails beyond the claims are asked back (R20)."""
        for term in self.terms.values():
            for account in term.accounts.values():
                if term.live and account.cut is None:
                    room = account.range.size - account.claim
                    account.cut = (account.claim + int(share * room), self.revision + 1)
        self._publish(1)

    @rule()
    def repeat(self) -> None:
        """The standing grants are published again."""
        if self.revision:
            self.revision -= 1
            self._publish(1)

    def _publish(self, parts: int) -> None:
        self.revision += 1
        grants = [
            Grant(
                driver_id="d",
                boot_id="b",
                term=number,
                closed_through=self.closed_through,
                ranges=tuple(
                    account.range.head(account.cut[0]) if account.cut else account.range
                    for account in term.accounts.values()
                    if account.decided < account.range.size
                ),
            )
            for number, term in self.terms.items()
            if term.live
        ]
        pieces = [tuple(grants), (), ()][:parts]
        self.control += [
            Grants(
                epoch=0,
                run_id="r",
                revision=self.revision,
                part=part,
                parts=parts,
                plan_digest=self.rig.plan.digest(),
                count=40,
                drivers_at_start=1,
                grants=piece,
            )
            for part, piece in enumerate(pieces)
        ]

    @precondition(lambda self: self.revision > 6)
    @rule()
    def drain(self) -> None:
        """Somebody stops the run."""
        self.draining = True
        self.control.append(
            Order(
                epoch=0,
                run_id="r",
                revision=self.revision,
                state="DRAINING",
                needs=1,
                starts_at_ns=None,
            )
        )

    @precondition(lambda self: self.revision > 9)
    @rule()
    def refuse(self) -> None:
        """The driver finds that it cannot take part."""
        self.session.refuse("no secret")

    # ---- what the driver hears and does ----------------------------------------------------

    @precondition(lambda self: self.control)
    @rule(pick=st.integers(0, 1 << 16), fate=st.sampled_from(["heard", "heard", "twice", "lost"]))
    def deliver(self, pick: int, fate: str) -> None:
        """A control message arrives, in any order, again, or never."""
        # Mostly the newest, so that things happen.
        at = len(self.control) - 1 if pick % 3 else pick % len(self.control)
        message = self.control[at]
        if fate != "twice":
            del self.control[at]
        if fate == "lost":
            return
        self._control(message)

    def _control(self, message: Grants | Order | Beat) -> None:
        match message:
            case Grants():
                self.session.on_grants(message, self.rig.now)
            case Order():
                self.session.on_order(message, self.rig.now)
            case Beat():
                self.session.on_beat(message, self.rig.now)

    @rule(most=st.integers(1, 10))
    def decide(self, most: int) -> None:
        """The engine takes what it may."""
        held = self.rig.look()
        if held is None:
            return
        before = {key: each.decided for key, each in held._held.items()}
        indices = self.rig.decide(most)
        term = self.session.term
        for index in indices:
            assert index not in self.sent_somewhere
            self.sent_somewhere.add(index)
        moved = {key: each.decided for key, each in held._held.items()}
        for key, position in moved.items():
            self.decided[term, key] = position
            if position > before[key]:
                assert position <= self.claims[term, key]
        if indices:
            assert self.session.refusal is None
            licence_ns = max(self.acknowledged.get(term, 0), self.first_sent[term])
            assert self.rig.now.boot_ns < licence_ns + TIMING.fence_after_ns
            assert self.session.state == "RUNNING"

    @invariant()
    def ranges_stay_in_bounds(self) -> None:
        """Decided ≤ allowed ≤ acknowledged claim, decided ≤ size (I8)."""
        held = self.session._ranges
        for key, each in held._held.items() if held is not None else ():
            assert each.decided <= each.range.size
            assert each.decided <= each.allowed
            assert each.allowed <= self.claims.get((self.session.term, key), 0)


class ClosedWorld(World):
    """The same with closed load."""

    test_type = "avalanche"


TestSessionInOpenLoad = World.TestCase
TestSessionInOpenLoad.settings = settings(max_examples=40, stateful_step_count=50, deadline=None)
TestSessionInClosedLoad = ClosedWorld.TestCase
TestSessionInClosedLoad.settings = settings(max_examples=40, stateful_step_count=50, deadline=None)
