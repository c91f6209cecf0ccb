"""A parent of several drivers: it ends with them, and they with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

PARENT = """
import os, sys
from driver.children import run_children
from driver.settings import read_settings

arguments = sys.argv[2:]
settings = read_settings(arguments, os.environ)
sys.exit(run_children(settings, arguments, os.environ, (sys.executable, "-S", "-c", sys.argv[1])))
"""
"""Runs ``run_children`` with a program of the test in the driver's place."""

ALLOWED = tuple(sorted(os.sched_getaffinity(0)))

TELL = """
    import json, os, signal, sys, time
    names = ("SPATE_DRIVER_ID", "SPATE_DRIVER_ADDRESS", "SPATE_DRIVER_PROCESSES")
    who = os.environ["SPATE_DRIVER_ID"]
    def tell():
        with open(os.path.join(os.environ["FOLDER"], who + ".part"), "w") as file:
            json.dump([[os.environ[name] for name in names], sys.argv[1:], os.getpid()], file)
        os.rename(file.name, file.name[:-5])
"""


def start(folder: Path, program: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a parent of two."""
    child = textwrap.dedent(TELL) + textwrap.dedent(program)
    return subprocess.Popen(
        [sys.executable, "-c", PARENT, child, "--kafka", "k:1", "--processes=2", *arguments],
        env={**os.environ, "FOLDER": str(folder)},
        stderr=subprocess.DEVNULL,
    )


def told(folder: Path) -> list[list[object]]:
    """Wait for both children to have told who they are."""
    deadline = time.monotonic() + 20
    while len(found := sorted(folder.glob("d-?"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return [json.loads(path.read_text()) for path in found]


def test_each_child_has_a_name_and_a_port_of_its_own(tmp_path: Path) -> None:
    """The rest of the command line is passed on; all go with 0 if they end well."""
    parent = start(
        tmp_path,
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); tell(); time.sleep(0.2)",
        "--driver-id",
        "d",
        "--address=127.0.0.1:9200",
        "--log-level",
        "error",
    )
    assert parent.wait(20) == 0
    kept = ["--kafka", "k:1", "--log-level", "error"]
    assert [found[:2] for found in told(tmp_path)] == [
        [["d-0", "127.0.0.1:9200", "1"], kept],
        [["d-1", "127.0.0.1:9201", "1"], kept],
    ]


@pytest.mark.parametrize("cpus", ["auto", str(ALLOWED[0]), "off"])
def test_each_child_has_a_cpu_of_the_list(tmp_path: Path, cpus: str) -> None:
    """Child k is told the k-th CPU, from the first again after the last; a child has no list."""
    listed = {"auto": ALLOWED, "off": ()}.get(cpus, ALLOWED[:1])
    parent = start(
        tmp_path,
        """
        names += ("SPATE_DRIVER_CPUS",)
        signal.signal(signal.SIGTERM, signal.SIG_IGN); tell(); time.sleep(0.2)
        """,
        "--driver-id=d",
        "--cpus",
        cpus,
    )
    assert parent.wait(20) == 0
    told_cpus = [found[0][3] for found in told(tmp_path)]  # type: ignore[index]
    assert told_cpus == [str(listed[k % len(listed)]) if listed else "off" for k in range(2)]
    assert [found[1] for found in told(tmp_path)] == [["--kafka", "k:1"]] * 2


def test_sigterm_is_passed_on_and_all_are_waited_for(tmp_path: Path) -> None:
    """Children that end at the same time are each heard; the parent ends with 0."""
    parent = start(
        tmp_path,
        """
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); tell()
        while True: time.sleep(0.05)
        """,
        "--driver-id=d",
        "--address",
        "127.0.0.1:0",
    )
    found = told(tmp_path)
    assert [ports[0][1] for ports in found] == ["127.0.0.1:0"] * 2  # type: ignore[index]
    parent.send_signal(signal.SIGTERM)
    assert parent.wait(20) == 0


def test_a_child_that_fails_takes_the_others_along(tmp_path: Path) -> None:
    """The parent ends with the exit code of the first that failed."""
    parent = start(
        tmp_path,
        """
        tell()
        if who == "d-1":
            time.sleep(0.1); sys.exit(3)
        while True: time.sleep(0.05)
        """,
        "--driver-id=d",
    )
    assert parent.wait(20) == 3
    told(tmp_path)


def test_a_child_that_is_killed_is_a_failure(tmp_path: Path) -> None:
    """A process that ends by a signal nobody sent through the parent counts as 1."""
    parent = start(
        tmp_path,
        """
        tell()
        while True: time.sleep(0.05)
        """,
        "--driver-id=d",
    )
    os.kill(int(str(told(tmp_path)[0][2])), signal.SIGKILL)
    assert parent.wait(20) == 1
