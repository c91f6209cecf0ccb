"""Takes harmless oddities out of a stream that h11 is stricter about than it need be."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.fuzz.anatomy import Head, take_apart

_REASON = re.compile(rb"(HTTP/\d\.\d \d{3} )([^\r\n]*)")
_BAD_IN_REASON = re.compile(rb"[\x00\x0b\x0c]")
_LENGTH_ZEROS = re.compile(rb"(\ncontent-length:[ \t]*)0+(?=[0-9])", re.IGNORECASE)
_CODING_LINE = re.compile(rb"(?<=\n)transfer-encoding:[^\n]*\n", re.IGNORECASE)
_TRAILER_CODING = re.compile(rb"(^|\n)transfer-encoding:", re.IGNORECASE)
_SIZE = re.compile(rb"[0-9A-Fa-f]+")
_WITHOUT_BODY = frozenset({204, 304})


def without_first_line_ends(raw: bytes) -> bytes:
    """Return the stream without line ends that come before a status line."""
    return _with_heads(raw, lambda head: head.raw, keep_before=False)


def with_plain_reasons(raw: bytes) -> bytes:
    """Return the stream without control characters in its reason phrases."""

    def plain(head: Head) -> bytes:
        found = _REASON.match(head.raw)
        if found is None:
            return head.raw
        return found[1] + _BAD_IN_REASON.sub(b"?", found[2]) + head.raw[found.end() :]

    return _with_heads(raw, plain)


def without_zeros_of_length(raw: bytes) -> bytes:
    """Return the stream without leading zeros of Content-Length."""
    return _with_heads(raw, lambda head: _LENGTH_ZEROS.sub(rb"\1", head.raw))


def with_one_coding(raw: bytes) -> bytes:
    """Return the stream with nothing but ``chunked`` for a coding, or none where it is not last.

    After ``chunked`` twice readers may see the end of the body in different places, so the
    connection closes; not where the status rules out that there is a body.
    """

    def plain(head: Head) -> bytes:
        codings = head.items(b"transfer-encoding")
        if head.interim or not codings or head.has(b"content-length"):
            return head.raw
        rest = _CODING_LINE.sub(b"", head.raw)
        start, _, rest = rest.partition(b"\n")
        if codings[-1] == b"chunked":
            rest = b"Transfer-Encoding: chunked\r\n" + rest
        if codings.count(b"chunked") > 1 and head.status not in _WITHOUT_BODY:
            rest = b"Connection: close\r\n" + rest
        return start + b"\n" + rest

    return _with_heads(raw, plain)


def as_1_1_kept_alive(raw: bytes) -> bytes:
    """Return the stream as of HTTP/1.1 where it is of HTTP/1.0 and asks to keep the connection."""

    def newer(head: Head) -> bytes:
        asks = head.version == b"HTTP/1.0" and b"keep-alive" in head.items(b"connection")
        if head.interim or not asks or head.has(b"transfer-encoding"):
            return head.raw
        return b"HTTP/1.1" + head.raw[len(b"HTTP/1.1") :]

    return _with_heads(raw, newer)


def without_zeros_of_chunks(raw: bytes) -> bytes:
    """Return the stream without leading zeros of chunk sizes."""
    anatomy = take_apart(raw)
    rest = anatomy.rest
    parts: list[bytes] = []
    for line in anatomy.lines:
        size = _SIZE.match(line)
        if size is None:
            break
        length = int(size[0], 16)
        parts += (b"%x" % length, rest[size.end() : len(line) + 2])
        rest = rest[len(line) + 2 :]
        if length:
            parts.append(rest[: length + 2])
            rest = rest[length + 2 :]
    return raw[: len(raw) - len(anatomy.rest)] + b"".join((*parts, rest))


def without_coding_in_trailer(raw: bytes) -> bytes:
    """Return the stream with another name for a transfer coding that stands in a trailer."""
    trailer = take_apart(raw).trailer
    return raw[: len(raw) - len(trailer)] + _TRAILER_CODING.sub(rb"\1X-Coding:", trailer)


def _with_heads(raw: bytes, change: Callable[[Head], bytes], *, keep_before: bool = True) -> bytes:
    """Return the stream with each of its heads changed."""
    anatomy = take_apart(raw)
    parts = [(head.before if keep_before else b"") + change(head) for head in anatomy.heads]
    return b"".join((*parts, anatomy.rest))
