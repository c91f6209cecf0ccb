"""The text of a plan is strict JSON, or YAML that could be JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spate.plan import PlanError, parse_plan, parse_plan_text, read_document

YAML = """\
# what a user writes
name: checkout-smoke
target: http://127.0.0.1:8000
requests:
  - path: /ping
    headers: {Accept: "*/*"}
    expect: {status: [204, 2xx]}
load:
  test_type: tsunami
  message_count_per_driver: 1000
  message_delay_ms: 2.5
"""


def refused(text: str | bytes) -> str:
    """Return the message of the only problem, which is of the whole document."""
    with pytest.raises(PlanError) as caught:
        read_document(text)
    assert [problem.path for problem in caught.value.problems] == [""]
    return caught.value.problems[0].message


def test_yaml_and_json_are_one_plan() -> None:
    """The same document gives the same plan, from YAML, JSON, bytes and with a byte order mark."""
    plan = parse_plan_text(YAML)
    assert plan.name == "checkout-smoke"
    text = json.dumps(plan.to_document(), indent=1)
    assert parse_plan_text(text) == plan
    assert parse_plan_text(b"\xef\xbb\xbf" + YAML.encode()) == plan
    assert parse_plan(read_document("\n  " + text)) == plan


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 5", 5),
        ("a: -5", -5),
        ("a: 2.50", 2.5),
        ("a: 1e3", 1000.0),
        ("a: .5", 0.5),
        ("a: 010", "010"),
        ("a: 00.5", "00.5"),
        ("a: 0x10", "0x10"),
        ("a: 12:30:00", "12:30:00"),
        ("a: 2024-01-01", "2024-01-01"),
        ("a: 1_000", "1_000"),
        ("a: no", "no"),
        ("a: on", "on"),
        ("a: true", True),
        ("a: FALSE", False),
        ("a: ~", None),
        ("a:", None),
        ("a: '5'", "5"),
        ('a: "true"', "true"),
        ("a: |\n  x\n  y\n", "x\ny\n"),
        ("a: [1, {b: c}]", [1, {"b": "c"}]),
        ("{a: 1, }", 1),
        ('{"a": 0.1}', 0.1),
        ('{"a": [null, true, -3]}', [None, True, -3]),
    ],
)
def test_scalars_are_what_they_look_like(text: str, expected: Any) -> None:
    """Types are JSON's; what YAML 1.1 would turn into something else stays text."""
    document = read_document(text)
    assert document == {"a": expected}
    assert type(document["a"]) is type(expected)


def test_keys_are_text() -> None:
    """A key is its text, also if it looks like something else."""
    assert read_document("{1: a, true: b, null: c}") == {"1": "a", "true": "b", "null": "c"}


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**30), max_value=10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=3), inner),
    max_leaves=6,
)


@settings(max_examples=50)
@given(st.dictionaries(st.text("xyz", max_size=3), JSON_VALUES, max_size=3))
def test_json_comes_back(document: dict[str, Any]) -> None:
    """What JSON wrote is read back the same."""
    assert read_document(json.dumps(document)) == document


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the plan is empty"),
        ("# nothing\n", "the plan is empty"),
        ("a: 1\nb: 2\na: 3\n", "line 3 has the key 'a' twice; remove one"),
        ('{"a": 1, "a": 2}', 'the plan has the key "a" twice; remove one'),
        ("a: &x 1\n", "line 1 has an anchor or alias"),
        ("a: *x\n", "line 1 has an anchor or alias"),
        ("a: &x [1]\nb: [*x, *x]\n", "line 1 has an anchor or alias"),
        ("{a: &x 1}", "line 1 has an anchor or alias"),
        ("a: !!python/object:os.system x\n", "line 1 has the tag 'tag:yaml.org,2002:python"),
        ("a: !x [1]\n", "has the tag '!x'; remove it"),
        ("a: 1\n---\nb: 2\n", "line 2 begins a second document"),
        ("[1]: 2\n", "line 1 has a list or mapping as a key"),
        ("? {a: 1}\n: 2\n", "line 1 has a list or mapping as a key"),
        ("a: .nan\n", "line 1 has .nan; write a finite number"),
        ("a: -.inf\n", "line 1 has -.inf; write a finite number"),
        ('{"a": NaN}', "the plan has NaN; write a finite number"),
        ('{"a": -Infinity}', "the plan has -Infinity; write a finite number"),
        ("a: " + "9" * 5000, "line 1 has a number of more than 40 digits"),
        ('{"a": ' + "9" * 5000 + "}", "the plan has a number of more than 40 digits"),
        ("a: b: c\n", "the plan is not YAML: line 1, column 5"),
        ("a: [1\n", "the plan is not YAML: line 2, column 1"),
        ("a: \x00\n", "the plan is not YAML: unacceptable character"),
        ('{\n\t"a": 1,\n\t"b" 2\n}', "the plan is not JSON: line 3, column 6: Expecting ':'"),
        ("x: " + "[" * 30 + "]" * 30, "line 1 is nested too deeply"),
        ("[" * 100_000, "the plan is nested too deeply"),
        (b"a: \xff", "the plan is not UTF-8 text"),
        ("a: \ud800", "the plan is not UTF-8 text"),
        ("#" * (256 * 1024 + 1), "the plan has 262,145 bytes; the most is 262,144"),
        ("é" * (128 * 1024 + 1), "the plan has 262,146 bytes"),
    ],
)
def test_surprises_are_refused(text: str | bytes, message: str) -> None:
    """What JSON could not say, or says twice, is refused with its place."""
    assert message in refused(text)


def test_the_most_bytes_are_read() -> None:
    """A plan of 256 KB is read."""
    assert read_document("a: 1 #" + "x" * (256 * 1024 - 6)) == {"a": 1}
