"""Archives that cannot be opened say why, and instants are read exactly."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from orchestrator.archive import Archive, ArchiveError, ArchiveRefusedError
from orchestrator.archive_database import explain
from orchestrator.instants import instant_ns

REPORT = {
    "run": {
        "id": "a",
        "name": "smoke",
        "labels": {},
        "state": "FINISHED",
        "created_at": "2026-11-22T19:07:00.000Z",
        "started_at": None,
        "ended_at": "2026-11-22T19:07:30.000Z",
    },
    "verdict": {"passed": True},
}
"""As much of a report as the archive looks at."""


async def test_an_archive_that_is_not_open_says_so() -> None:
    """Using it is an error, closing it is not."""
    archive = Archive("sqlite://")
    with pytest.raises(ArchiveError, match="not open"):
        await archive.report("a")
    await archive.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "its URL cannot be read; write sqlite:///FILE or postgresql://"),
        ("postgresql://u@db:hunter2/spate", "its URL cannot be read"),
        ("nosuch://hunter2@x", "its URL must begin with sqlite:// or postgresql://"),
        ("sqlite:////nowhere/at/all.db", "unable to open .*; check the file that --archive"),
        ("mysql://u:hunter2@localhost/x", "the driver of its URL is missing"),
    ],
)
async def test_a_url_that_leads_nowhere_is_refused(url: str, said: str) -> None:
    """Trying again does not help; what may be a password is not quoted."""
    archive = Archive(url)
    with pytest.raises(ArchiveRefusedError, match=f"^archive: .*{said}") as caught:
        await archive.open()
    assert "hunter2" not in str(caught.value)
    await archive.close()


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """It stays as it is."""
    path = tmp_path / "spate.db"
    path.write_text("something else " * 100)
    with pytest.raises(ArchiveRefusedError, match="file is not a database"):
        await archive_at(path)
    assert path.read_text() == "something else " * 100


async def test_tables_of_another_version_are_left_alone(tmp_path: Path) -> None:
    """A newer program's archive is not opened by an older one."""
    path = tmp_path / "spate.db"
    archive = Archive(f"sqlite:///{path}")
    await archive.open()
    await archive.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE spate_schema SET version = 2")
    connection.commit()
    connection.close()
    with pytest.raises(ArchiveRefusedError, match="version 2, this program reads version 1"):
        await archive_at(path)


async def test_a_file_in_another_ones_hands_is_waited_for(tmp_path: Path) -> None:
    """Another process that begins on the same file is making it what it is to be."""
    path = tmp_path / "spate.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    opening = asyncio.create_task(archive_at(path))
    await asyncio.sleep(0.3)
    assert not opening.done()
    other.execute("COMMIT")
    await asyncio.wait_for(opening, 5)
    other.close()


async def test_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    """Nothing is lost: once there is room the report is taken."""
    archive = Archive(f"sqlite:///{tmp_path / 'spate.db'}")
    await archive.open()
    await limit_pages(archive, 1)  # SQLite takes as many as there are
    windows = random.Random(1).randbytes(100_000)
    with pytest.raises(ArchiveError, match=r"^archive: database or disk is full$") as caught:
        await archive.put(REPORT, windows)
    assert not isinstance(caught.value, ArchiveRefusedError)
    await limit_pages(archive, 10_000)
    assert await archive.put(REPORT, windows)
    assert await archive.windows("a") == windows
    await archive.close()


async def limit_pages(archive: Archive, most: int) -> None:
    """Let the archive's one connection make its file no longer than this."""

    def limit() -> None:
        assert archive._engine is not None
        with archive._engine.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count={most}")

    await archive._run(limit)


@pytest.mark.parametrize(
    ("code", "refused"),
    [
        (sqlite3.SQLITE_IOERR_WRITE, False),
        (sqlite3.SQLITE_FULL, False),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, False),
        (sqlite3.SQLITE_LOCKED, False),
        (sqlite3.SQLITE_READONLY, True),
        (sqlite3.SQLITE_CORRUPT, True),
        (None, True),
    ],
)
def test_what_the_disk_does_may_pass(code: int | None, refused: bool) -> None:
    """A file that cannot be used as it is does not mend itself."""
    cause = sqlite3.OperationalError("so it is")
    if code is not None:
        cause.sqlite_errorcode = code
    error = explain(sa.exc.OperationalError("INSERT", {}, cause))
    assert isinstance(error, ArchiveRefusedError) is refused
    assert str(error).startswith("archive: so it is")


async def archive_at(path: Path) -> None:
    """Open an archive, and close it whatever happens."""
    archive = Archive(f"sqlite:///{path}")
    try:
        await archive.open()
    finally:
        await archive.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("2026-11-22T19:07:19.123456789Z", 1_795_374_439_123_456_789),
    ],
)
def test_an_instant_is_read_to_the_nanosecond(text: str, expected: int) -> None:
    """RFC 3339 in UTC, with up to nine decimals."""
    assert instant_ns(text) == expected


@pytest.mark.parametrize(
    "text", ["", "2026-11-22", "2026-11-22T19:07:19+00:00", "2026-13-01T00:00:00Z"]
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    """Another form, or a date that does not exist."""
    with pytest.raises(ValueError, match=r"RFC 3339|month"):
        instant_ns(text)
