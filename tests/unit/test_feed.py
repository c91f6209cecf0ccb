"""The live feed: what a subscriber is given, in which order, and what it costs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.feed import Event, Feed, Feeds, Subscription

RUN = "run-1"


class Counting:
    """A run whose state is the number of its events."""

    def __init__(self) -> None:
        self.n = 0
        self.asked = 0

    def snapshot(self) -> Mapping[str, Any]:
        """Return the state now."""
        self.asked += 1
        return {"n": self.n}

    def happen(self, feed: Feed, times: int = 1) -> None:
        """Change the state and tell it."""
        for _ in range(times):
            self.n += 1
            feed.publish("window", {"n": self.n})


def make_feed(**bounds: int) -> tuple[Counting, Feed]:
    """Return a run and its feed, whose positions begin at 100."""
    run = Counting()
    return run, Feed(RUN, run.snapshot, base=100, **bounds)


async def take_all(subscription: Subscription) -> list[Event]:
    """Read until nothing comes or the feed ends."""
    events: list[Event] = []
    while got := await subscription.take(0.01):
        events += got
    return events


def shown(events: list[Event]) -> list[tuple[str, str, Any]]:
    """Return events as they can be compared."""
    return [(event.id, event.kind, json.loads(event.data)) for event in events]


async def test_a_new_subscriber_gets_the_snapshot_and_then_what_follows() -> None:
    """The snapshot stands for all before it; the events after it follow in order."""
    run, feed = make_feed()
    run.happen(feed, 2)
    subscription = feed.subscribe()
    first = await subscription.take(1)
    run.happen(feed)
    second = await subscription.take(1)
    assert first is not None
    assert second is not None
    assert shown(first) == [("run-1:101", "snapshot", {"n": 2})]
    assert shown(second) == [("run-1:102", "window", {"n": 3})]


async def test_a_subscriber_that_waits_is_woken_by_an_event() -> None:
    """``take`` returns as soon as something is published."""
    run, feed = make_feed()
    subscription = feed.subscribe()
    await subscription.take(1)
    waiting = asyncio.create_task(subscription.take(60))
    await asyncio.sleep(0)
    run.happen(feed)
    got = await waiting
    assert got is not None
    assert [event.id for event in got] == ["run-1:100"]


async def test_a_quiet_feed_gives_nothing_after_the_timeout() -> None:
    """An empty list is the sign to send a heartbeat."""
    _, feed = make_feed()
    subscription = feed.subscribe()
    await subscription.take(1)
    assert await subscription.take(0.001) == []


async def test_a_known_last_event_id_resumes_after_it_without_a_snapshot() -> None:
    """Nothing is repeated and nothing is left out."""
    run, feed = make_feed()
    run.happen(feed, 5)
    got = await take_all(feed.subscribe("run-1:102"))
    assert [event.id for event in got] == ["run-1:103", "run-1:104"]
    assert run.asked == 0


async def test_the_id_of_a_snapshot_resumes_after_what_it_includes() -> None:
    """A reader cut off right after its snapshot misses nothing, even before any event."""
    run, feed = make_feed()
    first = await feed.subscribe().take(1)
    assert first is not None
    run.happen(feed)
    got = await take_all(feed.subscribe(first[0].id))
    assert [event.id for event in got] == ["run-1:100"]


@pytest.mark.parametrize(
    "last_event_id",
    [
        "",
        "run-1",
        "run-1:",
        "run-1:x",
        "run-1:-1",
        "run-1:7",
        "run-1:900",
        "run-2:103",
        "run-1:102\u0663",
        "run-1:" + "9" * 5000,
    ],
)
async def test_an_id_that_cannot_be_resumed_leads_to_a_snapshot(last_event_id: str) -> None:
    """Foreign runs, other processes, the future, what was dropped, and nonsense."""
    run, feed = make_feed()
    run.happen(feed, 5)
    got = await feed.subscribe(last_event_id).take(1)
    assert got is not None
    assert shown(got) == [("run-1:104", "snapshot", {"n": 5})]


async def test_a_slow_subscriber_gets_a_snapshot_instead_of_what_was_dropped() -> None:
    """The ring keeps the newest; who is behind it starts anew from the present."""
    run, feed = make_feed(max_events=10)
    slow, quick = feed.subscribe(), feed.subscribe()
    await slow.take(1)
    await quick.take(1)
    seen_by_quick: list[Event] = []
    for _ in range(50):
        run.happen(feed)
        seen_by_quick += await quick.take(1) or []
    got = await take_all(slow)
    assert feed.oldest == 140
    assert shown(got) == [("run-1:149", "snapshot", {"n": 50})]
    assert [event.id for event in seen_by_quick] == [f"run-1:{100 + n}" for n in range(50)]


async def test_the_ring_is_bounded_in_bytes_too_but_keeps_the_newest() -> None:
    """A single event larger than the bound is kept."""
    _, feed = make_feed(max_bytes=100)
    for n in range(20):
        feed.publish("fleet", {"text": "x" * 30, "n": n})
    assert (feed.oldest, feed.end) == (118, 120)
    feed.publish("fleet", {"text": "x" * 500})
    assert (feed.oldest, feed.end) == (120, 121)


async def test_a_snapshot_is_made_once_for_all_who_ask_between_two_events() -> None:
    """A thousand readers that come together cost one snapshot."""
    run, feed = make_feed()
    for _ in range(1000):
        await feed.subscribe().take(1)
    assert run.asked == 1


async def test_the_end_is_the_last_event_and_ends_every_subscription() -> None:
    """Who is up to date, who is behind and who comes late all read ``end`` and stop."""
    run, feed = make_feed(max_events=3)
    current, behind = feed.subscribe(), feed.subscribe()
    await current.take(1)
    await behind.take(1)
    run.happen(feed, 5)
    await current.take(1)
    feed.finish({"state": "FINISHED"})
    run.n = -1
    feed.publish("window", {"n": 6})
    feed.finish({"state": "ABORTED"})
    late = feed.subscribe()
    end = ("run-1:105", "end", {"state": "FINISHED"})
    snapshot = ("run-1:105", "snapshot", {"n": 5})
    assert shown(await take_all(current)) == [end]
    assert shown(await take_all(behind)) == [snapshot, end]
    assert shown(await take_all(late)) == [snapshot, end]
    assert await current.take(1) is None
    assert await late.take(1) is None


async def test_closing_all_feeds_ends_the_streams_without_an_end_event() -> None:
    """The process stops, the run does not: the reader comes back to the next process."""
    feeds = Feeds(base=7)
    run = Counting()
    feed = feeds.open(RUN, run.snapshot)
    subscription = feed.subscribe()
    await subscription.take(1)
    waiting = asyncio.create_task(subscription.take(60))
    await asyncio.sleep(0)
    feeds.close()
    assert await waiting is None
    assert feeds.open("run-2", run.snapshot).closed


async def test_a_finished_feed_is_forgotten_and_a_second_finish_does_nothing() -> None:
    """New readers of an ended run are served by the archive."""
    feeds = Feeds(base=7)
    feed = feeds.open(RUN, Counting().snapshot)
    assert feeds.find(RUN) is feed
    feeds.finish(RUN, {"state": "FINISHED"})
    feeds.finish(RUN, {"state": "FINISHED"})
    assert feeds.find(RUN) is None
    assert feed.closed


async def test_opening_a_feed_again_gives_everybody_a_fresh_snapshot() -> None:
    """After the journal was read anew the old events no longer hold."""
    feeds = Feeds(base=100)
    before, after = Counting(), Counting()
    feed = feeds.open(RUN, before.snapshot)
    subscription = feed.subscribe()
    await subscription.take(1)
    before.happen(feed, 3)
    after.n = 2
    assert feeds.open(RUN, after.snapshot) is feed
    assert shown(await take_all(subscription)) == [("run-1:103", "snapshot", {"n": 2})]
    got = await feed.subscribe("run-1:102").take(1)
    assert got is not None
    assert [event.kind for event in got] == ["snapshot"]


async def test_open_streams_are_counted() -> None:
    """The count goes up with ``with`` and down after it."""
    feeds = Feeds(base=0)
    feed = feeds.open(RUN, Counting().snapshot)
    with feed.subscribe(), feed.subscribe():
        assert feeds.subscribers() == 2
    assert feeds.subscribers() == 0


async def test_an_event_is_one_line_whatever_it_says() -> None:
    """Line breaks would end an event early."""
    _, feed = make_feed()
    feed.publish("fleet", {"text": "a\nb\r\u2028c"})
    assert len(feed.newest()[0].data.splitlines()) == 1
    with pytest.raises(ValueError, match="JSON compliant"):
        feed.publish("fleet", {"cpu": float("nan")})


@given(
    st.lists(st.one_of(st.just("publish"), st.integers(0, 2)), max_size=60),
    st.integers(1, 8),
)
async def test_every_subscriber_ends_up_with_the_newest_state(
    steps: list[str | int], max_events: int
) -> None:
    """However reads and events mix: ids only rise, and the last value read is the state."""
    run, feed = make_feed(max_events=max_events)
    readers = [feed.subscribe() for _ in range(3)]
    read: list[list[Event]] = [[], [], []]
    for step in steps:
        if isinstance(step, str):
            run.happen(feed)
        else:
            read[step] += await readers[step].take(0) or []
    feed.finish({"n": run.n})
    for reader, before in zip(readers, read, strict=True):
        events = before + await take_all(reader)
        numbers = [int(event.id.rpartition(":")[2]) for event in events]
        assert numbers == sorted(numbers)
        assert events[-1].kind == "end"
        assert json.loads(events[-1].data) == {"n": run.n}
