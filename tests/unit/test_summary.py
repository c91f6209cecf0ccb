"""The summary shows what the report says, in at most 100 columns of plain text."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from spate.aggregator import Aggregator
from spate.choice import RequestChoice
from spate.figures import Figures
from spate.grant import Range
from spate.histogram import Histogram
from spate.messages import SnapshotMessage
from spate.plan import parse_plan
from spate.report import LedgerFacts, RunFacts, TermFacts, build_report
from spate.schedule import plan_schedule
from spate.summary import WIDTH, render_summary

MS = 1_000_000
SECOND = 1_000_000_000


def good_report() -> dict[str, Any]:
    """A run of 1,000 arrivals in 10 s by one driver: all of them succeeded in 12.4 ms."""
    plan = parse_plan(
        {
            "name": "checkout-smoke",
            "target": "http://127.0.0.1:8000",
            "requests": [{"path": "/ping"}],
            "load": {
                "test_type": "tsunami",
                "message_count_per_driver": 1000,
                "message_delay_ms": 10,
            },
            "thresholds": ["response_time.p99 < 300ms", "failed.rate < 1%", "sent.count >= 1000"],
        }
    )
    schedule = plan_schedule(plan, 1)
    aggregator = Aggregator(plan, schedule, "r")
    choice = RequestChoice(plan.seed, [1])
    for second in range(10):
        times = Histogram.of([12_400_000] * 100)
        figures = Figures(
            decided=100,
            sent=100,
            succeeded=100,
            status_codes={"200": 100},
            bytes_received=1_234_567,
            response_time=times,
            response_time_succeeded=times,
            service_time=times,
            lag=Histogram.of([250_000] * 100),
            wait_time=Histogram.of([800] * 100),
        )
        aggregator.add(
            SnapshotMessage(
                driver_id="driver-1",
                boot_id="b",
                term=1,
                run_id="r",
                seq=second,
                window=second,
                cells=(figures.to_cell(choice.request(0), 0),),
                in_flight=0,
                connections=1,
                cpu=0.41,
                clock_offset_ns=0,
                start_skew_ns=-200_000,
            )
        )
    ranges = (Range(1, 0, 1, 1000),)
    ledger = LedgerFacts(1000, (), (TermFacts("driver-1", "b", 1, False, True, ranges),))
    facts = RunFacts("r-1", plan, "FINISHED", False, None, 0, 0, 11 * SECOND, 1)
    return build_report(facts, aggregator, ledger)


GOOD = good_report()

GOOD_TEXT = """\
checkout-smoke: PASSED
FINISHED · tsunami · 1 driver · http://127.0.0.1:8000
run r-1

  planned               1,000
  = succeeded           1,000     100 %
  + failed                  0
  + dropped                 0
  + missed                  0
  + unconfirmed             0

  1,000 sent, 1,000 answered, 100/s over 10 s, 12.3 MB received

  ms             count    min   mean    p50    p90    p95    p99  p99.9    max
  response time  1,000   12.4   12.4   12.4   12.4   12.4   12.4   12.4   12.4
  of succeeded   1,000   12.4   12.4   12.4   12.4   12.4   12.4   12.4   12.4
  service time   1,000   12.4   12.4   12.4   12.4   12.4   12.4   12.4   12.4
  wait time      1,000  0.001  0.001  0.001  0.001  0.001  0.001  0.001  0.001
  lag            1,000  0.250  0.250  0.250  0.250  0.250  0.250  0.250  0.250
  connect time       0      -      -      -      -      -      -      -      -

  status  200: 1,000

  driver    planned  succeeded  failed  unconf.  p99 ms  lag p99  skew ms  cpu
  driver-1    1,000      1,000       0        0    12.4    0.250   -0.200  41%

  thresholds
    passed  response_time.p99 < 300ms                                                12.4 ms
    passed  failed.rate < 1%                                                             0 %
    passed  sent.count >= 1000                                                         1,000
"""


def changed(**parts: Any) -> dict[str, Any]:
    """The good report with other values; ``run__reason`` is the run's reason."""
    report = copy.deepcopy(GOOD)
    for path, value in parts.items():
        *way, last = path.split("__")
        place: Any = report
        for step in way:
            place = place[int(step) if step.isdigit() else step]
        place[last] = value
    return report


def lines_of(report: dict[str, Any]) -> list[str]:
    """The summary's lines; none is too long or ends in spaces."""
    text = render_summary(report)
    assert text.endswith("\n")
    lines = text.splitlines()
    assert [line for line in lines if len(line) > WIDTH or line != line.rstrip()] == []
    return lines


