"""An orchestrator whose archive is a real PostgreSQL, which is late, restarts, or refuses it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.postgres import PASSWORD, USER, Postgres
from tests.integration.stack import Stack, Target, names, start_drivers
from tests.integration.sums import assert_adds_up

from orchestrator.archive import Archive, ArchiveError, ArchiveRefusedError, Filters

pytestmark = pytest.mark.timeout(300)  # the start of a whole stack, twice

_END_WITHIN_S = 60


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    """An archive's URL where nothing is yet."""
    with postgres.database() as found:
        yield found


def plan(target: Target, count: int) -> dict[str, Any]:
    """Return a plan of 100 requests a second."""
    return {
        "name": "archived",
        "target": target.url,
        "requests": [{"path": "/ping"}],
        "load": {
            "test_type": "tsunami",
            "message_count_per_driver": count,
            "message_delay_ms": 10,
        },
    }


def url_file(folder: Path, url: str) -> str:
    """Return a file that holds a URL."""
    path = folder / "archive-url"
    path.write_text(f"{url}\n")
    return str(path)


async def test_a_restart_of_the_server_is_not_noticed(url: str, postgres: Postgres) -> None:
    """While it is away there is an error in one line; afterwards the next question is answered."""
    archive = Archive(url)
    await archive.open()
    assert await archive.rows(Filters(), 10, None) == []
    postgres.stop()
    postgres.start()
    assert await archive.rows(Filters(), 10, None) == []
    postgres.stop()
    with pytest.raises(ArchiveError, match=r"^archive: .*refused") as caught:
        await archive.rows(Filters(), 10, None)
    assert not isinstance(caught.value, ArchiveRefusedError)
    assert "\n" not in str(caught.value)
    postgres.start()
    assert await archive.rows(Filters(), 10, None) == []
    await archive.close()


async def test_an_archive_that_was_not_there_can_be_opened_again(
    url: str, postgres: Postgres
) -> None:
    """The first attempt is an error that may pass."""
    archive = Archive(url)
    postgres.stop()
    with pytest.raises(ArchiveError, match="refused") as caught:
        await archive.open()
    assert not isinstance(caught.value, ArchiveRefusedError)
    postgres.start()
    await archive.open()
    assert await archive.report("a") is None
    await archive.close()


@pytest.mark.kafka
def test_an_orchestrator_waits_for_it_and_outlives_its_restart(
    url: str, postgres: Postgres, kafka: str, tmp_path: Path
) -> None:
    """It begins when the database is there; a run that ends without it is archived later."""
    postgres.stop()
    archive = ("--archive-file", url_file(tmp_path, url))
    with Stack(kafka, tmp_path / "stack", archive_flags=archive) as stack:

        def waits() -> bool:
            try:
                answer = stack.client.get("/readyz")
            except httpx.TransportError:
                return False
            said = "waiting for the database: archive: connection" in answer.text
            return answer.status_code == 503 and said

        stack.until(waits, "the orchestrator does not wait for PostgreSQL")
        assert stack.client.get("/healthz").status_code == 200
        postgres.start()
        start_drivers(stack, names(2))
        assert "the database is there" in stack.log("orchestrator")
        target = stack.start_target()
        first = stack.run(plan(target, 50))
        assert_adds_up(first)
        assert first["accounting"]["succeeded"] == target.requests() == 100

        run_id = stack.submit(plan(target, 200))
        stack.until_sent(run_id, 50)
        postgres.stop()
        stack.until(
            lambda: f"run {run_id} could not be archived" in stack.log("orchestrator"),
            "the end of the run is not noticed",
        )
        assert stack.call("GET", f"/runs/{first['run']['id']}/report").status_code == 503
        postgres.start()
        stack.until(
            lambda: stack.call("GET", f"/runs/{run_id}/report").status_code == 200,
            "it is not archived",
        )
        second = stack.report(run_id)
        assert_adds_up(second)
        assert second["accounting"]["succeeded"] == 400
        listed = stack.call("GET", "/runs").json()["runs"]
        assert [row["id"] for row in listed] == [run_id, first["run"]["id"]]
        assert PASSWORD not in stack.tails()
    # What another process reads there is the same.
    with Stack(kafka, tmp_path / "again", archive_flags=archive) as stack:
        stack.await_drivers()
        assert [stack.report(each["run"]["id"]) for each in (second, first)] == [second, first]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("password", f'password authentication failed for user "{USER}"; check user and password'),
        ("version", "its tables are of version 7, this program reads version 1"),
    ],
)
async def test_an_orchestrator_that_is_refused_ends_and_says_why(
    url: str, postgres: Postgres, change: str, said: str, tmp_path: Path
) -> None:
    """With exit code 1, before it asks for Kafka; no password in the log."""
    if change == "password":
        url = postgres.url(password=f"{PASSWORD}!")
    else:
        archive = Archive(url)
        await archive.open()
        await archive.close()
        with postgres.connect(url) as connection:
            connection.execute("UPDATE spate_schema SET version = 7")
    from_s = time.monotonic()
    done = await asyncio.to_thread(
        subprocess.run,
        [
            *(sys.executable, "-P", "-m", "orchestrator", "--kafka", "127.0.0.1:1", "--port", "0"),
            *("--archive-file", url_file(tmp_path, url), "--log-format=text"),
        ],
        capture_output=True,
        text=True,
        timeout=_END_WITHIN_S,
        check=False,
    )
    print(f"ended after {time.monotonic() - from_s:.1f} s")
    assert done.returncode == 1, done.stderr
    (line,) = (line for line in done.stderr.splitlines() if " ERROR " in line)
    assert said in line
    assert PASSWORD not in done.stderr
