"""What is wrong with a plan: all of it at once, each with its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_MOST_PROBLEMS: Final = 200


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """One thing to fix at ``path`` (``load.stages[1].to``; ``""`` is the whole document)."""

    path: str
    message: str

    def __str__(self) -> str:
        """Return path and message in a line."""
        return f"{self.path}: {self.message}" if self.path else self.message


class PlanError(ValueError):
    """A document that is no plan, with every problem that it has."""

    def __init__(self, problems: tuple[PlanProblem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class Problems:
    """Collects problems while a document is read. Beyond 200 they are only counted."""

    def __init__(self) -> None:
        self._problems: list[PlanProblem] = []
        self.count = 0

    def add(self, path: str, message: str) -> None:
        """Note a problem."""
        self.count += 1
        if self.count <= _MOST_PROBLEMS:
            self._problems.append(PlanProblem(path, message))

    def raise_any(self) -> None:
        """Raise what was noted.

        Raises:
            PlanError: if anything was.
        """
        if self.count > _MOST_PROBLEMS:
            more = self.count - _MOST_PROBLEMS
            self._problems.append(PlanProblem("", f"there are {more} more problems"))
        if self._problems:
            raise PlanError(tuple(self._problems))
