"""A whole stack for tests: orchestrator, drivers and targets as processes over a real Kafka."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from signal import Signals
from types import TracebackType
from typing import Self, TypeVar

import httpx
from tests.integration.caller import Caller, JsonObject

from localkafka.broker import free_port
from spate_cli import leash

T = TypeVar("T")

TAIL_LINES = 30
_POLL_EVERY_S = 0.05
_START_WITHIN_S = 60.0
_END_WITHIN_S = 10.0


@dataclass
class Process:
    """A process of a stack. ``expected`` tells that its end, however it comes, is wanted."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path
    expected: bool = False

    def tail(self) -> str:
        """Return the end of its log, and how it ended if it did."""
        lines = self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        code = self.popen.poll()
        state = "runs" if code is None else f"ended with {code}"
        return "\n".join([f"--- {self.name} {state}; its log ends:", *lines])


@dataclass(frozen=True)
class Target:
    """A target that runs."""

    url: str

    def count(self) -> JsonObject:
        """Return the target's own count: the ground truth."""
        return dict(httpx.get(f"{self.url}/count", trust_env=False).json())

    def requests(self) -> int:
        """Return how many load requests it received in full, ever."""
        return int(self.count()["requests"])


@dataclass
class Stack(Caller):
    """One orchestrator, its drivers and targets, under a topic prefix that nobody else has.

    It is a context manager. Leaving it ends every process by its id and says so if one did not
    end in good order.
    """

    kafka: str
    directory: Path
    prefix: str = field(default_factory=lambda: f"t-{uuid.uuid4().hex[:12]}.")
    orchestrator_flags: tuple[str, ...] = ()
    archive_flags: tuple[str, ...] = ()
    _processes: dict[str, Process] = field(default_factory=dict)
    _ended: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Settle the addresses."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.url = f"http://127.0.0.1:{free_port()}"
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=20)

    def __enter__(self) -> Self:
        """Start the orchestrator, and do not wait for it."""
        self.start_orchestrator()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End everything."""
        self.client.close()
        drivers = [name for name in self._processes if not name.startswith(("orch", "target"))]
        for names in (drivers, list(self._processes)):
            for name in names:
                self._send(self._processes[name], Signals.SIGTERM)
            for name in names:
                self._await_end(self._processes[name])
        wrong = [
            process.tail()
            for process in (*self._ended, *self._processes.values())
            if process.popen.returncode != 0 and not process.expected
        ]
        if wrong and error is None:
            raise AssertionError("\n".join(["not ended in good order:", *wrong]))

    # ---- processes ---------------------------------------------------------------------------

    def start_orchestrator(self, name: str = "orchestrator", url: str | None = None) -> None:
        """Start an orchestrator on the stack's archive and prefix, and do not wait for it.

        ``name`` begins with ``orchestrator``; without ``url`` it listens where the first one does.
        """
        self._start(
            name,
            *("-m", "orchestrator", "--kafka", self.kafka, "--topic-prefix", self.prefix),
            *("--port", (url or self.url).rpartition(":")[2]),
            *(self.archive_flags or ("--archive", f"sqlite:///{self.directory / 'archive.db'}")),
            *self.orchestrator_flags,
        )

    def start_driver(
        self, driver_id: str, *flags: str, kafka: str | None = None, **environ: str
    ) -> str:
        """Start a driver, and do not wait for it; ``kafka`` is another way to the broker.

        Returns the URL of its probes.
        """
        address = f"127.0.0.1:{free_port()}"
        self._start(
            driver_id,
            *("-m", "driver", "--kafka", kafka or self.kafka, "--topic-prefix", self.prefix),
            *("--driver-id", driver_id, "--address", address),
            *flags,
            **environ,
        )
        return f"http://{address}"

    def start_target(self, *flags: str) -> Target:
        """Start a target and return it when it takes connections."""
        name = f"target-{sum(name.startswith('target') for name in self._processes) + 1}"
        process = self._start(name, "-m", "target", "--port", "0", *flags)
        ready = "target is ready: "
        self.until(lambda: ready in process.log.read_text(), f"{name} is not ready")
        lines = process.log.read_text().splitlines()
        return Target(next(x.removeprefix(ready) for x in lines if x.startswith(ready)))

    def kick(self, name: str, number: Signals) -> None:
        """Send a signal to a process; SIGKILL makes its end an expected one."""
        process = self._processes[name]
        process.expected = number == Signals.SIGKILL
        self._send(process, number)

    def expect_end(self, name: str) -> None:
        """Say that a process may end by itself from now on, with whatever code."""
        self._processes[name].expected = True

    def pid(self, name: str) -> int:
        """Return the process id of a process that runs."""
        return self._processes[name].popen.pid

    def running_drivers(self) -> list[str]:
        """Return the ids of the drivers that run, in the order of their start."""
        return [
            name
            for name, process in self._processes.items()
            if not name.startswith(("orch", "target")) and process.popen.poll() is None
        ]

    def ended(self, name: str) -> int:
        """Wait for the end of a process and return its exit code."""
        process = self._processes.pop(name)
        self._ended.append(process)
        self._await_end(process)
        return process.popen.returncode

    def log(self, name: str) -> str:
        """Return what a process that runs has logged."""
        return self._processes[name].log.read_text()

    def tails(self) -> str:
        """Return the ends of all logs."""
        everyone = (*self._ended, *self._processes.values())
        return "\n".join(process.tail() for process in everyone)

    def until(
        self,
        holds: Callable[[], T | None],
        problem: str | Callable[[], str],
        within_s: float = _START_WITHIN_S,
    ) -> T:
        """Wait until something is true and return it; a process that dies ends the wait."""
        deadline = time.monotonic() + within_s
        while not (held := holds()):
            dead = [p for p in self._processes.values() if p.popen.poll() and not p.expected]
            assert not dead, "\n".join(process.tail() for process in dead)
            if time.monotonic() >= deadline:
                said = problem if isinstance(problem, str) else problem()
                raise AssertionError(f"{said} (after {within_s:g} s)\n{self.tails()}")
            time.sleep(_POLL_EVERY_S)
        return held

    def _start(self, name: str, *arguments: str, **environ: str) -> Process:
        """Start Python so that it dies with this process, its output in a log."""
        log = self.directory / f"{name}-{len(self._ended)}.log"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("SPATE_")}
        inherited["SPATE_LOG_FORMAT"] = "text"  # what tests look for in logs is found in both forms
        with log.open("wb") as output:
            popen = subprocess.Popen(
                (
                    *(sys.executable, "-I", "-S", str(leash.__file__), str(os.getpid())),
                    *(sys.executable, "-P", *arguments),
                ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**inherited, **environ},
            )
        process = self._processes[name] = Process(name, popen, log)
        return process

    def _send(self, process: Process, number: Signals) -> None:
        if process.popen.poll() is None:
            process.popen.send_signal(number)

    def _await_end(self, process: Process) -> None:
        try:
            process.popen.wait(_END_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.popen.kill()
            process.popen.wait()


def names(count: int) -> list[str]:
    """Return the ids of the first drivers of a stack."""
    return [f"driver-{number}" for number in range(1, count + 1)]


def start_drivers(stack: Stack, driver_ids: Iterable[str]) -> None:
    """Start drivers and wait until they can have work."""
    started = list(driver_ids)
    for driver_id in started:
        stack.start_driver(driver_id)
    stack.await_drivers(*started)
