"""Under which address others reach this host."""

from __future__ import annotations

import asyncio
import socket

_WILDCARD = "0.0.0.0"  # noqa: S104 - compared, not bound


async def reachable_host(host: str) -> str:
    """Return the host that was bound, or this host's own address where that was any.

    In a pod the host's name stands for the pod's address. Where it stands for none, the name
    itself must do.
    """
    if host != _WILDCARD:
        return host
    name = socket.gethostname()
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, family=socket.AF_INET)
    except OSError:
        return name
    return str(found[0][4][0])
