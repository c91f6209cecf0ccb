"""What can stand on a dashboard, and the JSON by which Grafana knows it.

Times are seconds, shares run from 0 to 1. The JSON says only what differs from Grafana's defaults.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any, Final

Json = dict[str, Any]

SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
SCRAPE: Final = "5s"
"""How often the chart's monitors scrape: no point is closer to the next."""

NO_VALUE: Final = "–"  # noqa: RUF001 - the sign for no data, as on the page

GREY: Final = "#8e959e"
BLUE: Final = "#3274d9"
GREEN: Final = "#37872d"
AMBER: Final = "#e0a500"
RED: Final = "#c4162a"
PALE, MIDDLE, DARK = "#8ab8ff", "#3274d9", "#1f3a73"
"""One hue from the median to the tail."""

_SOFT_MAX: Final = {
    "short": 1,
    "none": 1,
    "reqps": 1,
    "cps": 1,
    "s": 0.001,
    "percentunit": 0.1,
    "Bps": 1_000,
    "bytes": 1_000_000,
}
"""To where an axis reaches at least, so that nothing at all does not look like something."""


@dataclass(frozen=True, slots=True)
class Query:
    """One expression; ``legend`` may hold ``{{label}}``."""

    expression: str
    legend: str

    def to_json(self, ref: str, *, instant: bool) -> Json:
        """Return the target that a panel holds."""
        return {
            "datasource": SOURCE,
            "editorMode": "code",
            "expr": self.expression,
            "instant": instant,
            "legendFormat": self.legend,
            "range": not instant,
            "refId": ref,
        }


@dataclass(frozen=True)
class Panel(ABC):
    """A panel: a title, sentences that explain it, and what it asks Prometheus.

    ``empty`` stands where there is nothing to show although all is well; without it that is a
    fault.
    ``colours`` are by legend; ``limits`` are values at which a number turns into that colour.
    """

    title: str
    description: str
    queries: Sequence[Query]
    unit: str
    width: int = 8
    height: int = 8
    empty: str | None = None
    colours: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[float, str] = field(default_factory=dict)
    decimals: int | None = None

    @property
    @abstractmethod
    def kind(self) -> str:
        """Grafana's word for this sort of panel."""

    def to_json(self, number: int, x: int, y: int) -> Json:
        """Return the panel at a place."""
        return {
            "datasource": SOURCE,
            "description": self.description,
            "fieldConfig": {
                "defaults": self._defaults(),
                "overrides": [_colour(name, value) for name, value in self.colours.items()],
            },
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "id": number,
            "interval": SCRAPE,
            "options": self._options(),
            "targets": [
                query.to_json(ref, instant=False)
                for ref, query in zip(ascii_uppercase, self.queries, strict=False)
            ],
            "title": self.title,
            "type": self.kind,
        }

    def _defaults(self) -> Json:
        steps: list[Json] = [{"color": "text", "value": None}]
        steps += [{"color": colour, "value": value} for value, colour in self.limits.items()]
        found: Json = {
            "unit": self.unit,
            "noValue": self.empty or NO_VALUE,
            "thresholds": {"mode": "absolute", "steps": steps},
        }
        return found if self.decimals is None else found | {"decimals": self.decimals}

    @abstractmethod
    def _options(self) -> Json:
        """Return what Grafana calls the options of this sort of panel."""


@dataclass(frozen=True)
class Lines(Panel):
    """Values over time; gaps stay gaps. ``dashed`` are legends of what was planned."""

    stacked: bool = False
    logarithmic: bool = False
    signed: bool = False
    dashed: Sequence[str] = ()
    most: float | None = None

    @property
    def kind(self) -> str:
        """Grafana's word."""
        return "timeseries"

    def to_json(self, number: int, x: int, y: int) -> Json:
        """Return the panel at a place."""
        found = super().to_json(number, x, y)
        found["fieldConfig"]["overrides"] += [_dashed(name) for name in self.dashed]
        return found

    def _defaults(self) -> Json:
        custom: Json = {
            "lineWidth": 1,
            "fillOpacity": 30 if self.stacked else 0,
            "showPoints": "auto",
            "spanNulls": False,
            "stacking": {"mode": "normal" if self.stacked else "none", "group": "A"},
        }
        if self.logarithmic:
            custom["scaleDistribution"] = {"type": "log", "log": 10}
        if self.limits:
            custom["thresholdsStyle"] = {"mode": "dashed"}
        if not self.signed:
            custom["axisSoftMax"] = _SOFT_MAX[self.unit]
        found = super()._defaults() | {"custom": custom}
        if not (self.logarithmic or self.signed):
            found |= {"min": 0}
        return found if self.most is None else found | {"max": self.most}

    def _options(self) -> Json:
        return {
            "legend": {
                "calcs": ["lastNotNull", "max"],
                "displayMode": "table",
                "placement": "bottom",
                "showLegend": True,
            },
            "tooltip": {"mode": "multi", "sort": "desc"},
        }


@dataclass(frozen=True)
class Number(Panel):
    """The newest value in large. ``words`` stand for values; ``named`` shows the legend instead."""

    words: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    named: bool = False
    width: int = 4
    height: int = 4

    @property
    def kind(self) -> str:
        """Grafana's word."""
        return "stat"

    def _defaults(self) -> Json:
        found = super()._defaults()
        if self.words:
            found["mappings"] = _mappings(self.words)
        return found

    def _options(self) -> Json:
        several = len(self.queries) > 1 and not self.named
        return {
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "center",
            "orientation": "auto",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "textMode": "name" if self.named else "value_and_name" if several else "value",
            "wideLayout": False,
        }


@dataclass(frozen=True)
class Stretches(Panel):
    """What was so from when to when: a bar for each legend while its value is not 0."""

    words: Mapping[int, tuple[str, str]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Grafana's word."""
        return "state-timeline"

    def _defaults(self) -> Json:
        return super()._defaults() | {
            "mappings": _mappings(self.words),
            "custom": {"fillOpacity": 70, "lineWidth": 0, "spanNulls": False},
        }

    def _options(self) -> Json:
        return {
            "alignValue": "left",
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False},
            "mergeValues": True,
            "rowHeight": 0.8,
            "showValue": "never",
            "tooltip": {"mode": "single", "sort": "none"},
        }


def _mappings(words: Mapping[int, tuple[str, str]]) -> list[Json]:
    """Return the words and colours that stand for values."""
    options = {
        str(value): {"text": text, "color": colour, "index": index}
        for index, (value, (text, colour)) in enumerate(words.items())
    }
    return [{"type": "value", "options": options}]


def _colour(legend: str, colour: str) -> Json:
    """Return the override that gives a series its colour."""
    return {
        "matcher": {"id": "byName", "options": legend},
        "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}],
    }


def _dashed(legend: str) -> Json:
    """Return the override that draws what was planned."""
    return {
        "matcher": {"id": "byName", "options": legend},
        "properties": [{"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [6, 4]}}],
    }
