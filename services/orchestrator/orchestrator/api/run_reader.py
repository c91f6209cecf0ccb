"""Finds runs where they are: under way in the operations, ended in the archive."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from typing import Any

from orchestrator.api.models import RunList
from orchestrator.api.problems import ApiProblemError, bad_request, unavailable, unknown_run
from orchestrator.archive import Archive, Filters, Position, position_of
from orchestrator.operations import Operations
from orchestrator.run_view import view_of

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_ARCHIVE_LOOK_EVERY_S = 0.1
_ARCHIVE_LOOKS = 30
_CURSOR = re.compile(r"(\d{1,19}):([A-Za-z0-9._-]{1,128})")


class RunReader:
    """Both places as one. A run leaves the first only after it is in the second."""

    def __init__(self, operations: Operations, archive: Archive) -> None:
        self._operations = operations
        self._archive = archive

    def live(self, run_id: str) -> dict[str, Any] | None:
        """Return the view of a run that is not archived yet."""
        return self._operations.live(run_id) if _RUN_ID.fullmatch(run_id) else None

    async def ended(self, run_id: str) -> dict[str, Any]:
        """Return the report of an ended run, parsed.

        Raises:
            ApiProblemError: 404 if it is not in the archive.
            ArchiveError: if the archive does not answer.
        """
        document = await self._archive.document(run_id) if _RUN_ID.fullmatch(run_id) else None
        if document is None:
            raise unknown_run(run_id)
        return document

    async def view(self, run_id: str) -> dict[str, Any]:
        """Return the body of ``GET /runs/{id}``.

        Raises:
            ApiProblemError: 404 if there is no such run.
            ArchiveError: if the archive does not answer.
        """
        live = self.live(run_id)
        if live is not None and _has_ended(live):
            live = await self._until_archived(run_id)
        return view_of(await self.ended(run_id)) if live is None else live

    async def report(self, run_id: str) -> bytes:
        """Return the report as JSON text.

        Raises:
            ApiProblemError: 409 if the run has not ended, 404 if there is none, 503 if the
                archive takes long to store it.
            ArchiveError: if the archive does not answer.
        """
        live = self.live(run_id)
        if live is not None and _has_ended(live):
            live = await self._until_archived(run_id)
        if live is None:
            report = await self._archive.report(run_id) if _RUN_ID.fullmatch(run_id) else None
            if report is None:
                raise unknown_run(run_id)
            return report
        if _has_ended(live):
            raise unavailable("the run has ended, but its report is not in the archive yet")
        state = live["run"]["state"]
        detail = f"the run is {state}; there is a report once it has ended"
        raise ApiProblemError(409, "not-ended", "The run has not ended", detail)

    async def _until_archived(self, run_id: str) -> dict[str, Any] | None:
        """Wait for a run that has ended to reach the archive; return None as soon as it has.

        There is a report from the instant that ``ended_at`` is set, for everybody who asks.
        """
        live = self.live(run_id)
        for _ in range(_ARCHIVE_LOOKS):
            if live is None:
                break
            await asyncio.sleep(_ARCHIVE_LOOK_EVERY_S)
            live = self.live(run_id)
        return live

    async def page(self, filters: Filters, limit: int, cursor: str | None) -> RunList:
        """Return a page of the list of runs, newest first.

        Raises:
            ApiProblemError: 422 if the cursor is none of ours.
            ArchiveError: if the archive does not answer.
        """
        after = None if cursor is None else _position(cursor)
        for _ in range(_ARCHIVE_LOOKS):
            if all(row.ended_at is None for row in self._operations.live_runs()):
                break
            await asyncio.sleep(_ARCHIVE_LOOK_EVERY_S)
        # Taken before the archive is asked: a run that moves meanwhile is then seen twice, which
        # can be mended, and not missed.
        live = {row.id: row for row in self._operations.live_runs() if filters.match(row)}
        archived = await self._archive.rows(filters, limit + 1, after)
        rows = {**live, **{row.id: row for row in archived}}
        placed = sorted(((position_of(row), row) for row in rows.values()), reverse=True, key=_key)
        if after is not None:
            placed = [(place, row) for place, row in placed if place < after]
        shown = placed[:limit]
        more = len(placed) > limit and bool(shown)
        return RunList(
            runs=[row for _, row in shown], next_cursor=_cursor(shown[-1][0]) if more else None
        )


def _has_ended(view: dict[str, Any]) -> bool:
    return view["run"]["ended_at"] is not None


def _key(placed: tuple[Position, object]) -> Position:
    return placed[0]


def _cursor(position: Position) -> str:
    text = f"{position.created_at_ns}:{position.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _position(cursor: str) -> Position:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        match = _CURSOR.fullmatch(base64.b64decode(padded, b"-_", validate=True).decode("ascii"))
    except (UnicodeError, binascii.Error):
        match = None
    if match is None or int(match[1]) >= 2**63:
        raise bad_request([("cursor", "is not a next_cursor that this API gave out")])
    return Position(int(match[1]), match[2])
