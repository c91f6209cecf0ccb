"""A resolver turns the target's host into addresses, none of which is off the allowlist.

Every answer is checked, so a name that later points elsewhere (DNS rebinding) is blocked then;
connections go to the checked addresses, never to the name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from driver.clock import Clock
from spate.allowlist import Allowlist

GetAddrInfo = Callable[[str, int], Awaitable[list[tuple[Any, ...]]]]
"""Answers like ``socket.getaddrinfo``: tuples (family, type, proto, name, sockaddr)."""

GOOD_FOR_NS = 1_000_000_000
"""How long an answer is used: short, so that a fleet follows its target's pods."""

BAD_FOR_NS = 200_000_000
"""How long a failure is used: it keeps a dead name server from being asked for every arrival."""


class ResolveError(Exception):
    """No address to connect to; ``kind`` is the failed kind, ``dns`` or ``blocked``."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Address:
    """Where a socket of this ``family`` can connect to."""

    family: int
    sockaddr: tuple[Any, ...]

    @property
    def ip(self) -> str:
        """The bare IP address."""
        return str(self.sockaddr[0])


class Resolver:
    """Looks one host up, off the loop, and keeps the answer for a short while.

    However many ask at once, one look-up is under way. ``getaddrinfo`` is the port to the name
    service; by default it is the loop's own, which works in a thread.
    """

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        allowlist: Allowlist,
        host: str,
        port: int,
        getaddrinfo: GetAddrInfo | None = None,
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._allowlist = allowlist
        self._host = host
        self._port = port
        self._getaddrinfo = getaddrinfo or self._ask_loop
        self._answer: tuple[Address, ...] | ResolveError | None = None
        self._good_until_ns = 0
        self._under_way: asyncio.Task[None] | None = None
        self._turn = 0

    async def addresses(self) -> tuple[Address, ...]:
        """Return the addresses in the order to try them, beginning with another one each time.

        Only the family that the system prefers takes turns; the other one follows as it came.

        Raises:
            ResolveError: if the name cannot be resolved or an address is not allowed.
        """
        while self._answer is None or self._clock.mono_ns() >= self._good_until_ns:
            if self._under_way is None:
                self._under_way = self._loop.create_task(self._look_up())
            # Shielded: one attempt that runs out of time must not take the answer from the rest.
            await asyncio.shield(self._under_way)
        if isinstance(self._answer, ResolveError):
            raise ResolveError(self._answer.kind, str(self._answer))
        preferred = [a for a in self._answer if a.family == self._answer[0].family]
        others = [a for a in self._answer if a.family != self._answer[0].family]
        first = self._turn % len(preferred)
        self._turn += 1
        return (*preferred[first:], *preferred[:first], *others)

    async def close(self) -> None:
        """Give up the look-up that is under way; its thread ends by itself."""
        if self._under_way is not None:
            self._under_way.cancel()
            await asyncio.wait([self._under_way])

    async def _look_up(self) -> None:
        try:
            self._answer = self._checked(await self._found())
        except ResolveError as error:
            self._answer = error
        finally:
            self._under_way = None
        lifetime_ns = BAD_FOR_NS if isinstance(self._answer, ResolveError) else GOOD_FOR_NS
        self._good_until_ns = self._clock.mono_ns() + lifetime_ns

    async def _found(self) -> tuple[Address, ...]:
        literal = _literal(self._host, self._port)
        if literal is not None:
            return (literal,)
        try:
            answers = await self._getaddrinfo(self._host, self._port)
        except (OSError, UnicodeError) as error:
            # UnicodeError: the name has a label that is empty or longer than 63 characters.
            raise ResolveError("dns", f"{self._host}: {error}") from error
        if not answers:
            raise ResolveError("dns", f"{self._host}: no address")
        return tuple(dict.fromkeys(Address(answer[0], tuple(answer[4])) for answer in answers))

    def _checked(self, addresses: tuple[Address, ...]) -> tuple[Address, ...]:
        ips = [address.ip for address in addresses]
        if not self._allowlist.permits(self._host, ips):
            raise ResolveError("blocked", f"{self._host} ({', '.join(ips)}) is not allowed")
        return addresses

    async def _ask_loop(self, host: str, port: int) -> list[tuple[Any, ...]]:
        return list(
            await self._loop.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
            )
        )


def _literal(host: str, port: int) -> Address | None:
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return None
    if ip.version == 4:  # noqa: PLR2004 - the name of the protocol
        return Address(socket.AF_INET, (host, port))
    return Address(socket.AF_INET6, (host, port, 0, 0))
