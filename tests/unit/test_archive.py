"""The archive: stored once, never changed, listed newest first."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.archive import (
    Archive,
    ArchiveError,
    Filters,
    KeyOwner,
    Position,
    position_of,
)
from orchestrator.instants import instant_ns


def report(run_id: str, minute: int = 0, **run: Any) -> dict[str, Any]:
    """Return as much of a report as the archive looks at, and something more."""
    return {
        "version": 1,
        "run": {
            "id": run_id,
            "name": "smoke",
            "labels": {},
            "state": "FINISHED",
            "created_at": f"2026-11-22T19:{minute:02d}:00.000Z",
            "started_at": None,
            "ended_at": f"2026-11-22T19:{minute:02d}:30.000Z",
            **run,
        },
        "text": "größer ✓",
        "verdict": {"passed": run.get("state", "FINISHED") == "FINISHED"},
    }


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    """An open archive in a file."""
    archive = Archive(f"sqlite:///{tmp_path / 'spate.db'}")
    await archive.open()
    yield archive
    await archive.close()


async def test_a_report_comes_back_as_it_went_in(archive: Archive) -> None:
    """As text, parsed, and with the histograms of its windows beside it."""
    assert await archive.put(report("a"), b"windows")
    text = await archive.report("a")
    assert text is not None
    assert json.loads(text) == report("a")
    assert await archive.document("a") == report("a")
    assert await archive.windows("a") == b"windows"


async def test_an_unknown_run_is_none(archive: Archive) -> None:
    """In every way to ask for it."""
    assert await archive.report("nobody") is None
    assert await archive.document("nobody") is None
    assert await archive.windows("nobody") is None
    assert await archive.run_of_key("nobody") is None


async def test_a_stored_report_is_never_changed(archive: Archive) -> None:
    """Storing it again, after a crash, is no error and has no effect."""
    assert await archive.put(report("a"), b"")
    before = await archive.report("a")
    assert not await archive.put(report("a", state="FAILED"), b"1")
    assert await archive.report("a") == before
    assert await archive.windows("a") == b""


async def test_a_report_survives_the_process(tmp_path: Path) -> None:
    """What was put is in the file when ``put`` returns."""
    url = f"sqlite:///{tmp_path / 'spate.db'}"
    first, second = Archive(url), Archive(url)
    await first.open()
    await first.put(report("a"), b"")
    await second.open()
    assert await second.document("a") == report("a")
    await first.close()
    await second.close()


async def test_rows_are_newest_first_and_pages_meet_without_gap_or_overlap(
    archive: Archive,
) -> None:
    """Runs of one instant are ordered by id; a position is where the next page begins."""
    for run_id, minute in (("a", 1), ("b", 3), ("c", 2), ("d", 3), ("e", 0)):
        await archive.put(report(run_id, minute), b"")
    pages, after = [], None
    while rows := await archive.rows(Filters(), 2, after):
        pages.append([row.id for row in rows])
        after = position_of(rows[-1])
    assert pages == [["d", "b"], ["c", "a"], ["e"]]


async def test_a_row_shows_what_the_list_shows(archive: Archive) -> None:
    """Name, labels, state, the three instants and whether it passed."""
    await archive.put(report("a", labels={"team": "x"}, state="FAILED"), b"")
    (row,) = await archive.rows(Filters(), 10, None)
    assert row.labels == {"team": "x"}
    assert (row.name, row.state, row.passed, row.started_at) == ("smoke", "FAILED", False, None)
    assert row.ended_at == "2026-11-22T19:00:30.000Z"
    assert position_of(row) == Position(instant_ns("2026-11-22T19:00:00Z"), "a")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), ["c", "b", "a"]),
        (Filters(states=("FAILED",)), ["b"]),
        (Filters(states=("FAILED", "ABORTED")), ["c", "b"]),
        (Filters(labels=(("team", "x"),)), ["b", "a"]),
        (Filters(labels=(("team", None),)), ["c", "b", "a"]),
        (Filters(labels=(("team", "x"), ("tier", "1"))), ["a"]),
        (Filters(labels=(("team", ""),)), []),
        (Filters(states=("FINISHED",), labels=(("team", "y"),)), []),
    ],
)
async def test_filters_choose_the_same_in_the_database_and_in_memory(
    archive: Archive, filters: Filters, expected: list[str]
) -> None:
    """States are alternatives, labels must all be there."""
    await archive.put(report("a", 0, labels={"team": "x", "tier": "1"}), b"")
    await archive.put(report("b", 1, labels={"team": "x"}, state="FAILED"), b"")
    await archive.put(report("c", 2, labels={"team": "y"}, state="ABORTED"), b"")
    everything = await archive.rows(Filters(), 10, None)
    assert [row.id for row in await archive.rows(filters, 10, None)] == expected
    assert [row.id for row in everything if filters.match(row)] == expected


async def test_an_idempotency_key_leads_to_its_run(archive: Archive) -> None:
    """And to the digest of the body that it came with."""
    await archive.put(report("a"), b"", idempotency_key="k", body_digest="d")
    assert await archive.run_of_key("k") == KeyOwner("a", "d")


async def test_a_second_run_under_one_key_is_refused(archive: Archive) -> None:
    """The database says so, without quoting the report."""
    await archive.put(report("a"), b"", idempotency_key="k", body_digest="d")
    with pytest.raises(ArchiveError, match="idempotency_key") as caught:
        await archive.put(report("b"), b"", idempotency_key="k", body_digest="d")
    assert "19:00:30" not in str(caught.value)
    assert await archive.report("b") is None


async def test_an_archive_that_is_not_open_says_so() -> None:
    """Using it is an error, closing it is not."""
    archive = Archive("sqlite://")
    with pytest.raises(ArchiveError, match="not open"):
        await archive.report("a")
    await archive.close()


@pytest.mark.parametrize(
    "url", ["nonsense", "nosuch://x", "sqlite:////nowhere/at/all.db", "mysql://u@localhost/x"]
)
async def test_a_url_that_leads_nowhere_is_an_archive_error(url: str) -> None:
    """Bad syntax, no such database, no such directory, no such driver installed."""
    archive = Archive(url)
    with pytest.raises(ArchiveError, match=r"^archive: "):
        await archive.open()
    await archive.close()


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
    with pytest.raises(ArchiveError, match="version 2, this program reads version 1"):
        await archive_at(path)


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
