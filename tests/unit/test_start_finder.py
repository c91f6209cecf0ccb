"""An orchestrator that takes a run over finds out when it began (R30)."""

from __future__ import annotations

from tests.unit.orchestra import SECOND, WALL_NS, now

from orchestrator.start_finder import FoundStart, StartFinder
from orchestrator.terms import BootKey, Now
from spate.timing import Timing

D1, D2, D3 = (BootKey(f"d{k}", "b") for k in (1, 2, 3))
STARTS_AT_NS = WALL_NS + 10 * SECOND


def finder() -> StartFinder:
    """Return a finder for a run that began at 10 s, says the journal."""
    return StartFinder(Timing(), STARTS_AT_NS)


def test_the_journal_holds_where_the_drivers_agree() -> None:
    """To a second: its instant is the exact one."""
    found = finder()
    found.hear(D1, 20 * SECOND + 999_999_999, now(30))
    assert found.find([D1], now(31)) == FoundStart(10 * SECOND, STARTS_AT_NS, by_drivers=False)


def test_the_drivers_hold_where_the_wall_clock_is_another() -> None:
    """The middle one of them, or the lower of two."""
    for said_s, start_s in (([20, 25, 24], 26), ([20, 25], 25), ([24], 26)):
        found = finder()
        for k, elapsed_s in enumerate(said_s):
            found.hear(BootKey(f"d{k}", "b"), elapsed_s * SECOND, now(50))
        start_ns = start_s * SECOND
        assert found.find([], now(51)) == FoundStart(start_ns, WALL_NS + start_ns, by_drivers=True)


def test_our_wall_clock_may_be_anywhere() -> None:
    """The start is told in wall time of ours, for those that join."""
    found = finder()
    found.hear(D1, 5 * SECOND, Now(100 * SECOND, 7_000 * SECOND))
    assert found.find([D1], Now(101 * SECOND, 7_001 * SECOND)) == FoundStart(
        95 * SECOND, 6_995 * SECOND, by_drivers=True
    )


def test_all_that_have_work_are_asked() -> None:
    """For as long as a driver may be silent and be eligible."""
    found = finder()
    found.hear(D1, 20 * SECOND, now(30))
    assert found.find([D1, D2], now(30)) is None
    assert found.find([D1, D2], now(31.4)) is None
    assert found.find([D1, D2], now(31.5)) is not None
    quick = finder()
    quick.hear(D1, 20 * SECOND, now(30))
    assert quick.find([D1, D2], now(30)) is None
    quick.hear(D2, 20 * SECOND, now(30.1))
    assert quick.find([D1, D2], now(30.1)) is not None


def test_without_a_word_the_journal_holds() -> None:
    """No driver is left, or none has begun."""
    found = finder()
    found.hear(D1, None, now(30))
    assert found.find([D1], now(30)) is None
    assert found.find([D1], now(32)) == FoundStart(10 * SECOND, STARTS_AT_NS, by_drivers=False)


def test_a_word_is_waited_for_though_nobody_has_work() -> None:
    """After a long absence all terms are closed, and the drivers about to speak."""
    found = finder()
    assert found.find([], now(30)) is None
    found.hear(D1, 5 * SECOND, now(30.2))
    start = found.find([], now(30.2))
    assert start is not None
    assert start.by_drivers


def test_the_first_word_of_a_driver_counts() -> None:
    """The start does not move with every heartbeat."""
    found = finder()
    found.hear(D3, 20 * SECOND, now(50))
    found.hear(D3, 20 * SECOND, now(60))
    assert found.find([D3], now(60)) == FoundStart(
        30 * SECOND, WALL_NS + 30 * SECOND, by_drivers=True
    )
