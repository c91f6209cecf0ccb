"""The end of a term, and what follows from its cause for the work that was not done (R3, R4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

CloseCause = Literal[
    "licence", "first_failed", "append_gap", "log_lost", "orphaned", "state", "leaving", "refused"
]
"""Why a term closed: R3 (a) to (h), in this order."""


@dataclass(frozen=True, slots=True)
class Closure:
    """A term that closed: what it had not put on a socket is missed for ``missed`` (R4)."""

    term: int
    cause: CloseCause

    @property
    def missed(self) -> str:
        """The cause under which its undone work is reported as missed."""
        return "aborted" if self.cause in ("state", "leaving") else "fenced"


FENCE_CAUSES: tuple[CloseCause, ...] = tuple(
    cause for cause in get_args(CloseCause) if Closure(0, cause).missed == "fenced"
)
"""The causes for which a driver stops by itself, in the order of R3."""
