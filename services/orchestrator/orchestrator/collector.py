"""How often Python's garbage collector looks through what there is."""

from __future__ import annotations

import gc
from typing import Final

THRESHOLDS: Final = (50_000, 20, 10)
"""New objects before a look at the new ones, and how many of those before a look at older ones."""


def calm_collector() -> None:
    """Let it look less often.

    With 1,000 drivers a look at everything holds the loop for a third of a second, and by Python's
    own thresholds (700, 10, 10) there was one with every third scrape. Cycles are rare here.
    """
    gc.set_threshold(*THRESHOLDS)
