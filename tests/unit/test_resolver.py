"""Laws of the resolver, with a name service that the test plays."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from driver.clock import Clock
from driver.resolver import BAD_FOR_NS, GOOD_FOR_NS, Address, ResolveError, Resolver
from spate.allowlist import Allowlist

V4, V6 = socket.AF_INET, socket.AF_INET6


class FakeClock(Clock):
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.reading_ns = 0

    def mono_ns(self) -> int:
        """Return the time that was set."""
        return self.reading_ns


class Names:
    """Answers with what the test says, and counts the questions."""

    def __init__(self, *answers: tuple[int, str] | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.gate: asyncio.Event | None = None

    async def __call__(self, host: str, port: int) -> list[tuple[Any, ...]]:
        """Answer one question."""
        assert host == "target"
        self.asked += 1
        if self.gate is not None:
            await self.gate.wait()
        found: list[tuple[Any, ...]] = []
        for answer in self.answers:
            if isinstance(answer, Exception):
                raise answer
            family, ip = answer
            sockaddr = (ip, port) if family == V4 else (ip, port, 0, 0)
            found.append((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", sockaddr))
        return found


def resolver(
    names: Names | None, clock: Clock, *, host: str = "target", allowed: str = "127.0.0.0/8,::1/128"
) -> Resolver:
    """Return a resolver of the host."""
    return Resolver(
        loop=asyncio.get_running_loop(),
        clock=clock,
        allowlist=Allowlist.parse(allowed),
        host=host,
        port=80,
        getaddrinfo=names,
    )


async def ips(of: Resolver) -> list[str]:
    """Return the addresses as text."""
    return [address.ip for address in await of.addresses()]


async def failed_kind(of: Resolver) -> str:
    """Return the kind it fails with."""
    with pytest.raises(ResolveError) as caught:
        await of.addresses()
    return caught.value.kind


async def test_preferred_family_takes_turns() -> None:
    """Each attempt begins with the next address of the first family; the other family follows."""
    names = Names((V4, "127.0.0.1"), (V6, "::1"), (V4, "127.0.0.2"), (V4, "127.0.0.1"))
    subject = resolver(names, FakeClock())
    assert await ips(subject) == ["127.0.0.1", "127.0.0.2", "::1"]
    assert await ips(subject) == ["127.0.0.2", "127.0.0.1", "::1"]
    assert await ips(subject) == ["127.0.0.1", "127.0.0.2", "::1"]
    assert names.asked == 1


async def test_answers_are_kept_for_a_while() -> None:
    """An answer is asked for again once its time is over, a failure sooner."""
    clock, names = FakeClock(), Names((V4, "127.0.0.1"))
    subject = resolver(names, clock)
    assert await ips(subject) == ["127.0.0.1"]
    names.answers = [socket.gaierror(-2, "unknown")]
    clock.reading_ns = GOOD_FOR_NS - 1
    assert await ips(subject) == ["127.0.0.1"]
    clock.reading_ns = GOOD_FOR_NS
    assert await failed_kind(subject) == "dns"
    names.answers = [(V4, "127.0.0.3")]
    clock.reading_ns += BAD_FOR_NS - 1
    assert await failed_kind(subject) == "dns"
    assert names.asked == 2
    clock.reading_ns += 1
    assert await ips(subject) == ["127.0.0.3"]
    assert names.asked == 3


@pytest.mark.parametrize(
    "answer",
    [socket.gaierror(-2, "unknown"), UnicodeError("label too long"), OSError("no service"), None],
)
async def test_no_address_is_dns(answer: Exception | None) -> None:
    """Whatever keeps a name from having an address is a failure of kind dns."""
    names = Names(answer) if answer else Names()
    assert await failed_kind(resolver(names, FakeClock())) == "dns"


async def test_every_answer_is_checked() -> None:
    """A name is blocked if any address of an answer is not allowed, at a later answer too."""
    clock, names = FakeClock(), Names((V4, "127.0.0.1"))
    subject = resolver(names, clock)
    assert await ips(subject) == ["127.0.0.1"]
    names.answers = [(V4, "127.0.0.1"), (V4, "169.254.169.254")]
    clock.reading_ns = GOOD_FOR_NS
    assert await failed_kind(subject) == "blocked"


async def test_literal_needs_no_name_service() -> None:
    """An address in place of a name is checked and used as it is."""
    for host, family, sockaddr in (
        ("127.0.0.1", V4, ("127.0.0.1", 80)),
        ("::1", V6, ("::1", 80, 0, 0)),
    ):
        subject = resolver(Names(OSError("asked")), FakeClock(), host=host)
        assert await subject.addresses() == (Address(family, sockaddr),)
    assert await failed_kind(resolver(None, FakeClock(), host="10.0.0.1")) == "blocked"


async def test_one_look_up_serves_all() -> None:
    """While a look-up is under way everybody waits for it, and one who gives up harms nobody."""
    names = Names((V4, "127.0.0.1"))
    names.gate = asyncio.Event()
    subject = resolver(names, FakeClock())
    waiting = [asyncio.create_task(ips(subject)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    names.gate.set()
    assert [await waiting[1], await waiting[2]] == [["127.0.0.1"], ["127.0.0.1"]]
    assert (names.asked, waiting[0].cancelled()) == (1, True)
    await subject.close()


async def test_close_gives_up() -> None:
    """A closed resolver leaves no task behind."""
    names = Names()
    names.gate = asyncio.Event()
    subject = resolver(names, FakeClock())
    asked = asyncio.create_task(subject.addresses())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await subject.close()
    await asyncio.wait([asked])
    assert asked.cancelled()
    assert len(asyncio.all_tasks()) == 1


async def test_asks_the_loop_by_default() -> None:
    """Without a name service of its own it asks the system's."""
    subject = resolver(None, FakeClock(), host="localhost", allowed="localhost")
    assert set(await ips(subject)) <= {"127.0.0.1", "::1"}
