"""What the page shows when there is nothing to show yet, or no good news."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.browser.conftest import Open
from tests.browser.plans import steady
from tests.browser.viewer import Viewer
from tests.integration.stack import Stack, Target

from localkafka import LocalKafka, stop

if TYPE_CHECKING:
    from playwright.sync_api import Route

SHAPES = ({"scheme": "light", "width": 1280}, {"scheme": "dark", "width": 360})
DEFECT = {
    "type": "urn:spate:problem:internal",
    "title": "Internal Server Error",
    "status": 500,
    "detail": "a defect of Spate; the orchestrator's log has the trace",
    "errors": [],
}
PLACES = {
    "runs": ("/runs", "**/api/v1/runs?*"),
    "run": ("/runs/any-00000000", "**/api/v1/runs/*/stream"),
    "compare": ("/compare?a=any-00000000&b=other-00000000", "**/api/v1/runs/*/report"),
    "fleet": ("/fleet", "**/api/v1/fleet"),
    "drivers": ("/fleet", "**/api/v1/drivers"),
    "new": ("/new", "**/api/v1/plans/validate*"),
}
"""A page, and the call that it cannot do without."""

WAITING_WORDS = {
    "runs": "Looking for runs \u2026",
    "run": "Opening the run \u2026",
    "compare": "Opening both reports \u2026",
    "fleet": "Looking at the fleet \u2026",
    "drivers": "Listening for drivers \u2026",
    "new": "Checking the plan \u2026",
}

PRESS_ALL = """(words) => {
  for (const each of document.querySelectorAll("button")) {
    if (each.textContent === words) each.click();
  }
}"""


def fit(viewer: Viewer) -> None:
    """Check what every page must be."""
    assert viewer.axe() == []
    assert not viewer.is_too_wide()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"drivers": {"min": 3, "wait": "1s"}}, "the plan needs 3"),
        (
            {"requests": [{"path": "/ping", "headers": {"X-Key": "${secret:ABSENT_KEY}"}}]},
            "SPATE_SECRET_ABSENT_KEY",
        ),
    ],
    ids=["too few drivers", "a secret is missing"],
)
def test_a_run_that_failed_before_its_start_says_why(
    open_page: Open, stack: Stack, target: Target, change: dict[str, Any], words: str
) -> None:
    """In its own page, whoever comes when, and in the list; there are no figures to be had."""
    run_id = stack.submit(steady(target.url, seconds=5, **change))
    watched = open_page(stack, f"/runs/{run_id}")
    watched.await_state("FAILED")
    reason = stack.report(run_id)["run"]["reason"]
    for viewer in (watched, *(open_page(stack, f"/runs/{run_id}", **how) for how in SHAPES)):
        viewer.await_text("This run never began")
        assert viewer.state() == "FAILED"
        assert words in reason
        assert reason in viewer.text()
        assert viewer.term("missed") == 500
        assert viewer.page.locator("[data-number], .chart").count() == 0
        fit(viewer)
    runs = open_page(stack, "/runs")
    runs.until(lambda: any(run_id in row for row in runs.rows("Runs")), "not in the list")


@pytest.mark.parametrize("place", PLACES)
def test_a_page_that_waits_for_an_answer_looks_as_if_it_did(
    open_page: Open, stack: Stack, place: str
) -> None:
    """Neither empty nor full of zeros."""
    path, call = PLACES[place]
    for how in SHAPES:
        viewer = blank(open_page, stack, how)
        held: list[Route] = []
        viewer.page.route(call, holding(held))
        viewer.go(path)
        viewer.until(held.copy, "nothing is asked")
        viewer.await_text(WAITING_WORDS[place])
        assert viewer.page.get_by_role("alert").count() == 0
        fit(viewer)


@pytest.mark.parametrize("place", PLACES)
def test_a_defect_of_the_orchestrator_is_told_and_can_be_got_over(
    open_page: Open, stack: Stack, place: str
) -> None:
    """In words, with the place to look at; by itself, by a change or by a button."""
    path, call = PLACES[place]
    for how in SHAPES:
        viewer = blank(open_page, stack, how)
        viewer.page.route(call, broken)
        viewer.go(path)
        viewer.await_text(str(DEFECT["detail"]))
        fit(viewer)
        viewer.page.unroute(call)
        if place == "new":
            viewer.page.locator("[data-path='name']").fill("second-look")
        viewer.until(got_over(viewer), "the error stays")


def got_over(viewer: Viewer) -> Callable[[], bool]:
    """Return what tries again, where that is offered, and says whether the defect is gone."""

    def tried() -> bool:
        viewer.page.evaluate(PRESS_ALL, "Try again")
        return str(DEFECT["detail"]) not in viewer.text()

    return tried


def blank(open_page: Open, stack: Stack, how: dict[str, Any]) -> Viewer:
    """Open a window that has asked nothing of the API yet."""
    return open_page(stack, "/nowhere", **how)


def holding(held: list[Route]) -> Callable[[Route], None]:
    """Return what keeps a call and does not answer it."""

    def hold(route: Route) -> None:
        held.append(route)

    return hold


def broken(route: Route) -> None:
    """Answer as an orchestrator does that met a defect of its own."""
    route.fulfill(status=500, content_type="application/problem+json", json=DEFECT)


def test_a_browser_that_comes_before_kafka_waits_with_the_orchestrator(
    open_page: Open, own_kafka: LocalKafka, tmp_path: Path
) -> None:
    """It is told for what, and gets the page as soon as there is one."""
    with Stack(own_kafka.bootstrap, tmp_path / "stack") as stack:
        stack.until(answers(stack), "nothing listens")
        viewers = [open_page(stack, "/fleet", **how) for how in SHAPES]
        for viewer in viewers:
            viewer.await_text("Spate is starting")
            viewer.await_text(f"Waiting for Kafka at {own_kafka.bootstrap}")
            fit(viewer)
        broker = own_kafka.start()
        try:
            for viewer in viewers:
                viewer.await_text("as of now", 60)
            stack.await_drivers()
        finally:
            stop(broker)


def answers(stack: Stack) -> Callable[[], bool]:
    """Return what says whether the orchestrator listens."""

    def asked() -> bool:
        try:
            return stack.client.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    return asked
