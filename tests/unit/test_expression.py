"""Threshold expressions say a metric, an operator and a value with its unit."""

from __future__ import annotations

from fractions import Fraction

import pytest

from spate.expression import Threshold, parse_threshold


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("response_time.p99 < 300ms", ("response_time", "p99", None, "<", 300_000_000)),
        ("response_time.p99{request=ping} < 300ms",
         ("response_time", "p99", "ping", "<", 300_000_000)),
        ("lag.max<=1.5s", ("lag", "max", None, "<=", 1_500_000_000)),
        ("wait_time.mean{request=GET /a} >  250us", ("wait_time", "mean", "GET /a", ">", 250_000)),
        ("service_time.p999{request=a} < 1ms{request=b} >= 0s",
         ("service_time", "p999", "a} < 1ms{request=b", ">=", 0)),
        ("failed.rate < 1%", ("failed", "rate", None, "<", Fraction(1, 100))),
        ("failed.rate == 0", ("failed", "rate", None, "==", Fraction(0))),
        ("dropped.rate <= 0.05%", ("dropped", "rate", None, "<=", Fraction(5, 10_000))),
        ("sent.count >= 42", ("sent", "count", None, ">=", Fraction(42))),
        (" missed.count == 0 ", ("missed", "count", None, "==", Fraction(0))),
    ],
)  # fmt: skip
def test_thresholds_are_read(text: str, expected: tuple[str, str, str | None, str, int]) -> None:
    """Every part is found; times are nanoseconds, the rest exact fractions."""
    threshold = parse_threshold(text)
    found = (threshold.metric, threshold.statistic, threshold.request, threshold.op)
    assert (*found, threshold.value) == expected
    assert threshold.text == text


def test_value_types_tell_times_from_the_rest() -> None:
    """A time is an int of nanoseconds, a count or rate a Fraction."""
    time, count = parse_threshold("lag.p50 < 1s"), parse_threshold("failed.count < 1")
    assert [type(time.value), type(count.value)] == [int, Fraction]
    assert [time.is_time, count.is_time] == [True, False]
    assert isinstance(time, Threshold)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not METRIC OP VALUE"),
        ("response_time < 300ms", "is not METRIC OP VALUE"),
        ("lag.p99", "is not METRIC OP VALUE"),
        ("lag.p99 != 3ms", "unknown operator '!='"),
        ("lag.p99 = 3ms", "unknown operator '='"),
        ("latency.p99 < 3ms", "unknown metric 'latency'; there are response_time"),
        ("lag.median < 3ms", "unknown statistic 'median'; lag has min"),
        ("failed.p99 < 3ms", "failed has count, rate"),
        ("failed.rate{request=a} < 1%", "asks for failed of one request"),
        ("lag.p99 < 3", "compares a time with '3', which is not a duration"),
        ("lag.p99 < 1%", "compares a time with '1%', which is not a duration"),
        ("failed.count < 1%", "compares a count with '1%'; write a whole number"),
        ("failed.count < -1", "compares a count with '-1'"),
        ("failed.count < 1.5", "compares a count with '1.5'"),
        ("failed.rate < 1", "compares a rate with '1'; write 0% to 100%"),
        ("failed.rate < 101%", "compares a rate with '101%'"),
        ("failed.rate < 3ms", "compares a rate with '3ms'"),
    ],
)
def test_other_texts_are_refused(text: str, message: str) -> None:
    """What is wrong is named, with what there is instead."""
    with pytest.raises(ValueError, match=r".") as caught:
        parse_threshold(text)
    assert message in str(caught.value)
