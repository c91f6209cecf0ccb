"""How far a run is, from the events of its feed; pure, and tolerant of keys that are missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spate.plan import ArrivalsLoad, Plan, TsunamiLoad

_NS_PER_S = 1e9
COUNTS = ("sent", "succeeded", "failed", "dropped", "missed")


def total(value: Any) -> int:
    """Return a count that is given as a number, or as {kind: number}."""
    if isinstance(value, Mapping):
        return sum(total(part) for part in value.values())
    return int(value) if isinstance(value, int | float) else 0


def planned_duration_s(plan: Plan) -> float | None:
    """Return how long the load of a plan lasts; None for closed load, which the target decides."""
    load = plan.load
    if isinstance(load, ArrivalsLoad):
        return sum(stage.duration_ns for stage in load.stages) / _NS_PER_S
    if isinstance(load, TsunamiLoad):
        return load.message_count_per_driver * load.message_delay_ns / _NS_PER_S
    return None


@dataclass(frozen=True, slots=True)
class Row:
    """One window as it is shown; durations in ns, None where there is no figure."""

    offset_s: int
    planned: int
    counts: Mapping[str, int]
    in_flight: int
    p50_ns: float | None
    p99_ns: float | None
    width_s: int = 1

    @classmethod
    def of(cls, window: Mapping[str, Any]) -> Row:
        """Return the row of a report's window."""
        return cls(
            int(window["offset_s"]),
            total(window.get("planned")),
            {name: total(window.get(name)) for name in COUNTS},
            total(window.get("in_flight")),
            window.get("p50_ns"),
            window.get("p99_ns"),
            max(1, total(window.get("width_s"))),
        )

    @property
    def end_s(self) -> int:
        """The second after its last."""
        return self.offset_s + self.width_s


class Progress:
    """What is known of a run that is being followed. ``apply`` takes its events.

    Args:
        duration_s: planned length, None for closed load.
    """

    def __init__(self, run_id: str, name: str, duration_s: float | None) -> None:
        self.run_id = run_id
        self.name = name
        self.duration_s = duration_s
        self.state = "PENDING"
        self.reason: str | None = None
        self.drivers = 0
        self.planned: int | None = None
        self.totals = dict.fromkeys(COUNTS, 0)
        self.trouble: str | None = None
        self.waiting_for: str | None = None
        self.news: list[str] = []
        self.ended = False
        self._rows: dict[int, Row] = {}
        self._newest_s = -1
        self._shown_s = -1
        self._counted = False

    def apply(self, kind: str, data: Mapping[str, Any]) -> None:
        """Take in an event of the feed; what it does not hold stays as it was."""
        run = data.get("run")
        if isinstance(run, Mapping):
            self._run(run)
        accounting = data.get("accounting")
        if isinstance(accounting, Mapping):
            self._account(accounting)
        if kind == "snapshot":
            self._rows.clear()
            self._newest_s = -1
            if not self._counted:
                self.totals = dict.fromkeys(COUNTS, 0)
        windows = data.get("windows")
        if windows is None and "offset_s" in data and kind == "window":
            windows = [data]
        for window in windows or ():
            self._window(Row.of(window))
        if kind in {"state", "end"}:
            self._run(data)
        if kind == "fleet":
            self._fleet(data.get("event") or data)
        self.ended = self.ended or kind == "end"

    @property
    def elapsed_s(self) -> int:
        """How many seconds of the run have figures."""
        return self._newest_s + 1

    @property
    def remaining_s(self) -> float | None:
        """How much of the planned length is left; None for closed load."""
        return None if self.duration_s is None else max(0.0, self.duration_s - self.elapsed_s)

    @property
    def share(self) -> float | None:
        """How far the run is, from 0 to 1; None as long as it cannot be said."""
        if self.duration_s:
            return min(1.0, self.elapsed_s / self.duration_s)
        if self.planned:
            done = sum(self.totals[name] for name in COUNTS if name != "sent")
            return min(1.0, done / self.planned)
        return None

    @property
    def latest(self) -> Row | None:
        """The newest window that is complete; before there is one, the first."""
        newest = self._rows.get(self._newest_s)
        earlier = self._rows.get(self._newest_s - 1)
        return newest if earlier is None or self.ended else earlier

    def take_rows(self) -> list[Row]:
        """Return the windows that are complete since the last call, in order.

        A window is complete when there is a later one, or the run has ended. Empty ones after the
        end of the load, while the orchestrator waits for the last figures, are left out.
        """
        before_s = self.elapsed_s if self.ended else self.elapsed_s - 1
        span = range(self._shown_s + 1, before_s)
        rows = [self._rows[at] for at in span if at in self._rows]
        if rows:
            self._shown_s = rows[-1].end_s - 1
        return [row for row in rows if not self._is_after_the_end(row)]

    def _is_after_the_end(self, row: Row) -> bool:
        """Tell whether the load was over, and nothing of it was left, in this window."""
        over = self.duration_s is not None and row.offset_s >= self.duration_s
        return over and not (row.planned or row.in_flight or any(row.counts.values()))

    def take_news(self) -> list[str]:
        """Return the sentences that are new since the last call."""
        news, self.news = self.news, []
        return news

    def _run(self, run: Mapping[str, Any]) -> None:
        state = run.get("state")
        if isinstance(state, str) and state != self.state:
            self.state = state
            self.news.append(state)
        waiting_for = run.get("waiting_for", self.waiting_for)
        if waiting_for != self.waiting_for:
            left = self.waiting_for
            self.waiting_for = waiting_for
            self.news.append(f"waiting for {waiting_for}" if waiting_for else f"{left} is back")
        self.reason = run.get("reason") or self.reason
        self.drivers = total(run.get("drivers")) or self.drivers

    def _account(self, accounting: Mapping[str, Any]) -> None:
        self._counted = True
        self.planned = total(accounting.get("planned")) or self.planned
        self.totals = {name: total(accounting.get(name)) for name in COUNTS}

    def _window(self, row: Row) -> None:
        # It takes the place of all rows within it: what is long past is told in wider ones.
        within = (self._rows.pop(at, None) for at in range(row.offset_s, row.end_s))
        before = [each for each in within if each is not None]
        self._rows[row.offset_s] = row
        self._newest_s = max(self._newest_s, row.end_s - 1)
        if not self._counted:
            for name in COUNTS:
                self.totals[name] += row.counts[name] - sum(each.counts[name] for each in before)

    def _fleet(self, event: Mapping[str, Any]) -> None:
        if event.get("kind") == "state":
            return  # told by the event ``state`` already
        text = event.get("text") or f"{event.get('driver_id')} {event.get('kind')}"
        self.news.append(str(text))
