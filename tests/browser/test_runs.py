"""The list of runs, and two of them laid over each other."""

from __future__ import annotations

import pytest
from tests.browser.conftest import Open
from tests.browser.plans import mixed, steady
from tests.integration.stack import Stack, Target

SCHEMES = ("light", "dark")
WIDTHS = (360, 1600)


def test_a_list_without_runs_leads_to_a_new_one(open_page: Open, own_stack: Stack) -> None:
    """Nothing is looked for in vain; the form is one click away."""
    viewer = open_page(own_stack, "/runs")
    viewer.await_text("Nothing has run here yet.")
    assert viewer.axe() == []
    viewer.page.get_by_role("main").get_by_role("link", name="New run").first.click()
    viewer.await_text("The plan as YAML")


@pytest.fixture
def two_runs(stack: Stack, target: Target) -> tuple[str, str]:
    """Two runs that have ended; the first did not pass."""
    first = stack.submit(mixed(target.url, seconds=4))
    second = stack.submit(steady(target.url, seconds=3, rate=50, labels={"team": "search"}))
    stack.report(second)
    return first, second


def test_runs_are_listed_and_found_and_the_one_under_way_comes_first(
    open_page: Open, stack: Stack, target: Target, two_runs: tuple[str, str]
) -> None:
    """By state, by label and by name; times are in the viewer's zone."""
    first, second = two_runs
    live = stack.submit(steady(target.url, seconds=60))
    viewer = open_page(stack, "/runs", timezone="Asia/Tokyo")
    viewer.until(lambda: viewer.rows("Runs"), "no runs")
    viewer.until(lambda: viewer.rows("Runs")[0][1].split()[-1] == "RUNNING", "the live one is late")

    def shown() -> list[str]:
        table = viewer.page.get_by_role("table", name="Runs", exact=True)
        return [] if table.count() == 0 else [row[-2] for row in viewer.rows("Runs")]

    assert shown()[0] == live
    old = next(row for row in viewer.rows("Runs") if first in row)
    assert old[:3] == ["checkout", "■ FINISHED", "✕ not passed"]
    submitted = stack.report(first)["run"]["created_at"]
    hour = (int(submitted[11:13]) + 9) % 24
    assert old[4][11:] == f"{hour:02d}{submitted[13:19]}"
    viewer.page.get_by_label("Labels").fill("team=search")
    viewer.until(lambda: shown() and first not in shown(), "labels are not looked for")
    assert {row[-3] for row in viewer.rows("Runs")} == {"team=search"}
    assert second in shown()
    viewer.page.get_by_label("Labels").fill("")
    viewer.page.get_by_label("State").select_option("under-way")
    viewer.until(lambda: shown() == [live], "states are not looked for")
    stack.call("POST", f"/runs/{live}/abort")
    viewer.await_text("No run is like that")
    viewer.page.get_by_role("link", name="Show all runs").click()
    viewer.page.get_by_label("Name").fill("CHECK")
    viewer.until(lambda: shown() and second not in shown(), "names are not looked for")
    assert {row[0].partition("-")[0] for row in viewer.rows("Runs")} == {"checkout"}
    assert "name=CHECK" in viewer.page.url
    viewer.page.get_by_label("Name").fill("nobody")
    viewer.await_text("No run is like that")
    assert viewer.axe() == []


def test_two_runs_are_chosen_by_keyboard_and_compared(
    open_page: Open, stack: Stack, two_runs: tuple[str, str]
) -> None:
    """Figures are those of the reports; what differs in the plans is named."""
    first, second = two_runs
    viewer = open_page(stack, "/runs")
    for run_id in two_runs:
        viewer.page.get_by_label(f"Compare {run_id}").press("Space")
    viewer.await_text(f"{first} with {second}.")
    viewer.button("Compare the two chosen").press("Enter")
    viewer.await_text("Response time p99")
    assert "the last second of the longer run" in viewer.text()
    figures = {row[0]: row[1:] for row in viewer.rows("Figures")}
    sent = [stack.report(run_id)["accounting"]["sent"] for run_id in two_runs]
    by = sent[1] - sent[0]
    sign = "+" if by > 0 else "\u2212"
    assert figures["sent"][:3] == [f"{sent[0]:,}", f"{sent[1]:,}", f"{sign}{abs(by):,}"]
    plans = {row[0]: row[1:] for row in viewer.rows("Plans")}
    assert plans["name"] == ["checkout", "watched"]
    assert plans["labels.team"] == ["shop", "search"]
    assert "target" not in plans
    viewer.button("Swap A and B").click()
    viewer.until(
        lambda: (
            [row[1:] for row in viewer.rows("Plans") if row[0] == "name"]
            == [["watched", "checkout"]]
        ),
        "not swapped",
    )


def test_comparing_can_be_used_by_everybody(
    open_page: Open, stack: Stack, two_runs: tuple[str, str]
) -> None:
    """Axe finds nothing on both pages, light and dark, narrow and wide."""
    first, second = two_runs
    for path, words in (
        ("/runs", "start again"),
        (f"/compare?a={first}&b={second}", "Response time p99"),
    ):
        for scheme in SCHEMES:
            for width in WIDTHS:
                viewer = open_page(stack, path, scheme=scheme, width=width)
                viewer.await_text(words)
                assert viewer.axe() == []
                assert not viewer.is_too_wide()


def test_what_cannot_be_compared_is_said(
    open_page: Open, stack: Stack, target: Target, two_runs: tuple[str, str]
) -> None:
    """One that has not ended, one that is none, and none at all."""
    live = stack.submit(steady(target.url, seconds=60))
    viewer = open_page(stack, f"/compare?a={two_runs[0]}&b={live}")
    viewer.await_text(f"{live} has not ended")
    assert viewer.axe() == []
    viewer.go(f"/compare?a={two_runs[0]}&b=never-00000000")
    viewer.await_text("There is no such run")
    viewer.go("/compare")
    viewer.await_text("Two runs are needed")
    stack.call("POST", f"/runs/{live}/abort")


def test_older_runs_are_shown_page_by_page(open_page: Open, own_stack: Stack) -> None:
    """Each once, also while new ones come; by its name one is found that is on no page yet."""
    target = own_stack.start_target()
    plan = {
        "name": "short",
        "target": target.url,
        "requests": [{"path": "/ping"}],
        "load": {"test_type": "avalanche", "message_count_per_driver": 1},
    }
    ids = []
    for name in ("needle", *["short"] * 51):
        ids.append(own_stack.submit({**plan, "name": name}))
        own_stack.call("POST", f"/runs/{ids[-1]}/abort")
    own_stack.report(ids[-1])
    viewer = open_page(own_stack, "/runs")
    viewer.until(lambda: len(viewer.rows("Runs")) == 50, "no whole page")
    viewer.page.get_by_label("Name").fill(" NEEDLE ")
    viewer.until(
        lambda: [row[-2] for row in viewer.rows("Runs")] == ids[:1], "names are not looked for"
    )
    viewer.page.get_by_label("Name").fill("")
    viewer.until(lambda: len(viewer.rows("Runs")) == 50, "no whole page")
    viewer.button("Show older runs").click()
    viewer.until(lambda: len(viewer.rows("Runs")) == 52, "no older runs")
    assert viewer.button("Show older runs").count() == 0
    newest = own_stack.submit(plan)
    own_stack.report(newest)
    viewer.until(lambda: len(viewer.rows("Runs")) == 53, "the new one does not come")
    assert [row[-2] for row in viewer.rows("Runs")] == [newest, *reversed(ids)]
