"""Whose row of a run's live view is told next; pure.

A row has some 700 bytes and takes as long to make as ten snapshots to merge. Of a large fleet
nearly every row changes twice a second: telling all of them each time would be all that is done.
"""

from __future__ import annotations

from typing import Final

MOST_ROWS: Final = 100
"""In one event: of up to so many drivers every change is told at once."""


class RowTurns:
    """A queue of the drivers of whom something new is to be told.

    Who changes again while waiting keeps the place, so that all have their turn equally often.
    """

    def __init__(self, most: int = MOST_ROWS) -> None:
        self._most = most
        self._waiting: dict[str, None] = {}

    def __bool__(self) -> bool:
        """Tell whether somebody waits."""
        return bool(self._waiting)

    def changed(self, driver_id: str) -> None:
        """Note that something is new of a driver."""
        self._waiting.setdefault(driver_id)

    def take(self) -> list[str]:
        """Return whose turn it is, and let them wait no longer."""
        turn = list(self._waiting)[: self._most]
        for driver_id in turn:
            del self._waiting[driver_id]
        return turn
