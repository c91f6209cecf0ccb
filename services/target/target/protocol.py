"""One connection: requests in, answers out in the same order.

An answer that is due at once and has nothing before it goes out in the turn of the loop in which
its request came in; all others wait in ``_waiting``, the first of them with a timer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import cast

import httptools

from target.answer import MALFORMED, Answer
from target.indices import HEADER as INDEX_HEADER
from target.service import Service

LARGEST_HEAD = 64 * 1024
MOST_WAITING = 256
LINGER_S = 1.0
# libuv and epoll wait whole milliseconds; a shorter wait would only spin.
SHORTEST_WAIT_S = 0.001
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_FILLER = b"spate..\n" * 8192


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An answer, when it is due (``Service.now``), and how it is to be sent."""

    due_s: float
    answer: Answer
    head_only: bool
    last: bool


class Connection(asyncio.Protocol):
    """Parses requests, discards their bodies, and answers each one when it is due.

    A request that is no HTTP is answered with 400 in its turn, and the connection is closed.
    """

    def __init__(self, service: Service, loop: asyncio.AbstractEventLoop) -> None:
        self._service = service
        self._loop = loop
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._url = b""
        self._index: bytes | None = None
        self._expects_continue = False
        self._begun = 0
        self._in_head = False
        self._head_bytes = 0
        self._out: list[bytes] = []
        self._waiting: deque[_Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._filler_left = 0
        self._write_paused = False
        self._read_paused = False
        self._deaf = False  # takes no more requests
        self._lingers = False  # closes its sending half first
        self._close_sent = False

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve."""
        # uvloop's transports do not derive from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._service.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was not answered: it stays counted."""
        del exc
        self._transport = None
        self._deaf = True
        if self._timer is not None:
            self._timer.cancel()
        self._service.counts.unanswered -= len(self._waiting)
        self._waiting.clear()
        self._service.left(self)

    def eof_received(self) -> bool:
        """Go on as long as answers are owed to a client that only closed its sending half."""
        self._deaf = True
        return bool((self._waiting or self._filler_left) and not self._close_sent)

    def data_received(self, data: bytes) -> None:
        """Take in bytes; answer the requests that they complete."""
        if self._deaf:
            return
        begun = self._begun
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The request was answered as any other; whatever protocol follows is not spoken here.
            self._end()
        except httptools.HttpParserCallbackError:
            raise
        except httptools.HttpParserError:
            self._refuse()
        if self._in_head and self._begun == begun:
            # Bytes that neither begin nor end a head are all of the same one.
            self._head_bytes += len(data)
            if self._head_bytes > LARGEST_HEAD:
                self._refuse()
        self._send_out()
        if self._waiting:
            self._answer_due()

    def pause_writing(self) -> None:
        """Answer and read nothing while the client does not take what it was sent."""
        self._write_paused = True
        self._limit_reading()

    def resume_writing(self) -> None:
        """Go on where ``pause_writing`` stopped."""
        self._write_paused = False
        self._stream()
        self._answer_due()

    # httptools

    def on_message_begin(self) -> None:
        """Forget the request before."""
        self._begun += 1
        self._url = b""
        self._index = None
        self._expects_continue = False
        self._in_head = True
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Take in a piece of the request's target."""
        self._url = self._url + url if self._url else url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Notice the two headers that matter."""
        length = len(name)
        if length == len(b"expect") and name.lower() == b"expect":
            self._expects_continue = value.lower() == b"100-continue"
        elif (
            length == len(INDEX_HEADER)
            and self._service.records_index
            and name.lower() == INDEX_HEADER
        ):
            self._index = value

    def on_headers_complete(self) -> None:
        """Ask for the body where the client waits to be asked."""
        self._in_head = False
        if self._expects_continue and not self._waiting and not self._deaf:
            self._out.append(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """Discard a piece of a body."""
        self._service.counts.body_bytes += len(body)

    def on_message_complete(self) -> None:
        """Count the request, now that it is here in full, and answer it when that is due."""
        if self._deaf:
            return
        path = self._path()
        if path is None:
            self._refuse()
            return
        parser, service = self._parser, self._service
        # Keep-alive of HTTP/1.0 is an extension that nobody has to grant.
        last = not parser.should_keep_alive() or parser.get_http_version() != "1.1"
        head_only = parser.get_method() == b"HEAD"
        own = service.own_answer(path)
        due_s, answer = (0.0, own) if own else service.load_answer(path, self._index)
        if last:
            self._deaf = True
        if due_s or last or self._waiting or self._write_paused or answer.filler:
            self._wait(_Waiting(due_s, answer, head_only, last))
        else:
            self._out.append(answer.head if head_only else answer.head + answer.body)

    # Called by the service

    def finish(self) -> None:
        """Answer what was received, then close."""
        self._end()

    def abort(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()

    def _path(self) -> bytes | None:
        """Return the path without its query, None if the request's target is not valid."""
        url = self._url
        if not url.startswith(b"/"):
            if url == b"*":
                return url
            try:
                return httptools.parse_url(url).path or b"/"
            except httptools.HttpParserInvalidURLError:
                return None
        return url.partition(b"?")[0] if b"?" in url else url

    def _refuse(self) -> None:
        if not self._deaf:
            self._service.counts.malformed += 1
            self._deaf = True
            self._lingers = True
            self._wait(_Waiting(0.0, MALFORMED, head_only=False, last=True))

    def _end(self) -> None:
        """Take no more requests; close when all are answered."""
        self._deaf = True
        if not self._waiting and not self._filler_left:
            self._close()

    def _wait(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)
        self._service.counts.unanswered += 1
        self._limit_reading()

    def _answer_due(self) -> None:
        """Send the answers that are due, up to the first one that is not."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting and not self._write_paused and not self._filler_left:
            first = self._waiting[0]
            wait_s = first.due_s - self._service.now() if first.due_s else 0.0
            if wait_s > 0:
                self._timer = self._loop.call_later(max(wait_s, SHORTEST_WAIT_S), self._answer_due)
                break
            self._waiting.popleft()
            self._service.counts.unanswered -= 1
            self._answer(first)
        self._limit_reading()
        if self._deaf and not self._waiting and not self._filler_left:
            self._close()

    def _answer(self, waiting: _Waiting) -> None:
        answer = waiting.answer
        head = answer.last_head if waiting.last else answer.head
        self._out.append(head if waiting.head_only else head + answer.body)
        self._send_out()
        if answer.filler and not waiting.head_only:
            self._filler_left = answer.filler
            self._stream()

    def _stream(self) -> None:
        """Send filler as fast as the client takes it."""
        while self._filler_left and not self._write_paused and self._transport is not None:
            piece = _FILLER[: self._filler_left]
            self._filler_left -= len(piece)
            self._transport.write(piece)

    def _send_out(self) -> None:
        if self._out and self._transport is not None:
            self._transport.write(self._out[0] if len(self._out) == 1 else b"".join(self._out))
        self._out.clear()

    def _limit_reading(self) -> None:
        """Read no further while too many answers are owed, or the client takes none."""
        pause = self._write_paused or len(self._waiting) >= MOST_WAITING
        if self._transport is None or self._close_sent or pause == self._read_paused:
            return
        self._read_paused = pause
        if pause:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _close(self) -> None:
        self._send_out()
        if self._transport is None or self._close_sent:
            return
        self._close_sent = True
        if self._lingers and not self._transport.is_closing():
            # Closing at once, with bytes of the client unread, would reset the connection and
            # with it the answer that is on its way.
            self._transport.write_eof()
            self._loop.call_later(LINGER_S, self._transport.close)
        else:
            self._transport.close()
