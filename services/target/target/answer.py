"""Which answer a path has, as the bytes that go out."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

LARGEST_BODY = 1 << 30
LONGEST_DELAY_MS = 3_600_000
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_FIRST_FINAL_STATUS, _LAST_STATUS = 200, 599
_BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer: its head in both connection forms, and its body.

    ``filler`` bytes follow the head instead of ``body`` where the body is too big to hold.
    ``delay_s`` is what the path asks for.
    """

    status: int
    head: bytes
    last_head: bytes
    body: bytes = b""
    filler: int = 0
    delay_s: float = 0.0


def answer_with(
    status: int,
    body: bytes = b"",
    *,
    content_type: str = "text/plain; charset=utf-8",
    filler: int = 0,
    delay_s: float = 0.0,
) -> Answer:
    """Return the answer with this status and body; 204 and 304 have neither body nor length."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}"]
    if status in _BODILESS:
        body, filler = b"", 0
    else:
        lines += [f"Content-Type: {content_type}", f"Content-Length: {filler or len(body)}"]
    head = "\r\n".join(lines).encode()
    return Answer(
        status,
        head + b"\r\n\r\n",
        head + b"\r\nConnection: close\r\n\r\n",
        body,
        filler,
        delay_s,
    )


PONG = answer_with(HTTPStatus.OK, b"PONG")
NOT_FOUND = answer_with(HTTPStatus.NOT_FOUND, b"Not Found\n")
MALFORMED = answer_with(HTTPStatus.BAD_REQUEST, b"Bad Request\n")
FAILED = answer_with(HTTPStatus.INTERNAL_SERVER_ERROR, b"Internal Server Error\n")


def answer_for(path: bytes) -> Answer:
    """Return the answer of a load request for this path, given without its query."""
    if path == b"/ping":
        return PONG
    name, _, argument = path[1:].partition(b"/")
    # Plain digits only: int() alone would take signs, blanks and underscores too.
    if not (argument.isdigit() and len(argument) < len("10000000000")):
        return NOT_FOUND
    number = int(argument)
    if name == b"delay" and number <= LONGEST_DELAY_MS:
        return answer_with(HTTPStatus.OK, f"{number} ms\n".encode(), delay_s=number / 1000)
    if name == b"status" and _FIRST_FINAL_STATUS <= number <= _LAST_STATUS:
        return answer_with(number, f"{number}\n".encode())
    if name == b"bytes" and number <= LARGEST_BODY:
        return answer_with(HTTPStatus.OK, content_type="application/octet-stream", filler=number)
    return NOT_FOUND
