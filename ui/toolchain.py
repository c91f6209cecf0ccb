#!/usr/bin/env python3
# ruff: noqa: T201 -- a script speaks to who runs it
"""Build, check and test the page: ``python ui/toolchain.py build | lint | test | format``.

Run by ``make`` with the machine's Python: standard library only. ``build`` puts the page into
``ui/dist/page`` and does nothing when it is already what the sources say; the others see to it
first that the pinned packages are there. Without a Node, or a way to the packages, each says so in
a sentence and leaves the page out; under ``SPATE_REQUIRE_ALL`` that is a failure.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from node import Node, NodeError, find_node

UI: Final = Path(__file__).resolve().parent
PACKAGES: Final = UI / "node_modules"
PAGE: Final = UI / "dist" / "page"

_PINS: Final = (UI / "package.json", UI / "package-lock.json", UI / ".npmrc")
_SOURCES: Final = ("index.html", "vite.config.ts", "tsconfig.json", "public", "src")


class PackagesError(RuntimeError):
    """The pinned packages cannot be had."""


class Stamp:
    """A file that says of what something was made; an interrupted making leaves none."""

    def __init__(self, path: Path, paths: Iterable[Path]) -> None:
        self._path = path
        digest = hashlib.sha256()
        for each in paths:
            digest.update(f"{each.relative_to(UI)}\0{each.stat().st_size}\0".encode())
            digest.update(each.read_bytes())
        self._wanted = json.dumps({"made of": digest.hexdigest()})

    def holds(self) -> bool:
        """Say whether it was made of what is there now."""
        return self._path.is_file() and self._path.read_text() == self._wanted

    def remove(self) -> None:
        """Say that it is being made."""
        self._path.unlink(missing_ok=True)

    def set(self) -> None:
        """Say that it is made."""
        self._path.write_text(self._wanted)


def main() -> int:
    """Do what was asked; return the exit code."""
    verbs: dict[str, Callable[[], None]] = {
        "build": build,
        "lint": lint,
        "test": lambda: _run(find_node(), "vitest", "run"),
        "format": lambda: _run(find_node(), "biome", "check", "--write", "."),
    }
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    if verb not in verbs or len(sys.argv) > 2:  # noqa: PLR2004 -- the script and one word
        print(f"usage: python ui/toolchain.py {' | '.join(verbs)}", file=sys.stderr)
        return 2
    try:
        if verb != "build":
            install(find_node)
        verbs[verb]()
    except (NodeError, PackagesError) as missing:
        print(f"The page is left out of `{verb}`: {missing}.", file=sys.stderr)
        return 1 if os.environ.get("SPATE_REQUIRE_ALL") else 0
    except subprocess.CalledProcessError as failed:
        print(f"The page's `{verb}` failed: {' '.join(failed.cmd)}", file=sys.stderr)
        return 1
    return 0


def build() -> None:
    """Bring the page up to date.

    Raises:
        NodeError: if there is no Node.
        PackagesError: if the packages cannot be had.
        subprocess.CalledProcessError: if the sources are wrong.
    """
    install(find_node)
    stamp = Stamp(UI / "dist" / "built.json", [*_PINS, *_sources()])
    if stamp.holds() and (PAGE / "index.html").is_file():
        return
    print("Building the page ...", flush=True)
    stamp.remove()
    _run(find_node(), "vite", "build", "--logLevel", "warn")
    stamp.set()


def lint() -> None:
    """Check style, types, and that the types of the API are those it describes.

    Raises:
        subprocess.CalledProcessError: if something is wrong.
    """
    node = find_node()
    _run(node, "biome", "check", ".")
    _run(node, "tsc", "--noEmit")
    subprocess.run(  # noqa: S603 -- arguments are written in this file
        [*node.node, "scripts/api_types.mjs", "--check"], check=True, cwd=UI
    )


def install(find: Callable[[], Node]) -> None:
    """Install the pinned packages, if they are not there; their scripts are not run.

    Raises:
        NodeError: if there is no Node.
        PackagesError: if the packages cannot be had.
    """
    stamp = Stamp(PACKAGES / ".installed.json", _PINS)
    if stamp.holds():
        return
    node = find()
    print("Installing the page's packages ...", flush=True)
    installed = subprocess.run(  # noqa: S603 -- arguments are written in this file
        [*node.npm, "ci", "--ignore-scripts", "--no-progress", "--loglevel", "error"],
        check=False,
        cwd=UI,
        env=node.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if installed.returncode:
        said = installed.stderr.strip().splitlines() or ["npm said nothing"]
        raise PackagesError(f"npm could not install its packages: {said[-1]}")
    stamp.set()


def _sources() -> list[Path]:
    """Return what the page is made of, but for the packages."""
    found: list[Path] = []
    for name in _SOURCES:
        path = UI / name
        found += sorted(each for each in path.rglob("*") if each.is_file()) or [path]
    return [path for path in found if ".test." not in path.name]


def _run(node: Node, program: str, *arguments: str) -> None:
    """Run a program of the installed packages.

    Raises:
        subprocess.CalledProcessError: if it fails.
    """
    subprocess.run(  # noqa: S603 -- arguments are written in this file
        [str(PACKAGES / ".bin" / program), *arguments],
        check=True,
        cwd=UI,
        env=node.environment(),
        stdin=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    sys.exit(main())