def line_with(report: dict[str, Any], word: str) -> str:
    """The one line that has this word."""
    (line,) = [line for line in lines_of(report) if word in line]
    return line


def test_a_good_run_reads_like_this() -> None:
    """Head, accounting, times, codes, drivers, thresholds: word for word."""
    assert render_summary(GOOD) == GOOD_TEXT
    assert lines_of(GOOD) == GOOD_TEXT.splitlines()


def test_a_run_that_did_not_pass_says_why() -> None:
    """State, reason and the thresholds that failed, with what they found."""
    report = changed(
        run__state="ABORTED",
        run__stopped=True,
        run__reason="the user \x1b[31maborted",
        run__drivers=3,
        verdict__passed=False,
        verdict__thresholds=[
            {"expression": "response_time.p99{request=a.b} < 1ms", "value": 12e6, "passed": False},
            {"expression": "failed.rate < 1%", "value": 0.0234, "passed": False},
            {"expression": "lag.p99 < 1ms", "value": None, "passed": False},
        ],
    )
    lines = lines_of(report)
    assert lines[0] == "checkout-smoke: NOT PASSED"
    assert lines[1].startswith("ABORTED (stopped) · tsunami · 3 drivers · ")
    assert "the user ?[31maborted" in lines
    assert line_with(report, "FAILED  response").endswith("12.0 ms")
    assert line_with(report, "FAILED  failed.rate").endswith("2.34 %")
    assert line_with(report, "FAILED  lag").endswith("nothing measured")


def test_the_accounting_names_every_kind_that_occurred() -> None:
    """However many there are, the line is folded below its own place."""
    every = dict.fromkeys(GOOD["accounting"]["failed"], 1_000_000)
    report = changed(
        accounting__planned=100_000_000,
        accounting__succeeded=85_999_999,
        accounting__failed=every,
        accounting__unconfirmed=1,
    )
    lines = lines_of(report)
    start = next(k for k, line in enumerate(lines) if line.startswith("  + failed"))
    assert lines[start].startswith("  + failed         14,000,000   14.00 %  dns 1,000,000, ")
    assert all(line.startswith(" " * 41) for line in lines[start + 1 : start + 7])
    assert lines[start + 6] == " " * 41 + "internal 1,000,000"
    assert line_with(report, "+ unconfirmed").split() == ["+", "unconfirmed", "1", "<", "0.01", "%"]


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(3, 3, "100 %"), (99_999, 100_000, "> 99.99 %"), (1, 8, "12.50 %"), (1, 100_000, "< 0.01 %")],
)
def test_a_share_is_all_only_if_it_is(part: int, whole: int, text: str) -> None:
    """Nothing is rounded to 0 % or 100 %."""
    report = changed(accounting__planned=whole, accounting__succeeded=part)
    assert line_with(report, "= succeeded").endswith(f" {text}")


@pytest.mark.parametrize(
    ("duration_ns", "text"),
    [
        (0, "0.000"),
        (999_400, "0.999"),
        (999_600, "1.00"),
        (9_994_000, "9.99"),
        (9_996_000, "10.0"),
        (99_940_000, "99.9"),
        (99_960_000, "100"),
        (12_345_678_900, "12,346"),
        (-250_000, "-0.250"),
        (None, "-"),
    ],
)
def test_times_have_three_significant_digits(duration_ns: int | None, text: str) -> None:
    """In ms, with a separator from a second on; nothing measured is a dash."""
    report = changed(connect_time__max_ns=duration_ns)
    assert line_with(report, "connect time").split()[-1] == text


@pytest.mark.parametrize(
    ("sent", "n_bytes", "text"),
    [
        (4, 7, "0.4/s over 10 s, 7 B received"),
        (999, 1_500, "99.9/s over 10 s, 1.5 kB received"),
        (123_456, 2_000_000_000, "12,346/s over 10 s, 2 GB received"),
        (1, 5_000_000_000_000, "0.1/s over 10 s, 5 TB received"),
        (1, 999_600, "0.1/s over 10 s, 1 MB received"),
    ],
)
def test_traffic_has_the_rate_of_the_seconds_in_which_anything_was_sent(
    sent: int, n_bytes: int, text: str
) -> None:
    """And what was received, in decimal units."""
    report = changed(accounting__sent=sent)
    for row in report["windows"]:
        row["bytes_received"] = 0
    report["windows"][3]["bytes_received"] = n_bytes
    assert line_with(report, " sent, ").endswith(text)


