"""Several drivers on one machine: a parent that starts one process each and ends with them."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Mapping

from driver.settings import Settings

_LOG = logging.getLogger("driver")
_PR_SET_PDEATHSIG = 1


def run_children(settings: Settings, environ: Mapping[str, str]) -> int:
    """Run ``settings.processes`` drivers, each a process of its own with an id of its own.

    SIGTERM is passed on. When one child ends by itself the others are asked to leave too, so that
    a pod never goes on with less than it promised; the first bad exit code is returned.
    """
    children: dict[int, subprocess.Popen[bytes]] = {}

    def pass_on(number: int, _frame: object) -> None:
        for child in children.values():
            if child.poll() is None:
                child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    libc = ctypes.CDLL(None, use_errno=True)
    for k in range(settings.processes):
        env = dict(environ)
        env["SPATE_DRIVER_PROCESSES"] = "1"
        env["SPATE_DRIVER_ID"] = f"{settings.driver_id}-{k}"
        env["SPATE_DRIVER_ADDRESS"] = f"{settings.host}:{settings.port + k if settings.port else 0}"
        # The rest of the command line stands; what is set here must not stand there too.
        argv = [sys.executable, "-m", "driver", *_without(sys.argv[1:])]
        child = subprocess.Popen(  # noqa: S603 - our own module, our own arguments
            argv,
            env=env,
            preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM),  # noqa: PLW1509 - no threads yet
        )
        children[child.pid] = child
    code = 0
    while children:
        pid, status = os.wait()
        if pid not in children:
            continue
        child = children.pop(pid)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            _LOG.error("driver process %s ended with %s", pid, child.returncode)
            code = code or (child.returncode if child.returncode > 0 else 1)
        pass_on(signal.SIGTERM, None)
    return code


def _without(argv: list[str]) -> list[str]:
    """Return the arguments without those that every child gets its own value of."""
    own = ("--driver-id", "--address", "--processes")
    kept: list[str] = []
    skip = False
    for word in argv:
        if skip:
            skip = False
        elif word in own:
            skip = True
        elif not word.startswith(tuple(f"{name}=" for name in own)):
            kept.append(word)
    return kept
