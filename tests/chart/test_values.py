"""Every value is described, bounded by the schema, and in the README."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from tests.chart.chart import FOLDER, Chart
from tests.chart.scripts import script

VALUES = (FOLDER / "values.yaml").read_text()
SCHEMA: dict[str, Any] = json.loads((FOLDER / "values.schema.json").read_text())
FREE = {"global"}
"""Blocks that take anything, because their content is not ours."""


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema, or what it refers to."""
    found: Mapping[str, Any] = schema
    if "$ref" in found:
        found = SCHEMA["definitions"][found["$ref"].rpartition("/")[2]]
    return found


def blocks(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each block of fixed keys, by the path of its values."""
    found = resolved(schema)
    if "properties" in found:
        yield path, found
        for name, below in found["properties"].items():
            yield from blocks(below, f"{path}.{name}" if path else name)


def test_every_value_is_described() -> None:
    """Each has a comment that ends as a sentence does."""
    rows = script("readme").rows(VALUES)
    assert len(rows) > 120
    assert [row.path for row in rows if not row.text.endswith(".")] == []


def test_the_readme_is_written_anew() -> None:
    """README.md has the values as they are now; deploy/helm/readme.py writes it."""
    readme = (FOLDER / "README.md").read_text()
    assert readme == script("readme").renewed(readme, VALUES)


def test_a_row_is_a_value_and_its_comment() -> None:
    """Headings have no row, free maps have one, and a comment may have several lines."""
    text = "# One\n# and more.\na: 1\nb:\n  # Two.\n  c: {d: e}\n  f: null\n"
    module = script("readme")
    assert module.rows(text) == [
        module.Row("a", 1, "One and more."),
        module.Row("b.c", {"d": "e"}, "Two."),
        module.Row("b.f", None, ""),
    ]


def test_the_readme_must_have_its_marks() -> None:
    """A README without the marks is not overwritten."""
    with pytest.raises(ValueError, match="must hold the lines"):
        script("readme").renewed("# Something else\n", VALUES)


def test_the_schema_knows_every_value_and_no_other() -> None:
    """Values and schema have the same keys, all the way down."""
    values = yaml.safe_load(VALUES)
    for path, block in blocks(SCHEMA):
        below = values
        for name in filter(None, path.split(".")):
            below = below[name]
        if below != {}:  # a default that is empty says nothing of what may be in it
            assert set(below) <= set(block["properties"]), path
            if not path.endswith(("resources", "affinity")):
                assert set(below) == set(block["properties"]), path


def test_the_schema_lets_no_typo_pass() -> None:
    """Every block of fixed keys refuses others."""
    open_blocks = [
        path for path, block in blocks(SCHEMA) if block.get("additionalProperties") is not False
    ]
    assert open_blocks == []
    anything = {
        name
        for name, below in SCHEMA["properties"].items()
        if "additionalProperties" not in resolved(below) and resolved(below)["type"] == "object"
    }
    assert anything == FREE


def test_the_schema_is_one() -> None:
    """It is valid draft 7, which Helm 3 and Helm 4 read, and the defaults pass."""
    Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    Draft7Validator(SCHEMA).validate(yaml.safe_load(VALUES))


def test_other_charts_may_share_values(chart: Chart) -> None:
    """`global` is of the chart above, and anything may be in it."""
    assert chart.objects({"global": {"anything": [1]}}) == chart.objects()
