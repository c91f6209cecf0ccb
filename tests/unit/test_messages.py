"""What messages promise beyond their form; the form is in tests/contract/test_messages.py."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError

from spate.messages import (
    STATE_ORDER,
    BadMessageError,
    Cell,
    ClockEstimate,
    Order,
    RunState,
    decode,
    encode,
)


def order(**change: object) -> Order:
    """An order, as changed."""
    fields = {
        "epoch": 1,
        "run_id": "r",
        "revision": 2,
        "state": "READY",
        "needs": 1,
        "starts_at_ns": None,
    }
    return Order.model_validate({**fields, **change})


def test_every_state_has_its_place() -> None:
    """A run moves to a higher place only; the three ends share the last (1-product)."""
    assert list(STATE_ORDER) == list(get_args(RunState))
    assert [STATE_ORDER[state] for state in STATE_ORDER] == [0, 1, 2, 3, 4, 5, 5, 5]


def test_kind_and_version_are_always_written() -> None:
    """A reader finds out what it has before anything else."""
    assert encode(order()).startswith(b'{"v":1,"kind":"order",')


def test_reading_gives_back_what_was_written() -> None:
    """The message is the same, its class too."""
    assert decode(encode(order(starts_at_ns=5))) == order(starts_at_ns=5)


def test_a_bad_message_says_where() -> None:
    """The text names the field, for the log."""
    raw = encode(order()).replace(b'"READY"', b'"WEARY"')
    with pytest.raises(BadMessageError, match=r"order\.state"):
        decode(raw)


def test_what_cannot_be_is_not_even_made() -> None:
    """The same rules hold for who writes."""
    with pytest.raises(ValidationError):
        order(state="WEARY")


@pytest.mark.parametrize(
    "told",
    [
        {"decided": -1},
        {"sent": (1 << 53) + 1},
        {"failed": {"reset": 1 << 60}},
        {"status_codes": {"200": 1 << 60}},
        {"status_codes": {"20": 1}},
        {"status_codes": {"099": 1}},
        {"status_codes": {"2000": 1}},
        {"status_codes": {"200\n": 1}},
        {"status_codes": {"٢٠٠": 1}},
        {"status_codes": {"": 1}},
    ],
)
def test_a_cell_tells_counts_by_codes(told: dict[str, object]) -> None:
    """A broken driver cannot make numbers grow beyond use, or invent names without end."""
    whole = {"sent": 1 << 53, "status_codes": {"100": 1, "999": 1 << 53}}
    place = {"request": 0, "stage": 0}
    assert Cell.model_validate(place | whole).sent == 1 << 53
    with pytest.raises(ValidationError):
        Cell.model_validate(place | told)


def test_a_round_trip_may_be_of_any_length() -> None:
    """As between two times of a clock that was set meanwhile: no driver breaks over it."""
    assert ClockEstimate(offset_ns=0, round_trip_ns=1 << 62).round_trip_ns == 1 << 62
