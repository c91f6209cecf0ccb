"""A run, watched in a browser from its start to its report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.browser.conftest import Open
from tests.browser.plans import failing, mixed, steady
from tests.browser.viewer import Viewer, whole
from tests.integration.stack import Stack, Target

SCHEMES = ("light", "dark")
WIDTHS = (360, 1600)
SHAPES = ({"scheme": "light", "width": 1280}, {"scheme": "dark", "width": 360})
NO_FIGURE = "\u2013"


def test_a_run_is_seen_live_to_its_end_and_its_report_adds_up(
    open_page: Open, stack: Stack, target: Target, tmp_path: Path
) -> None:
    """Without a hand on the keyboard; what is shown at the end is what the report says."""
    run_id = stack.submit(mixed(target.url, seconds=14))
    viewer = open_page(stack, f"/runs/{run_id}")
    viewer.await_state("RUNNING")
    viewer.await_live()
    viewer.until(lambda: viewer.number("rate") != NO_FIGURE, "no rate")
    seen = [viewer.term("succeeded")]
    viewer.until(lambda: viewer.term("succeeded") > seen[0] + 50, "the account stands still")
    assert viewer.rows("Drivers")[0][1].split()[-1] == "working"
    viewer.await_state("FINISHED")
    report = stack.report(run_id)
    viewer.await_text("Durations, in ms")
    assert viewer.freshness() == ("done", "■ final")
    account = report["accounting"]
    terms = {name: viewer.term(name) for name in ("succeeded", "failed", "unconfirmed", "missed")}
    assert terms == {
        "succeeded": account["succeeded"],
        "failed": sum(account["failed"].values()),
        "unconfirmed": account["unconfirmed"],
        "missed": sum(account["missed"].values()),
    }
    assert sum(terms.values()) + viewer.term("dropped") == account["planned"]
    assert "✕ not passed" in viewer.text()
    assert [row[-1] for row in viewer.rows("Thresholds")] == ["✓ holds", "✕ does not hold"]
    assert [row[0] for row in viewer.rows("Requests")] == ["ping", "cart", "search"]
    assert [row[0] for row in viewer.rows("Stages")] == ["ramp (warm-up)", "hold"]
    codes = {code: whole(n) for code, n, _ in viewer.rows("Status codes")}
    assert codes == report["status_codes"]
    shares = {row[0]: whole(row[1]) for row in viewer.rows("Drivers")}
    assert shares == {row["driver_id"]: row["accounting"]["planned"] for row in report["drivers"]}
    with viewer.page.expect_download() as download:
        viewer.page.get_by_role("link", name="Download report.json").click()
    download.value.save_as(tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text()) == report


def test_the_page_of_a_run_can_be_used_by_everybody(
    open_page: Open, stack: Stack, target: Target
) -> None:
    """Axe finds nothing while it runs and after it, light and dark, narrow and wide."""
    run_id = stack.submit(mixed(target.url, seconds=30))
    windows: list[Viewer] = [
        open_page(stack, f"/runs/{run_id}", scheme=scheme, width=width)
        for scheme in SCHEMES
        for width in WIDTHS
    ]
    for viewer in windows:
        viewer.await_live()
        viewer.await_text("driver-2")
        assert viewer.axe() == []
        assert not viewer.is_too_wide()
    stack.call("POST", f"/runs/{run_id}/stop")
    for viewer in windows:
        viewer.await_state("FINISHED")
        viewer.await_text("Durations, in ms")
        assert viewer.axe() == []
        assert not viewer.is_too_wide()


@pytest.mark.parametrize(
    "order",
    [
        ("Stop", "Stop: finish what is in flight", "FINISHED"),
        ("Abort", "Abort now", "ABORTED"),
    ],
    ids=["stop", "abort"],
)
def test_a_run_is_ended_by_keyboard_after_a_question(
    open_page: Open, stack: Stack, target: Target, order: tuple[str, str, str]
) -> None:
    """Escape takes the question back and leaves the run alone."""
    button, verb, state = order
    run_id = stack.submit(steady(target.url, seconds=60))
    viewer = open_page(stack, f"/runs/{run_id}")
    viewer.await_state("RUNNING")
    viewer.button(button).focus()
    viewer.page.keyboard.press("Enter")
    viewer.page.get_by_role("dialog").wait_for()
    assert viewer.axe() == []
    viewer.page.keyboard.press("Escape")
    viewer.page.get_by_role("dialog").wait_for(state="detached")
    assert viewer.state() == "RUNNING"
    viewer.button(button).press("Enter")
    viewer.button(verb).press("Enter")
    viewer.await_state(state)
    assert stack.report(run_id)["run"]["state"] == state
    assert viewer.button("Abort").count() == 0


def test_the_charts_share_one_cursor_and_one_zoom(
    open_page: Open, stack: Stack, target: Target
) -> None:
    """By mouse and by keyboard; a double click, or Escape, shows all again."""
    run_id = stack.submit(steady(target.url, seconds=12))
    stack.report(run_id)
    viewer = open_page(stack, f"/runs/{run_id}")
    viewer.await_text("Durations, in ms")
    page = viewer.page
    first, second = (page.locator(".chart-plot .u-over").nth(at) for at in (0, 1))
    box = first.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    newest = viewer.cursor_s()
    page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    viewer.until(lambda: newest // 2 <= viewer.cursor_s() <= newest // 2 + 1, "no cursor", 5)
    lines = page.locator(".u-cursor-x")
    places = {
        line.evaluate("e => Math.round(e.getBoundingClientRect().x)") for line in lines.all()[:2]
    }
    assert max(places) - min(places) <= 2
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, middle, steps=4)
    page.mouse.up()
    viewer.until(lambda: viewer.button("Show all").count(), "not zoomed", 5)
    second.dblclick()
    viewer.until(lambda: viewer.button("Show all").count() == 0, "still zoomed", 5)
    page.mouse.move(5, 5)
    charts = page.get_by_role("region", name="The run over time")
    charts.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    viewer.until(lambda: viewer.cursor_s() == newest - 1, "keys do nothing", 5)
    page.keyboard.press("+")
    viewer.until(lambda: viewer.button("Show all").count(), "plus does not zoom", 5)
    page.keyboard.press("Escape")
    viewer.until(lambda: viewer.button("Show all").count() == 0, "Escape does not reset", 5)
    page.get_by_label("logarithmic").check()
    assert viewer.complaints == []


def test_errors_are_drawn_by_kind_with_their_numbers_at_the_cursor(
    open_page: Open, stack: Stack, target: Target
) -> None:
    """Live and from the report, the key says of each second what its window says."""
    run_id = stack.submit(failing(target.url, seconds=8))
    viewer = open_page(stack, f"/runs/{run_id}")
    viewer.until(lambda: len(viewer.key("Not as planned")) == 6, "not all kinds are told")
    viewer.await_state("FINISHED")
    windows = stack.report(run_id)["windows"]
    kinds = {f"failed {kind}" for row in windows for kind in row["failed_kinds"]}
    assert len(kinds) == 4
    for how in SHAPES:
        again = open_page(stack, f"/runs/{run_id}", **how)
        again.await_text("Durations, in ms")
        assert list(again.key("Not as planned"))[4:] == ["dropped", "missed"]
        assert set(again.key("Not as planned")) - {"dropped", "missed"} == kinds
        again.page.get_by_role("region", name="The run over time").press("ArrowLeft")
        for _ in range(3):
            again.page.keyboard.press("ArrowLeft")
        row = windows[again.cursor_s()]
        told = {label: number(text) for label, text in again.key("Not as planned").items()}
        assert told == {
            **{kind: row["failed_kinds"].get(kind.removeprefix("failed "), 0) for kind in kinds},
            "dropped": row["dropped"],
            "missed": row["missed"],
        }
        assert again.axe() == []
        assert not again.is_too_wide()


def number(figure: str) -> float:
    """Return what a rate in a key is, without its unit."""
    return float(figure.removesuffix(" /s"))


def test_a_driver_shows_its_own_course_on_click(
    open_page: Open, stack: Stack, target: Target
) -> None:
    """Who it is, and what it has done since the page was opened."""
    run_id = stack.submit(steady(target.url, seconds=30))
    viewer = open_page(stack, f"/runs/{run_id}")
    viewer.await_text("driver-2")
    viewer.button("driver-2").press("Enter")
    detail = viewer.page.get_by_role("region", name="driver-2", exact=True)
    detail.get_by_role("figure", name="CPU").wait_for()
    assert "address" in detail.inner_text()
    assert viewer.axe() == []
    viewer.button("Close").press("Enter")
    detail.wait_for(state="detached")
    stack.call("POST", f"/runs/{run_id}/abort")
    viewer.await_state("ABORTED")


def test_a_run_that_waits_says_for_what_and_counts_down_to_its_start(
    open_page: Open, stack: Stack, target: Target
) -> None:
    """First the run before it, then drivers, then the set instant."""
    before = stack.submit(steady(target.url, seconds=60))
    run_id = stack.submit(steady(target.url, seconds=5))
    viewer = open_page(stack, f"/runs/{run_id}")
    viewer.await_state("PENDING")
    viewer.until(lambda: viewer.freshness()[0] == "quiet", "not quiet", 5)
    assert viewer.number("rate") == NO_FIGURE
    assert "No second is over yet." in viewer.text()
    assert viewer.axe() == []
    stack.call("POST", f"/runs/{before}/abort")
    seen = viewer.until(
        lambda: viewer.page.locator("[data-countdown]").all_inner_texts(), "no countdown"
    )
    assert seen[0].startswith("starts in ")
    viewer.await_state("FINISHED")


def test_a_run_that_nobody_knows_is_said_to_be_none(open_page: Open, stack: Stack) -> None:
    """So is an address that is none of the page's."""
    viewer = open_page(stack, "/runs/never-00000000")
    viewer.await_text("There is no run never-00000000")
    assert viewer.axe() == []
    viewer.go("/nowhere/at/all")
    viewer.await_text("There is nothing at this address")
    assert viewer.axe() == []
