"""Grafana's own model of a dashboard knows every field of ours, down to the panels' options."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from deploy.grafana.__main__ import BOARDS, text
from deploy.grafana.board import Board
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the classic model is the one we mean
    from grafana_foundation_sdk.models.dashboard import Dashboard

each_board = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)


def modelled(document: Any) -> Any:
    """Return a dashboard as it is after a way through the model, which drops what is unknown."""
    register_default_plugins()
    return json.loads(json.dumps(Dashboard.from_json(deepcopy(document)), cls=JSONEncoder))


def lost(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Yield where something of ours is not there any more, or is something else."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name, value in ours.items():
            if name in theirs:
                yield from lost(value, theirs[name], f"{path}.{name}")
            elif value is not None:
                yield f"{path}.{name}"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from lost(one, other, f"{path}[{number}]")
    elif ours != theirs:
        yield path


@each_board
def test_every_field_is_one_of_grafana(board: Board) -> None:
    """Nothing of a dashboard gets lost in the model."""
    document = json.loads(text(board))
    assert list(lost(document, modelled(document))) == []


@pytest.mark.parametrize("kind", ["timeseries", "stat", "state-timeline"])
def test_a_field_that_is_not_known_would_be_found(kind: str) -> None:
    """In a panel, its options, its target, and the document alike."""
    document = json.loads(text(BOARDS[0]))
    [number, *_] = [n for n, panel in enumerate(document["panels"]) if panel["type"] == kind]
    panel = document["panels"][number]
    places = (panel, panel["options"], panel["fieldConfig"]["defaults"], panel["targets"][0])
    for place in (*places, document["annotations"]["list"][0], document["templating"]["list"][1]):
        place["bogus"] = 1
        assert [path.rpartition(".")[2] for path in lost(document, modelled(document))] == ["bogus"]
        del place["bogus"]
