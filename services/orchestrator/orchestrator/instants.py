"""Reads wall-clock instants back from the form in reports."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_NS_PER_S = 1_000_000_000
_FORM = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")


def instant_ns(text: str) -> int:
    """Return ns since 1970 for an RFC 3339 instant in UTC, written with ``Z``.

    Raises:
        ValueError: if the text has another form or names no real date.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"not an RFC 3339 instant in UTC: {text!r}")
    moment = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
    return int(moment.timestamp()) * _NS_PER_S + int((match[2] or "").ljust(9, "0"))
