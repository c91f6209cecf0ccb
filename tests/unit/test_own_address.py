"""Where a driver says that it answers."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from driver.own_address import reachable_host


async def test_a_host_that_was_named_is_told() -> None:
    """It is what it listens on."""
    assert await reachable_host("127.0.0.1") == "127.0.0.1"


async def test_any_address_becomes_the_host_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one its name stands for; asked for as IPv4, for that is what is listened on."""
    asked: list[tuple[object, ...]] = []

    async def names(host: str, port: object, *, family: int) -> list[tuple[Any, ...]]:
        asked.append((host, port, family))
        return [(family, socket.SOCK_STREAM, 6, "", ("10.1.2.3", 0))]

    monkeypatch.setattr(socket, "gethostname", lambda: "driver-7")
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", names)
    assert await reachable_host("0.0.0.0") == "10.1.2.3"
    assert asked == [("driver-7", None, socket.AF_INET)]


async def test_a_host_without_an_address_tells_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is better than nothing."""
    monkeypatch.setattr(socket, "gethostname", lambda: "driver-7.invalid")
    assert await reachable_host("0.0.0.0") == "driver-7.invalid"
