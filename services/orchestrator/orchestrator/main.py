"""``python -m orchestrator``: runs the orchestrator until SIGTERM.

It ends with exit code 1, and a sentence that says why, where it cannot listen, cannot reach Kafka
within about ten seconds of its start, finds topics that are not as they must be, or when another
orchestrator takes over or a part of it breaks. Whoever supervises it starts it again; the drivers
go on meanwhile. Once it runs it outlives an absence of Kafka.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterable, Sequence

import uvloop

from orchestrator.api.app import create_app
from orchestrator.api.server import ApiServer, listen
from orchestrator.archive import Archive, ArchiveError
from orchestrator.assembly import Assembly, forget_archived, take_the_lead
from orchestrator.clock import Clock
from orchestrator.settings import Settings, parse_settings
from spate.bus import Bus, BusError
from spate.kafkabus import KafkaBus
from spate.timing import Timing
from spate.topics import topic_table

_LOG = logging.getLogger("orchestrator")
_CLOSE_WITHIN_S = 1.5
"""Threads that wait for an absent broker are left to end with the process."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the orchestrator; return its exit code."""
    settings = parse_settings(sys.argv[1:] if argv is None else argv, os.environ)
    logging.basicConfig(
        level=settings.log_level.upper(),
        format="%(asctime)s orchestrator %(levelname)s %(message)s",
    )
    try:
        return uvloop.run(_serve(settings))
    except KeyboardInterrupt:
        return 130


async def _serve(settings: Settings) -> int:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        # First of all: who cannot be reached must not take over from an orchestrator that can.
        listening = listen(settings.host, settings.port)
    except OSError as error:
        _LOG.error("cannot listen on %s:%d: %s", settings.host, settings.port, error.strerror)
        return 1
    bus = KafkaBus(settings.kafka)
    archive = Archive(settings.archive)
    stop = asyncio.create_task(stopping.wait(), name="stop")
    opening = asyncio.create_task(_open(settings, bus, archive))
    try:
        await asyncio.wait({opening, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not opening.done():
            return 0
        return await _work(opening.result(), archive, settings, listening, stop)
    except BusError as error:
        _LOG.error("%s (Kafka at %s)", error, settings.kafka)
        return 1
    except (ArchiveError, OSError) as error:
        _LOG.error("%s", error)
        return 1
    finally:
        await _end((stop, opening))
        listening.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                await bus.close()
        await archive.close()


async def _open(settings: Settings, bus: Bus, archive: Archive) -> Assembly:
    await archive.open()
    clock, topics = Clock(), topic_table(settings.topic_prefix)
    transactional_id = f"{settings.topic_prefix}orchestrator"
    writer, epoch, memory = await take_the_lead(bus, topics, transactional_id, clock)
    await forget_archived(memory, archive, writer, topics)
    assembly = Assembly(
        bus=bus,
        topics=topics,
        clock=clock,
        timing=Timing(),
        archive=archive,
        allowlist=settings.allowed_targets,
        max_queued=settings.max_queued,
        writer=writer,
        epoch=epoch,
        memory=memory,
    )
    await assembly.catch_up()
    return assembly


async def _work(
    assembly: Assembly,
    archive: Archive,
    settings: Settings,
    listening: socket.socket,
    stop: asyncio.Task[bool],
) -> int:
    """Work until ``stop`` is done or something breaks; return the exit code."""
    app = create_app(assembly.desk, archive, assembly.feeds, settings)
    server = ApiServer(app, assembly.feeds, settings.host, settings.port)
    tasks = assembly.start()
    serving = asyncio.create_task(server.serve([listening]), name="the HTTP server")
    await asyncio.wait({*tasks, serving, stop}, return_when=asyncio.FIRST_COMPLETED)
    broken = [task for task in (*tasks, serving) if task.done()]
    for task in broken:
        _explain(task)
    server.should_exit = True
    with contextlib.suppress(Exception):
        await serving
    await _end(tasks)
    return 1 if broken else 0


async def _end(tasks: Iterable[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _explain(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if isinstance(error, BusError):
        _LOG.error("%s; the orchestrator ends", error)
    elif error is not None:
        _LOG.error("%s broke; the orchestrator ends", task.get_name(), exc_info=error)
    else:
        _LOG.error("%s ended by itself; the orchestrator ends too", task.get_name())
