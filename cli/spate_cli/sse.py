"""Server-sent events: bytes in, events out; pure."""

from __future__ import annotations

import codecs
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event. ``id`` is the last id seen in the stream, None before the first."""

    id: str | None
    kind: str
    data: str


class EventParser:
    """Cuts a stream into events, whatever pieces it comes in.

    The rules are those of the HTML standard, section 9.2.6: lines end with CRLF, LF or CR, an
    empty line ends an event, one without data is none, ``:`` begins a comment.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest = ""
        self._after_cr = False
        self._id: str | None = None
        self._kind = ""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> list[StreamEvent]:
        """Return the events that this piece completes."""
        text = self._decoder.decode(piece)
        if self._after_cr and text:
            text = text.removeprefix("\n")
            self._after_cr = False
        # A CR at the end has ended its line; should an LF follow, it belongs to that CR.
        self._after_cr = self._after_cr or text.endswith("\r")
        lines = (self._rest + text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
        self._rest = lines.pop()
        return [event for line in lines if (event := self._line(line)) is not None]

    def _line(self, line: str) -> StreamEvent | None:
        if not line:
            return self._end()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._kind = value
        elif name == "id" and "\0" not in value:
            self._id = value
        return None

    def _end(self) -> StreamEvent | None:
        kind, data = self._kind or "message", self._data
        self._kind, self._data = "", []
        return StreamEvent(self._id, kind, "\n".join(data)) if data else None
