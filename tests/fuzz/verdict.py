"""A verdict is what a reader of responses makes of a stream; readers are compared by it."""

from __future__ import annotations

from dataclasses import dataclass

NEEDLE = "needle"
"""What readers look for in the body of a response to ``GET /needle``."""

PENDING = None
WHOLE = frozenset(
    {"succeeded", "body_mismatch", "status_4xx", "status_5xx", "status_other"},
)
"""Outcomes of a response that was read to its end."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one request.

    ``outcome`` is the arrival's, None while more bytes could come. ``status`` is 0 unless the
    response is whole. ``reusable`` says whether another request may be sent after all bytes of the
    stream, its end aside. ``bytes_received`` counts what was read until the outcome was known.
    """

    outcome: str | None
    status: int
    reusable: bool
    bytes_received: int

    @property
    def whole(self) -> bool:
        """Whether the response was read to its end."""
        return self.outcome in WHOLE


def outcome_of(status: int, found: bool) -> str:
    """Return the outcome of a whole response by the plan's defaults: 2xx and 3xx are well.

    ``found`` says whether its body holds what was looked for, or nothing was.
    """
    if status >= 600:
        return "status_other"
    if status >= 400:
        return f"status_{status // 100}xx"
    return "succeeded" if found else "body_mismatch"
