"""Drivers that are pinned run, with every thread of theirs, on their CPU alone.

They are real processes that wait for a Kafka that is not there, so nothing else is needed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ALLOWED = tuple(sorted(os.sched_getaffinity(0)))
NOWHERE = "127.0.0.1:1"


@contextmanager
def driver(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A driver process, or a parent of several, that is told to go in the end."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "driver", "--kafka", NOWHERE, "--driver-id", "d"),
            *("--address", "127.0.0.1:0", *arguments),
        ],
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)
        assert process.stderr is not None
        process.stderr.close()


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that a process does."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    """Return the children of a process, oldest first."""
    return sorted(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def threads(pid: int) -> list[set[int]]:
    """Return where each thread of a process may run."""
    return [os.sched_getaffinity(int(task.name)) for task in Path(f"/proc/{pid}/task").iterdir()]


def has_kafka_threads(pid: int) -> bool:
    """Whether Kafka's client has started its own."""
    names = [(task / "comm").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    return any(name.startswith("rdk:") for name in names)


def test_a_driver_runs_on_the_first_of_its_cpus() -> None:
    """So do the threads of its Kafka client."""
    with driver("--cpus", str(ALLOWED[-1])) as process:
        until(lambda: has_kafka_threads(process.pid))
        assert {frozenset(each) for each in threads(process.pid)} == {frozenset(ALLOWED[-1:])}


def test_a_driver_that_is_not_pinned_may_run_anywhere() -> None:
    """The kernel decides, as long as nobody says otherwise."""
    with driver() as process:
        until(lambda: has_kafka_threads(process.pid))
        assert os.sched_getaffinity(process.pid) == set(ALLOWED)


@pytest.mark.parametrize("backwards", [False, True], ids=["auto", "backwards"])
def test_several_drivers_take_the_cpus_in_turn(backwards: bool) -> None:
    """Three drivers on the CPUs of a list, from the first again after the last."""
    listed = ALLOWED[::-1] if backwards else ALLOWED
    cpus = ",".join(map(str, listed)) if backwards else "auto"
    with driver("--processes", "3", "--cpus", cpus) as process:
        until(lambda: len(children(process.pid)) == 3)
        found = children(process.pid)
        until(lambda: all(map(has_kafka_threads, found)))
        assert [os.sched_getaffinity(pid) for pid in found] == [
            {listed[k % len(listed)]} for k in range(3)
        ]


def test_a_cpu_that_is_not_ours_is_refused() -> None:
    """A driver under a cpuset may only name what is in it."""
    own = ALLOWED[0]
    other = next(cpu for cpu in (*ALLOWED, 9999) if cpu != own)
    confined = (
        "import os, sys; from driver.main import main; "
        f"os.sched_setaffinity(0, {{{own}}}); "
        f"sys.exit(main(['--kafka', '{NOWHERE}', '--cpus', '{own},{other}']))"
    )
    refused = subprocess.run(
        [sys.executable, "-c", confined], check=False, capture_output=True, text=True, timeout=30
    )
    assert refused.returncode == 2
    assert f"CPU {other} is none of those that this process may use: {own}" in refused.stderr
