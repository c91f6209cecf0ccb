"""A term names a stretch of one driver process in which it may hold work."""

from __future__ import annotations

from typing import NamedTuple


class BootKey(NamedTuple):
    """One driver process."""

    driver_id: str
    boot_id: str


class TermKey(NamedTuple):
    """One term of one driver process. Work is granted to this, never to a driver."""

    driver_id: str
    boot_id: str
    term: int

    @property
    def boot(self) -> BootKey:
        """The process whose term it is."""
        return BootKey(self.driver_id, self.boot_id)

    def __str__(self) -> str:
        """Name it as people know it: a driver, and which of its terms."""
        return f"{self.driver_id} (term {self.term})"


class Now(NamedTuple):
    """A clock that never goes back (for waiting) and the wall clock (for people), both in ns."""

    mono_ns: int
    wall_ns: int
