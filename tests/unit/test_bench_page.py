"""What the benchmark beside other tools prints: tables, the page, words on the machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.bench.peers.agenda import SECTIONS
from tests.bench.peers.bodies import CONNECTIONS, EXPECTED_PER_S, WORDS, add_bodies
from tests.bench.peers.closed import closed_table
from tests.bench.peers.costs import Ratio
from tests.bench.peers.machine import cpu_model
from tests.bench.peers.memory import memory_table
from tests.bench.peers.nginx_conf import BODIES, SMALL, nginx_conf, requests_of
from tests.bench.peers.open_loop import HEAD, add_rows
from tests.bench.peers.page import BEGIN, END, PageError, figures_of, with_figures
from tests.bench.peers.roster import all_peers, chosen
from tests.bench.peers.rounds import Series
from tests.bench.peers.table import Table, figure, milliseconds, percent, ratio_text

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def table() -> Table:
    """Return a table of one tool with figures and one without."""
    made = Table("A title", ("tool", "figure"), "Words.\n")
    made.add("wrk", "1,234")
    made.add_word("hey", "exit 1: no *such* host")
    return made


def test_a_table_in_columns() -> None:
    """Names stand to the left, figures to the right, and what went wrong below."""
    assert table().text() == (
        "A title\n\n  tool  figure\n  wrk    1,234\n  hey        –\n"  # noqa: RUF001
        "  * hey: exit 1: no *such* host\n"
    )


def test_a_table_in_markdown() -> None:
    """A tool's words cannot change how the page is drawn."""
    assert table().markdown() == (
        "## A title\n\nWords.\n\n| tool | figure |\n|---|---:|\n| wrk | 1,234 |\n| hey | – |\n\n"  # noqa: RUF001
        "* hey: exit 1: no \\*such\\* host\n"
    )


def test_a_bare_table_in_markdown() -> None:
    """Without words and notes there is a title and rows."""
    assert Table("T", ("a",), rows=[("1",)]).markdown() == "## T\n\n| a |\n|---|\n| 1 |\n"


def test_a_row_is_as_wide_as_the_head() -> None:
    """A cell too few is an error of ours, and named."""
    with pytest.raises(ValueError, match="A title: 1 cells under a head of 2"):
        table().add("oha")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(12_345.6, "12,346"), (100.4, "100"), (12.34, "12.3"), (1.234, "1.23"), (None, "–")],  # noqa: RUF001
    ids=str,
)
def test_three_digits_are_shown(value: float | None, shown: str) -> None:
    """What is greater is shown whole."""
    assert figure(value) == shown


def test_units_are_shown() -> None:
    """Times are in ms, shares in percent; a ratio shows its range."""
    assert [milliseconds(1.5e6), milliseconds(None)] == ["1.50", "–"]  # noqa: RUF001
    assert [percent(0.123), percent(None)] == ["12%", "–"]  # noqa: RUF001
    assert ratio_text(Ratio(1.13, 1.1, 1.2)) == "1.13 (1.10 to 1.20)"
    assert ratio_text(None) == "–"  # noqa: RUF001


def test_the_closed_loop_beside_wrk() -> None:
    """Ratios are to wrk in the same rounds; a tool that failed has a word."""
    sample = {"cpu_us": 10.0, "per_cpu_s": 100_000.0, "per_s": 90_000.0, "target_busy": 0.5}
    double = {key: value * 2 for key, value in sample.items()}
    series = {
        "wrk": Series({0: sample}),
        "spate": Series({0: double}),
        "hey": Series(problems=["exit 1"]),
    }
    made = closed_table("Closed", "", series)
    assert made.rows[1] == (
        *("spate", "20.0", "2.00 (2.00 to 2.00)", "200,000"),
        *("180,000", "2.00 (2.00 to 2.00)", "100%"),
    )
    assert made.notes == ["hey: exit 1"]


def test_figures_of_fewer_rounds_say_so() -> None:
    """A tool that failed in some rounds has the figures of the others, and a word."""
    series = {"wrk": Series({0: {"cpu_us": 10.0}}, ["exit 1"])}
    made = closed_table("Closed", "", series)
    assert made.rows[0][1] == "10.0"
    assert made.notes == ["wrk: figures of 1 only, then: exit 1"]
    few = {"wrk": Series({0: {"bytes": 1e6}}, ["killed"])}
    assert memory_table(few, few).notes == ["wrk: figures of 1 only, then: killed"] * 2
    opened = Table("Open", HEAD)
    add_rows(opened, {"wrk": Series({0: {"sent": 1.0}}, ["gone"])}, 100)
    assert opened.notes == ["wrk: figures of 1 only, then: gone"]
    bodies = Table("Bodies", ("body", "tool", "a", "b", "c", "d", "e"))
    add_bodies(bodies, "1k", 1_000, {"wrk": Series({0: {"cpu_us": 1.0}}, ["gone"])})
    assert bodies.notes == ["wrk, 1 kB: figures of 1 only, then: gone"]


