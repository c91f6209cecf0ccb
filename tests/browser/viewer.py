"""Somebody who looks at the page: opens it, reads it, presses keys and buttons."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Locator

T = TypeVar("T")

AXE = Path(__file__).parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"
_POLL_EVERY_S = 0.05
_HTTP_NOISE = "Failed to load resource"
"""Chromium says this of every call that is refused or breaks; the page shows those itself."""


class Viewer:
    """One browser window with its own profile. ``complaints`` is what the console was told."""

    def __init__(
        self,
        browser: Browser,
        url: str,
        *,
        width: int = 1280,
        height: int = 900,
        scheme: Literal["light", "dark"] = "light",
        timezone: str = "Europe/Berlin",
    ) -> None:
        self._url = url
        self.complaints: list[str] = []
        self._context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            timezone_id=timezone,
        )
        self.page = self._context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and _HTTP_NOISE not in message.text:
            self.complaints.append(message.text)

    def go(self, path: str) -> None:
        """Open a path of the page, and do not wait for what it shows."""
        self.page.goto(self._url + path, wait_until="commit")

    def close(self) -> None:
        """Close the window."""
        self._context.close()

    def picture(self, file: Path) -> None:
        """Save a picture of the whole page."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=file, full_page=True)

    # ---- reading ---------------------------------------------------------------------------

    def until(self, holds: Callable[[], T | None], problem: str, within_s: float = 30) -> T:
        """Wait until something is true of the page and return it."""
        deadline = time.monotonic() + within_s
        while not (held := holds()):
            assert time.monotonic() < deadline, f"{problem} (after {within_s:g} s)\n{self.text()}"
            # The page's own events, such as console messages, come in here.
            self.page.wait_for_timeout(_POLL_EVERY_S * 1000)
        return held

    def await_text(self, words: str, within_s: float = 30) -> None:
        """Wait until these words stand on the page."""
        self.until(lambda: words in self.text(), f"no word of {words!r}", within_s)

    def await_live(self, within_s: float = 30) -> None:
        """Wait until the page says that its figures are new."""
        self.until(lambda: self.freshness()[0] == "live", "not live", within_s)

    def text(self) -> str:
        """Return all words on the page."""
        return str(self.page.inner_text("body"))

    def state(self) -> str | None:
        """Return the state of the run that is shown."""
        found = self.page.locator("[data-state]")
        return found.get_attribute("data-state") if found.count() else None

    def await_state(self, *states: str, within_s: float = 60) -> None:
        """Wait until the run shown is in one of these states."""
        self.until(lambda: self.state() in states, f"not {states}", within_s)

    def freshness(self) -> tuple[str, str]:
        """Return how fresh the page says it is: the kind, and its words."""
        found = self.page.locator("[data-freshness]")
        return found.get_attribute("data-freshness") or "", found.inner_text().strip()

    def number(self, name: str) -> str:
        """Return one of the big numbers as it is written, with its unit."""
        return " ".join(self.page.inner_text(f"[data-number='{name}'] .big-figure").split())

    def cursor_s(self) -> int:
        """Return the second of which the charts show their values."""
        found = re.search(r"Values at (\d+):(\d\d)\b", self.text())
        assert found is not None, self.text()
        return int(found[1]) * 60 + int(found[2])

    def term(self, name: str) -> int:
        """Return a term of the account."""
        return whole(self.page.inner_text(f"[data-term='{name}'] .account-n"))

    def rows(self, table: str) -> list[list[str]]:
        """Return the cells of a table, by the name it goes by."""
        body = self.page.get_by_role("table", name=table, exact=True).locator("tbody tr")
        return [row.locator("th, td").all_inner_texts() for row in body.all()]

    def key(self, chart: str) -> dict[str, str]:
        """Return what the key of a chart says at the cursor, from top to bottom, by line."""
        found = self.page.get_by_role("figure", name=chart, exact=True).locator(".chart-key > div")
        lines = [line.strip().split("\n") for line in found.all_inner_texts()]
        return {line[0].strip(): line[-1].strip() for line in lines}

    def button(self, name: str) -> Locator:
        """Return the button with exactly this name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def marks(self) -> list[str]:
        """Return what the marks above the charts say."""
        found = self.page.get_by_role("list", name="What happened").locator("li")
        return list(found.all_inner_texts())

    def axe(self) -> list[str]:
        """Return what axe has against the page, one line for each kind."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: dict[str, Any] = self.page.evaluate(
            "axe.run(document, {resultTypes: ['violations']})"
        )
        return [
            f"{each['id']}: {each['help']}: "
            + json.dumps([node["html"][:160] for node in each["nodes"][:3]])
            for each in found["violations"]
        ]

    def is_too_wide(self) -> bool:
        """Say whether the page itself must be scrolled sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


def whole(text: str) -> int:
    """Return the number that a text with thousands separators says."""
    assert re.fullmatch(r"[\d,]+", text.strip()), text
    return int(text.replace(",", ""))
