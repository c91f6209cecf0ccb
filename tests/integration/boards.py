"""The committed dashboards, asked as Grafana asks: variables filled in, a range, a resolution."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.integration.prometheus import Prometheus, Series

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards"
STEP_S = 5
"""What panels ask for as the least distance of points; a run is too short for more."""

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Span:
    """What is looked at: from when to when, in seconds since 1970, and with which choice."""

    start_s: float
    end_s: float
    variables: Mapping[str, str]

    def of(self, **variables: str) -> Span:
        """Return the same span for another choice."""
        return replace(self, variables={**self.variables, **variables})

    def filled(self, expression: str) -> str:
        """Return an expression without variables, as Grafana makes it.

        Raises:
            AssertionError: if a variable is not known.
        """
        own = {
            "__rate_interval": f"{max(2 * STEP_S, 4 * STEP_S)}s",
            "__interval": f"{STEP_S}s",
        }
        for name, value in {**own, **self.variables}.items():
            expression = expression.replace(f"${name}", value)
        assert "$" not in expression, expression
        return expression

    def ask(self, prometheus: Prometheus, expression: str) -> list[Series]:
        """Return what an expression says over the span."""
        return prometheus.over(self.filled(expression), self.start_s, self.end_s, STEP_S)


def documents() -> dict[str, JsonObject]:
    """Return the committed dashboards by uid."""
    found = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]
    return {each["uid"]: each for each in found}


def panels(document: JsonObject) -> Iterator[JsonObject]:
    """Yield the panels of a dashboard without its rows."""
    yield from (panel for panel in document["panels"] if panel["type"] != "row")


def marks(document: JsonObject) -> dict[str, str]:
    """Return the expressions of a dashboard's annotations by their names."""
    return {each["name"]: each["expr"] for each in document["annotations"]["list"]}


def variables(document: JsonObject) -> dict[str, tuple[str, str]]:
    """Return selector and label of each variable that is a label's values."""
    found = {}
    for each in document["templating"]["list"]:
        if each["type"] == "query":
            match = re.fullmatch(r"label_values\((.+), (\w+)\)", each["query"]["query"])
            assert match is not None, each
            found[each["name"]] = (match[1], match[2])
    return found


def legend(form: str, labels: Mapping[str, str]) -> str:
    """Return a series' legend as Grafana writes it."""
    return re.sub(r"{{(\w+)}}", lambda name: labels.get(name[1], ""), form)
