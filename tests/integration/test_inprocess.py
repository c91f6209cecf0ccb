"""``run_in_process``: one driver and no Kafka, against a real target on a real socket."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from spate.aggregator import Aggregator
from spate.plan import Plan, parse_plan
from spate.traceparent import trace_id
from spate_cli.exits import CommandError, Exit
from spate_cli.inprocess import run_in_process

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TSUNAMI = {"test_type": "tsunami", "message_count_per_driver": 50, "message_delay_ms": 2}


@asynccontextmanager
async def target(delay_s: float = 0.0) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve until the end of the block; the list holds every request that came."""
    came: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                came.append(await reader.readuntil(b"\r\n\r\n"))
                await asyncio.sleep(delay_s)
                writer.write(ANSWER)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}", came
    finally:
        server.close()


def plan(url: str, load: dict[str, Any], **more: Any) -> Plan:
    """Return a plan of one request."""
    return parse_plan(
        {
            "name": "here",
            "target": url,
            "requests": [{"path": "/", **more.pop("request", {})}],
            "load": load,
            **more,
        }
    )


async def perform(
    wanted: Plan, stop: asyncio.Event | None = None, tell: Callable[[Any], None] = lambda _: None
) -> dict[str, Any]:
    """Run the plan and return its report."""
    return await run_in_process(wanted, "here-1", tell, stop or asyncio.Event())


@pytest.mark.parametrize(
    "load", [TSUNAMI, {"test_type": "avalanche", "message_count_per_driver": 50}]
)
async def test_every_request_is_sent_once(load: dict[str, Any]) -> None:
    """Open and closed load: what was planned is what the target saw and what succeeded."""
    told: list[str] = []
    async with target() as (url, came):
        report = await perform(plan(url, load), tell=lambda event: told.append(event["event"]))
    accounting = report["accounting"]
    assert (accounting["planned"], accounting["succeeded"], len(came)) == (50, 50, 50)
    assert report["run"]["state"] == "FINISHED"
    assert report["verdict"]["passed"]
    assert [event["text"] for event in report["events"]] == ["PREPARING", "RUNNING", "FINISHED"]
    assert (told[0], told[-1]) == ("snapshot", "end")


async def test_slow_traces_are_named_here_as_well() -> None:
    """All requests traced: those of the report were received, and the slowest is the run's."""
    async with target() as (url, came):
        report = await perform(plan(url, TSUNAMI, options={"traceparent": 1}))
    found = [re.search(rb"\r\ntraceparent: 00-([0-9a-f]{32})-[0-9a-f]{16}-01\r\n", x) for x in came]
    ids = {one[1].decode() for one in found if one is not None}
    assert (len(came), len(ids), len(report["traces"])) == (50, 50, 20)
    assert {row["trace_id"] for row in report["traces"]} <= ids
    assert {row["trace_id"] for row in report["traces"]} == {
        trace_id("here-1", row["index"]) for row in report["traces"]
    }
    slowest = max(row["response_ns"] for row in report["traces"])
    assert slowest == report["response_time"]["max_ns"]


async def test_a_stop_finishes_what_is_in_flight() -> None:
    """What was sent is answered; the rest is missed(aborted); nothing is unconfirmed."""
    stop = asyncio.Event()
    load = {"test_type": "tsunami", "message_count_per_driver": 5_000, "message_delay_ms": 2}
    async with target(delay_s=0.05) as (url, came):
        asyncio.get_running_loop().call_later(0.6, stop.set)
        report = await perform(plan(url, load), stop)
    accounting = report["accounting"]
    assert report["run"]["stopped"]
    assert accounting["succeeded"] == len(came) > 0
    assert accounting["missed"]["aborted"] == 5_000 - len(came)
    assert accounting["unconfirmed"] == 0


async def test_a_target_that_is_not_allowed_is_refused() -> None:
    """Nothing is connected; the code is that of a refusal."""
    with pytest.raises(CommandError, match=r"192\.0\.2\.1 is not on the allowlist") as caught:
        await perform(plan("http://192.0.2.1", TSUNAMI))
    assert caught.value.code == Exit.REFUSED


async def test_a_bad_allowlist_is_bad_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named."""
    monkeypatch.setenv("SPATE_ALLOWED_TARGETS", "10.0.0.0/99")
    with pytest.raises(CommandError, match="SPATE_ALLOWED_TARGETS") as caught:
        await perform(plan("http://127.0.0.1:1", TSUNAMI))
    assert caught.value.code == Exit.USAGE


async def test_a_missing_secret_is_named() -> None:
    """The run cannot begin, and the sentence says which variable to set."""
    async with target() as (url, came):
        wanted = plan(url, TSUNAMI, request={"headers": {"X": "${secret:NOT_THERE}"}})
        with pytest.raises(CommandError, match="SPATE_SECRET_NOT_THERE"):
            await perform(wanted)
    assert came == []


async def test_a_broken_generator_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception in the engine is not a figure in a report."""

    def broken(*_: object) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr(Aggregator, "add", broken)
    async with target() as (url, _):
        with pytest.raises((CommandError, ExceptionGroup), match=r"broke|TaskGroup"):
            await perform(plan(url, TSUNAMI))


async def test_a_frozen_process_gives_up_what_it_had_not_sent() -> None:
    """Nobody may send so late: what is left is missed(fenced), and the account is exact."""
    load = {"test_type": "tsunami", "message_count_per_driver": 2_000, "message_delay_ms": 2}
    async with target() as (url, came):
        asyncio.get_running_loop().call_later(0.8, time.sleep, 2.3)
        report = await perform(plan(url, load))
    accounting = report["accounting"]
    assert accounting["missed"]["fenced"] > 0
    assert accounting["succeeded"] == len(came)
    assert accounting["succeeded"] + accounting["missed"]["fenced"] == 2_000


async def test_closed_load_that_lasts_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is as slow as its target; what it did not come to is missed(aborted), with the reason."""
    monkeypatch.setattr("spate_cli.inprocess.LONGEST_RUN_NS", 300_000_000)
    load = {"test_type": "avalanche", "message_count_per_driver": 100_000}
    async with target(delay_s=0.05) as (url, came):
        report = await perform(plan(url, load))
    run, accounting = report["run"], report["accounting"]
    assert (run["state"], run["stopped"]) == ("FINISHED", False)
    assert run["reason"] == "the run has lasted 23h, the longest there is"
    assert accounting["succeeded"] == len(came) > 0
    assert accounting["missed"]["aborted"] == 100_000 - len(came)
    assert [doubt["reason"] for doubt in report["verdict"]["degraded"]] == ["stopped"]
