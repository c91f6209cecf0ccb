"""A target that knows what it did: ``python -m tests.bench.peers.honest_target COUNT``.

It prints its port, answers every request after the time that the law says, stands still where it is
told to, and hands out what it kept:

* ``GET /begin?at=N&lasts_ns=N`` begins a run, and stands still from request ``at`` on (never: -1).
* ``GET /record`` returns the instants as JSON.

Anything else is a request of the load. It has no body, and its answer is the same few bytes.

It runs on asyncio's own loop, which hands an answer to the socket at once: uvloop gathers what a
turn of the loop writes, and would send after the instant that is kept.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Sequence
from typing import Final, cast
from urllib.parse import parse_qs, urlsplit

from tests.bench.peers.honesty import held_until, law

SEED: Final = 20_261_127
_ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
    b"Connection: keep-alive\r\n\r\nhere\n"
)
_END: Final = b"\r\n\r\n"


class Book:
    """What is kept of one run, and when an answer is due. ``stall_at`` -1 is never."""

    def __init__(self, taken_ns: Sequence[int], stall_at: int = -1, lasts_ns: int = 0) -> None:
        self._taken_ns = taken_ns
        self._stall_at, self._lasts_ns = stall_at, lasts_ns
        self._stall: tuple[int, int] | None = None
        self._arrived: list[int] = []
        self._due: list[int] = []
        self._left: list[int] = []

    def arrive(self) -> int:
        """Note a request, and return its number."""
        number, now_ns = len(self._arrived), time.monotonic_ns()
        if number == self._stall_at:
            self._stall = now_ns, now_ns + self._lasts_ns
        self._arrived.append(now_ns)
        self._due.append(now_ns + self._taken_ns[number % len(self._taken_ns)])
        self._left.append(0)
        return number

    def due_ns(self, number: int) -> int:
        """Return when an answer is to leave, by what is known now of a stall."""
        self._due[number] = held_until(self._due[number], self._stall)
        return self._due[number]

    def leave(self, number: int) -> None:
        """Note that an answer was handed to the socket."""
        self._left[number] = time.monotonic_ns()

    def record(self) -> bytes:
        """Return the instants as JSON, by order of arrival; what never left has left at 0."""
        kept = {"arrived": self._arrived, "due": self._due, "left": self._left}
        return json.dumps(kept).encode()


class Desk:
    """The book of the present run; answers of an earlier one are noted in theirs."""

    def __init__(self, count: int) -> None:
        self._taken_ns = law(SEED, count)
        self.book = Book(self._taken_ns)

    def begin(self, query: dict[str, list[str]]) -> None:
        """Open a new book."""
        self.book = Book(self._taken_ns, int(query["at"][0]), int(query["lasts_ns"][0]))


class Answering(asyncio.Protocol):
    """A connection."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Answer no more."""
        self._open = False

    def data_received(self, data: bytes) -> None:
        """Take as many requests as are whole."""
        *heads, self._buffer = (self._buffer + data).split(_END)
        for head in heads:
            address = urlsplit(head.split(b" ", 2)[1].decode("ascii"))
            if address.path == "/begin":
                self._desk.begin(parse_qs(address.query))
                self._transport.write(_ANSWER)
            elif address.path == "/record":
                body = self._desk.book.record()
                self._transport.write(
                    b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
                )
            else:
                self._wait(self._desk.book, self._desk.book.arrive())

    def _wait(self, book: Book, number: int) -> None:
        """Answer when it is due; look again then, for the target may stand still."""
        left_ns = book.due_ns(number) - time.monotonic_ns()
        if left_ns > 0:
            self._loop.call_later(left_ns / 1e9, self._wait, book, number)
        elif self._open:
            self._transport.write(_ANSWER)
            book.leave(number)


async def serve(count: int) -> None:
    """Answer until this process is ended."""
    desk = Desk(count)
    gc.freeze()
    gc.disable()  # a collection would be lateness; a book is three lists of numbers
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answering(desk), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
