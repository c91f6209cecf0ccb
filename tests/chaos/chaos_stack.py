"""A stack for faults: it waits through absences, and is brought into shape for each test."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import httpx
from tests.integration.caller import JsonObject
from tests.integration.stack import Stack, Target

from localkafka.broker import free_port

T = TypeVar("T")


class ChaosStack(Stack):
    """A stack whose parts go away and come back.

    While the orchestrator does not answer, what waits for something goes on waiting.
    """

    def __post_init__(self) -> None:
        """Begin with no drivers."""
        super().__post_init__()
        self._started = 0
        self._ways: dict[str, str | None] = {}

    def until(
        self,
        holds: Callable[[], T | None],
        problem: str | Callable[[], str],
        within_s: float = 60.0,
    ) -> T:
        """Wait as the stack does; an orchestrator that is away has not said no."""

        def patiently() -> T | None:
            try:
                return holds()
            except httpx.TransportError:
                return None

        def said() -> str:
            try:
                return problem if isinstance(problem, str) else problem()
            except httpx.TransportError as error:
                return f"the orchestrator does not answer: {error!r}"

        return super().until(patiently, said, within_s)

    def fleet_of(self, count: int, way: str | None = None) -> list[str]:
        """Bring the stack into shape: no run under way, and so many idle drivers; their ids.

        All of them go this ``way`` to the broker, or the stack's own. Drivers of earlier tests
        that do are kept.
        """
        self.end_runs()
        there = self.running_drivers()
        kept = [driver_id for driver_id in there if self._ways.get(driver_id) == way][:count]
        gone = [driver_id for driver_id in there if driver_id not in kept]
        new = [self.enlist(way) for _ in range(count - len(kept))]
        for driver_id in gone:
            self.kick(driver_id, signal.SIGTERM)
        for driver_id in gone:
            assert self.ended(driver_id) == 0, self.tails()
        self.await_drivers(*kept, *new)
        return [*kept, *new]

    def enlist(self, way: str | None = None) -> str:
        """Start a driver with an id that no other had, do not wait for it, and return its id."""
        self._started += 1
        driver_id = f"driver-{self._started}"
        self._ways[driver_id] = way
        self.start_driver(driver_id, kafka=way)
        return driver_id

    def kill(self, name: str) -> float:
        """End a process by SIGKILL; return when that was."""
        self.kick(name, signal.SIGKILL)
        at_s = time.monotonic()
        self.ended(name)
        return at_s

    def ended_by_itself(self, name: str, within_s: float = 20.0) -> tuple[int, str]:
        """Wait for the end of a process; return its exit code and all it wrote."""
        process = self._processes[name]
        self.until(lambda: process.popen.poll() is not None, f"{name} does not end", within_s)
        return self.ended(name), process.log.read_text(errors="replace")

    def mend(self) -> None:
        """Put aside what ended in an earlier test, and have an orchestrator that runs.

        What ended without being told to is a failure still, when the stack is left.
        """
        for name, process in tuple(self._processes.items()):
            if process.popen.poll() is not None:
                self.ended(name)
        if "orchestrator" not in self._processes:
            self.start_orchestrator()

    def revive(self) -> None:
        """Start the orchestrator again where it was, and wait until it answers."""
        self.start_orchestrator()
        self.until(self.answers, "the orchestrator is not back")

    def succeed(self) -> str:
        """Start a second orchestrator on another port, speak to that from now on; its name."""
        name = f"orchestrator-{free_port()}"
        self.url = f"http://127.0.0.1:{name.rpartition('-')[2]}"
        self.client.close()
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=20)
        self.start_orchestrator(name)
        return name

    def begin(self, plan: Mapping[str, object], target: Target, count: int) -> str:
        """Start a run, wait until the target received so many requests of it; return its id."""
        run_id = self.submit(plan)
        self.until(lambda: received(target, run_id) >= count, f"the target has not {count}")
        return run_id

    def sent_by(self, run_id: str, driver_id: str) -> int:
        """Return how many requests of a run this driver has reported as sent."""
        rows = self.view(run_id)["drivers"]
        return sum(int(row["sent"]) for row in rows if row["driver_id"] == driver_id)

    def address(self, driver_id: str) -> str:
        """Return where a driver serves its metrics."""
        rows = self.call("GET", "/drivers").json()["drivers"]
        return str(next(row["address"] for row in rows if row["driver_id"] == driver_id))

    def metric(self, name: str, driver_id: str | None = None, labels: str = "") -> float:
        """Return a figure of the orchestrator or a driver, summed over all labels like these."""
        base = self.url if driver_id is None else f"http://{self.address(driver_id)}"
        text = httpx.get(f"{base}/metrics", trust_env=False, timeout=20).text
        pattern = rf"^{re.escape(name)}(?:\{{[^}}]*{re.escape(labels)}[^}}]*\}})? (\S+)$"
        return sum(map(float, re.findall(pattern, text, re.MULTILINE)))

    def rss_mb(self, name: str) -> float:
        """Return the resident memory of a process, in MB."""
        status = Path(f"/proc/{self.pid(name)}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024


def received(target: Target, run_id: str) -> int:
    """Return how many requests of a run the target received so far."""
    return int(target.count()["runs"].get(run_id, {}).get("requests", 0))


def by_driver(report: JsonObject) -> dict[str, JsonObject]:
    """Return the accounting of each driver of a run."""
    return {row["driver_id"]: row["accounting"] for row in report["drivers"]}


def happened(report: JsonObject) -> set[tuple[str, str | None]]:
    """Return which kinds of events there were in a run, and with whom."""
    return {(event["kind"], event["driver_id"]) for event in report["events"]}
