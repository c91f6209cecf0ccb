"""A TCP proxy that can be told to misbehave: to cut, to delay, or to keep still."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

T = TypeVar("T")

Direction = Literal["up", "down"]
"""``up`` is from the client to the server, ``down`` the way back."""

HOST = "127.0.0.1"
UP: Direction = "up"
DOWN: Direction = "down"

_CHUNK_BYTES = 64 * 1024
_MOST_CHUNKS = 256
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, for 0 s: closing sends a reset


@dataclass(frozen=True, slots=True)
class Traffic:
    """What went through: connections ever accepted, open now, and bytes handed on each way."""

    accepted: int
    open: int
    bytes_up: int
    bytes_down: int


class Proxy:
    """Hands on every connection to ``127.0.0.1:upstream_port``, in a thread of its own.

    A context manager: after it no thread, task or socket is left. The methods that change how it
    behaves have taken effect for all connections when they return.

    Args:
        upstream_port: where the server listens; it need not be there yet.
        port: where the proxy listens.
    """

    def __init__(self, upstream_port: int, port: int) -> None:
        self.port = port
        self._upstream_port = upstream_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._moves: dict[Direction, asyncio.Event] = {}
        self._delay_s = 0.0
        self._accepted = 0
        self._bytes: dict[Direction, int] = {UP: 0, DOWN: 0}

    @property
    def address(self) -> str:
        """Where clients connect to, ``host:port``."""
        return f"{HOST}:{self.port}"

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        try:
            self._call(self._open())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close everything."""
        self._call(self._close())
        self._end()

    def heal(self) -> None:
        """Hand on everything at once, also what was held back."""
        self._call(self._set(delay_s=0.0))

    def cut(self) -> None:
        """Reset all connections and refuse new ones."""
        self._call(self._cut())

    def delay(self, each_way_s: float) -> None:
        """Hand on every chunk so much later, in order; also those of connections there are."""
        self._call(self._set(delay_s=each_way_s))

    def half_open(self, *still: Direction) -> None:
        """Keep connections and move no bytes in these directions; without any: in both.

        New connections are accepted and reach nobody until it is healed. As with a network that
        loses packets, what was written meanwhile arrives then, unless the writer gave up.
        """
        self._call(self._set(delay_s=0.0, still=still or (UP, DOWN)))

    def traffic(self) -> Traffic:
        """Return what went through so far."""
        return self._call(self._traffic())

    # ---- on the loop -------------------------------------------------------------------------

    async def _open(self) -> None:
        for direction in (UP, DOWN):
            self._moves[direction] = asyncio.Event()
            self._moves[direction].set()
        await self._listen()

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(
                self._accept, HOST, self.port, limit=_CHUNK_BYTES
            )

    async def _set(self, *, delay_s: float, still: tuple[Direction, ...] = ()) -> None:
        self._delay_s = delay_s
        for direction, moves in self._moves.items():
            if direction in still:
                moves.clear()
            else:
                moves.set()
        await self._listen()

    async def _cut(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for writer in tuple(self._writers):
            _reset(writer)
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _close(self) -> None:
        await self._cut()
        await asyncio.sleep(0)  # transports close their sockets in the loop's next turn

    async def _traffic(self) -> Traffic:
        return Traffic(self._accepted, len(self._tasks), self._bytes[UP], self._bytes[DOWN])

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._accepted += 1
        task = self._loop.create_task(self._hand_on(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end; if either side breaks, both are reset."""
        writers = [writer]
        self._writers.add(writer)
        try:
            for moves in self._moves.values():
                await moves.wait()
            back, forth = await asyncio.open_connection(
                HOST, self._upstream_port, limit=_CHUNK_BYTES
            )
            writers.append(forth)
            self._writers.add(forth)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, forth, UP))
                group.create_task(self._pump(back, writer, DOWN))
        except (OSError, ExceptionGroup):
            for each in writers:
                _reset(each)
        finally:
            for each in writers:
                self._writers.discard(each)
                each.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction
    ) -> None:
        """Move bytes one way until the sender closes its side; then close it here, too."""
        chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_MOST_CHUNKS)

        async def take() -> None:
            chunk = b"-"
            while chunk:
                chunk = await reader.read(_CHUNK_BYTES)
                await chunks.put((self._loop.time() + self._delay_s, chunk))

        async def give() -> None:
            while True:
                due_s, chunk = await chunks.get()
                await asyncio.sleep(max(0.0, due_s - self._loop.time()))
                await self._moves[direction].wait()
                if not chunk:
                    writer.write_eof()
                    return
                writer.write(chunk)
                await writer.drain()
                self._bytes[direction] += len(chunk)

        async with asyncio.TaskGroup() as group:
            group.create_task(take())
            group.create_task(give())

    # ---- between the threads -----------------------------------------------------------------

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close at once and tell the other side by a reset, as a cut connection does at its end."""
    opened: socket.socket | None = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        if opened is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
