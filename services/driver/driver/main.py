"""``python -m driver``: puts one driver together and runs it until SIGTERM.

It waits for Kafka at its start, as long as it takes, and answers probes meanwhile. It ends with
exit code 1, and a sentence that says why, where Kafka refuses it or a part of it breaks.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import uvloop

from driver.assembly import assemble, spare_collector
from driver.backlog import BacklogError
from driver.breakage import watch
from driver.children import run_children
from driver.clock import Clock
from driver.driver import Driver
from driver.licence import LogLostError
from driver.link import Link
from driver.metrics import MetricsServer, Readings
from driver.own_address import reachable_host
from driver.settings import Settings, read_settings
from spate.bus import Ack, Bus, BusError, RefusedError
from spate.kafkabus import KafkaBus
from spate.logs import set_up_logs
from spate.messages import Heartbeat, Register, SnapshotMessage
from spate.timing import SECOND, Timing
from spate.topics import Topics, topic_table
from spate.waiting import Waiting

_LOG = logging.getLogger("driver")

_DRAIN_LIMIT_NS = 25 * SECOND
"""The longest time-out a plan may have, and a margin; the pod's grace period lies above."""


_FLUSH_S = 5.0
"""How long the last snapshots may take to be delivered."""


class _Relay:
    """Stands between driver and link, which need each other; ``broke`` is told why to end."""

    link: Link | None = None

    def __init__(self, broke: Callable[[str], None]) -> None:
        self._broke = broke

    def heartbeat(self, message: Heartbeat) -> None:
        assert self.link is not None
        self.link.heartbeat(message)

    def snapshot(self, message: SnapshotMessage) -> None:
        assert self.link is not None
        try:
            self.link.snapshot(message)
        except BacklogError as error:
            self._broke(str(error))

    def behind(self) -> bool:
        return self.link is not None and self.link.backlog.behind


