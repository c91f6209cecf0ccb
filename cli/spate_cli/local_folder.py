"""The directory of ``spate local``: who uses it, what is in it, what stays."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from spate_cli.exits import CommandError, Exit
from spate_cli.processes import Child
from spate_cli.result import write_atomically


def state_text(children: Sequence[Child]) -> str:
    """Return ``state.json``: each process with its id and how to run it again."""
    processes = [
        {
            "name": child.name,
            "pid": child.pid,
            "argv": list(child.command.argv),
            "env": dict(child.command.env),
        }
        for child in children
    ]
    return json.dumps({"processes": processes}, indent=2) + "\n"


class LocalFolder:
    """A directory that belongs to one ``spate local`` at a time.

    ``archive.db`` stays from one time to the next: it is the memory of what ended.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kafka = path / "kafka"
        self.archive = path / "archive.db"
        self.state = path / "state.json"
        self.sample = path / "sample.json"
        self._logs = path / "logs"
        self._lock_path = path / "lock"
        self._lock: int | None = None

    def log(self, name: str) -> Path:
        """Return where a process writes its log."""
        return self._logs / f"{name}.log"

    def take(self, *, keep: bool) -> None:
        """Make the directory ours; what a killed one before us left is removed unless ``keep``.

        Raises:
            CommandError: if another one uses it, or it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise CommandError(
                Exit.USAGE, f"cannot use {self.path}: {error.strerror}; choose another with --dir"
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise CommandError(
                Exit.USAGE, f"another spate local uses {self.path}; choose another with --dir"
            ) from None
        self._lock = descriptor
        self.state.unlink(missing_ok=True)
        if not keep:
            self._remove_data()

    def write_state(self, children: Sequence[Child]) -> None:
        """Write ``state.json``, in full or not at all."""
        write_atomically(self.state, state_text(children))

    def release(self, *, keep: bool, keep_logs: bool) -> None:
        """Remove what is of no use without its processes, and let others use the directory."""
        self.state.unlink(missing_ok=True)
        self.sample.unlink(missing_ok=True)
        if not keep:
            self._remove_data()
            if not keep_logs:
                shutil.rmtree(self._logs, ignore_errors=True)
        if self._lock is not None:
            self._lock_path.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None
        with contextlib.suppress(OSError):
            self.path.rmdir()  # where nothing is left, nothing is left of it either

    def _remove_data(self) -> None:
        shutil.rmtree(self.kafka, ignore_errors=True)
