"""What a run leaves behind: its report on disk and on the screen."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from spate_cli.exits import CommandError, Exit

Format = Literal["text", "json"]


def write_atomically(path: Path, text: str) -> None:
    """Put a file in place so that it is there either in full or not at all.

    Raises:
        OSError: if it cannot be written.
    """
    # Not tempfile: importing it takes longer than writing a report. The process id keeps two
    # writers apart, and what a killed one of the same id left is written over.
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with half.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except BaseException:
        half.unlink(missing_ok=True)
        raise


def check_folder(chosen: str | None) -> None:
    """Make sure that the report can be written before any load is sent.

    Raises:
        CommandError: if it could not.
    """
    folder = Path(chosen or ".")
    try:
        if chosen is not None:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror
    else:
        if os.access(folder, os.W_OK | os.X_OK):
            return
        reason = "not allowed"
    raise CommandError(Exit.USAGE, f"cannot write a report into {folder}: {reason}")


def deliver(report: Mapping[str, Any], folder: Path, form: Format) -> str:
    """Write ``report.json`` and print the report; return a sentence on where it is.

    With ``json`` standard output is exactly the report.

    Raises:
        CommandError: if it cannot be written; it is printed nevertheless.
    """
    text = json.dumps(report, ensure_ascii=False, separators=(",", ":")) + "\n"
    # First, so that nothing that goes wrong with the screen can cost the report.
    error = _write(folder, text)
    if form == "json":
        print_out(text)
    else:
        from spate.summary import render_summary

        print_out(render_summary(report).rstrip("\n") + "\n")
    if error is not None:
        raise CommandError(
            Exit.FAILED, f"cannot write the report into {folder}: {error.strerror}"
        ) from error
    return f"report: {folder / 'report.json'}"


def _write(folder: Path, text: str) -> OSError | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / "report.json", text)
    except OSError as error:
        return error
    return None


def print_out(text: str) -> None:
    """Print to standard output; a reader that went away, as ``head`` does, is no error.

    Under PYTHONUNBUFFERED ``sys.stdout.write`` gives the kernel everything at once, and does not
    look at how much of it was taken: a signal in the middle would lose the rest.
    """
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        rest = text.encode(sys.stdout.encoding)
        while rest:
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.flush()
