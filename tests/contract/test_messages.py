"""The messages of version 1 as they stand on the topics: golden files and JSON Schemas."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from spate.messages import BadMessageError, Message, SnapshotMessage, decode, encode

HERE = Path(__file__).parent
KINDS = ("beat", "grants", "heartbeat", "order", "plan", "register", "snapshot")


def golden(kind: str) -> Any:
    """Return a golden message as JSON values."""
    return json.loads((HERE / "golden" / f"{kind}.json").read_text())


def with_strangers(value: Any) -> Any:
    """Return the document with an unknown field in every object, as a newer version may send."""
    if isinstance(value, list):
        return [with_strangers(each) for each in value]
    if isinstance(value, dict):
        return {**{key: with_strangers(each) for key, each in value.items()}, "added_in_v1_1": 1}
    return value


def pieces(kind: str) -> list[tuple[str, type[Any]]]:
    """Return the classes that a message of this kind is made of."""
    message = decode(json.dumps(golden(kind)).encode())
    found = [(kind, type(message))]
    for name in type(message).model_fields:
        value = getattr(message, name)
        first = value[0] if isinstance(value, tuple) and value else value
        if hasattr(first, "__dataclass_fields__") or hasattr(first, "model_fields_set"):
            found.append((name, type(first)))
    return found


def test_every_kind_has_a_golden_message() -> None:
    """There are as many golden files as kinds, and as many schemas."""
    assert sorted(path.stem for path in (HERE / "golden").glob("*.json")) == list(KINDS)
    names = sorted(path.name for path in (HERE / "schemas").glob("*.json"))
    assert names == [f"{kind}.schema.json" for kind in KINDS]


@pytest.mark.parametrize("kind", KINDS)
def test_golden_messages_are_read_and_written_as_they_are(kind: str) -> None:
    """Reading and writing a message of version 1 changes nothing."""
    message = decode(json.dumps(golden(kind)).encode())
    assert json.loads(encode(message)) == golden(kind)
    assert decode(encode(message)) == message


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "plan"])
def test_readers_ignore_fields_they_do_not_know(kind: str) -> None:
    """At every depth: a newer sender does not break an older reader."""
    document = with_strangers(golden(kind))
    document_maps = {"labels", "failed", "dropped", "missed", "status_codes"}
    cleaned = _without_strangers_in(document, document_maps)
    assert decode(json.dumps(cleaned).encode()) == decode(json.dumps(golden(kind)).encode())


def _without_strangers_in(value: Any, maps: set[str]) -> Any:
    """Maps from names to numbers have no fields: take the stranger out of them again."""
    if isinstance(value, list):
        return [_without_strangers_in(each, maps) for each in value]
    if isinstance(value, dict):
        return {
            key: {k: v for k, v in each.items() if k != "added_in_v1_1"}
            if key in maps
            else _without_strangers_in(each, maps)
            for key, each in value.items()
        }
    return value


@pytest.mark.parametrize("kind", KINDS)
def test_producers_refuse_fields_that_are_not_declared(kind: str) -> None:
    """A misspelt field is an error where it is written, not a silence where it is read."""
    for _, model in pieces(kind):
        with pytest.raises((ValidationError, TypeError), match="misspelt"):
            model(misspelt=1)


@pytest.mark.parametrize("kind", KINDS)
def test_messages_do_not_change_once_made(kind: str) -> None:
    """They are facts."""
    message = decode(json.dumps(golden(kind)).encode())
    with pytest.raises(ValidationError, match="frozen"):
        setattr(message, "v", 1)  # noqa: B010 - a type checker refuses it as well


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_without_a_needed_field_is_none(kind: str) -> None:
    """Whatever is missing, the error says where."""
    schema = json.loads((HERE / "schemas" / f"{kind}.schema.json").read_text())
    for name in set(schema["required"]) - {"v", "kind"}:
        document = golden(kind)
        del document[name]
        with pytest.raises(BadMessageError, match=name):
            decode(json.dumps(document).encode())


@pytest.mark.parametrize("kind", KINDS)
def test_the_schemas_are_those_of_the_models(kind: str) -> None:
    """``tests/contract/schemas/generate.py`` was run after the last change."""
    texts = runpy.run_path(str(HERE / "schemas" / "generate.py"))["schemas"]()
    assert (HERE / "schemas" / f"{kind}.schema.json").read_text() == texts[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_golden_messages_follow_their_schemas(kind: str) -> None:
    """The published schema describes what is on the topic, and refuses another version."""
    schema = json.loads((HERE / "schemas" / f"{kind}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert list(validator.iter_errors(golden(kind))) == []
    assert list(validator.iter_errors({**golden(kind), "v": 2})) != []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"null",
        b"[1]",
        b"not json",
        b"\xff\xfe",
        b'{"kind": "rumour", "v": 1}',
        b'{"kind": "order"}',
        b"[" * 100_000,
        b'{"kind": "order", "v": 1, "epoch": ' + b"9" * 5_000 + b"}",
    ],
)
def test_what_is_no_message_is_a_bad_message(raw: bytes) -> None:
    """Readers count it and go on: nothing else is ever raised."""
    with pytest.raises(BadMessageError):
        decode(raw)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("order", {"v": 2}),
        ("order", {"state": "SLEEPING"}),
        ("heartbeat", {"n": -1}),
        ("heartbeat", {"cpu": float("nan")}),
        ("heartbeat", {"ranges": [{"id": 1, "decided": -1, "claim": 0}]}),
        ("grants", {"grants": [{"driver_id": "d"}]}),
        ("snapshot", {"window": 1.5}),
    ],
)
def test_values_that_cannot_be_are_bad_messages(kind: str, change: dict[str, Any]) -> None:
    """Another version, an unknown state, a negative count, no number."""
    with pytest.raises(BadMessageError):
        decode(json.dumps({**golden(kind), **change}).encode())


def test_a_snapshot_without_traces_is_read() -> None:
    """A driver of a version before there were any; more than 20 are none of ours."""
    document = golden("snapshot")
    (trace,) = document.pop("traces")
    message = decode(json.dumps(document).encode())
    assert isinstance(message, SnapshotMessage)
    assert message.traces == ()
    with pytest.raises(BadMessageError, match="at most 20"):
        decode(json.dumps(document | {"traces": [trace] * 21}).encode())


def test_a_grant_of_what_is_no_range_is_a_bad_message() -> None:
    """The rules of ``Range`` hold for what is read, too."""
    document = golden("grants")
    document["grants"][0]["ranges"][0]["step"] = 0
    with pytest.raises(BadMessageError, match="not a range"):
        decode(json.dumps(document).encode())


@given(st.binary(max_size=200))
def test_noise_is_a_bad_message(raw: bytes) -> None:
    """Bytes of any kind."""
    with pytest.raises(BadMessageError):
        decode(raw)


@given(st.sampled_from(KINDS), st.data())
def test_a_garbled_message_is_read_or_refused(kind: str, data: st.DataObject) -> None:
    """A cut or changed byte never raises anything but BadMessageError."""
    raw = bytearray(json.dumps(golden(kind)).encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        message = decode(bytes(raw))
    except BadMessageError:
        return
    assert isinstance(message, Message)
