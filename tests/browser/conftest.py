"""A real browser on the page of a real stack; skipped, with the reason, where there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser.viewer import Viewer
from tests.integration.conftest import pytest_runtest_makereport  # noqa: F401 - logs, here too
from tests.integration.stack import Stack, Target, names, start_drivers

from orchestrator.api.page import BUILT_HERE

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

Open = Callable[..., Viewer]
"""Opens a path of a stack's page: ``open_page(stack, path, **how)``; ``how`` as in ``Viewer``."""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A browser that runs; every viewer has a profile of its own in it."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        pytest.skip("no Chromium is installed (on Debian: apt install chromium)")
    if not (BUILT_HERE / "index.html").is_file():
        pytest.skip("the page is not built (make setup)")
    with api.sync_playwright() as playwright:
        # Inside a container there is often no right to a sandbox; only our own pages are opened.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Open pages that are closed after the test; what a page complained about fails it.

    Under ``SPATE_SHOTS`` each page is pictured there at the end, under the test's name.
    """
    viewers: list[Viewer] = []

    def open_(stack: Stack, path: str, **how: object) -> Viewer:
        viewer = Viewer(chromium, stack.url, **how)  # type: ignore[arg-type] # as it is given
        viewers.append(viewer)
        viewer.go(path)
        return viewer

    yield open_
    folder = os.environ.get("SPATE_SHOTS")
    for number, viewer in enumerate(viewers, 1):
        if folder:
            viewer.picture(Path(folder) / f"{request.node.name}-{number}.png")
        viewer.close()
    assert [complaint for viewer in viewers for complaint in viewer.complaints] == []


@pytest.fixture(scope="session")
def stack(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with two drivers, for tests that leave it as they found it."""
    with Stack(kafka, tmp_path_factory.mktemp("browser")) as stack:
        start_drivers(stack, names(2))
        yield stack


@pytest.fixture(scope="session")
def target(stack: Stack) -> Target:
    """A target of that stack."""
    return stack.start_target()


@pytest.fixture
def own_stack(kafka: str, tmp_path: Path) -> Iterator[Stack]:
    """A stack with two drivers for one test alone, which may break it."""
    with Stack(kafka, tmp_path / "stack") as stack:
        start_drivers(stack, names(2))
        yield stack
