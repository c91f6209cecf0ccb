"""A broker that tests may kill, with two proxies before it that they may break."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from types import TracebackType
from typing import Self

from tests.chaos.proxy import Proxy

from localkafka import LocalKafka, stop


class Broker:
    """A local Kafka on data and ports that outlive a restart; a context manager.

    ``bootstrap`` is the straight way. Whoever bootstraps from ``via[k].address`` is told that
    address for everything, so all it says and hears goes through that proxy.
    """

    def __init__(self, kafka: LocalKafka) -> None:
        self.bootstrap = kafka.bootstrap
        self.via = tuple(Proxy(via.port, via.advertised_port) for via in kafka.vias)
        self._kafka = kafka
        self._process: subprocess.Popen[bytes] | None = None
        self._frozen = False
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Start all."""
        for proxy in self.via:
            self._stack.enter_context(proxy)
        self._stack.callback(self.stop)
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all."""
        self._stack.close()

    def start(self) -> None:
        """Start it, or let it go on; a start is waited for until it answers."""
        if self._process is None:
            self._process = self._kafka.start()
        elif self._frozen:
            self._process.send_signal(signal.SIGCONT)
        self._frozen = False

    def freeze(self) -> None:
        """Let it stand still: it holds its connections, and its cluster takes it for gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)
            self._frozen = True

    def stop(self) -> None:
        """End it as an operator does: it closes its logs."""
        if self._process is not None:
            self.start()  # who is frozen cannot end in good order
            stop(self._process)
            self._process = None

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def heal(self) -> None:
        """Make everything work again."""
        for proxy in self.via:
            proxy.heal()
        self.start()
