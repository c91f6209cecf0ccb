#!/usr/bin/env python3
"""Runs a module from a writable copy of its code, and starts it again when that changes.

The entry point of the images' ``dev`` stage: ``skaffold dev`` puts changed files into the copy. It
lies on a volume, so it outlives a restart of the container, and the image's own root stays
read-only. A module that ends by itself is started again as well: with a mistake in the code just
saved, the container has to be there for the next change.

    reload.py CODE COPY MODULE [ARGUMENT…]
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

LOOK_EVERY_S = 0.3
END_WITHIN_S = 30.0
"""A driver finishes what is in flight for up to 25 s."""


def stamps(folder: Path) -> dict[str, int]:
    """Return when each Python file below a folder was changed, in ns since the epoch."""
    found: dict[str, int] = {}
    for path in sorted(folder.rglob("*.py")):
        try:
            found[str(path.relative_to(folder))] = path.stat().st_mtime_ns
        except FileNotFoundError:  # deleted between the listing and the look
            continue
    return found


def changed(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    """Return the names that are new, gone or of another time, sorted."""
    names = before.keys() | after.keys()
    return sorted(name for name in names if before.get(name) != after.get(name))


def copy_code(code: Path, copy: Path) -> None:
    """Make the copy, whole or not at all, unless an earlier life of this container made it."""
    if copy.exists():
        return
    growing = copy.with_name(copy.name + ".new")
    shutil.rmtree(growing, ignore_errors=True)
    # Without byte code: the image's is never checked against its source, and would hide a change.
    shutil.copytree(code, growing, ignore=shutil.ignore_patterns("__pycache__"))
    growing.rename(copy)


def keep_running(copy: Path, module: str, arguments: Sequence[str]) -> int:
    """Run the module until SIGTERM or SIGINT comes, and return its exit code."""
    asked_to_leave: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: asked_to_leave.append(received))

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 -- the image's own entry point says what is run
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, "PYTHONPATH": str(copy)},
        )

    started = before = stamps(copy)
    child = start()
    while not asked_to_leave:
        time.sleep(LOOK_EVERY_S)
        now = stamps(copy)
        still = now == before  # several files come one after the other: wait for the last one
        before = now
        news = changed(started, now)
        if news and still:
            _say(f"{', '.join(news)} changed: starting {module} again")
            _end(child)
        elif child.poll() is not None:
            _say(f"{module} ended with code {child.returncode}: starting it again")
            time.sleep(LOOK_EVERY_S)
        else:
            continue
        started = now
        child = start()
    return _end(child)


def _end(child: subprocess.Popen[bytes]) -> int:
    """End a process, kindly at first, and return its exit code."""
    child.terminate()
    try:
        return child.wait(END_WITHIN_S)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def _say(text: str) -> None:
    sys.stderr.write(f"reload: {text}\n")
    sys.stderr.flush()


def main(argv: Sequence[str]) -> int:
    """Read the arguments and run; return the exit code."""
    if len(argv) < 3:  # noqa: PLR2004 -- CODE, COPY, MODULE
        _say("usage: reload.py CODE COPY MODULE [ARGUMENT…]")
        return 2
    code, copy = Path(argv[0]), Path(argv[1])
    if not (code / argv[2]).is_dir():
        _say(f"CODE: there is no {argv[2]} in {code}")
        return 2
    copy_code(code, copy)
    return keep_running(copy, argv[2], argv[3:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
