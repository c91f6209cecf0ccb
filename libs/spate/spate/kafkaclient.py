"""What all Kafka clients of one process share: settings, health, the way to the loop."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException

from spate.bus import BusError, BusHealth, RefusedError
from spate.kafkacomplaints import is_forbidden

CLOSE_WITHIN_S = 5.0
"""How long closing waits for a client's thread; a thread that is stuck ends by itself later."""

QUIET_POLLS = 20
"""After so many polls of 0.1 s without a sign of life a client asks whether there is any."""

PROBE_S = 2.0
"""Who does not answer that within this time has no broker, and is made anew."""

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
Setting = str | int | float | bool
Settings = Mapping[str, Setting]


def compose_settings(bootstrap: str, extra: Mapping[str, str]) -> dict[str, Setting]:
    """Return the settings that every client has; ``extra`` (security and the like) wins."""
    settings: dict[str, Setting] = {
        "bootstrap.servers": bootstrap,
        "client.id": "spate",
        # Errors are counted and told once by Links; librdkafka would repeat them each second.
        "log_level": 2,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1000,
        "retry.backoff.ms": 50,
        "retry.backoff.max.ms": 1000,
        "socket.timeout.ms": 10_000,
        "socket.connection.setup.timeout.ms": 5_000,
        "socket.keepalive.enable": True,
        # How long a topic that is not known may still be on its way (default 30 s).
        "topic.metadata.propagation.max.ms": 5_000,
        "socket.nagle.disable": True,
        # With it one broken connection to a one-broker cluster would be taken for the loss of the
        # cluster: all others are closed and made anew, which takes longer than a licence lasts.
        # Without it a client that was told of no broker at all (by one that had stood still and is
        # not back in its cluster yet) knows no way back: readers and producers see to that.
        "metadata.recovery.strategy": "none",
    }
    if all(_is_loopback(address) for address in bootstrap.split(",")):
        # `localhost` may name ::1 first, where a local broker does not listen.
        settings["broker.address.family"] = "v4"
    return settings | dict(extra)


def _is_loopback(address: str) -> bool:
    host = address.strip().rsplit("://", 1)[-1].rsplit(":", 1)[0]
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return found.version == 4 and found.is_loopback  # noqa: PLR2004 - the IP version


def bus_error(doing: str, error: KafkaException | KafkaError) -> BusError:
    """Return the error of the port for one of the client library."""
    inner = error.args[0] if isinstance(error, KafkaException) else error
    text = f"{doing}: {describe(inner)}"
    if isinstance(inner, KafkaError) and is_forbidden(inner):
        return RefusedError(f"{text}; give this user the rights that docs/operations.md lists")
    return BusError(text)


def describe(error: object) -> str:
    """Return a short text for an error of the client library: its name and its message."""
    if isinstance(error, KafkaError):
        return f"{error.name()}: {error.str()}"
    return str(error)


class Links:
    """The health of all connections of one process, kept on the loop."""

    def __init__(self, bootstrap: str, health: BusHealth) -> None:
        self._bootstrap = bootstrap
        self._health = health
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def down(self) -> bool:
        """True while no broker is connected; may be read from any thread."""
        return self._health.down_since_ns is not None

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop that all clients of this bus report to: the first that was running."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def on_error(self, error: KafkaError) -> None:
        """Note an error; called by client threads."""
        down = error.code() == KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001 - the library's name
        post(self.loop(), self._note, describe(error), down)

    def well(self) -> None:
        """Note that a broker answered; called on the loop."""
        if self._health.down_since_ns is not None:
            self._health.down_since_ns = None
            _log.info("Kafka at %s answers again", self._bootstrap)

    def _note(self, text: str, down: bool) -> None:
        self._health.errors += 1
        self._health.last_error = text
        if down and self._health.down_since_ns is None:
            self._health.down_since_ns = int(self.loop().time() * 1e9)
            _log.warning("Kafka at %s does not answer: %s", self._bootstrap, text)


def post(loop: asyncio.AbstractEventLoop, function: Callable[..., object], *args: object) -> None:
    """Call ``function`` on the loop, from another thread; nothing happens once it is closed."""
    try:
        loop.call_soon_threadsafe(function, *args)
    except RuntimeError:
        if not loop.is_closed():
            raise


def in_thread(
    loop: asyncio.AbstractEventLoop, name: str, work: Callable[[], _T]
) -> asyncio.Future[_T]:
    """Run ``work`` in a thread of its own; the future has its result or its exception.

    A daemon thread, because a call into an unreachable broker must not keep the process alive.
    """
    future: asyncio.Future[_T] = loop.create_future()

    def settle(result: _T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # set whenever error is None

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - it is raised where the future is awaited
            post(loop, settle, None, error)
        else:
            post(loop, settle, result, None)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future


async def wait_closed(ended: asyncio.Future[None]) -> None:
    """Wait for a client's thread to end, but not forever."""
    await asyncio.wait([ended], timeout=CLOSE_WITHIN_S)


def append_time(message: confluent_kafka.Message) -> tuple[int, bool]:
    """Return a record's time in ms since 1970, and whether the log stamped it."""
    kind, stamp_ms = message.timestamp()
    return stamp_ms, kind == confluent_kafka.TIMESTAMP_LOG_APPEND_TIME
