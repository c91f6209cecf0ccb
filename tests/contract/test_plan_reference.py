"""docs/plan.md is what the code takes: fields, defaults, limits, words, and every example."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from orchestrator.api.plan_models import Plan
from spate.expression import (
    COUNT_METRICS,
    COUNT_STATISTICS,
    OPERATORS,
    TIME_METRICS,
    TIME_STATISTICS,
)
from spate.plan import PlanError, parse_plan, read_document
from spate_cli.overrides import apply, parse_override

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "plan.md").read_text()
PART = "# part of a plan\n"
"""The first line of an example that is to be read with the rest of ``BASE``."""

BASE: dict[str, Any] = {
    "name": "example",
    "target": "http://127.0.0.1:8000",
    "requests": [{"path": "/ping"}],
    "load": {"test_type": "avalanche", "message_count_per_driver": 1},
}
FREE_KEYS = {"labels", "requests[].headers"}
"""Fields whose keys are the user's."""


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models in a type such as ``list[Stage]`` or ``Avalanche | Tsunami``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models(argument)


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield path and field of everything in a model, ``load.stages[].from`` for example."""
    for key, field in model.model_fields.items():
        path = prefix + (field.alias or key)
        yield path, field
        many = "[]" if get_origin(field.annotation) is list else ""
        for part in models(field.annotation):
            yield from fields(part, f"{path}{many}.")


def paths(document: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the path of everything in a document, as ``fields`` does of a model."""
    for key, value in document.items():
        path = prefix + key
        yield path
        many = "[]" if isinstance(value, list) else ""
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and path not in FREE_KEYS:
                yield from paths(item, f"{path}{many}.")


def rows(width: int) -> list[list[str]]:
    """Return the cells of all table rows of this many columns, the heads included."""
    lines = [line[1:-1].split("|") for line in PAGE.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in cells] for cells in lines if len(cells) == width]


def quoted(text: str) -> list[str]:
    """Return what stands between backquotes."""
    return re.findall(r"`([^`]+)`", text)


def examples(text: str) -> list[str]:
    """Return the blocks of YAML of a page."""
    return re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


FIELDS = dict(fields(Plan))
ROWS = [cells for cells in rows(5) if cells[0] != "field"]
TABLE = {cells[0].strip("`"): cells for cells in ROWS}
EXAMPLES = [*examples(PAGE), *examples((ROOT / "README.md").read_text())]
BOUNDS = [
    (path, *(int(bound.replace(",", "")) for bound in found.groups()))
    for path, cells in TABLE.items()
    if cells[1] == "whole number"
    and (found := re.fullmatch(r"([0-9,]+) to ([0-9,]+)", cells[3])) is not None
]


def test_the_tables_name_each_field_once_and_no_other() -> None:
    """The fields are those of the plan's models."""
    assert sorted(cells[0].strip("`") for cells in ROWS) == sorted(FIELDS)


def test_what_is_required_is_said_to_be() -> None:
    """A field without a default is called required, and only such a one."""
    required = {path for path, field in FIELDS.items() if field.is_required()}
    assert {path for path, cells in TABLE.items() if cells[2] == "required"} == required


def test_the_defaults_are_those_of_the_code() -> None:
    """A default that is a value, and not words, is that of the model."""
    said = {
        path: read_document(found[1])
        for path, cells in TABLE.items()
        if (found := re.fullmatch(r"`([^`]+)`", cells[2])) is not None
    }
    assert said == {path: FIELDS[path].default for path in said}
    assert len(said) > 20


def test_a_choice_lists_its_words() -> None:
    """Where a field takes one of some words, its limits are these."""
    words: dict[str, list[str]] = {}
    for path, field in fields(Plan):
        if get_origin(field.annotation) is Literal:
            words.setdefault(path, []).extend(get_args(field.annotation))
    assert {path: quoted(TABLE[path][3]) for path in words} == words


@pytest.mark.parametrize(("path", "low", "high"), BOUNDS)
def test_whole_numbers_have_the_limits_that_are_said(path: str, low: int, high: int) -> None:
    """Both limits are taken, and nothing beyond them."""

    def judge(value: int) -> None:
        parse_plan(apply(BASE, [parse_override(f"{path.replace('[]', '[0]')}={value}")]))

    judge(low)
    judge(high)
    with pytest.raises(PlanError):
        judge(low - 1)
    with pytest.raises(PlanError):
        judge(high + 1)


def test_there_are_limits_to_compare() -> None:
    """Each whole number has them."""
    whole = [path for path, cells in TABLE.items() if cells[1] == "whole number"]
    assert [bound[0] for bound in BOUNDS] == whole


def test_thresholds_are_made_of_the_words_of_the_code() -> None:
    """Metrics, statistics and operators."""
    times, counts, rates = ([quoted(cell) for cell in cells[:2]] for cells in rows(3)[1:])
    assert times == [list(TIME_METRICS), list(TIME_STATISTICS)]
    assert counts[0] == rates[0] == list(COUNT_METRICS)
    assert [*counts[1], *rates[1]] == list(COUNT_STATISTICS)
    operators = re.search(r"^The operators are (.+?)\.", PAGE, re.MULTILINE)
    assert operators is not None
    assert quoted(operators[1]) == list(OPERATORS)


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_is_a_plan_or_marked_as_a_part_of_one(text: str) -> None:
    """The product's own reader takes it; the README's is one of them."""
    document = read_document(text)
    parse_plan({**BASE, **document} if text.startswith(PART) else document)


def test_the_last_example_has_everything() -> None:
    """Every field stands in it, but for those of the other test types."""
    others = {"load.message_count_per_driver", "load.message_delay_ms"}
    assert set(paths(read_document(examples(PAGE)[-1]))) == set(FIELDS) - others
