"""How long it takes from a response to the screen: printed, not judged, for machines are noisy."""

from __future__ import annotations

import datetime as dt
from typing import Any

from tests.browser.conftest import Open
from tests.browser.plans import steady
from tests.integration.stack import Stack, Target

RATE_PER_S = 100
SECONDS = 20
WANTED_S = 1.0

WATCH = """() => {
  const seen = [];
  const read = () => {
    const text = document.querySelector("[data-term='succeeded'] .account-n")?.textContent;
    if (!text) return;
    const n = Number(text.replaceAll(",", ""));
    if (seen.length === 0 || n > seen[seen.length - 1][1]) seen.push([Date.now(), n]);
  };
  new MutationObserver(read).observe(document.body,
    {subtree: true, childList: true, characterData: true});
  read();
  window.seen = seen;
}"""
"""Notes when each total of succeeded arrivals first stood in the document."""


def test_what_was_answered_is_on_the_screen_within_a_second(
    open_page: Open, stack: Stack, target: Target
) -> None:
    """Each arrival is due at a known instant and answered after it, so this is an upper bound.

    Arrival k of a steady rate is due k / rate after the start; it is on the screen when the page
    first says that more than k have succeeded.
    """
    run_id = stack.submit(steady(target.url, SECONDS, RATE_PER_S))
    viewer = open_page(stack, f"/runs/{run_id}")
    viewer.page.wait_for_selector("[data-term='succeeded']")
    viewer.page.evaluate(WATCH)
    viewer.await_state("FINISHED")
    seen: list[list[int]] = viewer.page.evaluate("window.seen")
    started: Any = stack.report(run_id)["run"]["started_at"]
    started_ms = dt.datetime.fromisoformat(started).timestamp() * 1000
    ages_s = []
    shown = 0
    for at_ms, n in seen:
        ages_s += [(at_ms - started_ms) / 1000 - k / RATE_PER_S for k in range(shown, n)]
        shown = n
    assert len(ages_s) == RATE_PER_S * SECONDS
    ages_s.sort()
    p50, p99 = (ages_s[int(len(ages_s) * q)] for q in (0.5, 0.99))
    print(
        f"\nfrom due to the screen: p50 {p50:.2f} s, p99 {p99:.2f} s, max {ages_s[-1]:.2f} s "
        f"(wanted: p99 ≤ {WANTED_S:g} s)"
    )
    assert ages_s[0] > 0
