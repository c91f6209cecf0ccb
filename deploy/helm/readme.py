#!/usr/bin/env python3
# ruff: noqa: T201 -- a script speaks to who runs it
"""Write the table of values in the chart's README from the comments in its values.yaml.

A comment belongs to the key below it. A key whose keys have comments of their own is a heading and
has no row; every other key is a row with its default.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

CHART: Final = Path(__file__).resolve().parent / "spate"
BEGIN: Final = "<!-- values: written by deploy/helm/readme.py -->\n"
END: Final = "<!-- end of values -->\n"


@dataclass(frozen=True, slots=True)
class Row:
    """One value: its path with dots, its default, and what it does (empty: nobody said)."""

    path: str
    default: Any
    text: str


def rows(values: str) -> list[Row]:
    """Return a row for each value, in the order of the file."""
    root = yaml.compose(values, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode), "values.yaml is no mapping"
    return list(_rows(root, yaml.safe_load(values), values.splitlines(), ""))


def _rows(
    node: yaml.MappingNode, default: dict[str, Any], lines: list[str], prefix: str
) -> Iterator[Row]:
    for key, value in node.value:
        path = prefix + key.value
        own = default[key.value]
        if isinstance(value, yaml.MappingNode) and any(
            _comment(lines, below) for below in _keys(value)
        ):
            yield from _rows(value, own, lines, path + ".")
        else:
            yield Row(path, own, _comment(lines, key))


def _keys(node: yaml.MappingNode) -> Iterator[yaml.Node]:
    """Yield the keys of a mapping and of all mappings in it."""
    for key, value in node.value:
        yield key
        if isinstance(value, yaml.MappingNode):
            yield from _keys(value)


def _comment(lines: list[str], key: yaml.Node) -> str:
    """Return the comment right above a key, as one line."""
    found: list[str] = []
    number = key.start_mark.line - 1
    while number >= 0 and lines[number].startswith(" " * key.start_mark.column + "#"):
        found.insert(0, lines[number].strip().removeprefix("#").strip())
        number -= 1
    return " ".join(found)


def table(values: str) -> str:
    """Return the table of all values as Markdown."""
    lines = ["| value | default | what it does |", "|---|---|---|"]
    for row in rows(values):
        default = json.dumps(row.default, ensure_ascii=False)
        text = row.text.replace("|", "\\|")
        lines.append(f"| `{row.path}` | `{default}` | {text} |")
    return "\n".join(lines) + "\n"


def renewed(readme: str, values: str) -> str:
    """Return the README with the table between its two marks as values.yaml has it.

    Raises:
        ValueError: if the marks are not there.
    """
    head, begin, rest = readme.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"README.md must hold the lines {BEGIN.strip()} and {END.strip()}")
    return f"{head}{BEGIN}{table(values)}{END}{tail}"


def main() -> int:
    """Rewrite the README; say whether anything changed."""
    path = CHART / "README.md"
    before = path.read_text(encoding="utf-8")
    after = renewed(before, (CHART / "values.yaml").read_text(encoding="utf-8"))
    path.write_text(after, encoding="utf-8")
    print("README.md is as it was" if after == before else "README.md is written anew")
    return 0


if __name__ == "__main__":
    sys.exit(main())
