"""The archive keeps the same promises in SQLite and in PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.postgres import Postgres

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


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An archive's URL where nothing is yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'spate.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.database() as found:
        yield found


@pytest.fixture
async def archive(url: str) -> AsyncIterator[Archive]:
    """An open archive."""
    archive = Archive(url)
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


async def test_a_report_survives_the_process(url: str) -> None:
    """What was put is stored when ``put`` returns."""
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


async def test_ids_are_in_the_order_of_code_points(archive: Archive) -> None:
    """Whatever language the database speaks: the list in memory is in that order too."""
    ids = ["a-2", "a1", "A-3", "ab", "é", "a_b", "B"]
    for run_id in ids:
        await archive.put(report(run_id), b"")
    rows = [row.id for row in await archive.rows(Filters(), 10, None)]
    assert rows == sorted(ids, reverse=True)
    for index, run_id in enumerate(rows):
        position = Position(instant_ns("2026-11-22T19:00:00Z"), run_id)
        rest = await archive.rows(Filters(), 10, position)
        assert [row.id for row in rest] == rows[index + 1 :]


async def test_a_large_report_comes_back(archive: Archive) -> None:
    """As that of a long run is, with its windows."""
    large = report("a") | {"rows": [f"{number:x}" * 9 for number in range(50_000)]}
    windows = bytes(range(256)) * 40_000
    assert await archive.put(large, windows)
    assert await archive.document("a") == large
    assert await archive.windows("a") == windows


async def test_two_may_open_an_empty_archive_at_once(url: str) -> None:
    """Both find the tables; one of them made them."""
    both = Archive(url), Archive(url)
    await asyncio.gather(*(archive.open() for archive in both))
    assert await both[0].put(report("a"), b"")
    assert await both[1].document("a") == report("a")
    await asyncio.gather(*(archive.close() for archive in both))


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
        (Filters(), ["c", "b", "d-CHECKOUT-1", "a"]),
        (Filters(states=("FAILED",)), ["b"]),
        (Filters(states=("FAILED", "ABORTED")), ["c", "b"]),
        (Filters(labels=(("team", "x"),)), ["b", "a"]),
        (Filters(labels=(("team", None),)), ["c", "b", "a"]),
        (Filters(labels=(("team", "x"), ("tier", "1"))), ["a"]),
        (Filters(labels=(("team", ""),)), []),
        (Filters(states=("FINISHED",), labels=(("team", "y"),)), []),
        (Filters(letters="smoke"), ["c", "b", "a"]),
        (Filters(letters="CHECK"), ["d-CHECKOUT-1"]),
        (Filters(letters="out-1"), ["d-CHECKOUT-1"]),
        (Filters(letters="smoke", states=("FAILED",)), ["b"]),
        (Filters(letters="%"), []),
        (Filters(letters="_"), []),
        (Filters(letters="d/%"), []),
        (Filters(letters="\u212a"), ["c", "b", "d-CHECKOUT-1", "a"]),
    ],
)
async def test_filters_choose_the_same_in_the_database_and_in_memory(
    archive: Archive, filters: Filters, expected: list[str]
) -> None:
    """States are alternatives, labels must all be there, letters are in the name or the id.

    The sign for Kelvin is a small k once its case does not count.
    """
    other = {"labels": {"tier": "2"}, "state": "FINISHED", "name": "Kasse"}
    await archive.put(report("d-CHECKOUT-1", 0, **other), b"")
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
