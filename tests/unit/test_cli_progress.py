"""How far a run is, and how that is written."""

from __future__ import annotations

import io
from typing import Any

import pytest

from spate.plan import parse_plan
from spate_cli.display import LiveDisplay, PlainDisplay, display_for, row_line
from spate_cli.preview import preview, preview_line
from spate_cli.progress import Progress, Row, planned_duration_s, total
from spate_cli.quantities import NOTHING, clock, duration, rate


def window(offset_s: int, sent: int = 10, **more: Any) -> dict[str, Any]:
    """Return a window of the feed."""
    return {
        "offset_s": offset_s, "planned": 10, "sent": sent, "succeeded": sent, "failed": 0,
        "dropped": 0, "missed": 0, "in_flight": 1, "p50_ns": 12_400_000, "p99_ns": 88_000_000,
        **more,
    }  # fmt: skip


def make_progress(duration_s: float | None = 4.0) -> Progress:
    """Return the progress of a run that nothing is known of."""
    return Progress("run-1", "small", duration_s)


@pytest.mark.parametrize(
    ("value", "expected"), [(3, 3), ({"a": 1, "b": {"c": 2}}, 3), (None, 0), ("x", 0)]
)
def test_a_count_may_be_split_by_kind(value: Any, expected: int) -> None:
    """A number counts as it is, a mapping as its sum, anything else as nothing."""
    assert expected == total(value)


def test_a_window_is_shown_once_it_is_complete() -> None:
    """A row is complete when a later one is there, or the run has ended; it is taken once."""
    progress = make_progress()
    progress.apply("window", window(0))
    assert progress.take_rows() == []
    progress.apply("window", {"windows": [window(0, sent=12), window(1)]})
    assert [row.counts["sent"] for row in progress.take_rows()] == [12]
    assert progress.take_rows() == []
    progress.apply("end", {"state": "FINISHED", "passed": True})
    assert [row.offset_s for row in progress.take_rows()] == [1]
    assert (progress.ended, progress.state) == (True, "FINISHED")


def test_what_a_run_waits_for_is_told() -> None:
    """Once when it begins and once when it is over; a view that says nothing changes nothing."""
    progress = make_progress()
    progress.apply("state", {"state": "RUNNING", "waiting_for": None})
    progress.apply("state", {"state": "RUNNING", "waiting_for": "Kafka"})
    progress.apply("window", {"run": {"state": "RUNNING"}})
    assert (progress.take_news(), progress.waiting_for) == (
        ["RUNNING", "waiting for Kafka"],
        "Kafka",
    )
    progress.apply("state", {"state": "RUNNING", "waiting_for": None})
    assert progress.take_news() == ["Kafka is back"]


def test_empty_windows_after_the_load_are_left_out() -> None:
    """Once the load is over, a window is shown only if something of it was left."""
    progress = make_progress(1.0)
    for offset_s, sent, planned, in_flight in ((0, 0, 10, 0), (1, 0, 0, 1), (2, 1, 0, 0)):
        progress.apply("window", window(offset_s, sent, planned=planned, in_flight=in_flight))
    progress.apply("window", window(3, 0, planned=0, in_flight=0))
    progress.apply("end", {})
    assert [row.offset_s for row in progress.take_rows()] == [0, 1, 2]


def test_a_window_replaces_the_one_of_its_second() -> None:
    """Totals are sums over windows, each second once, until an accounting says better."""
    progress = make_progress()
    progress.apply("snapshot", {"windows": [window(0, sent=4)]})
    progress.apply("window", window(0, sent=10))
    progress.apply("window", window(1, sent=5))
    assert progress.totals["sent"] == 15
    progress.apply("snapshot", {"windows": [window(0, sent=7)]})
    assert progress.totals["sent"] == 7
    progress.apply("window", {"windows": [window(1)], "accounting": {"planned": 40, "sent": 99}})
    assert (progress.totals["sent"], progress.planned) == (99, 40)
    progress.apply("window", window(2))
    assert progress.totals["sent"] == 99


def test_the_share_is_of_time_or_of_work() -> None:
    """Open load is as far as its clock, closed load as far as its count."""
    progress = make_progress(4.0)
    assert (progress.share, progress.remaining_s) == (0.0, 4.0)
    progress.apply("window", window(0))
    assert (progress.share, progress.remaining_s) == (0.25, 3.0)
    closed = make_progress(None)
    assert make_progress(None).share is None
    closed.apply("snapshot", {"accounting": {"planned": 40, "succeeded": 8, "failed": {"dns": 2}}})
    assert closed.share == 0.25
    assert closed.remaining_s is None


def test_the_latest_figures_are_of_a_complete_window() -> None:
    """The newest window is still filling: the one before it is shown, the last one at the end."""
    progress = make_progress()
    assert progress.latest is None
    for offset_s in (0, 1):
        progress.apply("window", window(offset_s))
    assert progress.latest == Row.of(window(0))
    progress.apply("end", {})
    assert progress.latest == Row.of(window(1))


