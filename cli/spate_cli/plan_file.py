"""Reads the plan that a command is given."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spate.plan import MOST_BYTES, Plan, PlanError, parse_plan, read_document
from spate_cli.exits import CommandError, Exit
from spate_cli.overrides import apply, parse_override


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan as the user wrote it (with ``--set`` applied), and what it means."""

    document: Any
    plan: Plan


def load_plan(name: str, changes: Sequence[str]) -> PlanFile:
    """Read, change and check a plan; ``-`` is standard input.

    Raises:
        CommandError: with every problem on a line of its own.
    """
    overrides = [parse_override(change) for change in changes]
    try:
        document = apply(read_document(_read(name)), overrides)
        return PlanFile(document, parse_plan(document))
    except PlanError as error:
        raise bad_plan([(problem.path, problem.message) for problem in error.problems]) from None


def bad_plan(problems: Sequence[tuple[str, str]]) -> CommandError:
    """Return the error that lists all problems of a plan as ``path: message``."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    lines = [f"{path}: {message}" if path else message for path, message in problems]
    return CommandError(Exit.USAGE, "\n  ".join([f"the plan has {count}:", *lines]))


def _read(name: str) -> bytes:
    try:
        if name == "-":
            return sys.stdin.buffer.read(MOST_BYTES + 1)
        with Path(name).open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise CommandError(Exit.USAGE, f"cannot read the plan {name}: {error.strerror}") from None
