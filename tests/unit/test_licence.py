"""The licence: how long a term may send, by its acknowledged heartbeats."""

from __future__ import annotations

import pytest

from driver.closure import CloseCause, Closure
from driver.licence import Licence, LogLostError
from spate.bus import Ack
from spate.timing import SECOND


def ack(offset: int, append_ms: int = 0, *, append_time: bool = True) -> Ack:
    """An acknowledgement of the heartbeat topic."""
    return Ack("t.heartbeat", 0, offset, append_ms, append_time, None)


REFUSED = Ack("t.heartbeat", 0, -1, 0, False, "timed out")


def test_a_term_opens_with_its_first_heartbeat() -> None:
    """The licence runs from the send, acknowledged or not (R1)."""
    licence = Licence(2 * SECOND)
    assert not licence.expired(10**18)
    assert licence.send(100, {}) == (1, True)
    assert licence.send(200, {}) == (2, False)
    assert licence.ends_at_ns == 100 + 2 * SECOND
    assert not licence.expired(99 + 2 * SECOND)
    assert licence.expired(100 + 2 * SECOND)


def test_an_acknowledgement_prolongs_to_its_send_plus_two_seconds() -> None:
    """It is the send that counts, not the arrival of the answer; and it never goes back (R1)."""
    licence = Licence(2 * SECOND)
    licence.send(100, {})
    licence.send(200, {1: 7})
    assert licence.acknowledged(2, ack(5)) == {1: 7}
    assert licence.ends_at_ns == 200 + 2 * SECOND
    assert licence.acknowledged(1, ack(6)) == {}
    assert licence.ends_at_ns == 200 + 2 * SECOND


def test_an_acknowledgement_counts_once() -> None:
    """A number that is unknown, or was answered before, changes nothing."""
    licence = Licence(2 * SECOND)
    licence.send(100, {})
    assert licence.acknowledged(9, ack(1)) is None
    assert licence.acknowledged(1, ack(1)) == {}
    assert licence.acknowledged(1, ack(1)) is None


def test_heartbeats_of_an_earlier_term_do_not_prolong_the_next() -> None:
    """Nor do they give claims, nor count as its previous append (R7)."""
    licence = Licence(2 * SECOND)
    licence.send(100, {1: 7})
    licence.send(200, {1: 8})
    assert licence.close() == 1
    assert (licence.term, licence.ends_at_ns) == (2, None)
    assert licence.acknowledged(1, ack(1, 1_000)) is None
    licence.send(300, {2: 3})
    assert licence.acknowledged(2, ack(2, 2_000)) is None
    assert licence.ends_at_ns == 300 + 2 * SECOND
    assert licence.acknowledged(3, ack(3, 9_000)) == {2: 3}


@pytest.mark.parametrize(("n", "cause"), [(1, "first_failed"), (2, None)])
def test_only_the_first_heartbeat_of_a_term_must_not_fail(n: int, cause: str | None) -> None:
    """(R3b)."""
    licence = Licence(2 * SECOND)
    licence.send(100, {})
    licence.send(200, {})
    assert licence.acknowledged(n, REFUSED) == cause


def test_the_first_heartbeat_of_a_closed_term_may_fail() -> None:
    """It is over anyway."""
    licence = Licence(2 * SECOND)
    licence.send(100, {})
    licence.close()
    assert licence.acknowledged(1, REFUSED) is None


def test_appends_may_be_two_seconds_apart_and_no_more() -> None:
    """(R3c)."""
    licence = Licence(2 * SECOND)
    for _ in range(3):
        licence.send(100, {})
    assert licence.acknowledged(1, ack(1, 1_000)) == {}
    assert licence.acknowledged(2, ack(2, 3_000)) == {}
    assert licence.acknowledged(3, ack(3, 5_001)) == "append_gap"


@pytest.mark.parametrize("offset", [4, 5])
def test_an_offset_that_does_not_grow_means_a_lost_log(offset: int) -> None:
    """(R3d)."""
    licence = Licence(2 * SECOND)
    licence.send(100, {})
    licence.send(200, {})
    licence.acknowledged(1, ack(5))
    with pytest.raises(LogLostError, match=f"offset {offset} was acknowledged after 5"):
        licence.acknowledged(2, ack(offset))


def test_a_topic_without_append_times_is_refused() -> None:
    """The message says what to set (A1)."""
    licence = Licence(2 * SECOND)
    licence.send(100, {})
    with pytest.raises(LogLostError, match="LogAppendTime"):
        licence.acknowledged(1, ack(5, append_time=False))


@pytest.mark.parametrize(
    ("cause", "missed"),
    [
        ("licence", "fenced"),
        ("first_failed", "fenced"),
        ("append_gap", "fenced"),
        ("log_lost", "fenced"),
        ("orphaned", "fenced"),
        ("state", "aborted"),
        ("leaving", "aborted"),
    ],
)
def test_what_a_closed_term_did_not_send_is_missed_by_its_cause(
    cause: CloseCause, missed: str
) -> None:
    """Fenced if the right to send ended, aborted if somebody ended the work (R4)."""
    assert Closure(1, cause).missed == missed
