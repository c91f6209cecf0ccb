"""The dashboards are what their descriptions say, and speak of metrics that there are."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest
from deploy.grafana.__main__ import BOARDS, FOLDER, text
from deploy.grafana.board import Board
from tests.unit.promql import KNOWN, faults, filled, selectors, strangers

JsonObject = dict[str, Any]

each_board = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)


def panels(board: Board) -> list[JsonObject]:
    """Return a dashboard's panels without its rows, as its file has them."""
    every: list[JsonObject] = json.loads(text(board))["panels"]
    return [panel for panel in every if panel["type"] != "row"]


def expressions(board: Board) -> list[str]:
    """Return every expression of a dashboard, its annotations and variables included."""
    document = json.loads(text(board))
    found = [target["expr"] for panel in panels(board) for target in panel["targets"]]
    found += [each["expr"] for each in document["annotations"]["list"]]
    for variable in document["templating"]["list"]:
        if variable["type"] == "query":
            match = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert match is not None, variable
            found.append(f"count by ({match[2]}) ({match[1]})")
    return found


def test_the_files_are_those_of_the_descriptions() -> None:
    """`python -m deploy.grafana` writes them; whoever edits a file by hand is found out."""
    files = {path.name: path.read_text() for path in FOLDER.glob("*")}
    assert files == {f"{board.uid}.json": text(board) for board in BOARDS}


def test_the_files_are_found_beside_the_descriptions() -> None:
    """deploy/grafana/dashboards leads to the chart's files: there is one copy of each."""
    assert (FOLDER.parents[3] / "grafana" / "dashboards").resolve() == FOLDER


@each_board
def test_every_metric_exists(board: Board) -> None:
    """Every name and label of an expression is in the code's tables of metrics."""
    wrong = {e: found for e in expressions(board) if (found := faults(filled(e)))}
    assert wrong == {}


@each_board
def test_every_value_exists(board: Board) -> None:
    """What a label is compared with is a value that it can have."""
    wrong = {e: found for e in expressions(board) if (found := strangers(filled(e)))}
    assert wrong == {}


def test_what_does_not_exist_would_be_found() -> None:
    """A metric, a label to compare or to group by, a value, a variable."""
    assert faults("rate(spate_run_sent_total[20s])") == ["there is no metric spate_run_sent_total"]
    assert faults('spate_run_state{kind="x"}') == ["spate_run_state has no label kind"]
    assert faults("sum by (state) (spate_run_in_flight)") == ["no metric has the label state"]
    assert strangers('spate_run_state{state=~"RUNNING|GONE"}') == [
        "spate_run_state has no state GONE"
    ]
    with pytest.raises(AssertionError):
        filled("$nobody")
    with pytest.raises(ValueError, match="unclosed"):
        faults("sum(spate_run_in_flight")


@each_board
def test_legends_name_labels_that_are_left(board: Board) -> None:
    """A legend's label is one by which its expression groups, or which a join brings."""
    for panel in panels(board):
        for target in panel["targets"]:
            for label in re.findall(r"{{(\w+)}}", target["legendFormat"]):
                kept = label == "instance" or re.search(
                    rf"(?:by|group_left) \([^)]*\b{label}\b", target["expr"]
                )
                assert kept, (panel["title"], target["expr"])


@each_board
def test_ranges_follow_the_resolution(board: Board) -> None:
    """Rates are over `$__rate_interval`, which holds four scrapes; gauges over what a point is."""
    for expression in expressions(board):
        for function, inside in re.findall(r"(\w+)\([^()]*\[([^\]]+)\]\)", expression):
            expected = {"rate": "$__rate_interval", "max_over_time": "$__interval"}
            assert inside == expected[function], expression
        assert expression.count("[") == len(re.findall(r"\w\([^()]*\[[^\]]+\]\)", expression))


@each_board
def test_every_panel_explains_itself(board: Board) -> None:
    """It has a title, a sentence or more, a unit, and queries that are told apart."""
    for panel in panels(board):
        assert panel["title"], panel
        assert panel["description"][0].isalnum(), panel["title"]
        assert panel["description"].endswith((".", "to come")), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        references = [target["refId"] for target in panel["targets"]]
        assert references == sorted(set(references))
        assert references != []
        legends = [target["legendFormat"] for target in panel["targets"]]
        assert len(set(legends)) == len(legends), panel["title"]
    titles = [panel["title"] for panel in panels(board)]
    assert len(set(titles)) == len(titles)


@each_board
def test_every_query_asks_the_chosen_prometheus(board: Board) -> None:
    """Panels, targets, annotations and variables name the data source by the variable."""
    document = json.loads(text(board))
    source = {"type": "prometheus", "uid": "${datasource}"}
    targets = [target for panel in panels(board) for target in panel["targets"]]
    variables = [each for each in document["templating"]["list"] if each["type"] == "query"]
    every = [*panels(board), *targets, *document["annotations"]["list"], *variables]
    assert [each["datasource"] for each in every] == [source] * len(every)


@each_board
def test_panels_do_not_overlap(board: Board) -> None:
    """Each is inside the 24 columns, and none lies on another; ids are unique."""
    every = json.loads(text(board))["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    places = [panel["gridPos"] for panel in every]
    assert all(at["x"] >= 0 and at["x"] + at["w"] <= 24 for at in places)
    for one, other in combinations(places, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)


@each_board
def test_dashboards_work_in_any_grafana(board: Board) -> None:
    """A fixed uid and no id of somebody's server; the classic model; found by tag."""
    document = json.loads(text(board))
    assert (document["uid"], document["id"]) == (board.uid, None)
    assert 39 <= document["schemaVersion"] <= 41
    assert "spate" in document["tags"]
    assert document["graphTooltip"] == 1
    [link] = document["links"]
    assert (link["type"], link["tags"], link["includeVars"]) == ("dashboards", ["spate"], True)
    names = [variable["name"] for variable in document["templating"]["list"]]
    assert names == ["datasource", "namespace", "run"]
    assert document["templating"]["list"][0]["type"] == "datasource"


def test_uids_are_fixed() -> None:
    """Addresses of dashboards that people keep stay good."""
    assert [board.uid for board in BOARDS] == ["spate-run", "spate-fleet", "spate-target"]


def test_what_services_tell_is_shown() -> None:
    """Every metric of the three services is in a dashboard."""
    shown = {
        re.sub(r"_(?:bucket|sum|count)$", "", each.name)
        for board in BOARDS
        for expression in expressions(board)
        for each in selectors(filled(expression))
    }
    told = {re.sub(r"_(?:bucket|sum|count)$", "", name) for name in KNOWN}
    assert {name for name in told - shown if name.startswith("spate_")} == set()
