"""Stacks that several tests of the whole share, and their logs when a test fails."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest
from tests.integration.stack import Stack, names, start_drivers


@pytest.fixture(scope="session")
def fleet(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with three drivers, for tests that leave it as they found it.

    Each driver appends its raw response times to ``DIRECTORY/DRIVER_ID.raw``.
    """
    with Stack(kafka, tmp_path_factory.mktemp("fleet")) as stack:
        for driver_id in names(3):
            stack.start_driver(driver_id, "--raw-file", str(stack.directory / f"{driver_id}.raw"))
        stack.await_drivers(*names(3))
        yield stack


@pytest.fixture(scope="module")
def small(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with one driver."""
    with Stack(kafka, tmp_path_factory.mktemp("small")) as stack:
        start_drivers(stack, names(1))
        yield stack


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the ends of a stack's logs where a test that uses it fails."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for name, value in item.funcargs.items():
            if isinstance(value, Stack):
                report.sections.append((f"stack {name}", value.tails()))
    return report