def test_closed_load_shows_its_best_second() -> None:
    """Its last second is begun but not filled, which makes the mean too low."""
    report = changed()
    report["run"]["plan"]["load"]["test_type"] = "avalanche"
    report["windows"][4]["sent"] = 900
    assert ", 100/s over 10 s (best second 900/s), " in line_with(report, " sent, ")


def test_windows_that_are_wider_than_a_second_are_said_to_be() -> None:
    """The rate is over all their seconds, the best second is the highest one of theirs."""
    report = changed()
    report["run"]["plan"]["load"]["test_type"] = "avalanche"
    peak = {"sent": 700, "failed": 0, "failed_kinds": {}, "dropped": 0}
    for row in report["windows"]:
        row |= {"offset_s": row["offset_s"] * 5, "width_s": 5, "peak": {**peak}}
    report["windows"][4]["peak"]["sent"] = 800
    assert ", 20/s over 50 s (best second 800/s), " in line_with(report, " sent, ")
    text = " ".join(line.strip() for line in lines_of(report))
    assert "Windows are wider than a second where that is long past: 5 s until 0:00:50. " in text


def test_a_straggler_makes_no_second() -> None:
    """What was sent late, in a second in which nothing was planned, does not lower the rate."""
    report = changed()
    report["windows"].append({**report["windows"][-1], "planned": 0, "sent": 1, "offset_s": 10})
    assert ", 100/s over 10 s, " in line_with(report, " sent, ")


def test_a_run_that_sent_nothing_has_no_rate() -> None:
    """No rate, no codes, no drivers: what is not there is left out."""
    report = changed(windows=[], status_codes={}, drivers=[], verdict__thresholds=[])
    assert line_with(report, " sent, ") == "  1,000 sent, 1,000 answered"
    assert not any(
        line.startswith(("  status", "  driver", "  thresholds")) for line in lines_of(report)
    )


def test_several_requests_have_a_row_each() -> None:
    """Names too long for the line are cut, the numbers never."""
    row = copy.deepcopy(GOOD["requests"][0])
    report = changed(requests=[{**row, "name": "GET /" + "x" * 200}, {**row, "name": "b"}])
    lines = lines_of(report)
    start = next(k for k, line in enumerate(lines) if line.startswith("  request"))
    assert lines[start + 1].startswith("  GET /xxx")
    assert "xxx…  " in lines[start + 1]
    assert lines[start + 1].split()[-4:] == ["12.4", "12.4", "12.4", "12.4"]
    assert lines[start + 2].split()[:3] == ["b", "1,000", "1,000"]


def test_many_status_codes_are_folded() -> None:
    """Each code stays beside its number."""
    report = changed(status_codes={str(code): 1000 for code in range(200, 230)})
    lines = lines_of(report)
    start = next(k for k, line in enumerate(lines) if line.startswith("  status"))
    folded = "".join(lines[start : start + 5])
    assert folded.count(": 1,000") == 30


def test_a_large_fleet_with_large_numbers_stays_within_the_width() -> None:
    """The names give way."""
    row = copy.deepcopy(GOOD["drivers"][0])
    row["driver_id"] = "driver-" + "7" * 60
    row["cpu"] = None
    for key in ("planned", "succeeded", "unconfirmed"):
        row["accounting"][key] = 123_456_789
    last = line_with(changed(drivers=[row]), "123,456,789")
    assert last.split()[-1] == "-"


def test_doubts_are_told_before_anything_is_believed() -> None:
    """The verdict says that there are some; each is folded under its mark."""
    report = changed(
        verdict__degraded=[{"reason": "lag", "text": "The lag \x07 " + "was high " * 30}]
    )
    lines = lines_of(report)
    assert lines[0] == "checkout-smoke: PASSED, with doubts"
    start = lines.index("  before you trust these figures")
    assert lines[start + 1].startswith("    ! The lag ? was high")
    assert lines[start + 2].startswith("      ")


def test_a_busy_cpu_is_only_noted_in_closed_load() -> None:
    """It is the point there."""
    report = changed(run__plan__load__test_type="avalanche", drivers__0__cpu=0.99)
    assert line_with(report, "At full CPU").endswith("as closed load wants it: driver-1.")
    assert not any("At full CPU" in line for line in lines_of(changed(drivers__0__cpu=0.99)))
