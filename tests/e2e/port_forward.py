"""A way from this machine to a service in the cluster, kept open."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from types import TracebackType
from typing import Self

from tests.e2e.kube import Kube

from localkafka.broker import free_port

_PAUSE_S = 0.3


class PortForward:
    """Runs `kubectl port-forward` and starts it again whenever it ends; a context manager.

    It leads to one pod. When that pod goes, kubectl ends and the next one finds its successor.
    """

    def __init__(self, kube: Kube, service: str, port: int) -> None:
        self._local = free_port()
        self.url = f"http://127.0.0.1:{self._local}"
        self._argv = kube.kubectl_argv(
            "port-forward", "--address=127.0.0.1", f"service/{service}", f"{self._local}:{port}"
        )
        self._ending = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name=f"forward-{service}")

    def __enter__(self) -> Self:
        """Begin; it is open a moment later."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self._ending.set()
        self.renew()
        self._thread.join()

    def renew(self) -> None:
        """Look for a pod anew."""
        process = self._process
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()

    def _keep(self) -> None:
        while not self._ending.is_set():
            self._process = subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            if self._ending.is_set():
                self._process.terminate()  # the end came while it was being started
            self._process.wait()
            self._ending.wait(_PAUSE_S)
