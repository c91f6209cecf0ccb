"""Clock samples of a large fleet are told in turns."""

from __future__ import annotations

from tests.unit.orchestra import heartbeat

from orchestrator.clock_echoes import MOST_ECHOES, ClockEchoes
from orchestrator.terms import BootKey
from spate.messages import ClockEcho, ClockEstimate

KNOWN = ClockEstimate(offset_ns=1, round_trip_ns=2)


def note(echoes: ClockEchoes, driver_id: str, sent_ns: int, clock: ClockEstimate | None) -> None:
    """Let a driver's heartbeat come, which was read 10 ns after it was sent."""
    message = heartbeat(driver_id, sent_at_ns=sent_ns, clock=clock)
    echoes.note(BootKey(driver_id, "b"), message, sent_ns + 10)


def told(taken: tuple[ClockEcho, ...]) -> list[tuple[str, int, int]]:
    """Return whose samples these are, and both times."""
    return [(e.driver_id, e.driver_sent_at_ns, e.orchestrator_read_at_ns) for e in taken]


def test_a_small_fleet_hears_every_sample_at_once() -> None:
    """The newest of each driver, and each once."""
    echoes = ClockEchoes()
    for k in range(MOST_ECHOES):
        note(echoes, f"d{k}", k, KNOWN)
    note(echoes, "d0", 500, KNOWN)
    taken = told(echoes.take())
    assert len(taken) == MOST_ECHOES
    assert taken[:2] == [("d0", 500, 510), ("d1", 1, 11)]
    assert echoes.take() == ()


def test_who_does_not_know_the_clock_yet_comes_first() -> None:
    """The others follow in the order in which they have waited."""
    echoes = ClockEchoes(most=2)
    for k in range(3):
        note(echoes, f"old{k}", k, KNOWN)
    note(echoes, "new", 7, None)
    assert told(echoes.take()) == [("new", 7, 17), ("old0", 0, 10)]
    note(echoes, "old0", 8, KNOWN)
    assert told(echoes.take()) == [("old1", 1, 11), ("old2", 2, 12)]
    assert told(echoes.take()) == [("old0", 8, 18)]


def test_a_driver_has_one_sample_at_a_time() -> None:
    """One that has come to know the clock waits with the others, by its newest sample."""
    echoes = ClockEchoes(most=5)
    note(echoes, "d1", 1, None)
    note(echoes, "d1", 2, KNOWN)
    assert told(echoes.take()) == [("d1", 2, 12)]
    note(echoes, "d1", 3, KNOWN)
    note(echoes, "d1", 4, None)
    assert [row[1] for row in told(echoes.take())] == [4]
