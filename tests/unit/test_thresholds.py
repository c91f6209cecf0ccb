"""Thresholds are held against merged data, exactly, and pass nothing that was not measured."""

from __future__ import annotations

from fractions import Fraction

import pytest

from spate.accounting import Accounting
from spate.figures import Figures
from spate.histogram import Histogram
from spate.thresholds import Measured, ThresholdResult, evaluate

MS = 1_000_000

FIGURES = Figures(
    succeeded=3,
    sent=4,
    failed={"timeout": 1},
    dropped={"in_flight_limit": 2},
    response_time=Histogram.of([1 * MS, 2 * MS, 4 * MS, 9 * MS]),
    lag=Histogram.of([10]),
)
MEASURED = Measured(
    accounting=Accounting.of(16, FIGURES, missed={"no_driver": 8}, unconfirmed=2),
    figures=FIGURES,
    by_request={"ping": Figures(response_time=Histogram.of([5])), "idle": Figures.zero()},
)


def one(expression: str) -> ThresholdResult:
    """The result of one threshold."""
    return evaluate([expression], MEASURED)[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("response_time.min", 1 * MS),
        ("response_time.mean", 4 * MS),
        ("response_time.max", 9 * MS),
        ("lag.p999", 10),
    ],
)
def test_a_time_is_that_of_the_merged_histogram(name: str, value: int) -> None:
    """In nanoseconds; the mean is exact."""
    found = one(f"{name} <= {value}ns")
    assert found == ThresholdResult(f"{name} <= {value}ns", Fraction(value), True)
    assert not one(f"{name} < {value}ns").passed


def test_every_quantile_is_the_histograms() -> None:
    """A threshold and the report beside it show the same number."""
    for name, q in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)):
        assert one(f"response_time.{name} > 0s").value == FIGURES.response_time.quantile_ns(q)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("succeeded.count", Fraction(3)),
        ("failed.count", Fraction(1)),
        ("dropped.count", Fraction(2)),
        ("missed.count", Fraction(8)),
        ("unconfirmed.count", Fraction(2)),
        ("sent.count", Fraction(4)),
        ("succeeded.rate", Fraction(3, 4)),
        ("failed.rate", Fraction(1, 4)),
        ("dropped.rate", Fraction(1, 8)),
        ("missed.rate", Fraction(1, 2)),
        ("unconfirmed.rate", Fraction(1, 8)),
        ("sent.rate", Fraction(1, 4)),
    ],
)
def test_counts_are_the_accounting_and_rates_their_shares(name: str, value: Fraction) -> None:
    """Succeeded and failed of both together, everything else of planned."""
    assert one(f"{name} > 0").value == value


@pytest.mark.parametrize(
    ("op", "verdicts"),
    [
        ("<", (False, False, True)),
        ("<=", (False, True, True)),
        (">", (True, False, False)),
        (">=", (True, True, False)),
        ("==", (False, True, False)),
    ],
)
def test_operators_compare_exactly(op: str, verdicts: tuple[bool, ...]) -> None:
    """Three arrivals against 2, 3 and 4."""
    found = tuple(one(f"succeeded.count {op} {bound}").passed for bound in (2, 3, 4))
    assert found == verdicts


def test_a_share_is_compared_without_rounding() -> None:
    """A quarter is 25 %, not a little more."""
    assert one("failed.rate == 25%").passed


def test_one_request_has_its_own_times() -> None:
    """The data of the others do not count."""
    assert one("response_time.p50{request=ping} == 5ns").passed


@pytest.mark.parametrize(
    "expression",
    [
        "wait_time.p99 < 1h",
        "response_time.p50{request=idle} < 1h",
        "response_time.p50{request=nobody} < 1h",
    ],
)
def test_nothing_measured_passes_no_threshold(expression: str) -> None:
    """A run that measured nothing has not shown that it was fast."""
    assert one(expression) == ThresholdResult(expression, None, False)
    assert one(expression).to_json() == {"expression": expression, "value": None, "passed": False}


def test_a_share_of_nothing_is_nothing() -> None:
    """No arrivals, no rate; a count is 0 all the same."""
    nothing = Measured(Accounting.of(0, Figures.zero(), missed={}, unconfirmed=0), Figures(), {})
    rate, count = evaluate(["failed.rate < 1%", "failed.count == 0"], nothing)
    assert (rate.value, rate.passed, count.value, count.passed) == (None, False, Fraction(0), True)


def test_the_json_form_has_integers_where_values_are_whole() -> None:
    """Nanoseconds and counts are integers, shares and means may be fractions."""
    texts = ("response_time.max < 1s", "failed.rate < 50%")
    values = [result.to_json()["value"] for result in evaluate(texts, MEASURED)]
    assert values == [9 * MS, 0.25]
    assert [type(value) for value in values] == [int, float]
