"""Which core the target has, and which the tool that is measured."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cores:
    """Two cores of those that this process may use; the same one twice where there is no other."""

    target: int
    client: int

    @property
    def shared(self) -> bool:
        """Whether there is only one."""
        return self.target == self.client


def choose_cores() -> Cores:
    """Return the first core for the target and the last for the tool."""
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(allowed[0], allowed[-1])


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Keep this process on one core for a moment, so that a child that it starts inherits that."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def raise_file_limit() -> int:
    """Let this process and its children open as many files as the machine allows; return that."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
