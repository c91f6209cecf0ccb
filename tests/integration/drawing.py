"""Draws a dashboard from what its queries said: not Grafana's picture, but its panels and data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from tests.integration.boards import STEP_S, JsonObject, Span, legend, panels
from tests.integration.prometheus import Series

_COLUMN_IN: Final = 0.9
_ROW_IN: Final = 0.42
_PALETTE: Final = ("#3274d9", "#37872d", "#e0a500", "#8f3bb8", "#e5642d", "#1f9e9e", "#8e959e")

Found = Mapping[tuple[int, str], Sequence[Series]]
"""What each query said, by the panel's id and the target's letter."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One series of a panel with its legend; times are seconds since the span's start."""

    name: str
    times: list[float]
    values: list[float]


def draw(document: JsonObject, found: Found, span: Span, path: Path) -> list[str]:
    """Write the picture of a dashboard; return the titles of the panels that are empty."""
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in document["panels"])
    figure = Figure(figsize=(24 * _COLUMN_IN, rows * _ROW_IN), dpi=70, facecolor="#f4f5f5")
    FigureCanvasAgg(figure)
    empty = []
    for panel in document["panels"]:
        if panel["type"] == "row":
            y = 1 - (panel["gridPos"]["y"] + 0.7) / rows
            figure.text(0.005, y, panel["title"], fontsize=13, weight="bold")
    for panel in panels(document):
        axes = figure.add_axes(_place(panel["gridPos"], rows, panel["type"]))
        series = _series(panel, found, span)
        if not series:
            empty.append(panel["title"])
        axes.set_title(panel["title"], fontsize=9, loc="left")
        _DRAWERS[panel["type"]](axes, panel, series)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    return empty


def _place(grid: Mapping[str, int], rows: int, kind: str) -> tuple[float, float, float, float]:
    """Return left, bottom, width and height of the axes, as shares of the picture."""
    left, bottom = (0.2, 0.3) if kind == "stat" else (1.1, 0.9)
    return (
        (grid["x"] + left) / 24,
        1 - (grid["y"] + grid["h"] - bottom) / rows,
        (grid["w"] - left - 0.3) / 24,
        (grid["h"] - bottom - 1.1) / rows,
    )


def _series(panel: JsonObject, found: Found, span: Span) -> list[Drawn]:
    return [
        Drawn(
            legend(target["legendFormat"], each.labels),
            [instant - span.start_s for instant, _ in each.points],
            each.values,
        )
        for target in panel["targets"]
        for each in found[panel["id"], target["refId"]]
    ]


def _lines(axes: Axes, panel: JsonObject, series: Sequence[Drawn]) -> None:
    """Draw lines, or areas upon each other; no line over a gap."""
    defaults = panel["fieldConfig"]["defaults"]
    colours, dashed = _overrides(panel)
    stacked = defaults["custom"]["stacking"]["mode"] == "normal"
    below: dict[float, float] = {}
    for number, each in enumerate(series):
        colour = colours.get(each.name, _PALETTE[number % len(_PALETTE)])
        label = f"{each.name}  {said(each.values[-1], defaults['unit'])}"
        if stacked:
            lows = [below.get(instant, 0.0) for instant in each.times]
            highs = [low + value for low, value in zip(lows, each.values, strict=True)]
            axes.fill_between(each.times, lows, highs, color=colour, alpha=0.4, label=label)
            below |= dict(zip(each.times, highs, strict=True))
            continue
        times, values = _with_gaps(each)
        style = "--" if each.name in dashed else "-"
        axes.plot(times, values, style, color=colour, marker=".", markersize=3, label=label)
    if "scaleDistribution" in defaults["custom"]:
        axes.set_yscale("log")
    elif "min" in defaults:
        most = defaults.get("max", defaults["custom"].get("axisSoftMax", 0))
        axes.set_ylim(bottom=defaults["min"], top=max(most, axes.get_ylim()[1]))
    for step in defaults["thresholds"]["steps"][1:]:
        if step["value"] <= axes.get_ylim()[1]:
            axes.axhline(step["value"], color=step["color"], linestyle=":")
    axes.yaxis.set_major_formatter(lambda value, _: said(value, defaults["unit"]))
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.3)
    if series:
        axes.legend(fontsize=6, loc="upper left", framealpha=0.6, ncols=2)


def _with_gaps(each: Drawn) -> tuple[list[float], list[float]]:
    times: list[float] = []
    values: list[float] = []
    for instant, value in zip(each.times, each.values, strict=True):
        if times and instant - times[-1] > STEP_S * 1.5:
            times.append(instant)
            values.append(math.nan)
        times.append(instant)
        values.append(value)
    return times, values


def _number(axes: Axes, panel: JsonObject, series: Sequence[Drawn]) -> None:
    """Write the newest value of each series, or its name."""
    axes.set_axis_off()
    defaults, options = panel["fieldConfig"]["defaults"], panel["options"]
    words = {
        value: word["text"]
        for mapping in defaults.get("mappings", ())
        for value, word in mapping["options"].items()
    }
    last = max((each.times[-1] for each in series), default=0.0)
    shown = [each for each in series if each.times[-1] == last] if len(series) > 1 else series
    for number, each in enumerate(shown):
        value = each.values[-1]
        text = words.get(f"{value:g}", said(value, defaults["unit"]))
        if options["textMode"] == "name":
            text = each.name
        elif options["textMode"] == "value_and_name":
            text = f"{each.name}\n{text}"
        x = (number + 0.5) / len(shown)
        axes.text(x, 0.45, text, fontsize=14, ha="center", va="center")


def _stretches(axes: Axes, panel: JsonObject, series: Sequence[Drawn]) -> None:
    """Draw a bar for each series where its value is not 0."""
    words = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
    for number, each in enumerate(series):
        for instant, value in zip(each.times, each.values, strict=True):
            colour = words[f"{value:g}"]["color"]
            if colour != "transparent":
                axes.barh(number, STEP_S, left=instant, height=0.7, color=colour)
    axes.set_yticks(range(len(series)), [each.name for each in series], fontsize=7)
    axes.tick_params(labelsize=7)


_DRAWERS: Final = {"timeseries": _lines, "stat": _number, "state-timeline": _stretches}


def _overrides(panel: JsonObject) -> tuple[dict[str, str], set[str]]:
    """Return the colours that legends have, and which are dashed."""
    colours: dict[str, str] = {}
    dashed: set[str] = set()
    for each in panel["fieldConfig"]["overrides"]:
        name = each["matcher"]["options"]
        for change in each["properties"]:
            if change["id"] == "color":
                colours[name] = change["value"]["fixedColor"]
            else:
                dashed.add(name)
    return colours, dashed


def said(value: float, unit: str) -> str:
    """Return a value as people read it, about as Grafana writes the unit."""
    if unit == "locale":
        return f"{value:,.0f}"
    scale: Any = _SCALES.get(unit)
    if scale is None or math.isnan(value):
        return f"{value:.4g}"
    for factor, sign in scale:
        if abs(value) >= factor or factor == scale[-1][0]:
            return f"{value / factor:.3g}{sign}"
    raise AssertionError(unit)


_SCALES: Final = {
    "s": ((1.0, " s"), (1e-3, " ms"), (1e-6, " µs")),
    "percentunit": ((0.01, " %"),),
    "reqps": ((1.0, "/s"),),
    "cps": ((1.0, "/s"),),
    "Bps": ((1e6, " MB/s"), (1e3, " kB/s"), (1.0, " B/s")),
    "bytes": ((2.0**20, " MiB"), (2.0**10, " KiB"), (1.0, " B")),
}
