"""The archive remembers what ended: one report per run, stored once and never changed.

SQLite by default, PostgreSQL by URL. Statements run on one thread of their own, so the loop is
never held up and SQLite is used from a single thread. Reports are kept as compressed JSON,
windows as they come; what lists are filtered by stands in columns beside them.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar, cast

import sqlalchemy as sa

from orchestrator.archive_database import (
    ArchiveError,
    ArchiveRefusedError,
    explain,
    make_engine,
    make_tables,
)
from orchestrator.archive_tables import LABELS, RUNS
from orchestrator.instants import instant_ns
from orchestrator.operations import RunRow
from spate.messages import RunState

__all__ = [
    "Archive",
    "ArchiveError",
    "ArchiveRefusedError",
    "Filters",
    "KeyOwner",
    "Position",
    "position_of",
]

T = TypeVar("T")

_ROW_COLUMNS = tuple(
    RUNS.c[name]
    for name in ("id", "name", "labels", "state", "created_at", "started_at", "ended_at", "passed")
)


class Position(NamedTuple):
    """A run's place in the list: newest first, then by id."""

    created_at_ns: int
    id: str


class KeyOwner(NamedTuple):
    """The run that an Idempotency-Key made, and the digest of the body it came with."""

    run_id: str
    body_digest: str


@dataclass(frozen=True, slots=True)
class Filters:
    """Which runs to list: any of ``states`` (none: all), all of ``labels``, with these ``letters``.

    A label is ``(key, value)``; with value None the key alone must be there. The letters are in
    the name or in the id, and their case does not count.
    """

    states: tuple[RunState, ...] = ()
    labels: tuple[tuple[str, str | None], ...] = ()
    letters: str = ""

    def match(self, row: RunRow) -> bool:
        """Say whether a run belongs to the list."""
        letters = self.letters.lower()
        return (
            (not self.states or row.state in self.states)
            and all(
                key in row.labels and value in (None, row.labels[key]) for key, value in self.labels
            )
            and (letters in row.name.lower() or letters in row.id.lower())
        )


def position_of(row: RunRow) -> Position:
    """Return a run's place in the list.

    Raises:
        ValueError: if ``created_at`` is not RFC 3339.
    """
    return Position(instant_ns(row.created_at), row.id)


def _has(column: sa.Column[str], letters: str) -> sa.ColumnElement[bool]:
    """Return what is true where a column has these letters, which mean nothing but themselves."""
    return sa.func.lower(column).contains(letters.lower(), autoescape=True)


