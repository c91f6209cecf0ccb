"""A dashboard: rows of panels, the variables that choose, and the marks on the time axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from deploy.grafana.panels import AMBER, BLUE, GREY, RED, SCRAPE, SOURCE, Json, Panel
from deploy.grafana.promql import IN_NAMESPACE, RUN, of_run

SCHEMA: Final = 40
"""Of the classic model; Grafana 10 to 13 read it, newer ones turn it into their own."""
WIDTH: Final = 24
TAG: Final = "spate"


@dataclass(frozen=True, slots=True)
class Row:
    """A heading, and the panels below it from left to right."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened, as a line on every chart; ``text`` may hold ``{{label}}``.

    With ``at_value`` the value says when, in milliseconds; else each point above 0 is one.
    """

    title: str
    expression: str
    text: str
    colour: str
    at_value: bool = False

    def to_json(self) -> Json:
        """Return the annotation."""
        return {
            "datasource": SOURCE,
            "enable": True,
            "expr": self.expression,
            "hide": False,
            "iconColor": self.colour,
            "name": self.title,
            "step": SCRAPE,
            "tagKeys": "",
            "textFormat": self.text,
            "titleFormat": self.title,
            "useValueForTime": self.at_value,
        }


def entered(states: str) -> str:
    """Return the instants at which runs entered one of these states, in milliseconds."""
    return (
        f"spate_run_state_entered_timestamp_seconds * 1000"
        f" * on (job, instance) group_left (run_id, name) {RUN}"
        f' and on (job, instance) (spate_run_state{{state=~"{states}"}} == 1)'
    )


def grown(counter: str) -> str:
    """Return by how much a counter has grown since the point before."""
    return f"({counter} - ({counter} offset $__interval) > 0)"


MARKS: Final = (
    Mark("Run started", entered("RUNNING"), "{{name}} ({{run_id}})", BLUE, at_value=True),
    Mark(
        "Run ended",
        entered("FINISHED|FAILED|ABORTED"),
        "{{name}} ({{run_id}})",
        GREY,
        at_value=True,
    ),
    Mark(
        "Fleet",
        of_run(grown('spate_run_events_total{kind!~"state|lost"}')),
        "{{kind}}",
        AMBER,
    ),
    Mark(
        "Driver lost",
        grown(f"spate_orchestrator_driver_losses_total{{{IN_NAMESPACE}}}"),
        "{{instance}} took a driver for lost",
        RED,
    ),
)


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard; ``uid`` is its name in addresses and of its file."""

    uid: str
    title: str
    description: str
    rows: Sequence[Row]

    def panels(self) -> Iterator[Panel]:
        """Yield all panels."""
        for row in self.rows:
            yield from row.panels

    def to_json(self) -> Json:
        """Return the document that Grafana reads."""
        return {
            "annotations": {"list": [mark.to_json() for mark in MARKS]},
            "description": self.description,
            "editable": True,
            "fiscalYearStartMonth": 0,
            "graphTooltip": 1,
            "id": None,
            "links": [_link()],
            "panels": list(self._placed()),
            "refresh": "5s",
            "schemaVersion": SCHEMA,
            "tags": [TAG, "load-testing"],
            "templating": {"list": _variables()},
            "time": {"from": "now-15m", "to": "now"},
            "timepicker": {},
            "timezone": "browser",
            "title": self.title,
            "uid": self.uid,
            "version": 1,
            "weekStart": "",
        }

    def _placed(self) -> Iterator[Json]:
        """Yield rows and panels where they fall: left to right, then below the highest."""
        number, y = 1, 0
        for row in self.rows:
            yield {
                "collapsed": False,
                "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": y},
                "id": number,
                "panels": [],
                "title": row.title,
                "type": "row",
            }
            number, y, x, line = number + 1, y + 1, 0, 0
            for panel in row.panels:
                if x + panel.width > WIDTH:
                    y, x, line = y + line, 0, 0
                yield panel.to_json(number, x, y)
                number, x, line = number + 1, x + panel.width, max(line, panel.height)
            y += line


def _link() -> Json:
    """Return the way to the other dashboards, which keeps the choice and the time."""
    return {
        "asDropdown": False,
        "icon": "external link",
        "includeVars": True,
        "keepTime": True,
        "tags": [TAG],
        "targetBlank": False,
        "title": "Spate",
        "tooltip": "",
        "type": "dashboards",
        "url": "",
    }


def _variables() -> list[Json]:
    return [
        {
            "current": {},
            "hide": 0,
            "includeAll": False,
            "label": "Prometheus",
            "multi": False,
            "name": "datasource",
            "options": [],
            "query": "prometheus",
            "refresh": 1,
            "regex": "",
            "type": "datasource",
        },
        _labels("namespace", "Namespace", "label_values(spate_orchestrator_build_info, namespace)"),
        _labels("run", "Run", f"label_values(spate_run_info{{{IN_NAMESPACE}}}, run_id)"),
    ]


def _labels(name: str, title: str, query: str) -> Json:
    """Return a variable of a label's values; all of them, and none at all, is ``.*``."""
    return {
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "datasource": SOURCE,
        "definition": query,
        "hide": 0,
        "includeAll": True,
        "label": title,
        "multi": True,
        "name": name,
        "options": [],
        "query": {"query": query, "refId": f"variable-{name}"},
        "refresh": 2,
        "regex": "",
        "sort": 2,
        "type": "query",
    }
