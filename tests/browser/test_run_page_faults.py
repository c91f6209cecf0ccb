"""What somebody who watches a run sees when a part of Spate fails under way."""

from __future__ import annotations

import time
from pathlib import Path
from signal import SIGKILL

from tests.browser.conftest import Open
from tests.browser.plans import steady
from tests.integration.stack import Stack, names, start_drivers

from localkafka import LocalKafka, stop

MARK_WITHIN_S = 5.0
"""A driver is taken for lost after 3 s of silence; the rest is the way to the screen."""


CONTRADICTIONS = """() => {
  window.contradictions = [];
  const look = () => {
    const said = document.querySelector("[data-freshness]").dataset.freshness;
    const grey = document.querySelector(".run-stale") !== null;
    if ((said === "stale") !== grey) window.contradictions.push([said, grey]);
  };
  new MutationObserver(look).observe(document.body,
    {subtree: true, childList: true, attributes: true, characterData: true});
  look();
}"""
"""Notes, after every change of the document, where top line and numbers are not of one opinion."""


DRAWINGS = """() => {
  window.drawings = 0;
  const {clearRect} = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.clearRect = function (...where) {
    window.drawings += 1;
    return clearRect.apply(this, where);
  };
}"""
"""Counts how often any chart is drawn."""


def test_a_killed_driver_is_a_mark_on_the_charts_within_seconds(
    open_page: Open, own_stack: Stack
) -> None:
    """So it is in the table, in the list of what happened, and a reason not to trust the run."""
    target = own_stack.start_target()
    run_id = own_stack.submit(steady(target.url, seconds=25))
    viewer = open_page(own_stack, f"/runs/{run_id}")
    viewer.await_live()
    viewer.until(lambda: viewer.term("succeeded") > 300, "nothing is sent")
    assert viewer.marks() == []
    killed = time.monotonic()
    own_stack.kick("driver-2", SIGKILL)
    viewer.until(
        lambda: any("driver-2 was not heard" in mark for mark in viewer.marks()), "no mark", 20
    )
    took_s = time.monotonic() - killed
    print(f"\na killed driver is marked after {took_s:.1f} s (wanted: {MARK_WITHIN_S:g} s)")
    viewer.await_text("Lost in the run: driver-2.")
    viewer.until(lambda: viewer.rows("Drivers")[1][1].split()[-1] == "lost", "not lost")
    assert viewer.axe() == []
    viewer.await_state("FINISHED")
    viewer.await_text("Durations, in ms")
    plots = viewer.page.locator(".chart-plot .u-over")
    first, box = plots.nth(0).bounding_box(), plots.nth(2).bounding_box()
    assert first is not None
    assert box is not None
    mark = viewer.page.locator(".mark").first.bounding_box()
    assert mark is not None
    at = (mark["x"] + mark["width"] / 2 - first["x"]) / first["width"]
    plots.nth(2).hover(position={"x": box["width"] * at, "y": box["height"] / 2})
    told = viewer.page.locator(".marks-told")
    viewer.until(lambda: "driver-2 was not heard" in told.inner_text(timeout=5000), "no label", 5)
    report = own_stack.report(run_id)
    assert viewer.term("unconfirmed") == report["accounting"]["unconfirmed"]
    assert "driver_lost" in {doubt["reason"] for doubt in report["verdict"]["degraded"]}


def test_a_page_whose_orchestrator_is_restarted_recovers_by_itself(
    open_page: Open, own_stack: Stack
) -> None:
    """Meanwhile it says how old its figures are, greys them, and extrapolates nothing."""
    target = own_stack.start_target()
    run_id = own_stack.submit(steady(target.url, seconds=40))
    viewer = open_page(own_stack, f"/runs/{run_id}")
    viewer.await_live()
    viewer.page.evaluate(CONTRADICTIONS)
    viewer.page.evaluate(DRAWINGS)
    viewer.until(lambda: viewer.term("succeeded") > 300, "nothing is sent")
    own_stack.kick("orchestrator", SIGKILL)
    own_stack.ended("orchestrator")
    viewer.until(lambda: viewer.freshness()[0] == "stale", "not said to be old", 10)
    assert viewer.freshness()[1].startswith("◌ reconnecting, data is ")
    assert viewer.page.locator(".run-stale").count() == 1
    shown = viewer.term("succeeded")
    drawings = viewer.page.evaluate("window.drawings")
    assert drawings > 0
    viewer.page.wait_for_timeout(1_500)
    assert viewer.term("succeeded") == shown
    assert viewer.page.evaluate("window.drawings") == drawings
    assert viewer.axe() == []
    own_stack.start_orchestrator()
    viewer.until(lambda: viewer.freshness()[0] in {"live", "done"}, "does not recover", 60)
    viewer.until(lambda: viewer.term("succeeded") > shown, "no new figures")
    assert viewer.page.locator(".run-stale").count() == 0
    viewer.await_state("FINISHED", within_s=90)
    assert viewer.page.evaluate("window.contradictions") == []
    account = own_stack.report(run_id)["accounting"]
    assert viewer.term("succeeded") == account["succeeded"]
    assert account["unconfirmed"] == 0


def test_two_windows_show_the_same_run(open_page: Open, own_stack: Stack) -> None:
    """One is opened in the middle of it: both have all windows, and end with the same figures."""
    target = own_stack.start_target()
    run_id = own_stack.submit(steady(target.url, seconds=12))
    early = open_page(own_stack, f"/runs/{run_id}")
    early.await_live()
    early.until(lambda: early.term("succeeded") > 300, "nothing is sent")
    late = open_page(own_stack, f"/runs/{run_id}", scheme="dark")
    for viewer in (early, late):
        viewer.await_state("FINISHED")
        viewer.await_text("Durations, in ms")
    tables = ("Drivers", "Durations, in ms", "Status codes", "What happened")
    assert [early.rows(name) for name in tables] == [late.rows(name) for name in tables]
    labels = ".chart-plot"
    assert [p.get_attribute("aria-label") for p in early.page.locator(labels).all()] == [
        p.get_attribute("aria-label") for p in late.page.locator(labels).all()
    ]
    assert [row[0] for row in early.rows("Drivers")] == names(2)


def test_a_run_that_waits_for_kafka_says_so_and_how_old_its_figures_are(
    open_page: Open, own_kafka: LocalKafka, tmp_path: Path
) -> None:
    """Old figures are old for those as well who open the page only now."""
    broker = own_kafka.start()
    try:
        with Stack(own_kafka.bootstrap, tmp_path / "stack") as stack:
            start_drivers(stack, names(2))
            target = stack.start_target()
            run_id = stack.submit(steady(target.url, seconds=90))
            viewer = open_page(stack, f"/runs/{run_id}")
            viewer.await_live()
            viewer.until(lambda: viewer.term("succeeded") > 300, "nothing is sent")
            broker.kill()
            broker.wait()
            viewer.await_text("Waits for Kafka", 30)
            viewer.until(lambda: "waits for Kafka, data is" in viewer.freshness()[1], "not old")
            assert viewer.axe() == []
            late = open_page(stack, f"/runs/{run_id}", scheme="dark", width=360)
            late.until(lambda: "waits for Kafka, data is" in late.freshness()[1], "not old")
            assert not late.is_too_wide()
            broker = own_kafka.start()
            for each in (viewer, late):
                each.await_live(60)
            abort = f"/runs/{run_id}/abort"
            stack.until(lambda: stack.call("POST", abort).status_code == 200, "not aborted")
            viewer.await_state("ABORTED")
    finally:
        stop(broker)
