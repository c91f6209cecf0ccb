"""The page of figures: a frame that people write, and between two marks what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

BEGIN: Final = "<!-- measured -->"
END: Final = "<!-- end of measured -->"


class PageError(Exception):
    """A page has no place for figures; the text says what is missing."""


def with_figures(page: str, figures: str) -> str:
    """Return a page with other figures between its marks.

    Raises:
        PageError: if it does not have each mark once, in order.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise PageError(f"the page needs the lines {BEGIN} and {END} once each, in this order")
    return f"{before}{BEGIN}\n{figures.strip()}\n{END}{after}"


def figures_of(facts: Sequence[str], sections: Sequence[str]) -> str:
    """Return the figures of a page: facts as a list, then the sections."""
    return "\n".join([*(f"* {fact}" for fact in facts), "", *sections])
