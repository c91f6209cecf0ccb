"""Watches a count, the target's own above all: the judge of when load flowed and when not."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import httpx
from tests.chaos.timeline import Timeline
from tests.integration.stack import Target

_EVERY_S = 0.05


class Pulse(Timeline):
    """Asks for a count that only grows, 20 times a second.

    A context manager; times are those of ``time.monotonic``.
    """

    def __init__(self, url: str, read: Callable[[httpx.Response], float]) -> None:
        super().__init__()
        self._url = url
        self._read = read
        self._client = httpx.Client(trust_env=False, timeout=20)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="pulse")

    @classmethod
    def of_run(cls, target: Target, run_id: str) -> Pulse:
        """Count the requests of a run that the target received."""

        def read(answer: httpx.Response) -> float:
            return float(answer.json()["runs"].get(run_id, {}).get("requests", 0))

        return cls(f"{target.url}/count", read)

    @classmethod
    def of_driver(cls, address: str) -> Pulse:
        """Count the requests that a driver put on a socket, by its own account."""

        def read(answer: httpx.Response) -> float:
            found = re.search(
                r"^spate_driver_requests_sent_total (\S+)$", answer.text, re.MULTILINE
            )
            assert found is not None
            return float(found[1])

        return cls(f"http://{address}/metrics", read)

    def __enter__(self) -> Self:
        """Begin to look."""
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Look no more."""
        self._ending.set()
        self._thread.join()
        self._client.close()

    def _sample(self) -> None:
        while not self._ending.wait(_EVERY_S):
            self._look()

    def _look(self) -> None:
        asked_s = time.monotonic()
        count = self._read(self._client.get(self._url))
        self.see((asked_s + time.monotonic()) / 2, count)
