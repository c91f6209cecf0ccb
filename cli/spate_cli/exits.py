"""Exit codes, and the error that ends a command with one."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """What a script learns from the exit code. The numbers are an interface."""

    PASSED = 0
    THRESHOLDS_FAILED = 1
    USAGE = 2
    REFUSED = 3
    FAILED = 4
    INTERRUPTED = 130


class CommandError(Exception):
    """Ends the command with ``code``; the text is a sentence for the user."""

    def __init__(self, code: Exit, text: str) -> None:
        super().__init__(text)
        self.code = code


def code_of(report: Mapping[str, Any], *, strict: bool, interrupted: bool) -> Exit:
    """Return the exit code for a run that ended with this report.

    ``strict`` counts a degraded run as failed; ``interrupted`` says that the user stopped it.
    """
    if interrupted:
        return Exit.INTERRUPTED
    if report["run"]["state"] != "FINISHED":
        return Exit.FAILED
    verdict = report["verdict"]
    if not verdict["passed"] or (strict and verdict["degraded"]):
        return Exit.THRESHOLDS_FAILED
    return Exit.PASSED
