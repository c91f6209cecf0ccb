"""Two hours of windows and a hundred drivers are looked at without waiting."""

from __future__ import annotations

from pathlib import Path

from tests.browser.conftest import Open
from tests.browser.long_run import DRIVERS, RUN_ID, WINDOWS, archive_long_run
from tests.integration.stack import Stack

WATCH = """() => {
  window.frames_ms = [];
  let last = performance.now();
  const frame = (now) => {
    window.frames_ms.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""
"""Notes how long each frame took."""


def test_two_hours_scroll_and_zoom(open_page: Open, kafka: str, tmp_path: Path) -> None:
    """Every second is in a window; how long a frame takes is printed, not judged."""
    stack = Stack(kafka, tmp_path / "long")
    archive_long_run(stack.directory / "archive.db")
    with stack:
        stack.await_drivers()
        viewer = open_page(stack, f"/runs/{RUN_ID}")
        viewer.await_text("Durations, in ms", 60)
        assert "Values at 1:59:59" in viewer.text()
        assert len(viewer.rows("Drivers")) == DRIVERS
        assert viewer.term("succeeded") == stack.report(RUN_ID)["accounting"]["planned"]
        assert len(stack.report(RUN_ID)["windows"]) == WINDOWS
        assert "Windows are wider than a second where that is long past: 5 s until" in viewer.text()
        page = viewer.page
        plot = page.locator(".chart-plot .u-over").first
        box = plot.bounding_box()
        assert box is not None
        middle = box["y"] + box["height"] / 2

        def at(part: float) -> float:
            return float(box["x"] + box["width"] * part)

        page.evaluate(WATCH)
        for step in range(60):
            page.mouse.move(at(step / 60), middle)
        for _ in range(20):
            page.mouse.wheel(0, 120)
        for _ in range(30):
            page.mouse.wheel(0, -120)
        viewer.until(lambda: page.evaluate("window.scrollY") == 0, "not scrolled back", 10)
        page.mouse.move(at(0.3), middle)
        page.mouse.down()
        page.mouse.move(at(0.6), middle, steps=20)
        page.mouse.up()
        viewer.until(lambda: viewer.button("Show all").count(), "not zoomed", 10)
        for step in range(30):
            page.mouse.move(at(step / 30), middle)
        plot.dblclick()
        viewer.until(lambda: viewer.button("Show all").count() == 0, "still zoomed", 10)
        frames = sorted(page.evaluate("window.frames_ms"))
        p50, p95 = (frames[int(len(frames) * q)] for q in (0.5, 0.95))
        print(
            f"\n{len(frames)} frames over {WINDOWS} windows: "
            f"p50 {p50:.0f} ms, p95 {p95:.0f} ms, max {frames[-1]:.0f} ms"
        )
        assert viewer.axe() == []
