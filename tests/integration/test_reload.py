"""deploy/skaffold/reload.py really restarts a process: the entry point of the images' dev stage."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "skaffold" / "reload.py"
WAITS = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"


def save(folder: Path, text: str) -> None:
    """Save a package ``thing`` whose process runs this text, with another time than before."""
    main = folder / "thing" / "__main__.py"
    main.parent.mkdir(parents=True, exist_ok=True)
    (main.parent / "__init__.py").touch()
    before = main.stat().st_mtime_ns if main.exists() else 0
    growing = main.with_suffix(".part")
    growing.write_text(text)
    times = (max(growing.stat().st_mtime_ns, before + 1),) * 2
    os.utime(growing, ns=times)
    growing.rename(main)


def prints(word: str) -> str:
    """Return a program that prints a word and its arguments, and ends with code 7 at SIGTERM."""
    return f"{WAITS}print({word!r}, *sys.argv[1:], flush=True)\nsignal.pause()\n"


@contextmanager
def reloading(code: Path, copy: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run the script on ``thing`` for the time of a block."""
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(code), str(copy), "thing", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    try:
        yield process
    finally:
        process.terminate()  # and not kill: what it runs has to end with it
        process.communicate(timeout=20)


def line(process: subprocess.Popen[str]) -> str:
    """Return the next line of the module's output."""
    assert process.stdout is not None
    return process.stdout.readline()


def test_a_saved_file_is_run(tmp_path: Path) -> None:
    """A change in the copy starts the module again; the image's own code stays as it is."""
    code, copy = tmp_path / "code", tmp_path / "copy"
    save(code, prints("one"))
    with reloading(code, copy, "--flag") as process:
        assert line(process) == "one --flag\n"
        save(copy, prints("two"))
        assert line(process) == "two --flag\n"
    assert (code / "thing" / "__main__.py").read_text() == prints("one")


def test_a_mistake_is_survived(tmp_path: Path) -> None:
    """A module that cannot start does not end the container, and the next change is run."""
    code, copy = tmp_path / "code", tmp_path / "copy"
    save(code, prints("one"))
    with reloading(code, copy) as process:
        assert line(process) == "one\n"
        save(copy, "print('broken', flush=True)\nraise SystemExit(3)\n")
        assert line(process) == "broken\n"
        assert line(process) == "broken\n"
        save(copy, prints("two"))
        while (word := line(process)) == "broken\n":
            continue
        assert word == "two\n"


def test_what_was_saved_outlives_a_restart(tmp_path: Path) -> None:
    """A restarted container goes on with the copy; byte code of the image is not taken over."""
    code, copy = tmp_path / "code", tmp_path / "copy"
    save(code, prints("one"))
    (code / "thing" / "__pycache__").mkdir()
    with reloading(code, copy) as process:
        assert line(process) == "one\n"
    assert sorted(path.name for path in (copy / "thing").iterdir()) == [
        "__init__.py",
        "__main__.py",
    ]
    save(copy, prints("two"))
    with reloading(code, copy) as process:
        assert line(process) == "two\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_as_the_module_does(tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM is handed on, and the module's exit code is the container's."""
    code, copy = tmp_path / "code", tmp_path / "copy"
    save(code, prints("one"))
    with reloading(code, copy) as process:
        assert line(process) == "one\n"
        process.send_signal(number)
        assert process.wait() == 7


def test_a_wrong_module_is_refused(tmp_path: Path) -> None:
    """What is not in the image's code ends it at once, with a sentence."""
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path), str(tmp_path / "copy"), "thing"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (
        2,
        f"reload: CODE: there is no thing in {tmp_path}\n",
    )
