"""The backlog: everything arrives, in order, without haste, and within bounds."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest

from driver import backlog as backlog_module
from driver.backlog import Backlog, BacklogError
from driver.link import Link
from driver.main import _Relay
from spate.bus import Ack, OnAck, Outgoing
from spate.membus import MemoryBus, MemoryLog
from spate.messages import SnapshotMessage
from spate.timing import Timing
from spate.topics import topic_table

TOPICS = topic_table("t.")


class FakeProducer:
    """Keeps what it is given until the test decides its fate."""

    def __init__(self) -> None:
        self.held: deque[tuple[bytes, OnAck]] = deque()
        self.given: list[bytes] = []
        self.log: list[bytes] = []

    def send(self, record: Outgoing, on_ack: OnAck | None = None) -> None:
        """Keep it."""
        assert record.value is not None
        assert on_ack is not None
        self.held.append((record.value, on_ack))
        self.given.append(record.value)

    def take(self, count: int = 1) -> None:
        """Append the oldest so many."""
        for _ in range(count):
            value, on_ack = self.held.popleft()
            self.log.append(value)
            on_ack(Ack("m", 0, len(self.log), 0, False, None))

    def refuse(self, count: int = 1) -> None:
        """Let the oldest so many fail."""
        for _ in range(count):
            _, on_ack = self.held.popleft()
            on_ack(Ack("m", 0, -1, 0, False, "timed out"))

    async def flush(self, timeout_s: float) -> int:
        """Tell how many are held."""
        await asyncio.sleep(timeout_s)
        return len(self.held)

    async def close(self) -> None:
        """Hold nothing to free."""


class Bench:
    """A backlog over a producer in the hands of the test."""

    def __init__(self) -> None:
        self.producer = FakeProducer()
        self.now_ns = 1_000
        self.backlog = Backlog(self.producer, lambda: self.now_ns)

    def add(self, *numbers: int) -> None:
        """Add records that say their number."""
        for number in numbers:
            self.backlog.add(number, Outgoing("t.metrics", b"%d" % number, "d"))


def values(*numbers: int) -> list[bytes]:
    """Return what records of these numbers say."""
    return [b"%d" % number for number in numbers]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again at once."""
    monkeypatch.setattr(backlog_module, "_BACK_OFF_S", 0.01)


async def test_each_is_sent_at_once_while_all_goes_well() -> None:
    """And kept until it is acknowledged."""
    bench = Bench()
    bench.add(1, 2)
    assert (len(bench.backlog), bench.backlog.bytes) == (2, 2)
    bench.producer.take(2)
    assert (bench.producer.log, len(bench.backlog), bench.backlog.bytes) == (values(1, 2), 0, 0)


async def test_the_producer_holds_few_at_a_time() -> None:
    """The rest waits where order can still be kept, and follows as acknowledgements come."""
    bench = Bench()
    bench.add(*range(1, 21))
    assert bench.producer.given == values(*range(1, 9))
    bench.producer.take(3)
    assert bench.producer.given == values(*range(1, 12))
    while bench.producer.held:
        bench.producer.take()
    assert bench.producer.log == values(*range(1, 21))


@pytest.mark.usefixtures("soon")
async def test_after_a_failure_nothing_newer_overtakes() -> None:
    """Once all fates are known everything that is left goes again, the oldest first (R11)."""
    bench = Bench()
    bench.add(1, 2, 3)
    bench.producer.refuse()
    bench.add(4)
    bench.producer.take()
    await asyncio.sleep(0.03)
    assert bench.producer.given == values(1, 2, 3)
    bench.producer.refuse()
    bench.add(5)
    assert bench.producer.given == values(1, 2, 3)
    await asyncio.sleep(0.03)
    assert bench.producer.given == values(1, 2, 3, 1, 3, 4, 5)
    bench.producer.take(4)
    assert (bench.producer.log, len(bench.backlog)) == (values(2, 1, 3, 4, 5), 0)
    assert bench.backlog.resent == 2


