"""A run of a day, in virtual time: exact to the last arrival, in bounded room, no maximum lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spate.aggregator import Aggregator
from spate.checkpoint import read_checkpoint, write_checkpoint
from spate.figures import Figures, FiguresAccumulator
from spate.histogram import Histogram
from spate.messages import SnapshotMessage
from spate.plan import parse_plan
from spate.report import LedgerFacts, RunFacts, build_report, rows_at
from spate.schedule import plan_schedule
from spate.summary import render_summary
from spate.thinning import HOUR_S, spans
from spate.window_archive import pack_windows, unpack_windows

DAY_S = 24 * HOUR_S
LOAD_S = 23 * HOUR_S
RATE_PER_S = 20
MS = 1_000_000
PLAN = parse_plan(
    {
        "name": "day",
        "target": "http://127.0.0.1:8000",
        "requests": [{"name": "ping", "path": "/ping"}],
        "load": {
            "test_type": "arrivals",
            "stages": [{"duration": f"{LOAD_S}s", "from": RATE_PER_S, "to": RATE_PER_S}],
        },
    }
)
SCHEDULE = plan_schedule(PLAN, 3)
BAD_S = 2 * HOUR_S + 5 * 60 + 17
"""A second in which everything was bad."""


@cache
def pool() -> list[Figures]:
    """Figures of a second of a driver each, the last one those of the bad second."""
    random = np.random.default_rng(3)
    found = []
    for place in range(30):
        times = Histogram.of((random.lognormal(15, 0.6, 60)).astype(np.int64))
        lags = Histogram.of((random.lognormal(11, 0.6, 60)).astype(np.int64))
        found.append(
            Figures(
                decided=60 + place,
                sent=60 + place,
                succeeded=59 + place,
                failed={"reset": 1},
                status_codes={"200": 59 + place},
                bytes_received=9_000,
                response_time=times,
                service_time=times,
                lag=lags,
            )
        )
    slow = Histogram.of([3_000 * MS] * 40)
    kinds = {"timeout": 30, "reset": 4}
    found.append(
        Figures(
            decided=500,
            sent=500,
            succeeded=6,
            failed=kinds,
            dropped={"in_flight_limit": 460},
            response_time=slow,
            lag=slow,
        )
    )
    return found


@dataclass
class Day:
    """A run that is told second by second, and what it adds up to without any windows.

    Only the last of so many minutes is told; the figures are written down every so often.
    """

    minutes: int
    every_s: int
    aggregator: Aggregator = field(default_factory=lambda: Aggregator(PLAN, SCHEDULE, "r"))
    total: FiguresAccumulator = field(default_factory=FiguresAccumulator)
    seconds: dict[int, tuple[Figures, int]] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    at: int = 0

    def go_on(self, until: int) -> None:
        """Let the drivers report up to a second, in turn, with a checkpoint now and then."""
        since = self.aggregator.revision
        while self.at < until:
            bad = self.at == BAD_S
            figures = pool()[-1] if bad else pool()[self.at * 7 % 30]
            if self.at // 60 % self.minutes == self.minutes - 1:
                self.tell(self.at, figures, 900 if bad else self.at % 11)
            if self.at % self.every_s == 0:
                self.stored |= write_checkpoint(self.aggregator, {0: self.at}, since)
                since = self.aggregator.revision
            self.at += 1
        self.stored |= write_checkpoint(self.aggregator, {0: self.at}, since)

    def tell(self, second: int, figures: Figures, in_flight: int) -> None:
        """Let one driver report a second, all its own."""
        message = SnapshotMessage.model_construct(
            driver_id=f"driver-{second % 3}",
            boot_id="boot",
            term=1,
            run_id="r",
            seq=second,
            window=second,
            cells=(figures.to_cell(0, 0),),
            in_flight=in_flight,
            connections=9,
            cpu=0.7 if in_flight == 900 else 0.3,
            clock_offset_ns=0,
            start_skew_ns=0,
            traces=(),
        )
        assert self.aggregator.add(message, [figures]) == "merged"
        self.total.add(figures)
        self.seconds[second] = figures, in_flight


def resident_mb() -> float:
    """How much memory this process takes, in MB."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def report_of(aggregator: Aggregator) -> dict[str, Any]:
    """The report of a run of a day."""
    end_ns = (DAY_S + 1) * 1_000_000_000
    facts = RunFacts("r", PLAN, "FINISHED", False, None, 0, 1_000_000_000, end_ns, 3)
    return build_report(facts, aggregator, LedgerFacts(SCHEDULE.count))


