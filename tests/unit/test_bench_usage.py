"""What a command costs is measured, whatever becomes of it."""

from __future__ import annotations

import os
import resource
import sys
import threading
from pathlib import Path

import psutil
import pytest
from tests.bench.peers.cores import choose_cores, pinned, raise_file_limit
from tests.bench.peers.load import TrialError
from tests.bench.peers.usage import Usage, spend

BUSY = "import time\nwhile time.process_time() < 0.2: pass\n"
LARGE = "import time; kept = bytearray(b'x') * 200_000_000; time.sleep(0.1)"
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"


def run(folder: Path, *command: str, most_s: float = 30.0, watch_memory: bool = False) -> Usage:
    """Run a Python program."""
    return spend(
        [sys.executable, "-S", *command],
        environ=dict(os.environ),
        folder=folder,
        core=choose_cores().client,
        most_s=most_s,
        watch_memory=watch_memory,
    )


def test_the_cpu_of_descendants_counts(tmp_path: Path) -> None:
    """A program that leaves the work to a child has cost what the child did."""
    usage = run(tmp_path, "-c", PARENT, BUSY)
    assert 0.2 <= usage.cpu_s <= usage.wall_s + 0.05


def test_the_memory_of_descendants_counts(tmp_path: Path) -> None:
    """The peak is that of the program and not of the process that started it."""
    large = run(tmp_path, "-c", PARENT, LARGE, watch_memory=True).peak_bytes
    small = run(tmp_path, "-c", "import time; time.sleep(0.1)", watch_memory=True).peak_bytes
    assert 200_000_000 < large < 300_000_000
    assert 0 < small < 30_000_000


def test_what_is_printed_is_returned(tmp_path: Path) -> None:
    """Standard output is; what is complained of is not."""
    program = "import sys; print('figures'); print('oh', file=sys.stderr)"
    assert run(tmp_path, "-c", program).output == "figures\n"


def test_a_program_has_its_core(tmp_path: Path) -> None:
    """It inherits it, and this process has all of its own again."""
    before = os.sched_getaffinity(0)
    usage = run(tmp_path, "-c", "import os; print(os.sched_getaffinity(0))")
    assert usage.output.strip() == str({choose_cores().client})
    assert os.sched_getaffinity(0) == before


def test_cores_are_given_back_after_an_error() -> None:
    """``pinned`` undoes what it did."""
    before = os.sched_getaffinity(0)
    with pytest.raises(OSError, match="broken"), pinned(choose_cores().client):
        raise OSError("broken")
    assert os.sched_getaffinity(0) == before


def test_a_failure_says_its_last_words(tmp_path: Path) -> None:
    """The last line with a word in it, of what was complained or else of what was printed."""
    program = "import sys; print('oh no: the host', file=sys.stderr); print('+---'); sys.exit(3)"
    with pytest.raises(TrialError, match="exit 3: oh no: the host"):
        run(tmp_path, "-c", program)
    with pytest.raises(TrialError, match="exit 3: it said nothing"):
        run(tmp_path, "-c", "import sys; sys.exit(3)")
    with pytest.raises(TrialError, match="exit 1: cannot start /no/such/tool"):
        spend(
            ["/no/such/tool"], environ={}, folder=tmp_path, core=choose_cores().client, most_s=9.0
        )


def test_a_program_that_does_not_end_is_stopped(tmp_path: Path) -> None:
    """With what it has started: nobody is left to write into the folder."""
    child = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
    with pytest.raises(TrialError, match="did not end in time, and was stopped"):
        run(tmp_path, "-c", PARENT, child, most_s=3.0)
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):  # the kill is on its way
        if not _running(pid):
            break
        threading.Event().wait(0.1)
    assert _running(pid) == []


def _running(pid: int) -> list[psutil.Process]:
    """Return a process, unless it has ended or waits for nothing but to be reaped."""
    try:
        process = psutil.Process(pid)
        return [] if process.status() == psutil.STATUS_ZOMBIE else [process]
    except psutil.NoSuchProcess:
        return []


def test_the_file_limit_is_the_machines() -> None:
    """It is what ``ulimit -Hn`` says, and raising it twice changes nothing."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        assert raise_file_limit() == raise_file_limit() == before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