def test_states_and_fleet_events_are_news_once() -> None:
    """A state is news when it changes; an event of the fleet is news by its text."""
    progress = make_progress()
    progress.apply("snapshot", {"run": {"state": "READY", "drivers": 2, "reason": None}})
    progress.apply("state", {"state": "READY"})
    progress.apply("fleet", {"event": {"kind": "lost", "driver_id": "d", "text": "d is lost"}})
    progress.apply("fleet", {"event": {"kind": "state", "text": "READY"}})
    progress.apply("fleet", {"kind": "joined", "driver_id": "e"})
    assert progress.take_news() == ["READY", "d is lost", "e joined"]
    assert (progress.take_news(), progress.drivers) == ([], 2)


def test_a_pipe_gets_one_line_a_second() -> None:
    """Each complete window is one line, with its numbers and their units."""
    out = io.StringIO()
    display = display_for(out)
    assert isinstance(display, PlainDisplay)
    progress = make_progress()
    progress.apply("state", {"state": "RUNNING"})
    for offset_s in (0, 1, 2):
        progress.apply("window", window(offset_s))
        display.show(progress)
    display.close()
    line = "sent 10/s of 10/s planned  p50 12.4 ms  p99 88.0 ms  failed 0  dropped 0  in flight 1"
    assert ["RUNNING", f"00:01 of 00:04  {line}", f"00:02 of 00:04  {line}"] == (
        out.getvalue().splitlines()
    )
    missed = row_line(Row.of(window(0, missed={"fenced": 3}, p50_ns=None)), None)
    assert missed.startswith("00:01  sent ")
    assert "  missed 3  " in missed


def test_a_wide_window_takes_the_place_of_its_seconds() -> None:
    """What is long past comes again in windows that are wider; it is counted and shown once."""
    progress = make_progress(None)
    progress.apply("window", {"windows": [window(offset_s) for offset_s in range(8)]})
    assert len(progress.take_rows()) == 7
    progress.apply("window", {"windows": [window(0, sent=50, width_s=5)]})
    assert (progress.take_rows(), progress.totals["sent"], progress.elapsed_s) == ([], 80, 8)
    progress.apply("window", {"windows": [window(8)]})
    assert [row.offset_s for row in progress.take_rows()] == [7]


def test_who_comes_late_is_told_of_what_is_past_as_rates() -> None:
    """A wide window is a line with the mean of its seconds, and where it ends."""
    progress = make_progress(None)
    wide = window(0, sent=600, width_s=60, planned=660)
    progress.apply("snapshot", {"windows": [wide, window(60), window(61)]})
    rows = progress.take_rows()
    assert [(row.offset_s, row.end_s) for row in rows] == [(0, 60), (60, 61)]
    assert row_line(rows[0], None).startswith("01:00  sent 10/s of 11/s planned  ")


def test_a_terminal_gets_a_panel() -> None:
    """The panel holds name, state, numbers and trouble, and is taken away at the end."""
    out = io.StringIO()
    display = LiveDisplay(out)
    progress = make_progress()
    display.show(progress)
    progress.apply("snapshot", {"run": {"state": "RUNNING", "drivers": 2}, "windows": [window(0)]})
    progress.trouble = "it does not answer"
    display.show(progress)
    display.say("[odd] line")
    display.close()
    assert "[odd] line" in out.getvalue()
    closed = io.StringIO()
    plain = PlainDisplay(closed)
    closed.close()
    plain.say("nobody reads this")


@pytest.mark.parametrize(
    ("value_ns", "expected"),
    [(None, NOTHING), (0, "0.00 µs"), (999_000, "999 µs"), (1_234_567, "1.23 ms"),
     (9_999_000_000, "9,999 ms"), (12_345_000_000, "12.3 s")],
)  # fmt: skip
def test_durations_have_three_digits(value_ns: float | None, expected: str) -> None:
    """µs below 1 ms, ms below 10 s, s from there; a dash where there is none."""
    assert expected == duration(value_ns)


def test_rates_and_clocks() -> None:
    """Rates are in thousands from 10,000 on, clocks have hours when there are any."""
    assert [rate(value) for value in (None, 0, 2.5, 9999, 12_000)] == [
        NOTHING,
        "0/s",
        "2.50/s",
        "9,999/s",
        "12.0 k/s",
    ]
    assert [clock(seconds) for seconds in (-1, 61.9, 3600)] == ["00:00", "01:01", "1:00:00"]


@pytest.mark.parametrize(
    ("load", "seconds", "line"),
    [
        ({"test_type": "avalanche", "message_count_per_driver": 50}, None,
         "small: 100 requests by 2 drivers\n"),
        ({"test_type": "tsunami", "message_count_per_driver": 50, "message_delay_ms": 20}, 1.0,
         "small: 100 requests by 2 drivers in 1.00 s at up to 100/s\n"),
        ({"test_type": "arrivals", "stages": [{"duration": "2s", "from": 0, "to": 20},
                                              {"duration": "1s", "to": 20}]}, 3.0,
         "small: 40 requests by 2 drivers in 3.00 s at up to 20/s\n"),
    ],
)  # fmt: skip
def test_a_plan_is_previewed(load: dict[str, Any], seconds: float | None, line: str) -> None:
    """Count, length and peak rate of each kind of load; closed load has only a count."""
    plan = parse_plan(
        {
            "name": "small",
            "target": "http://127.0.0.1:8000",
            "requests": [{"path": "/ping"}],
            "load": load,
        }
    )
    assert seconds == planned_duration_s(plan)
    assert line == preview_line("small", 2, preview(plan, 2))