def check_windows(day: Day, aggregator: Aggregator) -> None:
    """Each window is the sum of its seconds, and keeps what was the highest of each."""
    windows = list(aggregator.windows())
    layout = dict(spans(DAY_S - 1))
    assert all(layout[window.second] == window.width_s for window in windows)
    for window in windows[:: max(1, len(windows) // 400)]:
        told = [
            day.seconds[second]
            for second in range(window.second, window.second + window.width_s)
            if second in day.seconds
        ]
        assert window.figures == Figures.merge_all(figures for figures, _ in told)
        if window.peaks is None:
            assert sum(window.in_flight.values()) == told[0][1]
            continue
        assert window.peaks.sent == max(figures.sent for figures, _ in told)
        assert window.peaks.in_flight == max(in_flight for _, in_flight in told)
        assert window.peaks.lag_p99_ns == max(
            figures.lag.quantile_ns(0.99) or 0 for figures, _ in told
        )
    assert Figures.merge_all(window.figures for window in windows) == aggregator.totals()


@pytest.fixture(scope="module")
def day() -> Day:
    """A day of which every sixth minute is told."""
    day = Day(minutes=6, every_s=1_800)
    day.go_on(13 * HOUR_S)
    before_mb = resident_mb()
    day.go_on(DAY_S)
    # Of 11 more hours 110 windows of a minute stay; by the second it would be 6,600.
    assert resident_mb() - before_mb < 16
    return day


def test_sums_are_those_of_everything_that_was_told(day: Day) -> None:
    """Totals, bit for bit, and each window, however wide."""
    assert day.aggregator.totals() == day.total.freeze()
    check_windows(day, day.aggregator)
    usual = {f"driver-{place}": 0.3 for place in range(3)}
    assert day.aggregator.cpu_peaks() == {**usual, f"driver-{BAD_S % 3}": 0.7}


def test_what_was_bad_for_a_second_is_seen_a_day_later(day: Day) -> None:
    """In the row of its minute: it is the worst second, and the maximum of the minute."""
    (row,) = rows_at(day.aggregator, LedgerFacts(SCHEDULE.count), [BAD_S])
    assert (row["offset_s"], row["width_s"]) == (BAD_S // 60 * 60, 60)
    assert row["max_ns"] == 3_000 * MS
    assert (row["in_flight"], row["drivers"]) == (900, 1)
    assert row["peak"]["sent"] == 500
    assert (row["peak"]["failed"], row["peak"]["dropped"]) == (34, 460)
    assert row["peak"]["failed_kinds"] == {"timeout": 30, "reset": 4}
    assert row["peak"]["p99_ns"] == row["peak"]["lag_p99_ns"] == 3_000 * MS
    assert row["failed_kinds"] == {"timeout": 30, "reset": 4 + 59}


def test_the_report_has_few_windows_that_add_up_and_says_how_wide_they_are(day: Day) -> None:
    """Planned and sent are all there; the summary has the sentence."""
    report = report_of(day.aggregator)
    rows = report["windows"]
    assert len(rows) == 8_400
    assert [row["offset_s"] for row in rows[1:]] == [
        row["offset_s"] + row["width_s"] for row in rows[:-1]
    ]
    assert sum(row["planned"] for row in rows) == SCHEDULE.count == LOAD_S * RATE_PER_S
    assert sum(row["sent"] for row in rows) == report["accounting"]["sent"]
    assert sum(row["failed"] for row in rows) == sum(report["accounting"]["failed"].values())
    assert {row["planned"] / row["width_s"] for row in rows if row["offset_s"] < LOAD_S} == {20}
    assert max(row["max_ns"] or 0 for row in rows) == report["response_time"]["max_ns"]
    assert "60 s until 12:00:00, 15 s until 20:00:00 and 5 s until 23:00:00." in " ".join(
        render_summary(report).split()
    )


def test_who_takes_over_reads_the_day_as_it_was(day: Day) -> None:
    """From increments that lie over each other, without unfolding a window."""
    found = read_checkpoint(day.stored, PLAN, SCHEDULE, "r")
    assert found is not None
    again, offsets = found
    assert offsets == {0: day.at}
    assert again.totals() == day.aggregator.totals()
    facts = LedgerFacts(SCHEDULE.count)
    starts = again.changed_since(0)
    assert rows_at(again, facts, starts) == rows_at(day.aggregator, facts, starts)
    assert list(again.windows()) == list(day.aggregator.windows())
    assert again.cpu_peaks() == day.aggregator.cpu_peaks()


def test_the_archive_keeps_every_window(day: Day) -> None:
    """With its width: their histograms add up to those of the report."""
    rows = list(unpack_windows(pack_windows(day.aggregator)))
    counted = sum(n for row in rows for _, _, n in row["response_time"])
    assert counted == day.total.freeze().response_time.count
    assert (rows[0]["width_s"], rows[-1]["width_s"]) == (60, 1)


def test_nothing_heard_for_hours_is_few_rows() -> None:
    """All drivers were gone after a minute, and the run was called off a day later."""
    day = Day(minutes=1, every_s=60)
    day.go_on(60)
    report = report_of(day.aggregator)
    rows = report["windows"]
    assert len(rows) < 1_600
    assert sum(row["planned"] for row in rows) == SCHEDULE.count
    assert rows[-1]["peak"] == {
        "sent": 0,
        "failed": 0,
        "failed_kinds": {},
        "dropped": 0,
        "p99_ns": None,
        "lag_p99_ns": None,
    }


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_day_by_the_second() -> None:
    """The same with every second told, and a checkpoint every 30 s."""
    day = Day(minutes=1, every_s=30)
    day.go_on(13 * HOUR_S)
    before_mb = resident_mb()
    day.go_on(DAY_S)
    assert resident_mb() - before_mb < 40  # and what this test keeps of each second
    assert day.aggregator.totals() == day.total.freeze()
    check_windows(day, day.aggregator)