def _pack(document: Any) -> bytes:
    """Return compressed JSON text."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return zlib.compress(text.encode())


class Archive:
    """The archive at a URL, ``sqlite:///runs.db`` or ``postgresql://…``.

    Call ``open`` before anything else, again if it did not come off.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="archive")
        self._engine: sa.Engine | None = None

    async def open(self) -> None:
        """Connect and create the tables where they are missing.

        Raises:
            ArchiveRefusedError: if the URL is bad, the database does not let us in, or its tables
                are of another version.
            ArchiveError: if the database cannot be reached.
        """
        await self._run(self._open)

    async def close(self) -> None:
        """Finish what was asked and free the connections."""
        if self._engine is not None:
            await self._run(self._engine.dispose)
        self._thread.shutdown(wait=False)

    async def put(
        self,
        report: Mapping[str, Any],
        windows: bytes,
        *,
        idempotency_key: str | None = None,
        body_digest: str | None = None,
    ) -> bool:
        """Store a report, and its windows as ``spate.window_archive`` packs them, for good.

        Returns whether it was stored now; a run that is there already stays as it is.

        Raises:
            ArchiveError: if the database does not take it.
            ValueError: if the report lacks what the list shows, or holds NaN.
            KeyError: likewise.
        """
        return await self._run(lambda: self._put(report, windows, idempotency_key, body_digest))

    async def report(self, run_id: str) -> bytes | None:
        """Return a report as JSON text, byte for byte the same each time; None if unknown.

        Raises:
            ArchiveError: if the database does not answer.
        """
        return await self._run(lambda: self._report(run_id))

    async def document(self, run_id: str) -> dict[str, Any] | None:
        """Return a report, parsed; None if unknown.

        Raises:
            ArchiveError: if the database does not answer.
        """

        def read() -> Any:
            text = self._report(run_id)
            return None if text is None else json.loads(text)

        return cast("dict[str, Any] | None", await self._run(read))

    async def windows(self, run_id: str) -> bytes | None:
        """Return what was stored as the windows of a run; None if unknown.

        Raises:
            ArchiveError: if the database does not answer.
        """
        return await self._run(lambda: self._stored(RUNS.c.windows, run_id))

    async def rows(self, filters: Filters, limit: int, after: Position | None) -> list[RunRow]:
        """Return up to ``limit`` runs, newest first, that come after a position in the list.

        Raises:
            ArchiveError: if the database does not answer.
        """
        return await self._run(lambda: self._rows(filters, limit, after))

    async def run_of_key(self, idempotency_key: str) -> KeyOwner | None:
        """Return the run that was made under an Idempotency-Key; None if there is none.

        Raises:
            ArchiveError: if the database does not answer.
        """
        return await self._run(lambda: self._run_of_key(idempotency_key))

    async def _run(self, work: Callable[[], T]) -> T:
        def guarded() -> T:
            try:
                return work()
            except sa.exc.SQLAlchemyError as error:
                raise explain(error) from error

        return await asyncio.get_running_loop().run_in_executor(self._thread, guarded)

    def _open(self) -> None:
        if self._engine is None:
            self._engine = make_engine(self._url)
        make_tables(self._engine)

    def _begin(self) -> Any:
        if self._engine is None:
            raise ArchiveError("archive: not open")
        return self._engine.begin()

    def _put(
        self,
        report: Mapping[str, Any],
        windows: bytes,
        idempotency_key: str | None,
        body_digest: str | None,
    ) -> bool:
        run = report["run"]
        labels = dict(run["labels"])
        values = {
            "id": run["id"],
            "created_at_ns": instant_ns(run["created_at"]),
            "name": run["name"],
            "labels": labels,
            "state": run["state"],
            "created_at": run["created_at"],
            "started_at": run["started_at"],
            "ended_at": run["ended_at"],
            "passed": report["verdict"]["passed"],
            "idempotency_key": idempotency_key,
            "body_digest": body_digest,
            "report": _pack(report),
            "windows": windows,
        }
        known = sa.select(RUNS.c.id).where(RUNS.c.id == run["id"])
        with self._begin() as connection:
            if connection.scalar(known) is not None:
                return False
            connection.execute(sa.insert(RUNS).values(**values))
            if labels:
                rows = [{"run_id": run["id"], "key": k, "value": v} for k, v in labels.items()]
                connection.execute(sa.insert(LABELS), rows)
        return True

    def _stored(self, column: sa.Column[bytes], run_id: str) -> bytes | None:
        with self._begin() as connection:
            found: bytes | None = connection.scalar(sa.select(column).where(RUNS.c.id == run_id))
        return found

    def _report(self, run_id: str) -> bytes | None:
        packed = self._stored(RUNS.c.report, run_id)
        return None if packed is None else zlib.decompress(packed)

    def _rows(self, filters: Filters, limit: int, after: Position | None) -> list[RunRow]:
        query = sa.select(*_ROW_COLUMNS)
        if filters.states:
            query = query.where(RUNS.c.state.in_(filters.states))
        for key, value in filters.labels:
            label = sa.select(LABELS.c.run_id).where(LABELS.c.key == key)
            if value is not None:
                label = label.where(LABELS.c.value == value)
            query = query.where(RUNS.c.id.in_(label))
        if filters.letters:
            query = query.where(
                _has(RUNS.c.name, filters.letters) | _has(RUNS.c.id, filters.letters)
            )
        if after is not None:
            place = sa.tuple_(RUNS.c.created_at_ns, RUNS.c.id)
            query = query.where(place < sa.tuple_(*(sa.literal(part) for part in after)))
        query = query.order_by(RUNS.c.created_at_ns.desc(), RUNS.c.id.desc()).limit(limit)
        with self._begin() as connection:
            return [RunRow(**row) for row in connection.execute(query).mappings()]

    def _run_of_key(self, idempotency_key: str) -> KeyOwner | None:
        query = sa.select(RUNS.c.id, RUNS.c.body_digest).where(
            RUNS.c.idempotency_key == idempotency_key
        )
        with self._begin() as connection:
            row = connection.execute(query).first()
        return None if row is None else KeyOwner(row.id, row.body_digest or "")
