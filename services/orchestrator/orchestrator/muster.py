"""With which drivers a run begins, and whether they are ready (R25)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orchestrator.fleet import Boot, Fleet
from orchestrator.ledger import Ledger
from orchestrator.terms import BootKey
from spate.plan import Drivers
from spate.timing import SECOND, Timing


@dataclass(frozen=True, slots=True)
class Failed:
    """The run cannot begin, and why."""

    reason: str


Verdict = list[Boot] | Literal["ready"] | Failed
"""Grant to these, begin, or give up."""


class Muster:
    """Calls one run's drivers together. All times are our monotonic time."""

    def __init__(self, fleet: Fleet, timing: Timing, drivers: Drivers, since_ns: int) -> None:
        self._fleet = fleet
        self._timing = timing
        self._drivers = drivers
        self._since_ns = since_ns
        self._enough_ns: int | None = None
        self._granted_ns = since_ns
        self._silent: set[BootKey] = set()

    def postpone(self, by_ns: int) -> None:
        """Wait that much longer: nobody could be heard meanwhile."""
        self._since_ns += by_ns
        self._granted_ns += by_ns
        if self._enough_ns is not None:
            self._enough_ns += by_ns

    def verdict(
        self, ledger: Ledger | None, run_id: str, granted: int, now_ns: int
    ) -> Verdict | None:
        """Return what to do next; None: wait. ``granted`` is the revision of the grants.

        Grants that have become void are taken back.
        """
        if ledger is not None and ledger.terms:
            if (refusal := self.refusal(ledger, run_id)) is not None:
                return Failed(refusal)
            if self.ready(ledger, run_id, granted):
                return "ready"
            if not self.void(ledger, granted, now_ns):
                return None
            ledger.void()
        boots = self.complete(now_ns)
        if boots is None and (problem := self.too_few(now_ns)) is not None:
            return Failed(problem)
        return boots

    def there(self, now_ns: int) -> list[Boot]:
        """Return who may be given work, without those who did not answer."""
        return [boot for boot in self._fleet.eligible(now_ns) if boot.key not in self._silent]

    def complete(self, now_ns: int) -> list[Boot] | None:
        """Return with whom to begin; None while there are too few, or more are on their way."""
        there = self.there(now_ns)
        if len(there) < self._drivers.min:
            self._enough_ns = None
            return None
        if self._enough_ns is None:
            self._enough_ns = now_ns
        waited_ns = now_ns - self._enough_ns
        if waited_ns < self._timing.gather_ns and self._fleet.gathering(now_ns):
            return None
        self._granted_ns = now_ns
        return there

    def too_few(self, now_ns: int) -> str | None:
        """Return why the run cannot begin, None while there is hope."""
        there, wait_ns = len(self.there(now_ns)), self._drivers.wait_ns
        patience_ns = wait_ns
        if self._fleet.gathering(now_ns):
            # Those on their way, as from the end of the last run, get their chance.
            patience_ns = max(wait_ns, self._timing.gather_ns)
        if there >= self._drivers.min or now_ns - self._since_ns < patience_ns:
            return None
        silent = sorted(boot.driver_id for boot in self._silent)
        return (
            f"too few drivers: the plan needs {self._drivers.min}, and after "
            f"{wait_ns / SECOND:g} s {there or 'none'} {'was' if there <= 1 else 'were'} there"
            + (f"; {', '.join(silent)} did not answer" if silent else "")
        )

    def refusal(self, ledger: Ledger, run_id: str) -> str | None:
        """Return why a named driver cannot take part, if one says so."""
        for boot in self._fleet.boots():
            said = boot.heartbeat
            if said.refusal and said.run_id == run_id and ledger.of(boot.key):
                return f"{boot.key.driver_id} cannot take part: {said.refusal}"
        return None

    def ready(self, ledger: Ledger, run_id: str, granted: int) -> bool:
        """Tell whether every named term is live and its driver applied the grants."""
        boots = {boot.key: boot.heartbeat for boot in self._fleet.boots()}
        return all(
            term.status == "live"
            and boots[key.boot].revision >= granted
            and boots[key.boot].run_id == run_id
            for key, term in ledger.terms.items()
        )

    def void(self, ledger: Ledger, granted: int, now_ns: int) -> bool:
        """Tell whether to grant afresh: a named term ended, or its driver keeps silent.

        Who kept silent is not called again.
        """
        if any(term.status != "live" for term in ledger.terms.values()):
            self._enough_ns = None
            return True
        if now_ns - self._granted_ns < self._timing.ready_within_ns:
            return False
        boots = {boot.key: boot.heartbeat for boot in self._fleet.boots()}
        self._silent |= {k.boot for k in ledger.terms if boots[k.boot].revision < granted}
        self._enough_ns = None
        return True