async def test_an_outage_costs_one_timer_and_no_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much waits, there is one attempt of a few records per back-off."""
    monkeypatch.setattr(backlog_module, "_BACK_OFF_S", 0.02)
    bench = Bench()
    bench.add(*range(1, 51))
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while loop.time() - began_s < 0.2:
        bench.producer.refuse(len(bench.producer.held))
        await asyncio.sleep(0.001)
    attempts = len(bench.producer.given) // 8
    assert 2 <= attempts <= 1 + (loop.time() - began_s) / 0.02
    assert bench.producer.given == values(*range(1, 9)) * attempts
    while bench.backlog:
        bench.producer.take(len(bench.producer.held))
        await asyncio.sleep(0.001)
    assert bench.producer.log == values(*range(1, 51))


async def test_more_than_eight_are_too_many_for_another_without_news() -> None:
    """Levels are dropped first: they are told again."""
    bench = Bench()
    bench.add(*range(1, 9))
    assert not bench.backlog.behind
    bench.add(9)
    assert bench.backlog.behind
    bench.producer.take()
    assert not bench.backlog.behind


async def test_five_minutes_of_snapshots_are_kept_and_no_more() -> None:
    """The driver must end then, with a sentence that says what follows (I5)."""
    bench = Bench()
    bench.add(*range(1, 601))
    with pytest.raises(BacklogError, match=r"601 snapshots \(0.0 MB\) wait for topic t.metrics"):
        bench.add(601)
    assert len(bench.backlog) == 601


async def test_their_size_is_bounded_too() -> None:
    """64 MB, whatever their number."""
    bench = Bench()
    big = Outgoing("t.metrics", bytes(16 * 1024 * 1024), "d")
    for number in range(4):
        bench.backlog.add(number, big)
    with pytest.raises(BacklogError, match="not deliver counts as unconfirmed"):
        bench.add(4)


async def test_a_backlog_that_is_full_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence goes where everything goes that ends a driver; nothing is raised on the way."""
    monkeypatch.setattr(backlog_module, "_MOST_RECORDS", 1)
    log = MemoryLog(lambda: 0)
    log.ensure(TOPICS.configs)
    bus = MemoryBus(log)
    bus.offline = True
    broken: list[str] = []
    relay = _Relay(broken.append)
    relay.link = Link(bus, TOPICS, Timing(), lambda _n, _ack: None, lambda: 0)
    for seq in (1, 2):
        assert broken == []
        relay.snapshot(
            SnapshotMessage(
                driver_id="d",
                boot_id="b",
                term=1,
                run_id="r",
                seq=seq,
                window=0,
                cells=(),
                in_flight=0,
                connections=0,
                cpu=0.0,
                clock_offset_ns=None,
                start_skew_ns=None,
            )
        )
    assert not relay.behind()
    (why,) = broken
    assert why.startswith("Kafka does not take what this driver has to report: 2 snapshots")
    await bus.close()


async def test_how_long_the_oldest_has_been_waiting_is_known() -> None:
    """It is that of the lowest number that is kept, in whatever order they are acknowledged."""
    bench = Bench()
    told = [bench.backlog.oldest_ns]
    for number, at_ns in ((1, 10), (2, 20), (3, 30)):
        bench.now_ns = at_ns
        bench.add(number)
    told.append(bench.backlog.oldest_ns)
    bench.producer.held.rotate(-1)
    bench.producer.take()
    told.append(bench.backlog.oldest_ns)
    bench.producer.held.rotate(-1)
    bench.producer.take()
    told.append(bench.backlog.oldest_ns)
    bench.producer.take()
    told.append(bench.backlog.oldest_ns)
    assert told == [None, 10, 10, 30, None]
    bench.now_ns = 40
    bench.add(4)
    bench.producer.refuse()
    assert bench.backlog.oldest_ns == 40
