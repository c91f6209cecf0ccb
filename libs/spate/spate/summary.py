"""The end of a run as plain text: what ``spate run`` prints, at most 100 columns wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from spate.thinned_text import thinned_text

WIDTH = 100

_STATISTICS = ("min", "mean", "p50", "p90", "p95", "p99", "p999", "max")
_HEADINGS = ("min", "mean", "p50", "p90", "p95", "p99", "p99.9", "max")
_DURATIONS = (
    ("response time", "response_time"),
    ("of succeeded", "response_time_succeeded"),
    ("service time", "service_time"),
    ("wait time", "wait_time"),
    ("lag", "lag"),
    ("connect time", "connect_time"),
)
_NAME = 40
_NAME_LEAST = 8
_TRACES = 3
_NS_PER_MS = 1_000_000
_BUSY = 0.9
_LAST_OF_THREE = 999.5
"""From here on a number rounds to four digits."""


def render_summary(report: Mapping[str, Any]) -> str:
    """Return a report (version 1) as text that ends with a line break.

    Times are in ms; "-" stands where nothing was measured.
    """
    blocks = [
        _head(report),
        _accounting(report),
        _table("ms", ("count", *_HEADINGS), _duration_rows(report)),
        _requests(report["requests"]),
        _codes(report["status_codes"]),
        _drivers(report),
        _traces(report.get("traces", ())),
        _thresholds(report["verdict"]["thresholds"]),
        _doubts(report),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _head(report: Mapping[str, Any]) -> list[str]:
    run, plan = report["run"], report["run"]["plan"]
    state = run["state"] + (" (stopped)" if run["stopped"] else "")
    verdict = "PASSED" if report["verdict"]["passed"] else "NOT PASSED"
    if report["verdict"]["degraded"]:
        verdict += ", with doubts"
    drivers = f"{run['drivers']} driver{'' if run['drivers'] == 1 else 's'}"
    lines = [
        f"{run['name']}: {verdict}",
        f"{state} · {plan['load']['test_type']} · {drivers} · {_cut(plan['target'], 40)}",
        f"run {_clean(run['id'])}",
    ]
    if run["reason"]:
        lines += wrap(_clean(run["reason"]), WIDTH)
    return lines


def _accounting(report: Mapping[str, Any]) -> list[str]:
    accounting = report["accounting"]
    planned = accounting["planned"]
    terms: tuple[tuple[str, int, Mapping[str, int]], ...] = (
        ("= succeeded", accounting["succeeded"], {}),
        ("+ failed", sum(accounting["failed"].values()), accounting["failed"]),
        ("+ dropped", sum(accounting["dropped"].values()), accounting["dropped"]),
        ("+ missed", sum(accounting["missed"].values()), accounting["missed"]),
        ("+ unconfirmed", accounting["unconfirmed"], {}),
    )
    lines = [f"  planned       {planned:>13,}"]
    for sign, n, parts in terms:
        share = f"  {_percent(n, planned):>8}" if n else ""
        kinds = [f"{name} {count:,}" for name, count in parts.items() if count]
        first, *rest = _fold(kinds, ", ", WIDTH - 41) or [""]
        lines.append(f"  {sign:<13} {n:>13,}{share}  {first}".rstrip())
        lines += [" " * 41 + line for line in rest]
    return [*lines, "", *_traffic(report)]


def _traffic(report: Mapping[str, Any]) -> list[str]:
    """Say what was sent and received, and the rate over the seconds of the load.

    A second in which only stragglers were sent is none of the load's: nothing was planned in it.
    Closed load ends within a second, so its best second says more than the mean.
    """
    accounting, windows = report["accounting"], report["windows"]
    text = f"  {accounting['sent']:,} sent, {accounting['answered']:,} answered"
    sending = [row for row in windows if row["planned"] and row["sent"]]
    if sending:
        last = sending[-1]
        seconds = last["offset_s"] + last.get("width_s", 1) - sending[0]["offset_s"]
        text += f", {_rate(accounting['sent'] / seconds)} over {seconds:,} s"
        if report["run"]["plan"]["load"]["test_type"] == "avalanche" and seconds > 1:
            text += f" (best second {_rate(max(_most_sent(row) for row in windows))})"
        text += f", {_size(sum(row['bytes_received'] for row in windows))} received"
    thinned = thinned_text(windows)
    return [text, *(f"  {line}" for line in wrap(thinned or "", WIDTH - 2))]


def _most_sent(row: Mapping[str, Any]) -> int:
    """Return how many were sent in a second of this window at most."""
    most: int = (row.get("peak") or row)["sent"]
    return most


def _duration_rows(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [_duration_row(label, report[name]) for label, name in _DURATIONS]


def _duration_row(label: str, figures: Mapping[str, Any]) -> tuple[str, ...]:
    times = (_ms(figures[f"{name}_ns"]) for name in _STATISTICS)
    return (label, f"{figures['count']:,}", *times)


def _requests(requests: Sequence[Mapping[str, Any]]) -> list[str]:
    if len(requests) == 1:
        return []
    rows = [
        (
            _cut(request["name"], _NAME),
            f"{request['accounting']['planned']:,}",
            f"{request['accounting']['succeeded']:,}",
            f"{sum(request['accounting']['failed'].values()):,}",
            *(_ms(request["response_time"][f"{name}_ns"]) for name in ("p50", "p90", "p99", "max")),
        )
        for request in requests
    ]
    headings = ("planned", "succeeded", "failed", "p50 ms", "p90 ms", "p99 ms", "max ms")
    return _table("request", headings, rows)


def _codes(codes: Mapping[str, int]) -> list[str]:
    lines = _fold([f"{code}: {n:,}" for code, n in codes.items()], "   ", WIDTH - 10)
    return [("  status  " if row == 0 else " " * 10) + line for row, line in enumerate(lines)]


def _drivers(report: Mapping[str, Any]) -> list[str]:
    rows = [
        (
            _cut(driver["driver_id"], _NAME),
            f"{driver['accounting']['planned']:,}",
            f"{driver['accounting']['succeeded']:,}",
            f"{sum(driver['accounting']['failed'].values()):,}",
            f"{driver['accounting']['unconfirmed']:,}",
            _ms(driver["response_time"]["p99_ns"]),
            _ms(driver["lag"]["p99_ns"]),
            _ms(driver["start_skew_ns"]),
            "-" if driver["cpu"] is None else f"{driver['cpu']:.0%}",
        )
        for driver in report["drivers"]
    ]
    headings = (
        "planned",
        "succeeded",
        "failed",
        "unconf.",
        "p99 ms",
        "lag p99",
        "skew ms",
        "cpu",
    )
    return _table("driver", headings, rows) if rows else []


def _traces(traces: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name the slowest of the traced requests, to be looked up where traces are kept."""
    rows = [
        (
            trace["trace_id"],
            _ms(trace["response_ns"]),
            _cut(trace["request"], _NAME // 2),
            _cut(trace["driver_id"], _NAME // 2),
            str(trace["status"] or trace["outcome"]),
        )
        for trace in traces[:_TRACES]
    ]
    return _table("slowest traces", ("ms", "request", "driver", "answer"), rows) if rows else []


def _thresholds(thresholds: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = []
    for threshold in thresholds:
        word = "passed" if threshold["passed"] else "FAILED"
        found = _found(threshold["expression"], threshold["value"])
        lines.append(f"{word}  {_cut(threshold['expression'], 60):<60}  {found:>18}")
    return ["  thresholds", *("    " + line for line in lines)] if lines else []


def _found(expression: str, value: float | None) -> str:
    """Say what a threshold found in the unit it asks in."""
    if value is None:
        return "nothing measured"
    metric = expression.strip().partition("{")[0].split()[0]
    if metric.endswith(".count"):
        return f"{value:,.0f}"
    if metric.endswith(".rate"):
        return f"{value * 100:.4g} %"
    return f"{_ms(value)} ms"


def _doubts(report: Mapping[str, Any]) -> list[str]:
    lines = []
    for doubt in report["verdict"]["degraded"]:
        lines += _bullet("!", _clean(doubt["text"]))
    busy = [row["driver_id"] for row in report["drivers"] if (row["cpu"] or 0) > _BUSY]
    if busy and report["run"]["plan"]["load"]["test_type"] == "avalanche":
        lines += _bullet("i", f"At full CPU, as closed load wants it: {_clean(', '.join(busy))}.")
    return ["  before you trust these figures", *lines] if lines else []


def _bullet(mark: str, text: str) -> list[str]:
    first, *rest = wrap(text, WIDTH - 6)
    return [f"    {mark} {first}", *("      " + line for line in rest)]


def _fold(parts: Sequence[str], between: str, width: int) -> list[str]:
    """Join the parts to lines of at most this width; no part is broken."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(between) + len(part) < width:
            lines[-1] += between + part
        else:
            if lines:
                lines[-1] += between.rstrip()
            lines.append(part)
    return lines


def _table(corner: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table: names to the left, cut where the line would be too long; the rest right."""
    grid = [(corner, *headings), *rows]
    names, *numbers = (max(len(row[place]) for row in grid) for place in range(len(grid[0])))
    room = WIDTH - 2 - sum(width + 2 for width in numbers)
    names = min(names, max(room, _NAME_LEAST))
    lines = []
    for name, *cells in grid:
        right = "".join(f"  {cell:>{width}}" for cell, width in zip(cells, numbers, strict=True))
        lines.append(f"  {_cut(name, names):<{names}}{right}")
    return lines


def _ms(duration_ns: float | None) -> str:
    """Return ms with three significant digits; below 1 µs, and from 1 s on, to the unit's digit."""
    if duration_ns is None:
        return "-"
    ms = duration_ns / _NS_PER_MS
    for bound, places in ((0.9995, 3), (9.995, 2), (99.95, 1)):
        if abs(ms) < bound:
            return f"{ms:.{places}f}"
    return f"{ms:,.0f}"


def _percent(part: int, whole: int) -> str:
    """Return a share that says 0 % or 100 % only where that is exact."""
    if part == whole:
        return "100 %"
    share = 100 * part / max(1, whole)
    least = 0.01
    if share < least:
        return "< 0.01 %"
    return "> 99.99 %" if share > 100 - least else f"{share:.2f} %"


def _rate(per_s: float) -> str:
    return f"{per_s:,.0f}/s" if per_s > _LAST_OF_THREE / 10 else f"{per_s:.3g}/s"


def _size(n_bytes: int) -> str:
    size = float(n_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if size < _LAST_OF_THREE:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.3g} TB"


def _clean(text: str) -> str:
    """Replace what could steer a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _cut(text: str, width: int) -> str:
    clean = _clean(text)
    return clean if len(clean) <= width else clean[: width - 1] + "…"
