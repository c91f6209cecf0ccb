#!/usr/bin/env python3
# ruff: noqa: T201 -- a script speaks to who runs it
"""Build ``.venv`` from the hashed pins; do nothing when it is already what they say.

Run by ``make setup`` with the machine's Python, before anything is installed: standard library
only. Packages come through uv, itself installed from its pin by pip, because that takes seconds
where pip takes more than half a minute. uv does not read pip's configuration, so it is told what
it says; where it says something that uv cannot be told, or uv fails, pip installs everything.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "requirements" / "dev.txt"
LANE = ROOT / "services" / "driver" / "driver" / "_lane.c"
VENV = ROOT / ".venv"
STAMP = VENV / "installed.json"

UV_NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "no-index": "UV_NO_INDEX",
    "cache-dir": "UV_CACHE_DIR",
    "no-cache-dir": "UV_NO_CACHE",
}
"""Keys of pip's configuration and the variable that tells uv the same."""

BINDING = ["global", "install", ":env:"]
"""Sections that count for an installation, a later one before an earlier one."""

HARMLESS = {"disable-pip-version-check", "no-input", "progress-bar", "quiet", "verbose", "retries"}
"""Keys that have no bearing on where packages come from."""


def uv_environment(pip_configuration: str) -> dict[str, str] | None:
    """Return what uv must be told so that it installs from where pip would.

    Args:
        pip_configuration: the output of ``pip config list``: lines of ``section.key='value'``,
            environment variables included.

    Returns:
        Environment variables for uv, or None if a key has no counterpart.
    """
    stated: dict[str, dict[str, str]] = {section: {} for section in BINDING}
    for line in pip_configuration.splitlines():
        place, _, quoted = line.partition("=")
        section, _, key = place.rpartition(".")
        if section in stated and key not in HARMLESS:
            stated[section][key] = str(ast.literal_eval(quoted))
    told: dict[str, str] = {}
    for key, value in [pair for section in BINDING for pair in stated[section].items()]:
        if key not in UV_NAMES:
            return None
        if key == "find-links":  # pip passes over a folder that is not there, uv does not
            places = [each for each in value.split() if "://" in each or Path(each).exists()]
            told[UV_NAMES[key]] = ",".join(places)
        elif key == "cache-dir":
            told[UV_NAMES[key]] = str(Path(value) / "uv")
        else:
            told[UV_NAMES[key]] = value
    return told


def pin(name: str, pins: str) -> str:
    """Return the lines of one package, hashes included, from a requirements file.

    Raises:
        ValueError: if the package is not pinned there.
    """
    lines = pins.splitlines(keepends=True)
    for first, line in enumerate(lines):
        if line.startswith(f"{name}=="):
            last = first
            while lines[last].rstrip().endswith("\\"):
                last += 1
            return "".join(lines[first : last + 1])
    raise ValueError(f"{name} is not pinned")


def wanted() -> dict[str, str]:
    """Return what the installation depends on, as comparable texts."""

    def digest(*paths: Path) -> str:
        return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()

    return {
        "home": f"{VENV} {sys.version}",  # scripts in a venv hold its path
        "pins": digest(PINS),
        "project": digest(ROOT / "pyproject.toml"),
        "lane": digest(ROOT / "hatch_build.py", LANE),
    }


def installed() -> dict[str, str]:
    """Return the ``wanted()`` of the last complete installation, empty if there was none."""
    try:
        stamp: dict[str, str] = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp


def lane_is_built() -> bool:
    """Tell whether the driver's lane was compiled."""
    return any(LANE.parent.glob("_lane.*.so"))


def compiler() -> bool:
    """Tell whether there is a C compiler: it may have been installed since the last time."""
    return any(shutil.which(name) for name in (os.environ.get("CC", "cc"), "gcc"))


def python(*arguments: str, environment: Mapping[str, str] | None = None) -> None:
    """Run the venv's Python.

    Raises:
        subprocess.CalledProcessError: if it fails.
    """
    subprocess.run(  # noqa: S603 -- arguments are written in this file
        [str(VENV / "bin" / "python"), *arguments],
        check=True,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
    )


def pip(*arguments: str) -> None:
    """Run the venv's pip.

    Raises:
        subprocess.CalledProcessError: if it fails.
    """
    python("-m", "pip", "--disable-pip-version-check", *arguments)


def install_pins() -> None:
    """Install everything ``dev.txt`` names, refusing whatever has another hash.

    Raises:
        subprocess.CalledProcessError: if pip fails as well.
    """
    listing = subprocess.run(  # noqa: S603 -- arguments are written in this file
        [str(VENV / "bin" / "python"), "-m", "pip", "config", "list"],
        check=True,
        capture_output=True,
        text=True,
    )
    told = uv_environment(listing.stdout)
    if told is not None:
        just_uv = VENV / "uv.txt"
        just_uv.write_text(pin("uv", PINS.read_text()))
        try:
            pip("install", "--quiet", "--no-compile", "--require-hashes", "-r", str(just_uv))
            told = {"UV_INDEX_STRATEGY": "unsafe-best-match", "UV_LINK_MODE": "copy", **told}
            uv = ["-m", "uv", "pip", "install", "--quiet", "--require-hashes", "-r", str(PINS)]
            python(*uv, "--python", str(VENV / "bin" / "python"), environment=told)
        except subprocess.CalledProcessError:
            print("uv could not install the pins; pip does, which takes longer.", file=sys.stderr)
        else:
            return
    pip("install", "--quiet", "--no-compile", "--require-hashes", "-r", str(PINS))


def main() -> int:
    """Bring ``.venv`` up to date; return the exit code."""
    want = wanted()
    have = installed()
    if have == want and (lane_is_built() or not compiler()):
        return 0
    try:
        import ensurepip  # noqa: F401 -- Debian ships Python without it
        import venv
    except ImportError as missing:
        print(
            f"Spate needs Python's {missing.name} module (on Debian and Ubuntu: "
            "apt install python3-venv).",
            file=sys.stderr,
        )
        return 1
    STAMP.unlink(missing_ok=True)  # an interrupted installation leaves no stamp
    try:
        if have.get("home") != want["home"]:
            print("Building .venv ...", flush=True)
            venv.create(VENV, clear=True, with_pip=True)
        if (have.get("home"), have.get("pins")) != (want["home"], want["pins"]):
            print("Installing the pinned packages ...", flush=True)
            install_pins()
        pip(
            "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "-e", str(ROOT)
        )
    except subprocess.CalledProcessError as failed:
        print(f"Setting up .venv failed: {failed}", file=sys.stderr)
        return 1
    if not lane_is_built():
        print(
            "The driver's lane was not built: that takes a C compiler and Python's headers (on "
            "Debian and Ubuntu: apt install gcc libc6-dev python3-dev). Without it a request costs "
            "about six times the CPU; everything else is the same.",
            file=sys.stderr,
        )
    STAMP.write_text(json.dumps(want))
    return 0


if __name__ == "__main__":
    sys.exit(main())