def test_the_open_loop_shows_what_is_said() -> None:
    """A latency that a tool does not say is a dash."""
    sample = {"sent": 1.0, "cpu_us": 25.0, "p50": 1e6, "lag p50": 5e4}
    made = Table("Open", HEAD)
    add_rows(made, {"spate": Series({0: sample}), "hey": Series(problems=["gone"])}, 2_000)
    assert made.rows[0] == (
        *("spate", "2,000", "100%", "25.0", "1.00", "–", "–", "–", "0.05", "–"),  # noqa: RUF001
    )
    assert made.notes == ["hey: gone"]


def test_memory_of_a_connection() -> None:
    """It is the difference of both numbers of connections, for each that is more."""
    few = {"wrk": Series({0: {"bytes": 10e6}}), "hey": Series({0: {"bytes": 20e6}})}
    many = {"wrk": Series({0: {"bytes": 100e6}}), "hey": Series(problems=["killed"])}
    made = memory_table(few, many)
    assert made.rows[0] == (
        *("wrk", "10.0", "1.00 (1.00 to 1.00)", "100", "1.00 (1.00 to 1.00)", "10.0"),
    )
    assert made.rows[1] == (
        *("hey", "20.0", "2.00 (2.00 to 2.00)", "–", "–", "–"),  # noqa: RUF001
    )
    assert made.notes == ["hey: killed"]


def test_bodies_cost_by_the_megabyte() -> None:
    """CPU of a request is divided by its bytes."""
    sample = {"cpu_us": 50.0, "per_s": 1_000.0, "target_busy": 1.0}
    made = Table("Bodies", ("body", "tool", "a", "b", "c", "d", "e"))
    series = {"wrk": Series({0: sample}), "hey": Series(problems=["gone"])}
    add_bodies(made, "100k", 100_000, series)
    assert made.rows == [
        (
            *("100 kB", "wrk", "1,000", "1.00 (1.00 to 1.00)"),
            *("500", "1.00 (1.00 to 1.00)", "100%"),
        )
    ]
    assert made.notes == ["hey, 100 kB: gone"]
    assert set(BODIES) == set(CONNECTIONS) == set(EXPECTED_PER_S) == set(WORDS)


def test_figures_go_between_the_marks() -> None:
    """What people wrote stays, and figures of an earlier run go."""
    page = f"# Title\n{BEGIN}\nold\n{END}\nafter\n"
    assert with_figures(page, "new\n") == f"# Title\n{BEGIN}\nnew\n{END}\nafter\n"


@pytest.mark.parametrize("page", ["", BEGIN, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}"], ids=repr)
def test_a_page_without_marks_is_left_alone(page: str) -> None:
    """A page needs each mark once, in order."""
    with pytest.raises(PageError, match="once each, in this order"):
        with_figures(page, "")


def test_the_page_of_the_repository_can_be_filled_in() -> None:
    """docs/benchmarks.md has the marks."""
    assert "filled in" in with_figures(PAGE.read_text(), "filled in")


def test_facts_are_a_list_before_the_sections() -> None:
    """Sections follow each other as they are."""
    assert figures_of(["one", "two"], ["## A\n", "## B\n"]) == "* one\n* two\n\n## A\n\n## B\n"


def test_a_choice_is_in_our_order() -> None:
    """Names may come in any order; none is all; a wrong one is named with those that are right."""
    assert chosen("--only", SECTIONS, "tls, closed") == ["closed", "tls"]
    assert chosen("--only", SECTIONS, "") == list(SECTIONS)
    with pytest.raises(ValueError, match="--only: slow is unknown; write closed, open"):
        chosen("--only", SECTIONS, "slow")


def test_spate_and_its_peers_have_names_of_their_own(tmp_path: Path) -> None:
    """Every tool says how it is to be had."""
    peers = all_peers(tmp_path)
    assert len({peer.name for peer in peers}) == len(peers) == 7
    assert all(peer.how_to_get for peer in peers)


def test_the_target_serves_what_is_asked_for(tmp_path: Path) -> None:
    """The configuration names its ports, and every folder that nginx writes to is its own."""
    text = nginx_conf(
        folder=tmp_path,
        files_folder=tmp_path / "site",
        http=1234,
        https=1235,
        certificate=tmp_path / "c.pem",
        key=tmp_path / "k.pem",
        files=20_000,
    )
    assert "listen 127.0.0.1:1234 " in text
    assert "listen 127.0.0.1:1235 ssl " in text
    assert "worker_connections 19936;" in text
    assert text.count("{") == text.count("}")
    assert len(SMALL) == 32
    paths = [line.split()[1] for line in text.splitlines() if "_temp_path" in line]
    assert len(paths) == 5
    assert all(path.startswith(str(tmp_path)) for path in paths)


def test_the_target_counts() -> None:
    """The third number of nginx's status page is its requests; another page is refused."""
    status = (
        "Active connections: 1 \nserver accepts handled requests\n 7 8 931 \n"
        "Reading: 0 Writing: 1 Waiting: 0 \n"
    )
    assert requests_of(status) == 931
    with pytest.raises(ValueError, match="no count"):
        requests_of("404")


def test_the_processor_is_named() -> None:
    """Its name is that of the system, without the spaces that makers put into it."""
    assert cpu_model("processor: 0\nmodel name\t: Some(R)  CPU  @ 2GHz\n") == "Some(R) CPU @ 2GHz"
    assert cpu_model("") == "an unknown processor"
