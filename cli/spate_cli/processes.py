"""The child processes of ``spate local``: started on a leash, watched, ended by their id."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_LEASH = str(Path(__file__).with_name("leash.py"))
_TAIL_BYTES = 64 * 1024
TAIL_LINES = 10


@dataclass(frozen=True, slots=True)
class Command:
    """What is to run. ``argv`` is absolute, ``env`` only what is added to our own.

    Running ``argv`` again with ``env`` is a correct restart.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


def how_it_ended(code: int) -> str:
    """Return an exit code in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"


def last_lines(path: Path, count: int = TAIL_LINES) -> list[str]:
    """Return the last lines of a log, none if there is no log."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _TAIL_BYTES))
            return file.read().decode("utf-8", "replace").splitlines()[-count:]
    except OSError:
        return []


class Child:
    """A process of ours. It leads its own session, so a Ctrl-C on the terminal passes it by."""

    def __init__(
        self, command: Command, process: asyncio.subprocess.Process, logs: tuple[Path, ...]
    ) -> None:
        self.command = command
        self.logs = logs
        self._process = process
        self._waiting = asyncio.create_task(process.wait())

    @property
    def name(self) -> str:
        """Its name in the stack."""
        return self.command.name

    @property
    def pid(self) -> int:
        """The id of the process itself."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Return its exit code when it has ended; giving up the wait does not end it."""
        return await asyncio.shield(self._waiting)

    def terminate(self) -> None:
        """Ask it to end."""
        if self.code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it and what it started, for certain."""
        if self.code is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def obituary(self) -> str:
        """Return how it ended and what it said last."""
        assert self.code is not None
        lines = [f"{self.name} {how_it_ended(self.code)}"]
        for log in self.logs:
            said = last_lines(log)
            if said:
                lines += [f"  the last lines of {log}:", *(f"    {line}" for line in said)]
                break
        return "\n".join(lines)


async def start_child(
    command: Command, log: Path | None, *more_logs: Path, say: Callable[[str], None]
) -> Child:
    """Start a process whose output goes into ``log``; None lets it write where we write.

    ``more_logs`` are files that it writes by itself.

    Raises:
        OSError: if it cannot be started.
    """
    say(f"starting {command.name}")
    argv: Sequence[str] = (sys.executable, "-I", "-S", _LEASH, str(os.getpid()), *command.argv)
    with contextlib.ExitStack() as stack:
        output = None
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            output = stack.enter_context(log.open("wb"))
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **command.env},
            start_new_session=True,
        )
    logs = more_logs if log is None else (log, *more_logs)
    return Child(command, process, logs)


async def end_children(children: Sequence[Child], wait_s: float, hurry: asyncio.Event) -> None:
    """Ask processes to end; kill those that have not after ``wait_s``, or once ``hurry`` is set."""
    for child in children:
        child.terminate()
    running = [child for child in children if child.code is None]
    if not running:
        return
    ends = asyncio.create_task(_all_ended(running))
    hurried = asyncio.create_task(hurry.wait())
    await asyncio.wait({ends, hurried}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
    hurried.cancel()
    for child in running:
        child.kill()
    await ends


async def _all_ended(children: Sequence[Child]) -> None:
    for child in children:
        await child.wait()
