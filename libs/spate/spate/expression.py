"""Threshold expressions: ``response_time.p99{request=ping} < 300ms``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

from spate.units import parse_duration_ns

Operator = Literal["<", "<=", ">", ">=", "=="]

TIME_METRICS: Final = ("response_time", "service_time", "lag", "wait_time")
TIME_STATISTICS: Final = ("min", "mean", "p50", "p90", "p95", "p99", "p999", "max")
COUNT_METRICS: Final = ("succeeded", "failed", "dropped", "missed", "unconfirmed", "sent")
COUNT_STATISTICS: Final = ("count", "rate")
OPERATORS: Final[dict[str, Operator]] = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "=="}

# The name of a request may hold anything, also "}": it ends at the last "}" before the operator.
_EXPRESSION: Final = re.compile(
    r"\s*([^\s.{}<>=!]+)\.([^\s.{}<>=!]+)\s*(?:\{request=(.+)\})?\s*([<>=!~]+)\s*(\S+)\s*",
    re.DOTALL,
)
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_PERCENT: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,15})?)%")
_WHOLE: Final = 100


@dataclass(frozen=True, slots=True)
class Threshold:
    """A rule on merged data: ``metric.statistic op value``.

    ``value`` is integer nanoseconds for a time metric and a Fraction otherwise: a number of
    arrivals for ``count``, a share of 1 for ``rate``. ``request`` None means all requests.
    """

    metric: str
    statistic: str
    request: str | None
    op: Operator
    value: int | Fraction
    text: str

    @property
    def is_time(self) -> bool:
        """Whether the metric is a time, so that ``value`` is in nanoseconds."""
        return self.metric in TIME_METRICS


def parse_threshold(text: str) -> Threshold:
    """Read a threshold.

    Raises:
        ValueError: with what is wrong and what to write instead.
    """
    match = _EXPRESSION.fullmatch(text)
    if match is None:
        raise ValueError("is not METRIC OP VALUE, such as response_time.p99 < 300ms")
    metric, statistic, request, sign, value = match.groups()
    statistics: tuple[str, ...]
    if metric in TIME_METRICS:
        statistics = TIME_STATISTICS
    elif metric in COUNT_METRICS:
        statistics = COUNT_STATISTICS
    else:
        known = ", ".join(TIME_METRICS + COUNT_METRICS)
        raise ValueError(f"has the unknown metric {metric!r}; there are {known}")
    if statistic not in statistics:
        raise ValueError(
            f"has the unknown statistic {statistic!r}; {metric} has {', '.join(statistics)}"
        )
    if request is not None and metric in COUNT_METRICS:
        raise ValueError(
            f"asks for {metric} of one request; only {', '.join(TIME_METRICS)} take {{request=…}}"
        )
    if sign not in OPERATORS:
        raise ValueError(f"has the unknown operator {sign!r}; there are {' '.join(OPERATORS)}")
    bound = _value(metric, statistic, value)
    return Threshold(metric, statistic, request, OPERATORS[sign], bound, text)


def _value(metric: str, statistic: str, text: str) -> int | Fraction:
    """Return the bound in the metric's unit.

    Raises:
        ValueError: if the text is not of that unit.
    """
    if metric in TIME_METRICS:
        try:
            return parse_duration_ns(text)
        except ValueError as error:
            raise ValueError(f"compares a time with {text!r}, which {error}") from None
    if statistic == "count":
        if _NUMBER.fullmatch(text) is None:
            raise ValueError(f"compares a count with {text!r}; write a whole number, such as 42")
        return Fraction(text)
    if text == "0":
        return Fraction(0)
    match = _PERCENT.fullmatch(text)
    if match is None or Fraction(match[1]) > _WHOLE:
        raise ValueError(f"compares a rate with {text!r}; write 0% to 100%, such as 1% or 0.5%")
    return Fraction(match[1]) / _WHOLE
