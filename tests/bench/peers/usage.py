"""Runs a command on one core, and says what it and its descendants cost.

CPU is user and system time by ``wait4``, which covers the descendants that were waited for. The
peak of memory is the sum of ``VmHWM`` of the processes, read while they run: ``ru_maxrss`` would
not do, as Linux carries the peak of the process that forked over into it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from tests.bench.peers.cores import pinned
from tests.bench.peers.load import TrialError
from tests.bench.peers.quiet import busy

from spate_cli import leash

_LOOK_EVERY_MS = 20
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Usage:
    """What a command cost, and what it printed on its standard output.

    ``everybody_s`` is the CPU that the whole machine spent meanwhile, without this process.
    """

    cpu_s: float
    everybody_s: float
    wall_s: float
    peak_bytes: int
    output: str


def leashed(command: Sequence[str]) -> list[str]:
    """Return a command that ends with this process, however this process ends."""
    return [sys.executable, "-S", "-E", leash.__file__, str(os.getpid()), *command]


def spend(
    command: Sequence[str],
    *,
    environ: Mapping[str, str],
    folder: Path,
    core: int,
    most_s: float,
    watch_memory: bool = False,
) -> Usage:
    """Run a command in a folder to its end.

    Raises:
        TrialError: if it cannot be started, fails, or takes longer than ``most_s``.
    """
    printed, complained = folder / "stdout", folder / "stderr"
    began, busy_s = time.monotonic(), busy()
    with printed.open("wb") as out, complained.open("wb") as err, pinned(core):
        child = subprocess.Popen(
            leashed(command),
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    try:
        peak = _attend(child.pid, began + most_s, watch_memory=watch_memory)
    except BaseException:
        _end(child)
        raise
    _, status, used = os.wait4(child.pid, 0)
    wall_s = time.monotonic() - began
    everybody_s = busy() - busy_s
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise TrialError(f"exit {child.returncode}: {_last_words(complained, printed)}")
    output = printed.read_text(encoding="utf-8", errors="replace")
    return Usage(used.ru_utime + used.ru_stime, everybody_s, wall_s, peak, output)


def _attend(pid: int, deadline: float, *, watch_memory: bool) -> int:
    """Wait until a child has ended, without reaping it; return the highest sum of its memory."""
    peak = 0
    pidfd = os.pidfd_open(pid)
    try:
        ended = select.poll()
        ended.register(pidfd, select.POLLIN)
        while True:
            left_ms = (deadline - time.monotonic()) * 1000
            if left_ms <= 0:
                raise TrialError("it did not end in time, and was stopped")
            if ended.poll(min(left_ms, _LOOK_EVERY_MS) if watch_memory else left_ms):
                return peak
            if watch_memory:
                peak = max(peak, memory_of(pid))
    finally:
        os.close(pidfd)


def memory_of(pid: int) -> int:
    """Return the bytes that a process and its descendants have had resident at most, each.

    0 as long as it is still the leash, which is about to become the command.
    """
    try:
        process = psutil.Process(pid)
        if leash.__file__ in process.cmdline():
            return 0
        family = [pid, *(child.pid for child in process.children(recursive=True))]
    except psutil.Error:
        return 0
    return sum(map(_high_water, family))


def _high_water(pid: int) -> int:
    """Return ``VmHWM`` of a process in bytes, 0 of one that has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill a child and what it started; it has a process group of its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _last_words(*paths: Path) -> str:
    """Return the last line with a word in it of the first file that has one."""
    for path in paths:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
        said = [line.strip() for line in lines if any(map(str.isalpha, line))]
        if said:
            return said[-1][:_SHOWN]
    return "it said nothing"
