"""An expectation turns a response's status code and body into an outcome, by one table look-up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SUCCEEDED = "succeeded"
BODY_MISMATCH = "body_mismatch"
PROTOCOL = "protocol"

_CODES = 1000
_FIRST_FINAL_CODE = 200
_CLASS_SIZE = 100
_FAILED_BY_CLASS = {4: "status_4xx", 5: "status_5xx"}


@dataclass(frozen=True, slots=True)
class Expectation:
    """What one request of the plan takes for success.

    ``outcomes[status]`` is the outcome by status code alone, for 0 ≤ status < 1000; below 200
    there is no final response, so it is a protocol error. ``needle`` must occur in the body (None:
    anything goes). ``no_body`` says that the response ends with its headers (HEAD).
    """

    outcomes: tuple[str, ...]
    needle: bytes | None
    no_body: bool


def expectation_of(status: Iterable[str], body_contains: str | None, method: str) -> Expectation:
    """Compile ``expect`` of a request.

    ``status`` holds codes (``"204"``) and classes (``"2xx"``), as a valid plan has them.

    Raises:
        ValueError: if one is neither.
    """
    accepted: set[int] = set()
    for text in status:
        if text[1:] == "xx":
            first = int(text[0]) * _CLASS_SIZE
            accepted.update(range(first, first + _CLASS_SIZE))
        else:
            accepted.add(int(text))
    needle = body_contains.encode() if body_contains else None
    return Expectation(
        tuple(_outcome(code, code in accepted) for code in range(_CODES)),
        needle,
        method == "HEAD",
    )


def _outcome(code: int, accepted: bool) -> str:
    if code < _FIRST_FINAL_CODE:
        return PROTOCOL
    if accepted:
        return SUCCEEDED
    return unexpected(code)


def unexpected(code: int) -> str:
    """Return the failed kind of a final response whose status code was not expected."""
    return _FAILED_BY_CLASS.get(code // _CLASS_SIZE, "status_other")
