"""A target is held against the allowlist by name and by address."""

from __future__ import annotations

from tests.unit.orchestra import make_plan

from spate.allowlist import DEFAULT_TEXT, Allowlist
from spate.target_check import target_problem


async def problem(target: str, allowed: str = DEFAULT_TEXT) -> str | None:
    """Return why this target is refused."""
    return await target_problem(make_plan(target=target), Allowlist.parse(allowed))


async def test_loopback_is_allowed() -> None:
    """By address, and by the name that means it."""
    assert await problem("http://127.0.0.1:8000") is None
    assert await problem("http://localhost:8000") is None


async def test_what_is_not_listed_is_refused() -> None:
    """The text says who can change that, and how."""
    text = await problem("http://192.0.2.1:80")
    assert text is not None
    assert "192.0.2.1" in text
    assert "SPATE_ALLOWED_TARGETS" in text


async def test_a_name_that_does_not_resolve_is_refused() -> None:
    """Nobody can say where it leads."""
    assert await problem("http://no-such-host.invalid", "10.0.0.0/8") is not None
