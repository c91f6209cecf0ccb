"""What the headers of a response say about its end, for the few that llhttp leaves open."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import httptools

NOT_HTTP = (httptools.HttpParserError, httptools.HttpParserUpgrade)
"""What llhttp raises for bytes that are no HTTP/1; the second is not one of the first."""

_FIRST_FINAL_CODE = 200
_WITHOUT_BODY = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """The framing of a response by its headers (RFC 9112, 6.3 and 9.3).

    ``framed``: the end of the body can be told without the end of the connection.
    ``persistent``: the connection may be used again, provided the end can be told.
    ``version_1``: it is HTTP/1.0 or HTTP/1.1.
    """

    framed: bool
    persistent: bool
    version_1: bool


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
        self.head = ResponseHead(framed=False, persistent=False, version_1=False)
        self._known = False
        self._length = False
        self._codings: list[bytes] = []
        self._options: list[bytes] = []

    def on_message_begin(self) -> None:
        self._length = False
        self._codings = []
        self._options = []

    def on_header(self, name: bytes, value: bytes) -> None:
        match name.lower():
            case b"content-length":
                self._length = True
            case b"transfer-encoding":
                self._codings += [part.strip().lower() for part in value.split(b",")]
            case b"connection":
                self._options += [part.strip().lower() for part in value.split(b",")]

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        if self._known or status < _FIRST_FINAL_CODE:
            return
        self._known = True
        version = self.parser.get_http_version()
        if self._codings:
            framed = self._codings[-1] == b"chunked"
        else:
            framed = self._length or status in _WITHOUT_BODY
        if version == "1.1":
            persistent = b"close" not in self._options
        else:
            persistent = version == "1.0" and b"keep-alive" in self._options
        self.head = ResponseHead(framed, persistent, version.startswith("1."))
