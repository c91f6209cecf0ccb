"""What a run leaves behind: its report on disk and on the screen."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
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
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files for the owner alone; a report is as readable as any other file.
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
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
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CommandError(
            Exit.USAGE, f"cannot write a report into {folder}: {error.strerror}"
        ) from None


def deliver(report: Mapping[str, Any], folder: Path, form: Format) -> str:
    """Write ``report.json`` and print the report; return a sentence on where it is.

    With ``json`` standard output is exactly the report.

    Raises:
        CommandError: if it cannot be written; it is printed before.
    """
    text = json.dumps(report, ensure_ascii=False, separators=(",", ":")) + "\n"
    if form == "json":
        print_out(text)
    else:
        from spate.summary import render_summary

        print_out(render_summary(dict(report)).rstrip("\n") + "\n")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / "report.json", text)
    except OSError as error:
        raise CommandError(
            Exit.FAILED, f"cannot write the report into {folder}: {error.strerror}"
        ) from None
    return f"report: {folder / 'report.json'}"


def print_out(text: str) -> None:
    """Print to standard output; a reader that went away, as ``head`` does, is no error."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(text)
        sys.stdout.flush()
