"""A stream taken apart by hand, as leniently as can be: to tell what is odd about it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_BLANK_LINE = re.compile(rb"\n\r?\n")
_STATUS_LINE = re.compile(rb"(HTTP/\d\.\d) (\d{3})\b")
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]+")
_WITHOUT_BODY = frozenset({204, 304})
_CONTINUES = re.compile(rb"[ \t]")


@dataclass(frozen=True, slots=True)
class Head:
    """A status line and its fields.

    ``before`` are line ends that came first. ``fields`` are (name in small letters, value) of
    each line that is one; a folded line is in the value. ``version`` and ``status`` are empty and
    0 where the status line is none.
    """

    before: bytes
    raw: bytes
    version: bytes
    status: int
    fields: tuple[tuple[bytes, bytes], ...]

    @property
    def interim(self) -> bool:
        """Whether another head should follow."""
        return 100 <= self.status < 200

    def items(self, *names: bytes) -> list[bytes]:
        """Return the members of the lists that fields of these names hold, in small letters."""
        return [
            item.strip(b" \t").lower()
            for found, value in self.fields
            if found in names
            for item in value.split(b",")
        ]

    def has(self, *names: bytes) -> bool:
        """Whether there is a field of one of these names."""
        return any(found in names for found, _ in self.fields)


@dataclass(frozen=True, slots=True)
class Anatomy:
    """The heads of a stream, the final one last, and what follows them.

    ``lines`` are the chunk lines of what follows if it is chunked, without their ends; ``trailer``
    is what comes after the last chunk, its end unknown.
    """

    heads: tuple[Head, ...]
    rest: bytes
    lines: tuple[bytes, ...]
    trailer: bytes

    @property
    def final(self) -> Head:
        """The last head that there is."""
        return self.heads[-1]


def take_apart(raw: bytes) -> Anatomy:
    """Return the parts of any bytes whatever."""
    heads = []
    rest = raw
    while True:
        head, rest = _split(rest)
        heads.append(head)
        if not head.interim or not rest:
            break
    final = heads[-1]
    if final.status not in _WITHOUT_BODY and b"chunked" in final.items(b"transfer-encoding"):
        return Anatomy(tuple(heads), rest, *_chunk_lines(rest))
    return Anatomy(tuple(heads), rest, (), b"")


def _split(raw: bytes) -> tuple[Head, bytes]:
    """Return the first head and what follows it."""
    text = raw.lstrip(b"\r\n")
    before = raw[: len(raw) - len(text)]
    end = _BLANK_LINE.search(text)
    at = len(text) if end is None else end.end()
    lines: list[bytes] = []
    for line in text[:at].split(b"\n"):
        if _CONTINUES.match(line) and len(lines) > 1:
            lines[-1] += b" " + line.strip()
        else:
            lines.append(line.removesuffix(b"\r"))
    found = _STATUS_LINE.match(lines[0])
    fields = [line.split(b":", 1) for line in lines[1:] if b":" in line]
    head = Head(
        before=before,
        raw=text[:at],
        version=found[1] if found else b"",
        status=int(found[2]) if found else 0,
        fields=tuple((name.strip().lower(), value) for name, value in fields),
    )
    return head, text[at:]


def _chunk_lines(rest: bytes) -> tuple[tuple[bytes, ...], bytes]:
    """Return the chunk lines as far as they make sense, and what follows the last chunk."""
    lines: list[bytes] = []
    while True:
        line, end, rest = rest.partition(b"\r\n")
        lines.append(line)
        size = _CHUNK_SIZE.match(line)
        if not end or size is None:
            return tuple(lines), b""
        length = int(size[0], 16)
        if length == 0:
            return tuple(lines), rest
        rest = rest[length + 2 :]
