"""The composition root of the target: settings in, a serving process out."""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence

from target.indices import Indices
from target.metrics import Counts, Exposition
from target.protocol import Connection
from target.service import Service
from target.settings import Settings, read_settings

BACKLOG = 4096
FINISH_WITHIN_S = 1.2
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def serve(settings: Settings, ready: Callable[[str, int], None]) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is due within ``FINISH_WITHIN_S`` and end.

    ``ready`` is called with the host and the port once connections are taken.

    Raises:
        OSError: if the address cannot be listened at.
    """
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in _SIGNALS:
        loop.add_signal_handler(number, ended.set)
    counts = Counts(Indices() if settings.record_index else None)
    service = Service(counts, settings.behaviour(), Exposition(counts), time.monotonic)
    server = await loop.create_server(
        lambda: Connection(service, loop), settings.host, settings.port, backlog=BACKLOG
    )
    ready(settings.host, server.sockets[0].getsockname()[1])
    await ended.wait()
    server.close()
    await service.finish(FINISH_WITHIN_S)


def _say_ready(host: str, port: int) -> None:
    shown = f"[{host}]" if ":" in host else host
    print(f"target is ready: http://{shown}:{port}", flush=True)  # noqa: T201 - the ready line


def _new_loop() -> asyncio.AbstractEventLoop:
    """Return uvloop's loop, about twice as fast, or asyncio's where uvloop is not installed."""
    try:
        loop: asyncio.AbstractEventLoop = importlib.import_module("uvloop").new_event_loop()
    except ImportError:
        return asyncio.new_event_loop()
    return loop


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the target and return its exit code: 0 after a signal, 2 for an unusable address."""
    settings = read_settings(sys.argv[1:] if arguments is None else arguments, os.environ)
    try:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            runner.run(serve(settings, _say_ready))
    except OSError as error:
        place = f"{settings.host}:{settings.port}"
        sys.stderr.write(f"target: cannot listen at {place}: {error.strerror or error}\n")
        return 2
    return 0
