"""Wall-clock instants as people and files see them."""

from __future__ import annotations

from datetime import UTC, datetime

_NS_PER_S = 1_000_000_000


def rfc3339(at_ns: int) -> str:
    """Return an instant (ns since 1970, UTC) as ``2026-11-22T19:07:19.004Z``; ms are cut off."""
    seconds, rest_ns = divmod(at_ns, _NS_PER_S)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest_ns // 1_000_000:03d}Z"
