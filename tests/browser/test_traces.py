"""What the page says of traced requests: enough to look the slowest up where traces are kept."""

from __future__ import annotations

import pytest
from tests.browser.conftest import Open
from tests.browser.plans import steady
from tests.browser.viewer import whole
from tests.integration.stack import Stack, Target


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_slowest_traces_are_those_of_the_report(
    open_page: Open, stack: Stack, target: Target, scheme: str
) -> None:
    """In its order, with the whole id; usable by everybody, narrow and wide."""
    run_id = stack.submit(steady(target.url, 2, options={"traceparent": 0.5}))
    report = stack.report(run_id)
    wanted = [(row["trace_id"], "200", "ping", row["index"]) for row in report["traces"]]
    assert len(wanted) == 20
    for width in (360, 1280):
        viewer = open_page(stack, f"/runs/{run_id}", scheme=scheme, width=width)
        viewer.await_text("Slowest traces")
        rows = viewer.rows("Slowest traces")
        assert [(row[0], row[2], row[3], whole(row[6])) for row in rows] == wanted
        assert viewer.axe() == []
        assert not viewer.is_too_wide()


def test_without_traces_there_is_no_word_of_them(
    open_page: Open, stack: Stack, target: Target
) -> None:
    """Nothing is shown that there is not."""
    run_id = stack.submit(steady(target.url, 1))
    assert stack.report(run_id)["traces"] == []
    viewer = open_page(stack, f"/runs/{run_id}")
    viewer.await_text("Durations, in ms")
    assert "Slowest traces" not in viewer.text()
