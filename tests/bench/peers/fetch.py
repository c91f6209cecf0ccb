"""Installs the tools that can be had into a folder of this tree, each by its ordinary client."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.bench.peers import vegeta

MOST_S: Final = 1_800.0
CRATE: Final = "oha"
PACKAGE: Final = "locust"


def fetch(here: Path, tell: Callable[[str], None]) -> None:
    """Install vegeta, oha and Locust where they are missing; a failure is told, and no more."""
    here.mkdir(parents=True, exist_ok=True)
    for name, client, there, commands in _recipes(here):
        if there.exists():
            tell(f"{name} is there")
        elif shutil.which(client) is None:
            tell(f"{name} takes {client}, which is not on the PATH")
        else:
            tell(f"fetching {name} by {client}")
            if not all(_done(command, here, tell) for command in commands):
                tell(f"{name} could not be fetched")


def _recipes(here: Path) -> list[tuple[str, str, Path, list[list[str]]]]:
    """Return name, client, program and commands of each tool."""
    locust = here / "locust"
    return [
        (
            "vegeta",
            "go",
            here / "bin" / "vegeta",
            [["go", "install", f"{vegeta.MODULE}@latest"]],
        ),
        (
            "oha",
            "cargo",
            here / "oha" / "bin" / "oha",
            [["cargo", "install", "--quiet", "--locked", "--root", str(here / "oha"), CRATE]],
        ),
        (
            "locust",
            sys.executable,
            locust / "bin" / "locust",
            [
                [sys.executable, "-m", "venv", str(locust)],
                [str(locust / "bin" / "pip"), "install", "--quiet", PACKAGE],
            ],
        ),
    ]


def _done(command: list[str], here: Path, tell: Callable[[str], None]) -> bool:
    """Run a command, and return whether it did what it should."""
    environ = {**os.environ, "GOBIN": str(here / "bin")}
    try:
        subprocess.run(
            command, env=environ, stdout=sys.stderr, timeout=MOST_S, check=True, cwd=here
        )
    except (OSError, subprocess.SubprocessError) as error:
        tell(str(error))
        return False
    return True
