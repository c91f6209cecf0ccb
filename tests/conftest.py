"""What all suites share: the real local Kafka, what is skipped, and the gate on coverage."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage
from hypothesis import settings
from tests.integration.postgres import Postgres, programs

from localkafka import LocalKafka, fetch, stop

ROOT = Path(__file__).parents[1]
OVERALL_PERCENT = 90
"""Lines and branches of everything; what only runs in child processes counts as not covered."""

# How long an example takes says nothing on a machine that does other things as well.
settings.register_profile("spate", deadline=None)
settings.load_profile("spate")

_SHORTFALLS = pytest.StashKey[list[str]]()


# ---- Kafka -------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def kafka_classpath() -> str:
    """Kafka's class path, fetched once into the cache."""
    return fetch(print)


@pytest.fixture(scope="session")
def kafka(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[str]:
    """The address of a real Kafka that lives as long as this pytest process.

    Under pytest-xdist each worker has its own. ``SPATE_KAFKA_BOOTSTRAP`` names another one.
    """
    given = os.environ.get("SPATE_KAFKA_BOOTSTRAP")
    if given:
        yield given
        return
    classpath: str = request.getfixturevalue("kafka_classpath")
    local = LocalKafka(tmp_path_factory.mktemp("kafka"), classpath=classpath)
    process = local.start()
    try:
        yield local.bootstrap
    finally:
        stop(process)


@pytest.fixture
def own_kafka(tmp_path: Path, kafka_classpath: str) -> LocalKafka:
    """A local Kafka for one test alone, not started: for faults that others must not see."""
    return LocalKafka(tmp_path / "kafka", classpath=kafka_classpath)


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for topics (and transactional ids) that no other test has."""
    return f"t-{uuid.uuid4().hex[:12]}."


# ---- PostgreSQL --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A real PostgreSQL that lives as long as this pytest process."""
    found = programs()
    if found is None:
        pytest.skip("there is no PostgreSQL here: no initdb in /usr/lib/postgresql or on the PATH")
    with Postgres(found) as server:
        yield server


@pytest.fixture
def postgres(postgres_server: Postgres) -> Postgres:
    """The same, and it runs, whatever another test did to it."""
    postgres_server.start()
    return postgres_server


# ---- what is skipped ---------------------------------------------------------------------------


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a real Kafka, and skip it where there is none to be had."""
    reason = os.environ.get("SPATE_WITHOUT_KAFKA")
    for item in items:
        if {"kafka", "own_kafka", "kafka_classpath"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)
        if reason and item.get_closest_marker("kafka"):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Any:
    """Under ``SPATE_REQUIRE_ALL`` nothing may be left out: a skip is a failure."""
    report: pytest.TestReport = yield
    if report.skipped and os.environ.get("SPATE_REQUIRE_ALL") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but every test is required: {report.longrepr}"
    return report


# ---- coverage ----------------------------------------------------------------------------------


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under ``coverage run`` hold the whole suite against the marks."""
    coverage = Coverage.current()
    if coverage is None or session.exitstatus != pytest.ExitCode.OK:
        return
    coverage.stop()
    shortfalls = _shortfalls(coverage, Path(session.config.rootpath) / ".coverage.json")
    session.config.stash[_SHORTFALLS] = shortfalls
    if shortfalls:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how the marks were met, before pytest's closing line."""
    shortfalls = config.stash.get(_SHORTFALLS, None)
    if shortfalls is not None:
        terminalreporter.section("coverage")
        for line in shortfalls or ["every mark is met"]:
            terminalreporter.write_line(line)


def _shortfalls(coverage: Coverage, into: Path) -> list[str]:
    """Return what is below its mark: pure modules have 100 %, everything together has 90."""
    percent = coverage.json_report(outfile=str(into))
    files = json.loads(into.read_text(encoding="utf-8"))["files"]
    into.unlink()
    contract = (ROOT / ".importlinter").read_text(encoding="utf-8").partition(":pure]")[2]
    sources = re.search(r"source_modules =\n((?:    [\w.]+\n)+)", contract)
    assert sources is not None, "the contract `pure` lists no modules"
    pure = {module.replace(".", "/") + ".py" for module in sources[1].split()}
    found = [
        f"{name}: {row['summary']['percent_covered']:.1f} %, a pure module has 100 %; "
        f"missing lines {row['missing_lines']}, branches {row['missing_branches']}"
        for name, row in files.items()
        if any(name.endswith("/" + module) for module in pure)
        and row["summary"]["percent_covered"] < 100
    ]
    if percent < OVERALL_PERCENT:
        found.append(f"overall {percent:.1f} %, the mark is {OVERALL_PERCENT} %")
    return found
