"""``spate local``: starts the whole stack, watches it, and leaves nothing of it behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spate_cli import stack
from spate_cli.client import Api, ApiError
from spate_cli.exits import CommandError, Exit
from spate_cli.local_folder import LocalFolder
from spate_cli.ports import LOOPBACK, free_ports, settle_port
from spate_cli.processes import Child, Command, end_children, start_child
from spate_cli.sample import sample_plan

READY_WITHIN_S = 90.0
KAFKA_WITHIN_S = 60.0
ABORT_WITHIN_S = 2.5
# Who is ended, in this order, and how long it may take; with the aborts 14.5 s at the most.
ENDS: tuple[tuple[str, float], ...] = (
    ("sample", 0.5),
    ("driver-", 3.0),
    ("orchestrator", 3.0),
    ("target", 2.0),
    ("", 3.5),
)
_POLL_EVERY_S = 0.1
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """The options of ``spate local``.

    ``kafka`` is a broker that runs elsewhere; None starts one. Port 0 is a free one.
    """

    drivers: int
    port: int
    target_port: int
    folder: Path
    sample: bool
    keep: bool
    kafka: str | None


def _say(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def run_local(options: LocalOptions) -> Exit:
    """Run the stack until a signal comes and return the exit code.

    Raises:
        CommandError: if a port or the directory is taken, or the stack does not come up.
    """
    port = settle_port(options.port, "--port")
    target_port = settle_port(options.target_port, "--target-port")
    if port == target_port:
        raise CommandError(Exit.USAGE, f"--port and --target-port are both {port}")
    folder = LocalFolder(options.folder)
    folder.take(keep=options.keep)
    keep_logs = True
    try:
        stacked = LocalStack(options, folder, port, target_port)
        asyncio.run(stacked.run())
        keep_logs = stacked.lost
    finally:
        folder.release(keep=options.keep, keep_logs=keep_logs)
    return Exit.PASSED


class LocalStack:
    """The processes of one stack. ``lost`` tells whether one ended that nobody had ended."""

    def __init__(
        self, options: LocalOptions, folder: LocalFolder, port: int, target_port: int
    ) -> None:
        self.lost = False
        self._options = options
        self._folder = folder
        self._port = port
        self._target_port = target_port
        self._url = f"http://{LOOPBACK}:{port}"
        self._children: list[Child] = []
        self._watches: list[asyncio.Task[None]] = []
        self._ready = False
        self._stopping = False

    async def run(self) -> None:
        """Bring the stack up, keep it until a signal comes, take it down.

        Raises:
            CommandError: if it does not come up; it is down then.
        """
        loop = asyncio.get_running_loop()
        stop, hurry = asyncio.Event(), asyncio.Event()

        def take_signal() -> None:
            (hurry if stop.is_set() else stop).set()

        for number in _SIGNALS:
            loop.add_signal_handler(number, take_signal)
        up = asyncio.create_task(self._up())
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({up, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if up.done():
                up.result()
                await stopped
        finally:
            stop.set()
            up.cancel()
            await asyncio.gather(up, return_exceptions=True)
            await self._down(hurry)

    async def _up(self) -> None:
        """Start everything; return when all can be used.

        Raises:
            CommandError: if something ends or does not answer in time.
        """
        kafka = self._options.kafka or await self._start_kafka()
        names = [f"driver-{number}" for number in range(1, self._options.drivers + 1)]
        await self._start(stack.target(self._target_port))
        await self._start(
            stack.orchestrator(kafka, self._port, self._target_port, self._folder.archive)
        )
        for number, port in enumerate(free_ports(len(names)), start=1):
            await self._start(stack.driver(kafka, number, port))
        async with Api(self._url, None) as api:
            await self._until(lambda: _usable(api, names), "the stack", READY_WITHIN_S)
        self._ready = True
        self._folder.write_state([child for child in self._children if child.code is None])
        # The only thing on standard output: a script waits for this line.
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.write(f"spate is ready: {self._url}\n")
            sys.stdout.flush()
        _say("Ctrl-C stops it")
        if self._options.sample:
            await self._start_sample()

    async def _start_kafka(self) -> str:
        """Start a broker and return its address when it answers."""
        # Here, because with a broker elsewhere nothing of the local one need be installed.
        from localkafka.broker import BrokerError, LocalKafka, answers
        from localkafka.jars import FetchError

        _say("fetching Kafka (only the first time takes long)")
        fetching = await start_child(stack.fetch_kafka(), None, say=lambda _: None)
        self._children.append(fetching)
        if await fetching.wait() != 0:
            raise CommandError(Exit.FAILED, "Kafka could not be fetched")
        self._children.remove(fetching)

        def prepare() -> LocalKafka:
            kafka = LocalKafka(self._folder.kafka)
            kafka.format()
            return kafka

        try:
            kafka = await asyncio.to_thread(prepare)
        except (BrokerError, FetchError, OSError) as error:
            raise CommandError(Exit.FAILED, str(error)) from None
        await self._start(Command("kafka", tuple(kafka.argv)), kafka.log_path)

        async def broker_answers() -> bool:
            return await asyncio.to_thread(answers, LOOPBACK, kafka.port)

        await self._until(broker_answers, "Kafka", KAFKA_WITHIN_S)
        return kafka.bootstrap

    async def _start(self, command: Command, *more_logs: Path) -> None:
        try:
            child = await start_child(command, self._folder.log(command.name), *more_logs, say=_say)
        except OSError as error:
            raise CommandError(
                Exit.FAILED, f"cannot start {command.name}: {error.strerror}"
            ) from None
        self._children.append(child)
        self._watches.append(asyncio.create_task(self._watch(child)))

    async def _watch(self, child: Child) -> None:
        """Report a process that ends although nobody ended it."""
        await child.wait()
        if not self._stopping:
            self.lost = True
            _say(child.obituary() + ("\nthe rest goes on" if self._ready else ""))

    async def _start_sample(self) -> None:
        plan = self._folder.sample
        plan.write_text(json.dumps(sample_plan(self._target_port)), encoding="utf-8")
        command = stack.sample_run(plan, self._url, self._folder.path / "sample")
        child = await start_child(command, None, say=lambda _: None)
        self._children.append(child)

        async def wait() -> None:
            code = await child.wait()
            if not self._stopping:
                _say(f"the sample ended with exit code {code}; the stack stays: {self._url}")

        self._watches.append(asyncio.create_task(wait()))

    async def _until(
        self, holds: Callable[[], Coroutine[Any, Any, bool]], what: str, within_s: float
    ) -> None:
        """Wait until something holds.

        Raises:
            CommandError: if it does not in time, or a process ends meanwhile.
        """
        try:
            async with asyncio.timeout(within_s):
                while not await holds():
                    gone = [child.name for child in self._children if child.code is not None]
                    if gone:
                        await asyncio.sleep(_POLL_EVERY_S)  # its last lines are on their way
                        raise CommandError(
                            Exit.FAILED, f"{what} did not come up: {', '.join(gone)} ended"
                        )
                    await asyncio.sleep(_POLL_EVERY_S)
        except TimeoutError:
            raise CommandError(
                Exit.FAILED,
                f"{what} did not come up within {within_s:.0f} s; "
                f"the logs are in {self._folder.log('x').parent}",
            ) from None

    async def _down(self, hurry: asyncio.Event) -> None:
        """End everything in its order, for certain, within 15 s."""
        self._stopping = True
        if self._children:
            _say("stopping")
        if self._ready and not hurry.is_set():
            with contextlib.suppress(TimeoutError, ApiError, KeyError, TypeError):
                async with asyncio.timeout(ABORT_WITHIN_S):
                    await self._abort_runs()
        rest = list(self._children)
        for prefix, wait_s in ENDS:
            group = [child for child in rest if child.name.startswith(prefix)]
            rest = [child for child in rest if child not in group]
            await end_children(group, wait_s, hurry)
        await asyncio.gather(*self._watches, return_exceptions=True)

    async def _abort_runs(self) -> None:
        """Abort the runs under way and wait until they have ended, so that they are archived."""
        async with Api(self._url, None) as api:
            aborted: set[str] = set()
            while True:
                listed = (await api.call("GET", "/runs"))["runs"]
                running = [row["id"] for row in listed if row["ended_at"] is None]
                if not running:
                    return
                for run_id in running:
                    if run_id not in aborted:
                        aborted.add(run_id)
                        with contextlib.suppress(ApiError):
                            await api.call("POST", f"/runs/{run_id}/abort")
                await asyncio.sleep(_POLL_EVERY_S)


async def _usable(api: Api, drivers: list[str]) -> bool:
    """Tell whether the orchestrator is ready and can give work to all drivers."""
    try:
        await api.text("GET", "/readyz")
        answer = await api.call("GET", "/drivers")
    except ApiError:
        return False
    rows = answer.get("drivers", []) if isinstance(answer, dict) else answer
    return stack.eligible(rows, drivers)
