"""Whether a plan's target may be loaded.

Its name is resolved, off the loop, and held against the allowlist. Each driver does the same
again for itself before it connects.
"""

from __future__ import annotations

import asyncio
import socket

from spate.allowlist import Allowlist, literal_address
from spate.plan import Plan

_RESOLVE_WITHIN_S = 5.0


async def target_problem(plan: Plan, allowlist: Allowlist) -> str | None:
    """Return why the target is refused, None if it is allowed."""
    host = plan.origin.host
    if allowlist.allows_host(host) and literal_address(host) is not None:
        return None
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_RESOLVE_WITHIN_S):
            found = await loop.getaddrinfo(host, plan.origin.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        found = []
    addresses = sorted({str(entry[4][0]) for entry in found})
    if allowlist.permits(host, addresses):
        return None
    where = f" ({', '.join(addresses)})" if addresses and addresses != [host] else ""
    return (
        f"{host}{where} is not on the allowlist; whoever runs Spate can add it: "
        f"SPATE_ALLOWED_TARGETS={allowlist},{host} for the orchestrator and every driver"
    )
