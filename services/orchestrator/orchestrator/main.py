"""``python -m orchestrator``: runs the orchestrator until SIGTERM.

It waits for the archive and for Kafka at its start, as long as it takes, and outlives an absence of
either later. It ends with exit code 1, and a sentence that says why, where it cannot listen, where
Kafka or the archive refuses it or is not as it must be, and when another orchestrator takes over or
a part of it breaks. Whoever supervises it starts it again; the drivers go on meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterable, Sequence

import uvloop

from orchestrator.api.app import create_app
from orchestrator.api.entrance import Entrance
from orchestrator.api.guards import HostRule
from orchestrator.api.server import ApiServer, listen
from orchestrator.archive import Archive, ArchiveError, ArchiveRefusedError
from orchestrator.assembly import Assembly, end_unreadable, forget_archived, take_the_lead
from orchestrator.clock import Clock
from orchestrator.collector import calm_collector
from orchestrator.fleet_watch import FleetWatch
from orchestrator.scaling import Scaling
from orchestrator.service_account import ServiceAccount
from orchestrator.settings import Settings, parse_settings
from spate.bus import Bus, BusError, RefusedError
from spate.kafkabus import KafkaBus
from spate.logs import set_up_logs
from spate.timing import Timing
from spate.topics import topic_table
from spate.waiting import Waiting

_LOG = logging.getLogger("orchestrator")
_CLOSE_WITHIN_S = 1.5
"""Threads that wait for an absent broker are left to end with the process."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the orchestrator; return its exit code."""
    settings = parse_settings(sys.argv[1:] if argv is None else argv, os.environ)
    set_up_logs("orchestrator", settings.log_level, settings.log_format)
    calm_collector()
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
    _LOG.info("listening on %s:%d", *listening.getsockname()[:2])
    waiting = Waiting(_LOG)
    rule = HostRule(settings.host, settings.allowed_hosts)
    entrance = Entrance(lambda: waiting.reason, rule)
    server = ApiServer(entrance, None, settings.host, settings.port)
    serving = asyncio.create_task(server.serve([listening]), name="the HTTP server")
    bus = KafkaBus(settings.kafka, settings.kafka_security.client_settings())
    archive = Archive(settings.archive)
    stop = asyncio.create_task(stopping.wait(), name="stop")
    # Before the lead is taken: the import of the cluster's client holds everything up.
    scaling = _make_scaling(settings)
    opening = asyncio.create_task(_open(settings, bus, archive, scaling, waiting))
    try:
        await asyncio.wait({opening, serving, stop}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            _explain(serving)
            return 1
        if not opening.done():
            _LOG.info("leaving: %s", waiting.reason)
            return 0
        assembly = opening.result()
        server.feeds = assembly.feeds
        entrance.lead_to(create_app(assembly.desk, archive, assembly.feeds, settings))
        waiting.over()
        _LOG.info("ready: it leads %s* on Kafka at %s", settings.topic_prefix, settings.kafka)
        return await _work(assembly, server, serving, stop)
    except BusError as error:
        _LOG.error("%s (Kafka at %s)", error, settings.kafka)
        return 1
    except (ArchiveError, OSError) as error:
        _LOG.error("%s", error)
        return 1
    finally:
        await _end((stop, opening))
        await _close(server, serving)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                await bus.close()
        await archive.close()


def _make_scaling(settings: Settings) -> Scaling:
    """Return what knows the size of the fleet, with or without a cluster."""
    account = ServiceAccount()
    if settings.kubernetes == "auto" and not account.mounted:
        _LOG.info("no service account is mounted here: drivers are not looked for on Kubernetes")
    if settings.kubernetes == "off" or (settings.kubernetes == "auto" and not account.mounted):
        return Scaling()
    from orchestrator.cluster import Cluster

    _LOG.info("drivers are pods of the Deployment %s", settings.kubernetes_deployment)
    cluster = Cluster(account, settings.kubernetes_namespace)
    return Scaling(
        FleetWatch(cluster, settings.kubernetes_deployment, Clock()),
        enabled=settings.kubernetes_scaling == "on",
        max_drivers=settings.max_drivers,
    )


async def _open(
    settings: Settings, bus: Bus, archive: Archive, scaling: Scaling, waiting: Waiting
) -> Assembly:
    clock, topics = Clock(), topic_table(settings.topic_prefix)
    await waiting.until("the database", archive.open, ArchiveError, ArchiveRefusedError)
    await waiting.until(
        f"Kafka at {settings.kafka}",
        lambda: bus.ensure_topics(topics.configs),
        BusError,
        RefusedError,
    )
    transactional_id = f"{settings.topic_prefix}orchestrator"
    writer, epoch, memory = await take_the_lead(bus, topics, transactional_id, clock)
    await forget_archived(memory, archive, writer, topics)
    await end_unreadable(memory, epoch, writer, topics)
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
        scaling=scaling,
    )
    await assembly.catch_up()
    return assembly


async def _work(
    assembly: Assembly,
    server: ApiServer,
    serving: asyncio.Task[None],
    stop: asyncio.Task[bool],
) -> int:
    """Work until ``stop`` is done or something breaks; return the exit code."""
    tasks = assembly.start()
    await asyncio.wait({*tasks, serving, stop}, return_when=asyncio.FIRST_COMPLETED)
    broken = [task for task in (*tasks, serving) if task.done()]
    for task in broken:
        _explain(task)
    if not broken:
        _LOG.info("leaving: the drivers go on")
    await _close(server, serving)
    await _end(tasks)
    return 1 if broken else 0


async def _close(server: ApiServer, serving: asyncio.Task[None]) -> None:
    """End the HTTP server in good order; a second time does nothing."""
    server.should_exit = True
    with contextlib.suppress(Exception):
        await serving


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
