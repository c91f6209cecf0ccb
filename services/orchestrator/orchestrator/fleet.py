"""Who is there: every driver process heard, its present term, and whether it may be given work.

Pure: judges by what was read from the ``heartbeat`` topic and when (R17, R19, R22).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.clock_echoes import ClockEchoes
from orchestrator.terms import BootKey, TermKey
from spate.messages import STATE_ORDER, ClockEcho, Heartbeat, Register
from spate.timing import SECOND, Timing

_FORGET_LOST_AFTER_NS = 600 * SECOND
"""A process that was lost stays on display for ten minutes."""

_FORGET_LEFT_AFTER_NS = 60 * SECOND
"""One that left in good order needs no attention."""


@dataclass(slots=True)
class Boot:
    """One driver process as last heard. ``read_ns`` is our monotonic time of reading.

    ``replayed`` says that this was while the log was read again: it may be long ago.
    """

    key: BootKey
    heartbeat: Heartbeat
    read_ns: int
    append_ms: int
    lost: bool = False
    spent_term: int = 0
    replayed: bool = False
    _term: TermKey | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def term(self) -> TermKey:
        """Its present term: asked for far more often than it changes."""
        if self._term is None or self._term.term != self.heartbeat.term:
            self._term = TermKey(*self.key, self.heartbeat.term)
        return self._term

    @property
    def fresh(self) -> bool:
        """Whether its present term is live and not used up by a run that ended."""
        return not self.lost and self.heartbeat.term > self.spent_term


@dataclass(frozen=True, slots=True)
class Heard:
    """Whose heartbeat it was; ``joined``: its first, ``back``: its first after it was lost."""

    boot: Boot
    joined: bool = False
    back: bool = False


class Fleet:
    """All driver processes heard. ``replaying`` while what was written before is read again.

    ``losses`` counts those that were taken for lost, since this process began.
    """

    def __init__(self, timing: Timing) -> None:
        self.replaying = False
        self.losses = 0
        self._timing = timing
        self._boots: dict[BootKey, Boot] = {}
        self._in_order: list[Boot] | None = []
        self._registered: dict[BootKey, tuple[Register, int]] = {}
        self._echoes = ClockEchoes()
        self._forgot_ns = -SECOND

    def boots(self) -> list[Boot]:
        """Return all processes, by driver_id."""
        if self._in_order is None:
            self._in_order = sorted(self._boots.values(), key=lambda boot: boot.key)
        return list(self._in_order)

    def registration(self, key: BootKey) -> Register | None:
        """Return how the process described itself, if it did."""
        message, _ = self._registered.get(key, (None, 0))
        return message

    def register(self, message: Register, read_ns: int) -> None:
        """Keep a description; it decides nothing."""
        self._registered[BootKey(message.driver_id, message.boot_id)] = (message, read_ns)

    def restore(
        self, message: Heartbeat, append_ms: int, read_ns: int, *, lost: bool = False
    ) -> None:
        """Take up a process as the journal knows it, as if it was heard now (R13).

        A term that was lost stays lost: the books would not let it hold work.
        """
        key = BootKey(message.driver_id, message.boot_id)
        known = self._boots.get(key)
        if known is not None and known.heartbeat.n > message.n:
            return  # another run's entry is newer
        self._add(Boot(key, message, read_ns, append_ms, lost=lost, replayed=True))

    def find(self, key: BootKey) -> Boot | None:
        """Return a process, None if it was never heard or is forgotten."""
        return self._boots.get(key)

    def hear(
        self, message: Heartbeat, append_ms: int, read_ns: int, read_wall_ns: int
    ) -> Heard | None:
        """Take a heartbeat (R17); None if it is a repeated or overtaken one."""
        key = BootKey(message.driver_id, message.boot_id)
        boot = self._boots.get(key)
        if boot is not None and message.n <= boot.heartbeat.n:
            return None
        self._echoes.note(key, message, read_wall_ns)
        if boot is None:
            boot = Boot(key, message, read_ns, append_ms, replayed=self.replaying)
            self._add(boot)
            return Heard(boot, joined=True)
        before, boot.heartbeat = boot.heartbeat, message
        boot.read_ns, boot.append_ms, boot.replayed = read_ns, append_ms, self.replaying
        # A term that was lost is never live again, however alive its driver is.
        back = boot.lost and message.term > before.term
        boot.lost = boot.lost and not back
        return Heard(boot, back=back)

    def judge(self, sent_ns: int, append_ms: int) -> list[Boot]:
        """Read back a beat of our own: return who is lost by it, and mark them so (R19).

        ``sent_ns`` is our monotonic time before the beat's transaction began.
        """
        lost = []
        for boot in self._boots.values():
            silent_ns = sent_ns - boot.read_ns
            silent_in_log_ns = (append_ms - boot.append_ms) * 1_000_000
            limit_ns = self._timing.lost_after_ns
            if not boot.lost and silent_ns >= limit_ns and silent_in_log_ns >= limit_ns:
                boot.lost = True
                lost.append(boot)
                self.losses += not boot.heartbeat.leaving
        return lost

    def excuse(self, now_ns: int) -> None:
        """Let everybody's silence begin now: nobody could be heard, however alive.

        As after a restart (R13); to take somebody for lost later than could be is always safe.
        Until they are heard again they get no work.
        """
        for boot in self._boots.values():
            if not boot.lost:
                boot.read_ns, boot.replayed = now_ns, True

    def forget(self, now_ns: int) -> None:
        """Drop what has been gone for long, and descriptions of whom nothing else was heard.

        It looks once a second at most, however often it is asked.
        """
        if 0 <= now_ns - self._forgot_ns < SECOND:
            return
        self._forgot_ns = now_ns
        for key, boot in tuple(self._boots.items()):
            leaving = boot.heartbeat.leaving
            limit_ns = _FORGET_LEFT_AFTER_NS if leaving else _FORGET_LOST_AFTER_NS
            if boot.lost and now_ns - boot.read_ns > limit_ns:
                del self._boots[key]
                self._in_order = None
        for key, (_, read_ns) in tuple(self._registered.items()):
            if key not in self._boots and now_ns - read_ns > _FORGET_LOST_AFTER_NS:
                del self._registered[key]

    def eligible(self, now_ns: int) -> list[Boot]:
        """Return who may be given work, by driver_id (R22)."""
        return [boot for boot in self.boots() if self.is_eligible(boot, now_ns)]

    def is_eligible(self, boot: Boot, now_ns: int) -> bool:
        """Tell whether the process's present term may be given work (R22)."""
        said = boot.heartbeat
        beat_age_ns = said.beat_age_ns
        return (
            boot.fresh
            and not boot.replayed
            and not said.leaving
            and now_ns - boot.read_ns <= self._timing.eligible_within_ns
            and beat_age_ns is not None
            and beat_age_ns <= self._timing.eligible_beat_age_ns
        )

    def following(self, run_id: str, now_ns: int) -> list[Boot]:
        """Return who may be given more of a run under way, by driver_id (R22, R24).

        That is whoever has taken the run up: its connections are open, and it did not refuse.
        """
        return [
            boot
            for boot in self.boots()
            if (said := boot.heartbeat).run_id == run_id
            and said.state == "RUNNING"
            and said.refusal is None
            and self.is_eligible(boot, now_ns)
        ]

    def behind(self, run_id: str, revision: int) -> bool:
        """Tell whether a process has not taken up this run's standing grants (R27)."""
        return any(
            not boot.lost
            and not boot.heartbeat.leaving
            and (boot.heartbeat.revision < revision or boot.heartbeat.run_id != run_id)
            for boot in self._boots.values()
        )

    def gathering(self, now_ns: int) -> bool:
        """Tell whether a process that was heard lately may soon be eligible (R25)."""
        return any(
            now_ns - boot.read_ns <= self._timing.lost_after_ns
            and not boot.heartbeat.leaving
            and not self.is_eligible(boot, now_ns)
            for boot in self._boots.values()
        )

    def spend(self, run_id: str) -> None:
        """Note that a run has ended: the terms in which drivers follow it get no more work.

        Each closes its term when it hears of the end. A driver that has not taken the run up, or
        has closed the term already, has nothing to close.
        """
        for boot in self._boots.values():
            said = boot.heartbeat
            at = STATE_ORDER[said.state or "PENDING"]
            if said.run_id == run_id and at < STATE_ORDER["DRAINING"]:
                boot.spent_term = said.term

    def take_echo(self) -> tuple[ClockEcho, ...]:
        """Return the clock samples whose turn it is."""
        return self._echoes.take()

    def _add(self, boot: Boot) -> None:
        self._boots[boot.key] = boot
        self._in_order = None
