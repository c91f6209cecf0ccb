"""Holds merged data against a plan's thresholds."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from spate.accounting import Accounting
from spate.durations import duration
from spate.expression import Threshold, parse_threshold
from spate.figures import Figures
from spate.histogram import Histogram

_COMPARE: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}


@dataclass(frozen=True, slots=True)
class Measured:
    """The merged data of the measured stages; ``by_request`` goes by the requests' names."""

    accounting: Accounting
    figures: Figures
    by_request: Mapping[str, Figures]


@dataclass(frozen=True, slots=True)
class ThresholdResult:
    """A threshold and what was found; ``value`` is ns, a count or a share of 1.

    None means that nothing was measured; that passes no threshold.
    """

    expression: str
    value: Fraction | None
    passed: bool

    def to_json(self) -> dict[str, Any]:
        """Return the form in reports; whole values are integers."""
        value: float | None = None
        if self.value is not None:
            whole = self.value.denominator == 1
            value = self.value.numerator if whole else float(self.value)
        return {"expression": self.expression, "value": value, "passed": self.passed}


def evaluate(expressions: Sequence[str], measured: Measured) -> list[ThresholdResult]:
    """Return what became of each threshold, in order. The comparison is exact.

    Raises:
        ValueError: if an expression is none (a plan that was parsed has none such).
    """
    return [_evaluate(parse_threshold(text), measured) for text in expressions]


def _evaluate(threshold: Threshold, measured: Measured) -> ThresholdResult:
    value: Fraction | None = None
    if not threshold.is_time:
        value = _number(measured.accounting, threshold.metric, threshold.statistic)
    elif threshold.request is None:
        value = _time(measured.figures, threshold)
    elif threshold.request in measured.by_request:
        value = _time(measured.by_request[threshold.request], threshold)
    passed = value is not None and _COMPARE[threshold.op](value, Fraction(threshold.value))
    return ThresholdResult(threshold.text, value, passed)


def _time(figures: Figures, threshold: Threshold) -> Fraction | None:
    histogram: Histogram = getattr(figures, threshold.metric)
    if not histogram.count:
        return None
    if threshold.statistic == "mean":
        return Fraction(histogram.sum_ns, histogram.count)
    return Fraction(duration(histogram)[f"{threshold.statistic}_ns"])


def _number(accounting: Accounting, metric: str, statistic: str) -> Fraction | None:
    """Return a count, or a share: of the succeeded and failed for these two, else of planned."""
    counts = {
        "succeeded": accounting.succeeded,
        "failed": accounting.failed_total,
        "dropped": accounting.dropped_total,
        "missed": accounting.missed_total,
        "unconfirmed": accounting.unconfirmed,
        "sent": accounting.sent,
    }
    if statistic == "count":
        return Fraction(counts[metric])
    ended = accounting.succeeded + accounting.failed_total
    whole = ended if metric in {"succeeded", "failed"} else accounting.planned
    return Fraction(counts[metric], whole) if whole else None
