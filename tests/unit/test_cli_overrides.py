"""``--set`` and the reading of plans."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spate_cli.exits import CommandError, Exit
from spate_cli.overrides import apply, parse_override
from spate_cli.plan_file import load_plan

PLAN = """
name: small
target: http://127.0.0.1:8000
requests: [{path: /ping}]
load: {test_type: tsunami, message_count_per_driver: 3}
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1", {"a": 1, "l": [{"p": "/"}]}),
        ("b.c=x=y", {"a": 0, "b": {"c": "x=y"}, "l": [{"p": "/"}]}),
        ("l.0.p=/x", {"a": 0, "l": [{"p": "/x"}]}),
        ("l[0].p=", {"a": 0, "l": [{"p": None}]}),
        ("l.1=[1, 2.5, true]", {"a": 0, "l": [{"p": "/"}, [1, 2.5, True]]}),
        ("m.0.n=1", {"a": 0, "l": [{"p": "/"}], "m": [{"n": 1}]}),
    ],
)
def test_a_value_is_put_at_the_end_of_its_path(text: str, expected: Any) -> None:
    """Keys and positions lead to the place; the value is YAML; the document is left alone."""
    document = {"a": 0, "l": [{"p": "/"}]}
    assert expected == apply(document, [parse_override(text)])
    assert document == {"a": 0, "l": [{"p": "/"}]}


@pytest.mark.parametrize(
    "text", ["", "a", "=1", "a..b=1", "a=[", "a=*b", "a.b=1", "l.2=1", "l.x=1"]
)
def test_what_leads_nowhere_is_an_error_of_usage(text: str) -> None:
    """A path through a number, past a list or of the wrong form is refused, with its text."""
    with pytest.raises(CommandError, match="--set") as caught:
        apply({"a": 0, "l": []}, [parse_override(text)])
    assert caught.value.code == Exit.USAGE


def test_changes_come_before_the_check(tmp_path: Path) -> None:
    """A plan that misses a key is fine when it is set; the document sent holds the change."""
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN, encoding="utf-8")
    file = load_plan(str(path), ["load.message_delay_ms=2.5"])
    assert file.document["load"]["message_delay_ms"] == 2.5
    assert file.plan.to_document()["load"]["message_delay_ms"] == 2.5


def test_all_problems_are_listed(tmp_path: Path) -> None:
    """Each problem of a plan has a line of its own, as path: message."""
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN, encoding="utf-8")
    with pytest.raises(CommandError) as caught:
        load_plan(str(path), ["what=1", "load.message_delay_ms=-1"])
    lines = str(caught.value).splitlines()
    assert lines[0] == "the plan has 2 problems:"
    assert [line.strip().split(":")[0] for line in lines[1:]] == ["what", "load.message_delay_ms"]
    assert caught.value.code == Exit.USAGE


def test_a_missing_file_is_an_error_of_usage(tmp_path: Path) -> None:
    """A plan that cannot be read is named."""
    with pytest.raises(CommandError, match="cannot read the plan") as caught:
        load_plan(str(tmp_path / "none.yaml"), [])
    assert caught.value.code == Exit.USAGE
