"""The database behind the archive: its URL, its connection, its tables, its errors."""

from __future__ import annotations

import sqlite3
from threading import Event
from typing import Any, Final

import sqlalchemy as sa

from orchestrator.archive_tables import METADATA, SCHEMA, SCHEMA_VERSION

_POSTGRESQL: Final = ("postgresql", "postgres")
"""What people write; the driver that is installed is psycopg."""

_CONNECT: Final = {
    # A server that is gone must not hold the archive's one thread for minutes.
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "application_name": "spate",
}
_ONE_AT_A_TIME: Final = 0x5350_4154_4501
"""The advisory lock under which tables are made."""

_BUSY_S: Final = 5
"""How long a file may be in another one's hands."""
_LOOK_EVERY_S: Final = 0.01
_PRIMARY: Final = 0xFF
"""The bits of SQLite's error codes that say what it is; the others say more of it."""

_PASSING: Final = frozenset(
    (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
)
"""What may be mended while SQLite's file stays where it is, as by making room on its disk."""

_REFUSALS: Final = ("authentication failed", "no pg_hba.conf entry", "no password supplied")
_LOGIN: Final = "check user and password in --archive-file (SPATE_ARCHIVE_FILE)"


class ArchiveError(Exception):
    """The database did not take or give what was asked; trying again may help."""


class ArchiveRefusedError(ArchiveError):
    """The archive cannot be used as it was given; trying again does not help."""


def make_engine(url: str) -> sa.Engine:
    """Return the engine for a URL; nothing is connected yet.

    Raises:
        ArchiveRefusedError: if there is no such database, or the URL is none. The text does not
            quote it: it may hold a password.
    """
    try:
        parsed = sa.make_url(url)
        if parsed.drivername in _POSTGRESQL:
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() != "postgresql":
            engine = sa.create_engine(parsed)
        else:
            given = {name: value for name, value in _CONNECT.items() if name not in parsed.query}
            engine = sa.create_engine(parsed, connect_args=given, pool_pre_ping=True)
    except sa.exc.NoSuchModuleError:
        raise ArchiveRefusedError(
            "archive: its URL must begin with sqlite:// or postgresql://"
        ) from None
    except ImportError as error:
        raise ArchiveRefusedError(f"archive: the driver of its URL is missing: {error}") from error
    except (sa.exc.ArgumentError, ValueError):
        # Without the cause, whose text may be a part of the password.
        raise ArchiveRefusedError(
            "archive: its URL cannot be read; write sqlite:///FILE or "
            "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with %40 for an @ and so on"
        ) from None
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _sqlite_pragmas)
    return engine


def make_tables(engine: sa.Engine) -> None:
    """Create the tables where they are missing.

    Raises:
        ArchiveRefusedError: if they are of another version.
        sa.exc.SQLAlchemyError: if the database cannot be reached, or does not do it.
    """
    with engine.begin() as connection:
        # Two orchestrators may begin at once.
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
        METADATA.create_all(connection)
        found = connection.scalars(sa.select(SCHEMA.c.version)).all()
        if not found:
            connection.execute(sa.insert(SCHEMA).values(version=SCHEMA_VERSION))
        elif list(found) != [SCHEMA_VERSION]:
            raise ArchiveRefusedError(
                f"archive: its tables are of version {max(found)}, "
                f"this program reads version {SCHEMA_VERSION}"
            )


def explain(error: sa.exc.SQLAlchemyError) -> ArchiveError:
    """Return an error as the archive's own, in one line.

    It is without its statement and parameters: those hold whole reports.
    """
    cause = getattr(error, "orig", None) or error
    text = " ".join(f"archive: {cause}".split())
    if any(word in text for word in _REFUSALS):
        return ArchiveRefusedError(f"{text}; {_LOGIN}")
    if isinstance(cause, sqlite3.Error) and not _passes(cause):
        return ArchiveRefusedError(f"{text}; check the file that --archive (SPATE_ARCHIVE) names")
    return ArchiveError(text)


def _passes(error: sqlite3.Error) -> bool:
    """Tell whether trying again may help; errors of the module itself have no code."""
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY in _PASSING


def _sqlite_pragmas(connection: Any, _record: object) -> None:
    """Make a committed report survive a power cut, and let readers in while one is written."""
    cursor = connection.cursor()
    _write_ahead(cursor)
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_S * 1000}")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Turn the write-ahead log on; SQLite itself does not wait while another one does the same."""
    cursor.execute("PRAGMA busy_timeout=0")
    for _ in range(round(_BUSY_S / _LOOK_EVERY_S)):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_BUSY:
                raise
        else:
            return
        Event().wait(_LOOK_EVERY_S)
    cursor.execute("PRAGMA journal_mode=WAL")