def main(argv: Sequence[str] | None = None) -> int:
    """Run a driver process; return its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    settings = read_settings(arguments, os.environ)
    set_up_logs("driver", settings.log_level, settings.log_format, driver_id=settings.driver_id)
    if settings.processes > 1:
        return run_children(settings, arguments, os.environ)
    if settings.cpus:
        _pin(settings.cpus[0])
    try:
        return uvloop.run(_serve(settings, os.environ))
    except KeyboardInterrupt:
        return 130


def _pin(cpu: int) -> None:
    """Let this process run on one CPU only, with the threads that it has and those to come."""
    for task in Path("/proc/self/task").iterdir():
        os.sched_setaffinity(int(task.name), (cpu,))


async def _serve(settings: Settings, environ: Mapping[str, str]) -> int:
    loop = asyncio.get_running_loop()
    clock, timing = Clock(), Timing()
    topics = topic_table(settings.topic_prefix)
    bus = KafkaBus(settings.kafka, settings.kafka_security.client_settings())
    waiting, begun_ns = Waiting(_LOG), clock.mono_ns()
    ended: asyncio.Future[None] = loop.create_future()
    broken: list[str] = []

    def end() -> None:
        if not ended.done():
            ended.set_result(None)

    def broke(why: str) -> None:
        broken.append(why)
        end()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    watch(loop, broke)

    relay = _Relay(broke)
    raw = None if settings.raw_file is None else _raw_writer(Path(settings.raw_file))
    driver = assemble(
        driver_id=settings.driver_id,
        boot_id=secrets.token_hex(8),
        timing=timing,
        clock=clock,
        carrier=relay,
        allowlist=settings.allowed_targets,
        environ=environ,
        raw=raw,
        lane=settings.lane,
        behind=relay.behind,
    )

    def on_ack(n: int, ack: Ack) -> None:
        try:
            driver.acknowledged(n, ack)
        except LogLostError as error:
            broke(str(error))

    server: MetricsServer | None = None
    try:
        server = MetricsServer(
            settings.host,
            settings.port,
            lambda: _readings(
                settings, driver, relay.link, bus, clock, waiting=waiting, begun_ns=begun_ns
            ),
        )
        await _wait_for_kafka(waiting, settings.kafka, bus, topics, ended)
        if ended.done():
            return _say_goodbye(broken)
        relay.link = link = Link(bus, topics, timing, on_ack, clock.mono_ns)
        link.register(
            Register(
                driver_id=settings.driver_id,
                boot_id=driver.session.boot_id,
                address=f"{await reachable_host(settings.host)}:{server.port}",
                version=version("spate"),
                cpu_count=os.cpu_count() or 1,
                labels=settings.labels,
            )
        )
        spare_collector()
        listening = asyncio.create_task(link.listen(driver.receive))
        running = asyncio.create_task(driver.run())
        _LOG.info("driver %s is up; metrics on port %s", settings.driver_id, server.port)
        await asyncio.wait((ended, listening, running), return_when=asyncio.FIRST_COMPLETED)
        return await _finish(broken, driver, link, (listening, running))
    except (BusError, OSError) as error:
        _LOG.error("%s", error)
        return 1
    finally:
        await driver.close()
        if server is not None:
            server.close()
        await bus.close()


async def _wait_for_kafka(
    waiting: Waiting, kafka: str, bus: Bus, topics: Topics, ended: asyncio.Future[None]
) -> None:
    """Return when the topics are there, or ``ended`` is done.

    Raises:
        RefusedError: if Kafka does not let us in.
    """
    there = asyncio.create_task(
        waiting.until(
            f"Kafka at {kafka}", lambda: bus.ensure_topics(topics.configs), BusError, RefusedError
        )
    )
    await asyncio.wait((ended, there), return_when=asyncio.FIRST_COMPLETED)
    if there.done():
        there.result()
        waiting.over()
    else:
        there.cancel()
        _LOG.info("leaving: Kafka was not there yet")


async def _finish(
    broken: list[str], driver: Driver, link: Link, tasks: tuple[asyncio.Task[None], ...]
) -> int:
    """Leave in good order if asked to; else stop at once and say what broke."""
    if not broken and not any(task.done() for task in tasks):
        _LOG.info("leaving: finishing what is in flight")
        await driver.leave(_DRAIN_LIMIT_NS)
    else:
        # Nothing more may be sent while the last snapshots are delivered.
        for task in tasks:
            task.cancel()
        await driver.close()
    left = await link.flush(_FLUSH_S)
    if left:
        broken.append(f"{left} snapshots could not be delivered")
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            _LOG.error("the driver broke", exc_info=outcome)
            broken.append(str(outcome))
    return _say_goodbye(broken)


def _say_goodbye(broken: list[str]) -> int:
    """Say what broke; return the exit code."""
    for why in broken:
        _LOG.error("%s", why)
    if not broken:
        _LOG.info("gone: nothing is left to report")
    return 1 if broken else 0


def _readings(
    settings: Settings,
    driver: Driver,
    link: Link | None,
    bus: KafkaBus,
    clock: Clock,
    *,
    waiting: Waiting,
    begun_ns: int,
) -> Readings:
    engine, backlog = driver.engine, link.backlog if link else None
    oldest_ns = backlog.oldest_ns if backlog is not None else None
    down_since_ns = begun_ns if waiting.reason else bus.health.down_since_ns
    return Readings(
        totals=driver.totals,
        driver_id=settings.driver_id,
        version=version("spate"),
        in_flight=driver.in_flight,
        connections=engine.requester.connections if engine else 0,
        cpu=driver.cpu,
        licensed=driver.session.licensed,
        clock_offset_ns=driver.clock_offset_ns,
        start_skew_ns=driver.start_skew_ns,
        term=driver.session.term,
        fences=driver.session.endings.by_cause,
        unacknowledged=len(backlog) if backlog is not None else 0,
        unacknowledged_bytes=backlog.bytes if backlog is not None else 0,
        ack_age_ns=0 if oldest_ns is None else clock.mono_ns() - oldest_ns,
        resent=backlog.resent if backlog is not None else 0,
        kafka_errors=bus.health.errors,
        kafka_error=waiting.reason or bus.health.last_error,
        kafka_down_ns=None if down_since_ns is None else clock.mono_ns() - down_since_ns,
        bad_messages=link.bad_messages if link else 0,
    )


def _raw_writer(path: Path) -> Callable[[list[int]], None]:
    def write(times_ns: list[int]) -> None:
        with path.open("a", encoding="ascii") as file:
            file.writelines(f"{time_ns}\n" for time_ns in times_ns)

    return write
