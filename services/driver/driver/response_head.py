"""What the headers of a response say about its end, for the few that llhttp leaves open."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import httptools

NOT_HTTP = (httptools.HttpParserError, httptools.HttpParserUpgrade)
"""What llhttp raises for bytes that are no HTTP/1; the second is not one of the first."""

USUAL_STARTS = (b"HTTP/1.1 2", b"HTTP/1.1 3", b"HTTP/1.1 4", b"HTTP/1.1 5")
"""How a final response begins. Any other head is to be read: llhttp says too little of it."""

_FIRST_FINAL_CODE = 200
_WITHOUT_BODY = frozenset({204, 304})
_CHUNKED = b"chunked"
_LINE_END = b"\r\n"
_CODING_NAME = b"\r\ntransfer-encoding:"
_USUAL_CODING = b"\r\ntransfer-encoding: chunked\r\n"


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """The framing of a response by its headers (RFC 9112, 6.3 and 9.3).

    ``framed``: the end of the body can be told without the end of the connection.
    ``persistent``: the connection may be used again, provided the end can be told. It may not
    where others could see another end: after a transfer coding in HTTP/1.0 (6.1), or after
    ``chunked`` twice or before another coding (7).
    ``sound``: it is HTTP/1.0 or HTTP/1.1, and no interim response before it says that it has
    content, which none has: llhttp reads that content all the same, others do not.
    """

    framed: bool
    persistent: bool
    sound: bool


def first_head(data: bytes) -> bytes:
    """Return the head with which ``data`` begins, with the empty line that ends it.

    Without such a line it is one byte, which nobody will look at.
    """
    return data[: data.find(_LINE_END * 2) + 4] if _LINE_END * 2 in data else data[:1]


def is_chunked_as_usual(data: bytes) -> bool:
    """Tell whether the first head in ``data`` says once, and plainly, that its body is chunked."""
    head = first_head(data).lower()
    return head.count(_CODING_NAME) == 1 and _USUAL_CODING in head


def ends_with_head(raw: bytes) -> bool:
    """Tell whether nothing follows the empty line that ends the last head in ``raw``.

    llhttp passes over line ends between responses, so it does not say.
    """
    return raw.endswith(_LINE_END * 2) and not raw.endswith(_LINE_END * 3)


def read_head(raw: bytes) -> ResponseHead:
    """Read the headers of the final response in ``raw``.

    ``raw`` begins with the response, interim ones included, and holds at least all its headers;
    llhttp has already accepted them.
    """
    probe = _Probe()
    probe.parser = httptools.HttpResponseParser(probe)
    with contextlib.suppress(*NOT_HTTP):
        # What follows the headers may be broken; that was judged elsewhere.
        probe.parser.feed_data(raw)
    return probe.head


class _Probe:
    """Collects the headers that matter."""

    def __init__(self) -> None:
        self.parser: httptools.HttpResponseParser
        self.head = ResponseHead(framed=False, persistent=False, sound=False)
        self._known = False
        self._sound = True
        self._length = False
        self._content = False  # the length is not 0
        self._codings: list[bytes] = []
        self._options: list[bytes] = []

    def on_message_begin(self) -> None:
        self._length = self._content = False
        self._codings = []
        self._options = []

    def on_header(self, name: bytes, value: bytes) -> None:
        match name.lower():
            case b"content-length":
                self._length = True
                self._content = bool(value.strip(b"0"))
            case b"transfer-encoding":
                self._codings += [part.strip().lower() for part in value.split(b",")]
            case b"connection":
                self._options += [part.strip().lower() for part in value.split(b",")]

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        if self._known:
            return
        if status < _FIRST_FINAL_CODE:
            self._sound = self._sound and not (self._content or self._codings)
            return
        self._known = True
        version = self.parser.get_http_version()
        if self._codings:
            framed = self._codings[-1] == _CHUNKED
        else:
            framed = self._length or status in _WITHOUT_BODY
        if version == "1.1":
            kept = self._codings.count(_CHUNKED) <= 1 or status in _WITHOUT_BODY
        else:
            kept = version == "1.0" and b"keep-alive" in self._options and not self._codings
        persistent = kept and b"close" not in self._options
        sound = self._sound and version.startswith("1.")
        self.head = ResponseHead(framed, persistent, sound)
