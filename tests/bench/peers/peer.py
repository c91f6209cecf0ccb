"""What every tool must be able to do to be measured here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Final, Literal

from tests.bench.peers.load import Load, Said, TrialError

Pace = Literal["none", "worker", "schedule"]
"""How a tool holds a rate: not at all; each connection waits for its answer and then for its turn;
or by a schedule that does not wait for answers."""

UNKNOWN: Final = "of unknown version"
_VERSION: Final = re.compile(r"\d+\.\d+(?:\.\d+)?")


class Peer(ABC):
    """A load generator; ``here`` is the folder that ``--fetch`` installs into."""

    name: ClassVar[str]
    how_to_get: ClassVar[str]
    pace: ClassVar[Pace]
    counted: ClassVar[bool] = False
    """Whether it is told a number of requests for the closed loop, not a duration."""

    def __init__(self, here: Path) -> None:
        self.here = here

    @abstractmethod
    def program(self) -> Path | None:
        """Return the program; None if it is not here."""

    @abstractmethod
    def version(self) -> str:
        """Return its version."""

    @abstractmethod
    def command(self, load: Load, folder: Path) -> list[str]:
        """Return the command of a load, having written into the folder what it reads."""

    @abstractmethod
    def said(self, output: str, folder: Path) -> Said:
        """Return what the run said, from its standard output and what it left in the folder.

        Raises:
            TrialError: if that cannot be read.
        """

    def environ(self) -> dict[str, str]:
        """Return the environment: ours, without what would configure a tool behind our back."""
        odd = ("SPATE_", "K6_", "LOCUST_", "GOMAXPROCS", "GOGC", "COVERAGE_")
        return {key: value for key, value in os.environ.items() if not key.startswith(odd)}

    def found(self) -> str:
        """Return the program as text.

        Raises:
            TrialError: if it is not here.
        """
        program = self.program()
        if program is None:
            raise TrialError(f"{self.name} is not here; {self.how_to_get}")
        return str(program)


def look_for(name: str, *folders: Path) -> Path | None:
    """Return a program: the first of the folders that has it, else that of the PATH."""
    for folder in folders:
        if os.access(folder / name, os.X_OK):
            return folder / name
    found = shutil.which(name)
    return None if found is None else Path(found)


def version_in(text: str) -> str:
    """Return the first version number of a text, a word without one."""
    found = _VERSION.search(text)
    return UNKNOWN if found is None else found.group()


def told(*command: str) -> str:
    """Return what a command prints, on either stream; nothing if it cannot be run."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=30, check=False, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr


def module_version(program: Path | None) -> str:
    """Return the version that Go's linker wrote into a program."""
    if program is None or shutil.which("go") is None:
        return UNKNOWN
    for line in told("go", "version", "-m", str(program)).splitlines():
        words = line.split()
        if words[:1] == ["mod"] and len(words) > 2:
            return words[2].removeprefix("v").split("+")[0]
    return UNKNOWN
