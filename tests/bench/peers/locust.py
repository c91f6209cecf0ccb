"""Locust: Python and gevent; a rate is held by each user for itself, who waits for the answer."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from tests.bench.peers.load import Load, Said, TrialError
from tests.bench.peers.nearest import quantiles
from tests.bench.peers.peer import Pace, Peer, look_for, told, version_in

_SCRIPT: Final = """\
from locust import FastHttpUser, constant, constant_throughput, task


class User(FastHttpUser):
    host = {host!r}
    wait_time = {wait}
    network_timeout = 30.0
    connection_timeout = 30.0

    @task
    def get(self):
        self.client.get({path!r})
"""


class Locust(Peer):
    """Its faster client, ``FastHttpUser``; with TLS it verifies nothing. It rounds latencies."""

    name: ClassVar[str] = "locust"
    how_to_get: ClassVar[str] = "--fetch, or pip install locust"
    pace: ClassVar[Pace] = "worker"

    def program(self) -> Path | None:
        """Return the fetched one, else the system's."""
        return look_for("locust", self.here / "locust" / "bin")

    def version(self) -> str:
        """Return its version."""
        return version_in(told(self.found(), "--version"))

    def command(self, load: Load, folder: Path) -> list[str]:
        """Return the command, having written the script; the users all come at once."""
        script = folder / "locustfile.py"
        script.write_text(script_of(load), encoding="utf-8")
        users = str(load.connections)
        return [
            *(self.found(), "--locustfile", str(script), "--headless", "--only-summary"),
            *("--users", users, "--spawn-rate", users, "--run-time", f"{load.whole_seconds}s"),
            *(
                "--json-file",
                str(folder / "run"),
                "--exit-code-on-error",
                "0",
                "--loglevel",
                "WARNING",
            ),
        ]

    def said(self, output: str, folder: Path) -> Said:  # noqa: ARG002 - all is in the file
        """Return what its figures say; no quantiles without requests."""
        try:
            rows = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TrialError("locust wrote no figures") from error
        return from_rows(rows)


def script_of(load: Load) -> str:
    """Return the script of a load."""
    address = urlsplit(load.url)
    wait = "constant(0)"
    if load.rate_per_s is not None:
        wait = f"constant_throughput({load.rate_per_s / load.connections:g})"
    host = f"{address.scheme}://{address.netloc}"
    return _SCRIPT.format(host=host, path=address.path or "/", wait=wait)


def from_rows(rows: list[dict[str, Any]]) -> Said:
    """Return what the rows of all addresses say: how often each rounded time in ms was taken."""
    times: Counter[float] = Counter()
    for row in rows:
        times.update({float(ms): count for ms, count in row["response_times"].items()})
    slowest_ms = max((row["max_response_time"] for row in rows), default=None)
    said = quantiles(round(ms * 1e6) for ms in times.elements())
    if slowest_ms is not None:
        said["max"] = slowest_ms * 1e6
    return Said(
        requests=sum(row["num_requests"] for row in rows),
        failed=sum(row["num_failures"] for row in rows),
        latency_ns=said,
    )
