"""The pages agree with the tree and with the code: links, constants, closed sets, names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spate.buckets import EXACT_BITS, MAX_NS, SUB_BUCKETS
from spate.figures import DROPPED_CAUSES, FAILED_KINDS, MISSED_CAUSES
from spate.messages import STATE_ORDER
from spate.timing import SECOND, Timing
from spate.topics import DEFAULT_PREFIX, topic_table

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
CODE = ("libs", "services", "cli", "deploy")


def page(name: str) -> str:
    """Return the text of a page of docs/."""
    return (DOCS / name).read_text()


def anchors(text: str) -> set[str]:
    """Return the fragments by which a page's headings are reached."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def rows(text: str, width: int) -> list[list[str]]:
    """Return the cells of all table rows of this many columns."""
    lines = [line[1:-1].split("|") for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in cells] for cells in lines if len(cells) == width]


def quoted(text: str) -> list[str]:
    """Return what stands between backquotes."""
    return re.findall(r"`([^`]+)`", text)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    """Every relative link names a file that exists, and a heading in it."""
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if "://" in link:
            continue
        name, _, fragment = link.partition("#")
        aim = (path.parent / name).resolve() if name else path
        if not aim.exists() or (fragment and fragment not in anchors(aim.read_text())):
            dead.append(link)
    assert dead == []


def test_the_protocol_quotes_the_constants() -> None:
    """Every constant in the table of docs/protocol.md has the value that the code uses."""
    timing = Timing()
    table = [cells for cells in rows(page("protocol.md"), 3) if cells[1].endswith(" s")]
    said = {quoted(name)[0]: float(value.removesuffix(" s")) for name, value, _ in table}
    assert said == {name: getattr(timing, f"{name}_ns") / SECOND for name in said}
    assert len(said) > 8


def test_the_protocol_numbers_every_rule_that_code_names() -> None:
    """A rule, assumption or invariant that is named in the code stands in docs/protocol.md."""
    defined = set(re.findall(r"^\* ([RAI]\d+) ", page("protocol.md"), re.MULTILINE))
    named = {
        (name, str(path.relative_to(ROOT)))
        for folder in CODE
        for path in (ROOT / folder).rglob("*.py")
        for group in re.findall(r"\(([RAI]\d+[^)]*)\)", path.read_text())
        for name in re.findall(r"\b[RAI]\d+", group)
    }
    assert {pair for pair in named if pair[0] not in defined} == set()


@pytest.mark.parametrize(
    ("outcome", "members"),
    [("failed", FAILED_KINDS), ("dropped", DROPPED_CAUSES), ("missed", MISSED_CAUSES)],
)
def test_measurement_lists_the_closed_sets(outcome: str, members: tuple[str, ...]) -> None:
    """The kinds and causes of docs/measurement.md are those of the code."""
    said = {cells[0]: quoted(cells[1]) for cells in rows(page("measurement.md"), 2)}
    assert sorted(said[outcome]) == sorted(members)


def test_measurement_describes_the_histogram() -> None:
    """Exactness, sub-buckets and the clamp are those of the code."""
    text = page("measurement.md")
    assert f"Values below {2**EXACT_BITS:,} ns are exact" in text
    assert f"each octave has {SUB_BUCKETS:,} buckets" in text
    assert f"Values above {MAX_NS // (3600 * SECOND)} h are clamped" in text


def test_architecture_lists_the_topics() -> None:
    """The topics of docs/architecture.md are those that exist."""
    said = {quoted(cells[0])[0] for cells in rows(page("architecture.md"), 3) if "`" in cells[0]}
    table = topic_table()
    assert said == {config.name.removeprefix(DEFAULT_PREFIX) for config in table.configs}
    assert {config.name for config in table.configs if config.partitions > 1} == {table.metrics}


def test_architecture_names_the_states() -> None:
    """The states of a run are those of the code, in its order."""
    words = re.findall(r"[A-Z]{5,}", page("architecture.md"))
    assert [word for word in dict.fromkeys(words) if word in STATE_ORDER] == list(STATE_ORDER)


def test_architecture_names_the_parts() -> None:
    """Every folder in the table of docs/architecture.md exists."""
    folders = [quoted(cells[0])[0] for cells in rows(page("architecture.md"), 2) if "/" in cells[0]]
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []


def test_operations_lists_the_variables() -> None:
    """docs/operations.md names every environment variable of the flags, and no other."""
    text = page("operations.md")
    said = set(re.findall(r"SPATE_[A-Z_]+[A-Z](?!…)\b", text)) - {"SPATE_SECRET_NAME"}
    known = {
        name
        for folder in CODE
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"\"(SPATE_[A-Z_]+[A-Z])\"", path.read_text())
    }
    assert said == known


def test_decisions_are_listed() -> None:
    """The index of the decisions names each of them once, in order."""
    listed = re.findall(r"\]\((\d{4}-[^)]+)\)", page("adr/README.md"))
    assert listed == sorted(path.name for path in (DOCS / "adr").glob("0*.md"))


def test_pages_name_no_machine() -> None:
    """No page holds a path of somebody's machine."""
    local = re.compile(r"(?<!\w)/(?:home|root|tmp|Users)/\S+")
    assert [found for path in PAGES for found in local.findall(path.read_text())] == []
