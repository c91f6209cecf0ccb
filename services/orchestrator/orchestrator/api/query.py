"""Query parameters that nobody declared are refused: a typing error must not be a wider answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

from fastapi import Request

from orchestrator.api.problems import bad_request


def only(*once: str, many: tuple[str, ...] = ()) -> Callable[[Request], Awaitable[None]]:
    """Return a dependency that takes ``once`` at most once, ``many`` repeatedly, nothing else."""

    async def check(request: Request) -> None:
        errors = []
        known = ", ".join((*once, *many)) or "none"
        for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
            if name not in (*once, *many):
                errors.append((name[:64], f"unknown query parameter; known: {known}"))
            elif times > 1 and name not in many:
                errors.append((name, "is there more than once"))
        if errors:
            raise bad_request(errors)

    return check
