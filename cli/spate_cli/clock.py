"""The one place where the command reads the time."""

from __future__ import annotations

import time


def monotonic_s() -> float:
    """Return seconds that never go back."""
    return time.monotonic()
