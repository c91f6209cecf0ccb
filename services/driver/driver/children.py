"""Several drivers on one machine: a parent that starts one process each and ends with them."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

from driver.settings import Settings

_LOG = logging.getLogger("driver")
_PR_SET_PDEATHSIG = 1
_OWN = ("--driver-id", "--address", "--processes", "--cpus")
"""What every child gets its own value of."""


def run_children(
    settings: Settings,
    arguments: Sequence[str],
    environ: Mapping[str, str],
    command: Sequence[str] = (sys.executable, "-m", "driver"),
) -> int:
    """Run ``settings.processes`` drivers, each a process of its own with an id of its own.

    SIGTERM is passed on. When one child ends by itself the others are asked to leave too, so that
    a pod never goes on with less than it promised; the first bad exit code is returned.
    """
    children: dict[int, subprocess.Popen[bytes]] = {}
    leaving = False

    def pass_on(number: int) -> None:
        nonlocal leaving
        leaving = True
        # Not Popen's way to signal: it may reap the child, and then nobody learns its exit code.
        for pid in tuple(children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: pass_on(number))
    libc = ctypes.CDLL(None, use_errno=True)
    for k in range(settings.processes):
        child = subprocess.Popen(  # noqa: S603 - our own module, our own arguments
            [*command, *_without_own(arguments)],
            env=dict(environ) | _environ_of(settings, k),
            preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM),  # noqa: PLW1509 - no threads yet
        )
        children[child.pid] = child
    if leaving:
        pass_on(signal.SIGTERM)  # it came before all were there
    code = 0
    while children:
        pid, status = os.wait()
        if pid not in children:
            continue  # process 1 of a container inherits the children of others
        child = children.pop(pid)
        child.returncode = os.waitstatus_to_exitcode(status)
        # A child that was asked to leave before it could listen ends by the signal itself.
        asked = leaving and child.returncode in (-signal.SIGTERM, -signal.SIGINT)
        if child.returncode and not asked:
            _LOG.error("driver process %s ended with %s", pid, child.returncode)
            code = code or (child.returncode if child.returncode > 0 else 1)
        pass_on(signal.SIGTERM)
    return code


def _environ_of(settings: Settings, k: int) -> dict[str, str]:
    """Return what child ``k`` is told beside what it inherits."""
    port = settings.port + k if settings.port else 0
    cpus = settings.cpus
    return {
        "SPATE_DRIVER_CPUS": str(cpus[k % len(cpus)]) if cpus else "off",
        "SPATE_DRIVER_PROCESSES": "1",
        "SPATE_DRIVER_ID": f"{settings.driver_id}-{k}",
        "SPATE_DRIVER_ADDRESS": f"{settings.host}:{port}",
    }


def _without_own(arguments: Sequence[str]) -> list[str]:
    """Return the arguments without those that would win over a child's own values."""
    kept: list[str] = []
    skip = False
    for word in arguments:
        if skip:
            skip = False
        elif word in _OWN:
            skip = True
        elif not word.startswith(tuple(f"{name}=" for name in _OWN)):
            kept.append(word)
    return kept
